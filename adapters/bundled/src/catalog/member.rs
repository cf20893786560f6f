//! Reading settings and secrets.

use std::fmt;

#[cfg(any(feature = "oidc", feature = "payments-stripe", feature = "payments-stub", feature = "s3"))]
use companyos_adapter_traits::Secret;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::Secrets;

/// Something is wrong with a configuration. No secret is ever quoted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Invalid {
    /// Where: `kind`, `settings`, `secrets`, or one of the latter's members as in `secrets.client_secret`.
    pub member: String,
    /// What is wrong, in words.
    pub message: String,
}

impl Invalid {
    pub(super) fn new(member: impl Into<String>, message: impl Into<String>) -> Self {
        Self { member: member.into(), message: message.into() }
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.member, self.message)
    }
}

impl std::error::Error for Invalid {}

/// The settings as their kind's own type, which refuses unknown names.
pub(super) fn settings<T: DeserializeOwned>(settings: &Map<String, Value>) -> Result<T, Invalid> {
    T::deserialize(Value::Object(settings.clone()))
        .map_err(|error| Invalid::new("settings", error.to_string()))
}

/// Refuses secrets that the kind does not take.
pub(super) fn only(secrets: &Secrets, known: &[&str]) -> Result<(), Invalid> {
    match secrets.keys().find(|name| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) if known.is_empty() => {
            Err(Invalid::new(format!("secrets.{name}"), "this adapter takes no secrets"))
        }
        Some(name) => {
            let known = known.join(", ");
            Err(Invalid::new(format!("secrets.{name}"), format!("unknown secret; there are {known}")))
        }
    }
}

/// A secret that must be there.
#[cfg(any(feature = "oidc", feature = "payments-stripe", feature = "payments-stub", feature = "s3"))]
pub(super) fn required<'s>(secrets: &'s Secrets, name: &str) -> Result<&'s Secret, Invalid> {
    secrets.get(name).ok_or_else(|| Invalid::new(format!("secrets.{name}"), "this secret is required"))
}

/// What an adapter refuses before it asks anything of the provider.
#[cfg(any(feature = "oidc", feature = "payments-stripe", feature = "payments-stub"))]
pub(super) fn refused(error: &companyos_adapter_traits::Error) -> Invalid {
    Invalid::new("settings", error.message())
}
