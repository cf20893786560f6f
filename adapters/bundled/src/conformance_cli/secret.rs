//! Secrets, which the file names and does not hold.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};

use super::{Problem, host};

/// A secret, by the name of the environment variable that holds it.
pub(super) struct Secret {
    variable: String,
}

impl Secret {
    /// The secret itself.
    pub(super) fn read(&self) -> Result<String, Problem> {
        host::env(&self.variable)
            .ok_or_else(|| Problem::Config(format!("the environment variable {} is not set", self.variable)))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "${}", self.variable)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SecretVisitor)
    }
}

/// Refuses anything but a reference, in words that do not repeat what was there.
struct SecretVisitor;

/// Every shape a secret could be written in by mistake.
macro_rules! refuse {
    ($($method:ident: $shape:ty),+ $(,)?) => {
        $(fn $method<E: de::Error>(self, _: $shape) -> Result<Secret, E> {
            Err(E::custom("a secret is named by its environment variable, as in { env = \"NAME\" }"))
        })+
    };
}

impl<'de> Visitor<'de> for SecretVisitor {
    type Value = Secret;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{ env = \"NAME\" }")
    }

    refuse! { visit_str: &str, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_bool: bool }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Secret, M::Error> {
        match map.next_entry::<String, String>()? {
            Some((key, variable)) if key == "env" && map.next_key::<de::IgnoredAny>()?.is_none() => {
                Ok(Secret { variable })
            }
            _ => self.visit_str(""),
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_misplaced_secret_is_refused_without_repeating_it() {
        #[derive(Debug, serde::Deserialize)]
        struct Holder {
            #[expect(dead_code, reason = "only whether it can be read matters")]
            secret: super::Secret,
        }
        assert!(toml::from_str::<Holder>("secret = { env = \"NAME\" }").is_ok());
        for wrong in
            ["\"hunter2\"", "{ env = \"A\", value = \"hunter2\" }", "{ value = \"hunter2\" }", "4711"]
        {
            let error = toml::from_str::<Holder>(&format!("secret = {wrong}")).err();
            let said = error.map(|error| error.message().to_owned()).unwrap_or_default();
            assert!(!said.is_empty(), "{wrong} was taken");
            assert!(!said.contains("hunter2") && !said.contains("4711"), "{wrong}: {said}");
        }
    }
}
