//! Writing an object in parts.

use std::time::SystemTime;

use super::{Attributes, Checksum, ETag, ObjectKey, Placement, PutMode, operations};
use crate::{Capability, Descriptor, Error};

/// An upload that was started and is neither completed nor aborted.
///
/// It can be kept and used by another process, which is how an upload is resumed after a crash. The id is no
/// credential: an adapter whose provider hands out addresses that need none keeps them out of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Upload {
    /// The object it will become.
    pub key: ObjectKey,
    /// The adapter's name of the upload, opaque.
    pub id: String,
}

impl Upload {
    /// Names an upload that was started before.
    pub fn new(key: ObjectKey, id: impl Into<String>) -> Self {
        Self { key, id: id.into() }
    }
}

/// A part that the provider holds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Part {
    /// Its place in the object: 1 is first.
    pub number: u32,
    /// Its length in bytes.
    pub size: u64,
    /// The name of its content.
    pub etag: ETag,
    /// Its checksum, where the provider keeps one.
    pub checksum: Option<Checksum>,
}

impl Part {
    /// Puts the three together; without a checksum.
    #[must_use]
    pub fn new(number: u32, size: u64, etag: ETag) -> Self {
        Self { number, size, etag, checksum: None }
    }

    /// Adds the checksum the provider keeps.
    #[must_use]
    pub fn with_checksum(mut self, checksum: Checksum) -> Self {
        self.checksum = Some(checksum);
        self
    }
}

/// One page of the parts of an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PartPage {
    /// In ascending order of their numbers.
    pub parts: Vec<Part>,
    /// The token of the next page; `None` on the last one.
    pub next: Option<String>,
}

impl PartPage {
    /// Puts the two together.
    #[must_use]
    pub fn new(parts: Vec<Part>, next: Option<String>) -> Self {
        Self { parts, next }
    }
}

/// An upload in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PendingUpload {
    /// The upload.
    pub upload: Upload,
    /// When it was started, by the provider's clock: what tells a leftover from one under way.
    pub started: SystemTime,
}

impl PendingUpload {
    /// Puts the two together.
    #[must_use]
    pub fn new(upload: Upload, started: SystemTime) -> Self {
        Self { upload, started }
    }
}

/// One page of the uploads that are neither completed nor aborted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UploadPage {
    /// In ascending order of the key's bytes.
    pub uploads: Vec<PendingUpload>,
    /// The token of the next page; `None` on the last one.
    pub next: Option<String>,
}

impl UploadPage {
    /// Puts the two together.
    #[must_use]
    pub fn new(uploads: Vec<PendingUpload>, next: Option<String>) -> Self {
        Self { uploads, next }
    }
}

/// What [`start_upload`](super::ObjectStorage::start_upload) fixes for the object.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct StartUploadOptions {
    /// What is kept beside the body.
    pub attributes: Attributes,
    /// How the object is kept.
    pub placement: Placement,
}

impl StartUploadOptions {
    /// Keeps these beside the body.
    #[must_use]
    pub fn attributes(mut self, attributes: Attributes) -> Self {
        self.attributes = attributes;
        self
    }

    /// Chooses how the object is kept.
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
        descriptor.require(Capability::Multipart, operations::START_UPLOAD)?;
        self.placement.check(descriptor)
    }
}

/// How [`upload_part`](super::ObjectStorage::upload_part) writes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct UploadPartOptions {
    /// What the part must be on arrival. A capability: [`Checksums`](Capability::Checksums).
    pub checksum: Option<Checksum>,
}

impl UploadPartOptions {
    /// Has the part checked on arrival.
    #[must_use]
    pub fn checksum(mut self, checksum: Checksum) -> Self {
        self.checksum = Some(checksum);
        self
    }

    /// Refuses what the descriptor does not claim.
    ///
    /// # Errors
    /// [`Unsupported`](crate::ErrorKind::Unsupported)
    pub fn check(&self, descriptor: &Descriptor) -> Result<(), Error> {
        descriptor.require(Capability::Multipart, operations::UPLOAD_PART)?;
        super::options::check_checksum(self.checksum.as_ref(), descriptor)
    }
}

/// How [`complete_upload`](super::ObjectStorage::complete_upload) writes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct CompleteUploadOptions {
    /// What may be replaced, decided at this moment and not when the upload was started.
    pub mode: PutMode,
}

impl CompleteUploadOptions {
    /// Chooses what may be replaced.
    #[must_use]
    pub fn mode(mut self, mode: PutMode) -> Self {
        self.mode = mode;
        self
    }

    /// Refuses what the descriptor does not claim.
    ///
    /// # Errors
    /// [`Unsupported`](crate::ErrorKind::Unsupported)
    pub fn check(&self, descriptor: &Descriptor) -> Result<(), Error> {
        descriptor.require(Capability::Multipart, operations::COMPLETE_UPLOAD)?;
        self.mode.check(descriptor)
    }
}

/// How [`abort_upload`](super::ObjectStorage::abort_upload) aborts. No options yet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct AbortUploadOptions {}

/// Which parts [`list_parts`](super::ObjectStorage::list_parts) returns.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ListPartsOptions {
    /// Where to go on: [`PartPage::next`] of the page before.
    pub page: Option<String>,
    /// The most parts to return. Held within 1 and [`Limits::max_page`](crate::Limits::max_page), which is also the
    /// default.
    pub max: Option<usize>,
}

impl ListPartsOptions {
    /// Goes on where a page ended.
    #[must_use]
    pub fn page(mut self, token: impl Into<String>) -> Self {
        self.page = Some(token.into());
        self
    }

    /// Bounds the page.
    #[must_use]
    pub fn max(mut self, parts: usize) -> Self {
        self.max = Some(parts);
        self
    }

    /// The page size for an adapter that returns at most `limit` parts.
    #[must_use]
    pub fn page_size(&self, limit: usize) -> usize {
        self.max.unwrap_or(limit).clamp(1, limit.max(1))
    }
}
