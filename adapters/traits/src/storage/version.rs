//! The versions a bucket keeps of its objects.

use std::fmt;
use std::time::SystemTime;

use super::{ObjectKey, ObjectMeta};

/// The provider's name of one kept version of one object. Opaque: only equality means anything.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct VersionId(String);

impl VersionId {
    /// Wraps the provider's id.
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An entry in the history of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ObjectVersion {
    /// The object as it was, or is.
    Object {
        /// What identifies it; [`ObjectMeta::version`] is set.
        meta: ObjectMeta,
        /// Whether it is what a read without a version finds.
        latest: bool,
    },
    /// The object was deleted, and its versions kept. Not every provider lists these.
    DeleteMarker {
        /// The name.
        key: ObjectKey,
        /// The marker's own id; deleting it undoes the deletion.
        version: VersionId,
        /// When the object was deleted, by the provider's clock.
        deleted: SystemTime,
        /// Whether a read without a version finds it, and so nothing.
        latest: bool,
    },
}

impl ObjectVersion {
    /// The name of the object.
    #[must_use]
    pub fn key(&self) -> &ObjectKey {
        match self {
            Self::Object { meta, .. } => &meta.key,
            Self::DeleteMarker { key, .. } => key,
        }
    }

    /// The id of the version or of the marker.
    #[must_use]
    pub fn version(&self) -> Option<&VersionId> {
        match self {
            Self::Object { meta, .. } => meta.version.as_ref(),
            Self::DeleteMarker { version, .. } => Some(version),
        }
    }
}

/// One page of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct VersionPage {
    /// In ascending order of the key's bytes; in which order those of one key come is the provider's affair.
    pub versions: Vec<ObjectVersion>,
    /// The token of the next page; `None` on the last one.
    pub next: Option<String>,
}

impl VersionPage {
    /// Puts the two together.
    #[must_use]
    pub fn new(versions: Vec<ObjectVersion>, next: Option<String>) -> Self {
        Self { versions, next }
    }
}
