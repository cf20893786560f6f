//! What a caller can ask for beyond the key. Structs are `non_exhaustive`, so that an option can be added without
//! breaking an adapter.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Attributes, ByteRange, ETag};

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

/// How [`put`](super::ObjectStorage::put) writes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct PutOptions {
    /// What may be replaced.
    pub mode: PutMode,
    /// What is kept beside the body.
    pub attributes: Attributes,
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
}

/// How [`get`](super::ObjectStorage::get) reads.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct GetOptions {
    /// The part to read; the whole object when `None`.
    pub range: Option<ByteRange>,
    /// The version to read; the current one when `None`.
    pub if_match: Option<ETag>,
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
}

/// How [`head`](super::ObjectStorage::head) asks. No options yet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct HeadOptions {}

/// How [`delete`](super::ObjectStorage::delete) removes. No options yet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct DeleteOptions {}

/// How [`copy`](super::ObjectStorage::copy) copies. No options yet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct CopyOptions {}

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

/// What a presigned request may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PresignedMethod {
    /// Read the object.
    Get,
    /// Write the object.
    Put,
}

/// How [`presign`](super::ObjectStorage::presign) signs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PresignOptions {
    /// What the request may do.
    pub method: PresignedMethod,
    /// How long it may do it.
    pub expires_in: Duration,
}

impl PresignOptions {
    /// Signs a read.
    #[must_use]
    pub fn get(expires_in: Duration) -> Self {
        Self { method: PresignedMethod::Get, expires_in }
    }

    /// Signs a write.
    #[must_use]
    pub fn put(expires_in: Duration) -> Self {
        Self { method: PresignedMethod::Put, expires_in }
    }
}
