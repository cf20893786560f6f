//! Members of a JSON Merge Patch (RFC 7396) that can be absent, null or a value.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Serialises `Some(None)` as null. An absent member is skipped before this is called.
pub(crate) fn serialize<T, S>(value: &Option<Option<T>>, serializer: S) -> Result<S::Ok, S::Error>
where
    T: Serialize,
    S: Serializer,
{
    value.as_ref().and_then(Option::as_ref).serialize(serializer)
}

/// Reads a present member; `#[serde(default)]` gives `None` for an absent one.
pub(crate) fn deserialize<'de, T, D>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    Option::<T>::deserialize(deserializer).map(Some)
}
