//! What a caller can ask for beyond the key. Structs are `non_exhaustive`, so that an option can be added without
//! breaking an adapter.

use std::collections::BTreeMap;

use super::{
    Attributes, ByteRange, Checksum, ChecksumAlgorithm, ETag, Lock, Placement, VersionId, operations,
};
use crate::{Capability, Descriptor, Error, ErrorKind};

/// What a put may replace.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum PutMode {
    /// Whatever is there.
    #[default]
    Overwrite,
    /// Nothing: there must be no object under the key.
    Create,
    /// Only this version.
    Update(ETag),
}

impl PutMode {
    /// Refuses a mode that the descriptor does not claim.
    ///
    /// # Errors
    /// [`Unsupported`](crate::ErrorKind::Unsupported)
    pub fn check(&self, descriptor: &Descriptor) -> Result<(), Error> {
        match self {
            Self::Overwrite => Ok(()),
            Self::Create => descriptor.require(Capability::ConditionalCreate, operations::CONDITIONAL_CREATE),
            Self::Update(_) => {
                descriptor.require(Capability::ConditionalUpdate, operations::CONDITIONAL_UPDATE)
            }
        }
    }
}

/// How [`put`](super::ObjectStorage::put) writes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct PutOptions {
    /// What may be replaced.
    pub mode: PutMode,
    /// What is kept beside the body.
    pub attributes: Attributes,
    /// What the body must be on arrival. A capability: [`Checksums`](Capability::Checksums).
    pub checksum: Option<Checksum>,
    /// How the object is kept.
    pub placement: Placement,
}

impl PutOptions {
    /// Replaces whatever is there.
    #[must_use]
    pub fn overwrite() -> Self {
        Self::default()
    }

    /// Writes only if there is no object under the key.
    #[must_use]
    pub fn create() -> Self {
        Self { mode: PutMode::Create, ..Self::default() }
    }

    /// Writes only if the object is the version named by `etag`.
    #[must_use]
    pub fn update(etag: ETag) -> Self {
        Self { mode: PutMode::Update(etag), ..Self::default() }
    }

    /// Keeps the media type of the body.
    #[must_use]
    pub fn content_type(mut self, content_type: impl Into<String>) -> Self {
        self.attributes.content_type = Some(content_type.into());
        self
    }

    /// Keeps the caller's own name-value pairs.
    #[must_use]
    pub fn metadata(mut self, metadata: BTreeMap<String, String>) -> Self {
        self.attributes.metadata = metadata;
        self
    }

    /// Has the body checked on arrival.
    #[must_use]
    pub fn checksum(mut self, checksum: Checksum) -> Self {
        self.checksum = Some(checksum);
        self
    }

    /// Chooses how the object is kept.
    #[must_use]
    pub fn placement(mut self, placement: Placement) -> Self {
        self.placement = placement;
        self
    }

    /// Refuses what the descriptor does not claim: the first thing an adapter's put does, so that no option is ever
    /// ignored.
    ///
    /// # Errors
    /// [`Unsupported`](crate::ErrorKind::Unsupported)
    pub fn check(&self, descriptor: &Descriptor) -> Result<(), Error> {
        self.mode.check(descriptor)?;
        check_checksum(self.checksum.as_ref(), descriptor)?;
        self.placement.check(descriptor)
    }
}

/// CRC-32C is what everyone who claims checksums accepts; whether others are accepted too is the adapter's to say.
pub(super) fn check_checksum(checksum: Option<&Checksum>, descriptor: &Descriptor) -> Result<(), Error> {
    let Some(checksum) = checksum else { return Ok(()) };
    descriptor.require(Capability::Checksums, operations::CHECKSUM)?;
    let Checksum { algorithm, value } = checksum;
    if value.len() != algorithm.len() {
        let why = format!("a {} checksum is {} bytes long", algorithm.as_str(), algorithm.len());
        return Err(Error::new(ErrorKind::InvalidInput, why));
    }
    let offered = &descriptor.limits.checksums;
    if *algorithm != ChecksumAlgorithm::Crc32c && !offered.contains(algorithm) {
        return Err(Error::unsupported(operations::CHECKSUM, &descriptor.name));
    }
    Ok(())
}

fn check_version(version: Option<&VersionId>, descriptor: &Descriptor) -> Result<(), Error> {
    match version {
        Some(_) => descriptor.require(Capability::Versions, operations::VERSIONS),
        None => Ok(()),
    }
}

/// How [`get`](super::ObjectStorage::get) reads.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct GetOptions {
    /// The part to read; the whole object when `None`.
    pub range: Option<ByteRange>,
    /// The entity tag the object must have to be read.
    pub if_match: Option<ETag>,
    /// The kept version to read; the current one when `None`. A capability: [`Versions`](Capability::Versions).
    pub version: Option<VersionId>,
}

impl GetOptions {
    /// Reads a part of the object.
    #[must_use]
    pub fn range(mut self, range: ByteRange) -> Self {
        self.range = Some(range);
        self
    }

    /// Reads only this version: what keeps the parts of one download from mixing two.
    #[must_use]
    pub fn if_match(mut self, etag: ETag) -> Self {
        self.if_match = Some(etag);
        self
    }

    /// Reads a version that was kept.
    #[must_use]
    pub fn version(mut self, version: VersionId) -> Self {
        self.version = Some(version);
        self
    }

    /// Refuses what the descriptor does not claim.
    ///
    /// # Errors
    /// [`Unsupported`](crate::ErrorKind::Unsupported)
    pub fn check(&self, descriptor: &Descriptor) -> Result<(), Error> {
        check_version(self.version.as_ref(), descriptor)
    }
}

/// How [`head`](super::ObjectStorage::head) asks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct HeadOptions {
    /// The kept version to describe; the current one when `None`. A capability: [`Versions`](Capability::Versions).
    pub version: Option<VersionId>,
}

impl HeadOptions {
    /// Describes a version that was kept.
    #[must_use]
    pub fn version(mut self, version: VersionId) -> Self {
        self.version = Some(version);
        self
    }

    /// Refuses what the descriptor does not claim.
    ///
    /// # Errors
    /// [`Unsupported`](crate::ErrorKind::Unsupported)
    pub fn check(&self, descriptor: &Descriptor) -> Result<(), Error> {
        check_version(self.version.as_ref(), descriptor)
    }
}

/// How [`delete`](super::ObjectStorage::delete) removes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct DeleteOptions {
    /// The kept version to remove for good. When `None` the object is removed from sight, and where versions are kept
    /// the bucket keeps it among them. A capability: [`Versions`](Capability::Versions).
    pub version: Option<VersionId>,
    /// Removes the version although a [`Governance`](super::RetentionMode::Governance) retention has not ended. A
    /// capability: [`ObjectLock`](Capability::ObjectLock).
    pub bypass_governance: bool,
}

impl DeleteOptions {
    /// Removes a version for good.
    #[must_use]
    pub fn version(mut self, version: VersionId) -> Self {
        self.version = Some(version);
        self
    }

    /// Overrides a retention that may be overridden.
    #[must_use]
    pub fn bypass_governance(mut self) -> Self {
        self.bypass_governance = true;
        self
    }

    /// Refuses what the descriptor does not claim.
    ///
    /// # Errors
    /// [`Unsupported`](crate::ErrorKind::Unsupported)
    pub fn check(&self, descriptor: &Descriptor) -> Result<(), Error> {
        if self.bypass_governance {
            descriptor.require(Capability::ObjectLock, operations::LOCK)?;
        }
        check_version(self.version.as_ref(), descriptor)
    }
}

/// How [`copy`](super::ObjectStorage::copy) copies.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct CopyOptions {
    /// The kept version to copy; the current one when `None`. A capability: [`Versions`](Capability::Versions).
    pub version: Option<VersionId>,
    /// How the copy is kept, which is not inherited.
    pub placement: Placement,
}

impl CopyOptions {
    /// Copies a version that was kept, which over its own key restores it.
    #[must_use]
    pub fn version(mut self, version: VersionId) -> Self {
        self.version = Some(version);
        self
    }

    /// Chooses how the copy is kept.
    #[must_use]
    pub fn placement(mut self, placement: Placement) -> Self {
        self.placement = placement;
        self
    }

    /// Refuses what the descriptor does not claim.
    ///
    /// # Errors
    /// [`Unsupported`](crate::ErrorKind::Unsupported)
    pub fn check(&self, descriptor: &Descriptor) -> Result<(), Error> {
        descriptor.require(Capability::Copy, operations::COPY)?;
        check_version(self.version.as_ref(), descriptor)?;
        self.placement.check(descriptor)
    }
}

/// What [`lock`](super::ObjectStorage::lock) changes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct LockOptions {
    /// The kept version to lock; the current one when `None`.
    pub version: Option<VersionId>,
    /// What keeps it from now on, in full: what is not there is lifted.
    pub lock: Lock,
    /// Shortens or lifts a [`Governance`](super::RetentionMode::Governance) retention that has not ended.
    pub bypass_governance: bool,
}

impl LockOptions {
    /// Locks the current version.
    #[must_use]
    pub fn new(lock: Lock) -> Self {
        Self { lock, ..Self::default() }
    }

    /// Locks a version that was kept.
    #[must_use]
    pub fn version(mut self, version: VersionId) -> Self {
        self.version = Some(version);
        self
    }

    /// Overrides a retention that may be overridden.
    #[must_use]
    pub fn bypass_governance(mut self) -> Self {
        self.bypass_governance = true;
        self
    }
}

/// What [`list`](super::ObjectStorage::list) returns.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ListOptions {
    /// Only keys that start with this text, which need not end at a segment.
    pub prefix: String,
    /// Where to go on: [`ListPage::next`](super::ListPage::next) of the page before.
    pub page: Option<String>,
    /// The most objects to return. Held within 1 and [`Limits::max_page`](crate::Limits::max_page), which is also
    /// the default.
    pub max: Option<usize>,
}

impl ListOptions {
    /// Lists the keys that start with `prefix`.
    pub fn prefix(prefix: impl Into<String>) -> Self {
        Self { prefix: prefix.into(), ..Self::default() }
    }

    /// Goes on where a page ended.
    #[must_use]
    pub fn page(mut self, token: impl Into<String>) -> Self {
        self.page = Some(token.into());
        self
    }

    /// Bounds the page.
    #[must_use]
    pub fn max(mut self, objects: usize) -> Self {
        self.max = Some(objects);
        self
    }

    /// The page size for an adapter that returns at most `limit` objects.
    #[must_use]
    pub fn page_size(&self, limit: usize) -> usize {
        self.max.unwrap_or(limit).clamp(1, limit.max(1))
    }
}
