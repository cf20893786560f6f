//! What an adapter says about itself.

use std::collections::BTreeSet;
use std::fmt;

use crate::storage::{ChecksumAlgorithm, StorageClass};
use crate::{Error, ErrorKind};

/// The version of the traits in this crate that adapters are written against.
///
/// It is raised when an adapter that was correct before would no longer be.
pub const CONTRACT_VERSION: u32 = 1;

/// Something that not every provider offers. What is claimed works; what is not claimed answers
/// [`ErrorKind::Unsupported`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Capability {
    /// An object can be written on condition that there is none under the key.
    ConditionalCreate,
    /// An object can be replaced on condition that it is the version the caller names.
    ConditionalUpdate,
    /// An object can be copied without passing through the caller.
    Copy,
    /// A request can be signed for somebody who has no credentials.
    Presign,
    /// An object can be written in parts, and the writing resumed.
    Multipart,
    /// The class an object is kept in can be chosen, among [`Limits::storage_classes`].
    StorageClasses,
    /// The bucket keeps the versions of its objects, and they can be listed, read and removed.
    Versions,
    /// A version can be kept from being removed, until a time or until further notice.
    ObjectLock,
    /// A body is checked on arrival against a checksum the caller names: a CRC-32C, or one of
    /// [`Limits::checksums`].
    Checksums,
    /// An object can be encrypted by the provider with a key the customer manages.
    KmsEncryption,
    /// What is authorised can be captured later.
    ManualCapture,
    /// A part of what is authorised can be captured.
    PartialCapture,
    /// A part of what was captured can be given back, several times.
    PartialRefund,
    /// What was done under an idempotency key can be found without doing it.
    FindByKey,
    /// Payouts to the account's owner can be read.
    Payouts,
    /// The provider tells of events in signed deliveries.
    Webhooks,
    /// An access token can be verified without asking the issuer about it.
    VerifyAccessToken,
    /// A refresh token is good once, and using it twice ends its family.
    RefreshRotation,
    /// The issuer tells about the person an access token was issued for.
    Userinfo,
    /// The issuer tells whether a token is good.
    Introspect,
    /// A token can be ended.
    Revoke,
    /// A person can be sent to the issuer to end their session there.
    EndSession,
    /// The client can obtain a token for itself.
    ClientCredentials,
    /// Somebody can sign in on a device without a browser.
    DeviceFlow,
}

impl Capability {
    /// The stable name, as it appears in reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ConditionalCreate => "storage.conditional-create",
            Self::ConditionalUpdate => "storage.conditional-update",
            Self::Copy => "storage.copy",
            Self::Presign => "storage.presign",
            Self::Multipart => "storage.multipart",
            Self::StorageClasses => "storage.storage-classes",
            Self::Versions => "storage.versions",
            Self::ObjectLock => "storage.object-lock",
            Self::Checksums => "storage.checksums",
            Self::KmsEncryption => "storage.kms-encryption",
            Self::ManualCapture => "payment.manual-capture",
            Self::PartialCapture => "payment.partial-capture",
            Self::PartialRefund => "payment.partial-refund",
            Self::FindByKey => "payment.find-by-key",
            Self::Payouts => "payment.payouts",
            Self::Webhooks => "payment.webhooks",
            Self::VerifyAccessToken => "identity.verify-access-token",
            Self::RefreshRotation => "identity.refresh-rotation",
            Self::Userinfo => "identity.userinfo",
            Self::Introspect => "identity.introspect",
            Self::Revoke => "identity.revoke",
            Self::EndSession => "identity.end-session",
            Self::ClientCredentials => "identity.client-credentials",
            Self::DeviceFlow => "identity.device-flow",
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The bounds an adapter works in.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The largest object that one call can write, in bytes.
    pub max_object_bytes: u64,
    /// The most entries one page of a listing holds.
    pub max_page: usize,
    /// The bounds of the parts of an upload.
    pub parts: PartLimits,
    /// The classes of storage that can be chosen; the first is the usual one.
    pub storage_classes: Vec<StorageClass>,
    /// The algorithms a body can be checked with on arrival, beside CRC-32C.
    pub checksums: Vec<ChecksumAlgorithm>,
}

/// The bounds of the parts of an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PartLimits {
    /// The smallest part but the last, in bytes.
    pub min_bytes: u64,
    /// The largest part, in bytes.
    pub max_bytes: u64,
    /// What the size of every part but the last must be a multiple of, in bytes.
    pub multiple_of: u64,
    /// The highest number a part can have.
    pub max_parts: u32,
    /// Whether parts must come one after the other, numbered without gaps.
    pub in_order: bool,
}

impl Default for PartLimits {
    /// What S3 allows: 5 MiB to 5 GiB, of any size, 10,000 parts, in any order.
    fn default() -> Self {
        Self { min_bytes: 5 << 20, max_bytes: 5 << 30, multiple_of: 1, max_parts: 10_000, in_order: false }
    }
}

impl PartLimits {
    /// Sets the smallest part but the last and the largest, in bytes.
    #[must_use]
    pub fn bytes(mut self, min: u64, max: u64) -> Self {
        (self.min_bytes, self.max_bytes) = (min, max);
        self
    }

    /// Sets what the size of every part but the last must be a multiple of, in bytes.
    #[must_use]
    pub fn multiple_of(mut self, bytes: u64) -> Self {
        self.multiple_of = bytes;
        self
    }

    /// Sets the highest number a part can have.
    #[must_use]
    pub fn max_parts(mut self, parts: u32) -> Self {
        self.max_parts = parts;
        self
    }

    /// Refuses a part that no upload can hold, whatever the others are.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for the number 0, [`ErrorKind::LimitExceeded`] for a number or a size above the
    /// limits.
    pub fn check(&self, number: u32, bytes: u64) -> Result<(), Error> {
        if number == 0 {
            return Err(Error::new(ErrorKind::InvalidInput, "the first part has the number 1"));
        }
        if number > self.max_parts {
            let why = format!("an upload has at most {} parts", self.max_parts);
            return Err(Error::new(ErrorKind::LimitExceeded, why));
        }
        if bytes > self.max_bytes {
            let why = format!("a part holds at most {} bytes", self.max_bytes);
            return Err(Error::new(ErrorKind::LimitExceeded, why));
        }
        Ok(())
    }

    /// Says that parts must come one after the other.
    #[must_use]
    pub fn in_order(mut self) -> Self {
        self.in_order = true;
        self
    }
}

impl Default for Limits {
    /// 5 GiB per object, which is what one request to S3 or GCS can write, 1,000 entries per page, and parts as S3 has
    /// them. No choice of classes, no checksum beside CRC-32C.
    fn default() -> Self {
        Self {
            max_object_bytes: 5 << 30,
            max_page: 1000,
            parts: PartLimits::default(),
            storage_classes: Vec::new(),
            checksums: Vec::new(),
        }
    }
}

impl Limits {
    /// Sets the largest object that one call can write, in bytes.
    #[must_use]
    pub fn max_object_bytes(mut self, bytes: u64) -> Self {
        self.max_object_bytes = bytes;
        self
    }

    /// Sets the most entries one page of a listing holds.
    #[must_use]
    pub fn max_page(mut self, entries: usize) -> Self {
        self.max_page = entries;
        self
    }

    /// Sets the bounds of the parts of an upload.
    #[must_use]
    pub fn parts(mut self, parts: PartLimits) -> Self {
        self.parts = parts;
        self
    }

    /// Sets the classes of storage that can be chosen; the first is the usual one.
    #[must_use]
    pub fn storage_classes(mut self, classes: impl IntoIterator<Item = StorageClass>) -> Self {
        self.storage_classes = classes.into_iter().collect();
        self
    }

    /// Sets the algorithms a body can be checked with on arrival, beside CRC-32C.
    #[must_use]
    pub fn checksums(mut self, algorithms: impl IntoIterator<Item = ChecksumAlgorithm>) -> Self {
        self.checksums = algorithms.into_iter().collect();
        self
    }
}

/// An adapter's name, version, capabilities and limits.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Descriptor {
    /// A short lowercase name, as in `fs`.
    pub name: String,
    /// The adapter's own version.
    pub version: String,
    /// The [`CONTRACT_VERSION`] the adapter was compiled against.
    pub contract_version: u32,
    /// The region its data stays in; `None` when it serves any.
    pub region: Option<String>,
    /// What it offers beyond the required operations.
    pub capabilities: BTreeSet<Capability>,
    /// The bounds it works in.
    pub limits: Limits,
}

impl Descriptor {
    /// A descriptor that claims nothing beyond the required operations.
    pub fn new(name: impl Into<String>, version: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            version: version.into(),
            contract_version: CONTRACT_VERSION,
            region: None,
            capabilities: BTreeSet::new(),
            limits: Limits::default(),
        }
    }

    /// Pins the adapter to a region.
    #[must_use]
    pub fn with_region(mut self, region: impl Into<String>) -> Self {
        self.region = Some(region.into());
        self
    }

    /// Claims exactly these capabilities.
    #[must_use]
    pub fn with_capabilities(mut self, capabilities: impl IntoIterator<Item = Capability>) -> Self {
        self.capabilities = capabilities.into_iter().collect();
        self
    }

    /// Sets the bounds.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Whether the adapter claims `capability`.
    #[must_use]
    pub fn has(&self, capability: Capability) -> bool {
        self.capabilities.contains(&capability)
    }

    /// Refuses an operation that rests on a capability the adapter does not claim.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`]
    pub fn require(&self, capability: Capability, operation: &'static str) -> Result<(), Error> {
        if self.has(capability) { Ok(()) } else { Err(Error::unsupported(operation, &self.name)) }
    }

    /// Checks what must hold before an adapter is taken into service.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when the name is not `[a-z0-9-]+`, the version or a region is empty, a limit is
    /// zero or a part's largest size below its smallest, classes of storage are claimed and none is named, or the
    /// adapter was written against another [`CONTRACT_VERSION`].
    pub fn check(&self) -> Result<(), Error> {
        let refuse = |why: String| Err(Error::new(ErrorKind::InvalidInput, why));
        if self.name.is_empty() || !self.name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-')) {
            return refuse(format!("the adapter name {:?} is not of the form [a-z0-9-]+", self.name));
        }
        if self.version.is_empty() {
            return refuse(format!("the adapter {} states no version", self.name));
        }
        if self.contract_version != CONTRACT_VERSION {
            return refuse(format!(
                "the adapter {} is written against adapter contract {}, not {CONTRACT_VERSION}",
                self.name, self.contract_version
            ));
        }
        if self.region.as_deref() == Some("") {
            return refuse(format!("the adapter {} states an empty region", self.name));
        }
        if self.limits.max_object_bytes == 0 || self.limits.max_page == 0 {
            return refuse(format!("the adapter {} states a limit of zero", self.name));
        }
        let parts = &self.limits.parts;
        let sizes = [parts.min_bytes, parts.max_bytes, parts.multiple_of, u64::from(parts.max_parts)];
        if sizes.contains(&0) || parts.max_bytes < parts.min_bytes {
            return refuse(format!("the adapter {} states limits of parts that no part can keep", self.name));
        }
        if self.has(Capability::StorageClasses) && self.limits.storage_classes.is_empty() {
            return refuse(format!("the adapter {} claims classes of storage and names none", self.name));
        }
        Ok(())
    }
}
