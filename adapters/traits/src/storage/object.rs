//! What a store answers.

use std::collections::BTreeMap;
use std::fmt;
use std::future::poll_fn;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};
use std::time::SystemTime;

use bytes::{Bytes, BytesMut};
use futures_core::Stream;

use super::{Checksum, Lock, ObjectKey, StorageClass, VersionId};
use crate::Error;

/// The name of one version of one object. Opaque: only equality means anything.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ETag(String);

impl ETag {
    /// Wraps the provider's tag.
    pub fn new(tag: impl Into<String>) -> Self {
        Self(tag.into())
    }

    /// The tag as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What identifies a version of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ObjectMeta {
    /// The name.
    pub key: ObjectKey,
    /// The length of the body in bytes.
    pub size: u64,
    /// The version.
    pub etag: ETag,
    /// When it was written, by the provider's clock.
    pub modified: SystemTime,
    /// The name under which the bucket keeps this version; `None` where it keeps none.
    pub version: Option<VersionId>,
    /// The class it is kept in, where the provider has several and says which.
    pub storage_class: Option<StorageClass>,
    /// The checksums the provider keeps of the whole body. In a listing there may be fewer than in a head.
    pub checksums: Vec<Checksum>,
}

impl ObjectMeta {
    /// Puts the four together that every provider knows.
    #[must_use]
    pub fn new(key: ObjectKey, size: u64, etag: ETag, modified: SystemTime) -> Self {
        Self { key, size, etag, modified, version: None, storage_class: None, checksums: Vec::new() }
    }

    /// Names the kept version.
    #[must_use]
    pub fn with_version(mut self, version: VersionId) -> Self {
        self.version = Some(version);
        self
    }

    /// Names the class it is kept in.
    #[must_use]
    pub fn with_storage_class(mut self, class: StorageClass) -> Self {
        self.storage_class = Some(class);
        self
    }

    /// Adds a checksum that the provider keeps.
    #[must_use]
    pub fn with_checksum(mut self, checksum: Checksum) -> Self {
        self.checksums.push(checksum);
        self
    }
}

/// What is kept beside the body, written and replaced with it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Attributes {
    /// The media type of the body.
    pub content_type: Option<String>,
    /// The caller's own pairs. Portable names are `[a-z0-9-]+` and portable values printable ASCII, because most
    /// providers carry them as HTTP header fields.
    pub metadata: BTreeMap<String, String>,
}

impl Attributes {
    /// Keeps the media type of the body.
    #[must_use]
    pub fn content_type(mut self, content_type: impl Into<String>) -> Self {
        self.content_type = Some(content_type.into());
        self
    }

    /// Keeps the caller's own name-value pairs.
    #[must_use]
    pub fn metadata(mut self, metadata: BTreeMap<String, String>) -> Self {
        self.metadata = metadata;
        self
    }
}

/// An object without its body.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Head {
    /// What identifies the version.
    pub meta: ObjectMeta,
    /// What was kept beside the body.
    pub attributes: Attributes,
    /// The customer-managed key it is encrypted with, by the provider's full name of it.
    pub kms_key: Option<String>,
    /// What keeps it from being removed.
    pub lock: Lock,
}

impl Head {
    /// Puts the two together; not encrypted with a customer-managed key, not locked.
    #[must_use]
    pub fn new(meta: ObjectMeta, attributes: Attributes) -> Self {
        Self { meta, attributes, kms_key: None, lock: Lock::default() }
    }

    /// Names the customer-managed key it is encrypted with.
    #[must_use]
    pub fn with_kms_key(mut self, key: impl Into<String>) -> Self {
        self.kms_key = Some(key.into());
        self
    }

    /// Says what keeps it from being removed.
    #[must_use]
    pub fn with_lock(mut self, lock: Lock) -> Self {
        self.lock = lock;
        self
    }
}

/// A body in pieces. It ends after the first error.
pub type ByteStream = Pin<Box<dyn Stream<Item = Result<Bytes, Error>> + Send>>;

/// An object, or a range of it, open for reading.
#[non_exhaustive]
pub struct Object {
    /// What identifies the version; `size` is that of the whole object.
    pub meta: ObjectMeta,
    /// What was kept beside the body.
    pub attributes: Attributes,
    /// Which bytes of the object the body is.
    pub range: Range<u64>,
    /// The bytes.
    pub body: ByteStream,
}

impl Object {
    /// An object whose bytes arrive in pieces.
    #[must_use]
    pub fn new(head: Head, range: Range<u64>, body: ByteStream) -> Self {
        Self { meta: head.meta, attributes: head.attributes, range, body }
    }

    /// An object whose bytes are at hand.
    #[must_use]
    pub fn from_bytes(head: Head, range: Range<u64>, body: Bytes) -> Self {
        Self::new(head, range, Box::pin(Once(Some(body))))
    }

    /// Reads the body to its end.
    ///
    /// # Errors
    /// The first error of the body.
    pub async fn bytes(mut self) -> Result<Bytes, Error> {
        let mut pieces = Pieces::default();
        while let Some(piece) = poll_fn(|task| self.body.as_mut().poll_next(task)).await {
            pieces.push(piece?);
        }
        Ok(pieces.join())
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Object")
            .field("meta", &self.meta)
            .field("attributes", &self.attributes)
            .field("range", &self.range)
            .finish_non_exhaustive()
    }
}

/// Joins pieces, without copying when there is only one.
#[derive(Default)]
struct Pieces {
    first: Bytes,
    all: Option<BytesMut>,
}

impl Pieces {
    fn push(&mut self, piece: Bytes) {
        match &mut self.all {
            Some(all) => all.extend_from_slice(&piece),
            None if self.first.is_empty() => self.first = piece,
            None => {
                let mut all = BytesMut::from(&self.first[..]);
                all.extend_from_slice(&piece);
                self.all = Some(all);
            }
        }
    }

    fn join(self) -> Bytes {
        self.all.map_or(self.first, BytesMut::freeze)
    }
}

/// A stream of one piece.
struct Once(Option<Bytes>);

impl Stream for Once {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.0.take().map(Ok))
    }
}

/// One page of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListPage {
    /// In ascending order of the key's bytes.
    pub objects: Vec<ObjectMeta>,
    /// The token of the next page; `None` on the last one.
    pub next: Option<String>,
}

impl ListPage {
    /// Puts the two together.
    #[must_use]
    pub fn new(objects: Vec<ObjectMeta>, next: Option<String>) -> Self {
        Self { objects, next }
    }
}
