//! A store in memory, for unit tests.

mod state;
mod uploads;

use std::fmt;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;

use self::state::{New, State, Stored, Terms, conflict};
use super::{
    AbortUploadOptions, Checksum, ChecksumAlgorithm, CompleteUploadOptions, CopyOptions, DeleteOptions,
    GetOptions, Head, HeadOptions, ListOptions, ListPage, ListPartsOptions, LockOptions, Object, ObjectKey,
    ObjectMeta, ObjectStorage, ObjectVersion, Part, PartPage, PresignOptions, Presigned, PutOptions,
    StartUploadOptions, StorageClass, Upload, UploadPage, UploadPartOptions, VersionPage, operations,
};
use crate::clock::{Clock, SystemClock};
use crate::{Capability, Context, Descriptor, Error, ErrorKind, Limits};

/// An [`ObjectStorage`] that keeps everything in memory and forgets it when dropped.
///
/// It behaves as a real one does: entity tags, preconditions, ranges, ordered pages, attributes, uploads in parts,
/// checksums, limits, deadlines; and, as a [versioned](MemoryStorage::versioned) one, versions and locks. Classes of
/// storage and names of keys are kept and given back, with no effect. What the unit under test must not rely on can be taken away with
/// [`with_capabilities`](MemoryStorage::with_capabilities). Clones share their objects.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use companyos_adapter_traits::Context;
/// use companyos_adapter_traits::storage::{MemoryStorage, ObjectKey, ObjectStorageExt};
///
/// let storage = MemoryStorage::new();
/// let ctx = Context::builder("acme", "eu-central").build();
/// let key = ObjectKey::new("reports/2026.csv")?;
/// storage.write(&ctx, &key, "a;b;c").await?;
/// assert_eq!(storage.read(&ctx, &key).await?, "a;b;c");
/// # Ok::<(), companyos_adapter_traits::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct MemoryStorage {
    descriptor: Descriptor,
    clock: Arc<dyn Clock>,
    state: Arc<Mutex<State>>,
}

impl MemoryStorage {
    /// An empty store that serves any region and claims all it can do.
    #[must_use]
    pub fn new() -> Self {
        let descriptor = Descriptor::new("memory", env!("CARGO_PKG_VERSION"))
            .with_capabilities([
                Capability::ConditionalCreate,
                Capability::ConditionalUpdate,
                Capability::Copy,
                Capability::Multipart,
                Capability::StorageClasses,
                Capability::Checksums,
                Capability::KmsEncryption,
            ])
            .with_limits(
                Limits::default()
                    .max_object_bytes(64 << 20)
                    .storage_classes(["STANDARD", "ARCHIVE"].map(StorageClass::new)),
            );
        Self { descriptor, clock: Arc::new(SystemClock), state: Arc::default() }
    }

    /// An empty store that keeps every version, and can lock it.
    #[must_use]
    pub fn versioned() -> Self {
        let mut storage = Self::new();
        storage.descriptor.capabilities.extend([Capability::Versions, Capability::ObjectLock]);
        storage
    }

    /// Reads the time from `clock`.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Pins the store to a region, which its descriptor then names.
    #[must_use]
    pub fn with_region(mut self, region: impl Into<String>) -> Self {
        self.descriptor = self.descriptor.with_region(region);
        self
    }

    /// Sets the bounds. Limits that name no class of storage leave it with the classes it has.
    #[must_use]
    pub fn with_limits(mut self, mut limits: Limits) -> Self {
        if limits.storage_classes.is_empty() {
            limits.storage_classes.clone_from(&self.descriptor.limits.storage_classes);
        }
        self.descriptor = self.descriptor.with_limits(limits);
        self
    }

    /// Offers only these of its capabilities, and answers `Unsupported` to the rest.
    #[must_use]
    pub fn with_capabilities(mut self, capabilities: impl IntoIterator<Item = Capability>) -> Self {
        let offered = capabilities.into_iter().filter(|capability| self.descriptor.has(*capability));
        let offered: Vec<_> = offered.collect();
        self.descriptor = self.descriptor.with_capabilities(offered);
        self
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic under the lock, which no code there should raise, leaves at worst an object unwritten.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn terms(&self) -> Terms {
        Terms { now: self.clock.wall(), versioned: self.descriptor.has(Capability::Versions) }
    }

    fn page_size(&self, options: &ListOptions) -> usize {
        options.page_size(self.descriptor.limits.max_page)
    }

    fn require_multipart(&self, ctx: &Context, operation: &'static str) -> Result<(), Error> {
        ctx.check_deadline(self.clock.now())?;
        self.descriptor.require(Capability::Multipart, operation)
    }
}

impl Default for MemoryStorage {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStorage")
            .field("descriptor", &self.descriptor)
            .field("objects", &self.state().objects())
            .finish_non_exhaustive()
    }
}

/// Whether the body is what the caller says it is.
fn verify(body: &[u8], checksum: Option<&Checksum>) -> Result<(), Error> {
    match checksum {
        Some(named) if named.algorithm != ChecksumAlgorithm::Crc32c => {
            Err(Error::unsupported(operations::CHECKSUM, "memory"))
        }
        Some(named) if *named != Checksum::crc32c(body) => {
            Err(Error::new(ErrorKind::Corrupt, format!("the body that arrived does not have the {named}")))
        }
        _ => Ok(()),
    }
}

/// Cuts a page of at most `size` off `entries`, and names its last entry if more follow.
fn cut<T>(
    entries: impl Iterator<Item = T>,
    size: usize,
    name: impl Fn(&T) -> String,
) -> (Vec<T>, Option<String>) {
    let mut page: Vec<T> = entries.take(size + 1).collect();
    let more = page.len() > size;
    page.truncate(size);
    let next = page.last().filter(|_| more).map(name);
    (page, next)
}

/// Reads a page token made of a number and a key.
fn cursor(page: Option<&str>) -> Result<Option<(ObjectKey, u64)>, Error> {
    let Some(page) = page else { return Ok(None) };
    let parsed = page
        .split_once('/')
        .and_then(|(number, key)| Some((ObjectKey::new(key).ok()?, number.parse().ok()?)));
    parsed
        .map(Some)
        .ok_or_else(|| Error::new(ErrorKind::InvalidInput, "the page token is none of this store"))
}

/// The number behind an id of this store.
fn number(id: &str) -> u64 {
    id.parse().unwrap_or_default()
}

fn version_number(version: &ObjectVersion) -> u64 {
    version.version().map_or(0, |version| number(version.as_str()))
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl ObjectStorage for MemoryStorage {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    async fn put(
        &self,
        ctx: &Context,
        key: &ObjectKey,
        body: Bytes,
        options: &PutOptions,
    ) -> Result<ObjectMeta, Error> {
        ctx.check_deadline(self.clock.now())?;
        options.check(&self.descriptor)?;
        let limit = self.descriptor.limits.max_object_bytes;
        if body.len() as u64 > limit {
            return Err(Error::new(
                ErrorKind::LimitExceeded,
                format!("an object holds at most {limit} bytes"),
            ));
        }
        verify(&body, options.checksum.as_ref())?;
        let PutOptions { mode, attributes, placement, .. } = options.clone();
        let mut state = self.state();
        state.check_mode(key, &mode)?;
        state.insert(key, New { body, attributes, placement }, self.terms())
    }

    async fn get(&self, ctx: &Context, key: &ObjectKey, options: &GetOptions) -> Result<Object, Error> {
        ctx.check_deadline(self.clock.now())?;
        options.check(&self.descriptor)?;
        let Stored { head, body } = self.state().find(key, options.version.as_ref())?.clone();
        if options.if_match.as_ref().is_some_and(|etag| *etag != head.meta.etag) {
            return Err(conflict(format!("the object {key} is not the version named")));
        }
        let range = match options.range {
            Some(range) => range.resolve(head.meta.size)?,
            None => 0..head.meta.size,
        };
        // The range lies within a body that is in memory, so it fits a usize.
        let body = body.slice(range.start as usize..range.end as usize);
        Ok(Object::from_bytes(head, range, body))
    }

    async fn head(&self, ctx: &Context, key: &ObjectKey, options: &HeadOptions) -> Result<Head, Error> {
        ctx.check_deadline(self.clock.now())?;
        options.check(&self.descriptor)?;
        Ok(self.state().find(key, options.version.as_ref())?.head.clone())
    }

    async fn delete(&self, ctx: &Context, key: &ObjectKey, options: &DeleteOptions) -> Result<(), Error> {
        ctx.check_deadline(self.clock.now())?;
        options.check(&self.descriptor)?;
        let terms = self.terms();
        match &options.version {
            Some(version) => self.state().remove(key, version, options.bypass_governance, terms.now),
            None => self.state().hide(key, terms),
        }
    }

    async fn list(&self, ctx: &Context, options: &ListOptions) -> Result<ListPage, Error> {
        ctx.check_deadline(self.clock.now())?;
        // The page token is the last key of the page before.
        let start = match options.page.as_deref() {
            Some(last) if last >= options.prefix.as_str() => Bound::Excluded(last),
            _ => Bound::Included(options.prefix.as_str()),
        };
        let state = self.state();
        let objects = state.current_from(start);
        let objects = objects.take_while(|meta| meta.key.as_str().starts_with(&options.prefix)).cloned();
        let (objects, next) = cut(objects, self.page_size(options), |meta| meta.key.to_string());
        Ok(ListPage::new(objects, next))
    }

    async fn copy(
        &self,
        ctx: &Context,
        from: &ObjectKey,
        to: &ObjectKey,
        options: &CopyOptions,
    ) -> Result<ObjectMeta, Error> {
        ctx.check_deadline(self.clock.now())?;
        options.check(&self.descriptor)?;
        let mut state = self.state();
        let Stored { head, body } = state.find(from, options.version.as_ref())?.clone();
        let new = New { body, attributes: head.attributes, placement: options.placement.clone() };
        state.insert(to, new, self.terms())
    }

    async fn presign(&self, ctx: &Context, _: &ObjectKey, _: &PresignOptions) -> Result<Presigned, Error> {
        ctx.check_deadline(self.clock.now())?;
        // There is no server that could honour a signature.
        Err(Error::unsupported(operations::PRESIGN, &self.descriptor.name))
    }

    async fn start_upload(
        &self,
        ctx: &Context,
        key: &ObjectKey,
        options: &StartUploadOptions,
    ) -> Result<Upload, Error> {
        ctx.check_deadline(self.clock.now())?;
        options.check(&self.descriptor)?;
        let mut state = self.state();
        let number = state.next_number();
        Ok(state.uploads.start(key, number, options.clone(), self.clock.wall()))
    }

    async fn upload_part(
        &self,
        ctx: &Context,
        upload: &Upload,
        number: u32,
        body: Bytes,
        options: &UploadPartOptions,
    ) -> Result<Part, Error> {
        ctx.check_deadline(self.clock.now())?;
        options.check(&self.descriptor)?;
        self.descriptor.limits.parts.check(number, body.len() as u64)?;
        verify(&body, options.checksum.as_ref())?;
        let mut state = self.state();
        let tag = state.next_number();
        state.uploads.put(upload, number, body, tag)
    }

    async fn list_parts(
        &self,
        ctx: &Context,
        upload: &Upload,
        options: &ListPartsOptions,
    ) -> Result<PartPage, Error> {
        self.require_multipart(ctx, operations::LIST_PARTS)?;
        // The page token is the last number of the page before.
        let after = options.page.as_deref().map_or(Ok(0), str::parse);
        let after = after.map_err(|cause| {
            Error::new(ErrorKind::InvalidInput, "the page token is none of this store").with_source(cause)
        })?;
        let parts = self.state().uploads.parts(upload, after)?.into_iter();
        let size = options.page_size(self.descriptor.limits.max_page);
        let (parts, next) = cut(parts, size, |part| part.number.to_string());
        Ok(PartPage::new(parts, next))
    }

    async fn complete_upload(
        &self,
        ctx: &Context,
        upload: &Upload,
        parts: &[Part],
        options: &CompleteUploadOptions,
    ) -> Result<ObjectMeta, Error> {
        ctx.check_deadline(self.clock.now())?;
        options.check(&self.descriptor)?;
        let mut state = self.state();
        let new = state.uploads.assemble(upload, parts, &self.descriptor.limits.parts)?;
        state.check_mode(&upload.key, &options.mode)?;
        let meta = state.insert(&upload.key, new, self.terms())?;
        state.uploads.remove(upload);
        Ok(meta)
    }

    async fn abort_upload(
        &self,
        ctx: &Context,
        upload: &Upload,
        _: &AbortUploadOptions,
    ) -> Result<(), Error> {
        self.require_multipart(ctx, operations::ABORT_UPLOAD)?;
        self.state().uploads.remove(upload);
        Ok(())
    }

    async fn list_uploads(&self, ctx: &Context, options: &ListOptions) -> Result<UploadPage, Error> {
        self.require_multipart(ctx, operations::LIST_UPLOADS)?;
        let after = cursor(options.page.as_deref())?;
        let state = self.state();
        let uploads = state.uploads.list(&options.prefix).filter(|pending| {
            let upload = &pending.upload;
            after.as_ref().is_none_or(|(key, last)| (&upload.key, number(&upload.id)) > (key, *last))
        });
        let (uploads, next) = cut(uploads, self.page_size(options), |pending| {
            format!("{}/{}", pending.upload.id, pending.upload.key)
        });
        Ok(UploadPage::new(uploads, next))
    }

    async fn list_versions(&self, ctx: &Context, options: &ListOptions) -> Result<VersionPage, Error> {
        ctx.check_deadline(self.clock.now())?;
        self.descriptor.require(Capability::Versions, operations::LIST_VERSIONS)?;
        let after = cursor(options.page.as_deref())?;
        let state = self.state();
        let versions = state.versions(&options.prefix).filter(|version| {
            // Newest first, and later numbers are newer.
            let place = (version.key(), std::cmp::Reverse(version_number(version)));
            after.as_ref().is_none_or(|(key, last)| place > (key, std::cmp::Reverse(*last)))
        });
        let (versions, next) = cut(versions, self.page_size(options), |version| {
            format!("{}/{}", version_number(version), version.key())
        });
        Ok(VersionPage::new(versions, next))
    }

    async fn lock(&self, ctx: &Context, key: &ObjectKey, options: &LockOptions) -> Result<(), Error> {
        ctx.check_deadline(self.clock.now())?;
        self.descriptor.require(Capability::ObjectLock, operations::LOCK)?;
        let LockOptions { version, lock, bypass_governance } = options;
        self.state().lock(key, version.as_ref(), lock, *bypass_governance, self.clock.wall())
    }
}
