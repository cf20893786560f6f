//! The file.

use std::fmt;
use std::path::Path;

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};

use super::adapter::Adapter;
use super::{Problem, host};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    #[serde(default)]
    pub(super) run: Run,
    pub(super) adapter: Adapter,
}

/// For whom, where and until when the suite is run.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Run {
    pub(super) tenant: String,
    pub(super) region: String,
    pub(super) prefix: String,
    pub(super) deadline_seconds: Option<u64>,
    pub(super) kms_key: Option<String>,
}

impl Default for Run {
    fn default() -> Self {
        Self {
            tenant: "conformance".to_owned(),
            region: "local".to_owned(),
            prefix: "conformance/".to_owned(),
            deadline_seconds: None,
            kms_key: None,
        }
    }
}

impl Config {
    pub(super) fn read(path: &Path) -> Result<Self, Problem> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| Problem::Io(format!("reading {}", path.display()), error))?;
        Self::parse(&text).map_err(|why| Problem::Config(format!("{}: {why}", path.display())))
    }

    fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| {
            // Its `Display` quotes the line, and the line may hold what should not be there.
            let line = error.span().map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            let place = line.map(|line| format!("line {line}: ")).unwrap_or_default();
            format!("{place}{}", error.message())
        })
    }
}

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
    use super::Config;

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

    #[test]
    fn an_error_names_its_line() {
        let error =
            Config::parse("[run]\ntenant = \"a\"\nregoin = \"b\"\n[adapter]\nkind = \"memory\"\n").err();
        assert!(error.is_some_and(|why| why.starts_with("line 3: ") && why.contains("regoin")));
    }
}
