//! Members of a request that can be absent but not null.

use serde::{Deserialize, Deserializer};

/// Reads a present member, which null is not; `#[serde(default)]` gives `None` for an absent one.
pub(crate) fn deserialize<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    T::deserialize(deserializer).map(Some)
}
