//! The name of an object.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use crate::{Error, ErrorKind};

/// A key that every object store can hold: segments of UTF-8 joined by `/`.
///
/// At most 1,024 bytes. No segment is empty, `.` or `..`, so a key is never absolute, never ends in `/` and never
/// climbs; and none holds an ASCII control character, NUL among them. Everything else is allowed and means itself:
/// adapters escape what their medium cannot spell.
///
/// ```
/// use companyos_adapter_traits::storage::ObjectKey;
///
/// let key: ObjectKey = "exports/2026/Q1 100%.csv".parse()?;
/// assert_eq!(key.segments().last(), Some("Q1 100%.csv"));
/// assert!(ObjectKey::new("exports/../secrets").is_err());
/// # Ok::<(), companyos_adapter_traits::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey(String);

impl ObjectKey {
    /// The longest key, in bytes.
    pub const MAX_BYTES: usize = 1024;

    /// Checks a key.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`], saying which rule the key breaks.
    pub fn new(key: impl Into<String>) -> Result<Self, Error> {
        let key = key.into();
        let refuse = |why: &str| Err(Error::new(ErrorKind::InvalidInput, format!("the object key {why}")));
        if key.is_empty() {
            return refuse("is empty");
        }
        if key.len() > Self::MAX_BYTES {
            return refuse("is longer than 1024 bytes");
        }
        if key.bytes().any(|byte| byte.is_ascii_control()) {
            return refuse("holds a control character");
        }
        if key.starts_with('/') {
            return refuse("is absolute");
        }
        for segment in key.split('/') {
            match segment {
                "" => return refuse("has an empty segment"),
                "." | ".." => return refuse("has a segment that is . or .."),
                _ => {}
            }
        }
        Ok(Self(key))
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The parts between the slashes, at least one, none empty.
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/')
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for ObjectKey {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

// Lawful: `ObjectKey` compares and hashes as the text it holds.
impl Borrow<str> for ObjectKey {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl FromStr for ObjectKey {
    type Err = Error;

    fn from_str(key: &str) -> Result<Self, Error> {
        Self::new(key)
    }
}

impl TryFrom<&str> for ObjectKey {
    type Error = Error;

    fn try_from(key: &str) -> Result<Self, Error> {
        Self::new(key)
    }
}
