//! How the provider keeps an object: class, key of encryption, lock.

use std::fmt;
use std::time::SystemTime;

use super::operations;
use crate::{Capability, Descriptor, Error};

/// A class of storage, by the provider's own name, as in `STANDARD_IA` or `NEARLINE`.
///
/// Classes differ in price, in how fast and how often an object may be read, and no two providers cut them alike, so
/// there is no common list: [`Limits::storage_classes`](crate::Limits) says which an adapter offers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StorageClass(String);

impl StorageClass {
    /// Wraps the provider's name.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The provider's name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StorageClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who may shorten a [`Retention`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RetentionMode {
    /// A caller with the right to, who says so on the call.
    Governance,
    /// Nobody, the owner of the account included.
    Compliance,
}

impl RetentionMode {
    /// The word that receipts carry.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Governance => "governance",
            Self::Compliance => "compliance",
        }
    }
}

/// A time before which a version of an object can be neither removed nor replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    /// Who may shorten it.
    pub mode: RetentionMode,
    /// When it ends. Providers keep whole seconds.
    pub until: SystemTime,
}

/// What keeps a version of an object from being removed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Lock {
    /// Until a time.
    pub retention: Option<Retention>,
    /// Until somebody lifts it.
    pub legal_hold: bool,
}

impl Lock {
    /// Locks until a time.
    #[must_use]
    pub fn until(mode: RetentionMode, until: SystemTime) -> Self {
        Self { retention: Some(Retention { mode, until }), legal_hold: false }
    }

    /// Adds a legal hold, or lifts it.
    #[must_use]
    pub fn legal_hold(mut self, held: bool) -> Self {
        self.legal_hold = held;
        self
    }

    /// Whether nothing keeps the version.
    #[must_use]
    pub fn is_open(&self) -> bool {
        *self == Self::default()
    }
}

/// How an object is kept. What is not chosen is the bucket's default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Placement {
    /// The class. A capability: [`StorageClasses`](Capability::StorageClasses).
    pub storage_class: Option<StorageClass>,
    /// The provider's name of the customer-managed key that the provider encrypts the object with. A capability:
    /// [`KmsEncryption`](Capability::KmsEncryption).
    pub kms_key: Option<String>,
    /// What keeps the object from being removed. A capability: [`ObjectLock`](Capability::ObjectLock).
    pub lock: Lock,
}

impl Placement {
    /// Keeps the object in a class.
    #[must_use]
    pub fn storage_class(mut self, class: StorageClass) -> Self {
        self.storage_class = Some(class);
        self
    }

    /// Has the object encrypted with a customer-managed key.
    #[must_use]
    pub fn kms_key(mut self, key: impl Into<String>) -> Self {
        self.kms_key = Some(key.into());
        self
    }

    /// Keeps the object from being removed.
    #[must_use]
    pub fn lock(mut self, lock: Lock) -> Self {
        self.lock = lock;
        self
    }

    /// Refuses what the descriptor does not claim.
    ///
    /// # Errors
    /// [`Unsupported`](crate::ErrorKind::Unsupported)
    pub fn check(&self, descriptor: &Descriptor) -> Result<(), Error> {
        if let Some(class) = &self.storage_class {
            descriptor.require(Capability::StorageClasses, operations::STORAGE_CLASS)?;
            if !descriptor.limits.storage_classes.contains(class) {
                return Err(Error::unsupported(operations::STORAGE_CLASS, &descriptor.name));
            }
        }
        if self.kms_key.is_some() {
            descriptor.require(Capability::KmsEncryption, operations::KMS_ENCRYPTION)?;
        }
        if !self.lock.is_open() {
            descriptor.require(Capability::ObjectLock, operations::LOCK)?;
        }
        Ok(())
    }
}
