//! Objects as files in a folder.
//!
//! A write goes to `staging/`, is synced, is renamed (or, for a create, linked) to its place under `objects/`, and the
//! folder it came to is synced; only then is it acknowledged. So every file under `objects/` is whole at any moment,
//! and whatever a crash leaves in `staging/` belongs to a write that was never acknowledged: it is removed when the
//! folder is opened again. One process has a folder open at a time, held by a lock on `lock`.
//!
//! An upload in parts is a folder under `uploads/`, whose files are its parts, each as durable as an object. Completing
//! it writes the object in the same way as any other; aborting it moves the folder away in one step. What is neither is
//! found by a listing of the uploads.
//!
//! Each file holds one object: a header of text lines (`header.rs` describes it), then the body. `name.rs` says how
//! keys become paths.

mod body;
mod error;
mod folders;
mod header;
mod list;
mod name;
mod open;
mod upload;
mod write;

use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, RwLock};

use async_trait::async_trait;
use bytes::Bytes;
use companyos_adapter_traits::clock::Clock;
use companyos_adapter_traits::storage::{
    AbortUploadOptions, CompleteUploadOptions, CopyOptions, DeleteOptions, GetOptions, Head, HeadOptions,
    ListOptions, ListPage, ListPartsOptions, Object, ObjectKey, ObjectMeta, ObjectStorage, Part, PartPage,
    PutMode, PutOptions, StartUploadOptions, Upload, UploadPage, UploadPartOptions,
};
use companyos_adapter_traits::{Context, Descriptor, Error, ErrorKind};

pub use open::FsStorageBuilder;

use self::folders::Folders;

/// An [`ObjectStorage`] in a folder of a POSIX file system.
///
/// Durable: a write is acknowledged after the file and its folder are synced. Atomic: readers see the object before or
/// after, never in between, and a body is of one version whatever is written meanwhile. An entity tag is the SHA-256
/// of the body in hexadecimal; a whole read checks it and a flipped bit ends the body with
/// [`ErrorKind::Corrupt`]. The file system must support hard links, advisory locks and atomic rename.
///
/// File access runs on Tokio's blocking pool, so the methods must be called within a Tokio runtime. Dropping a future
/// does not stop a write that has begun. Clones share the folder.
///
/// A page of a listing costs one read of every folder on its way, so keys with millions of siblings in one folder are
/// better spread over several.
#[derive(Clone)]
pub struct FsStorage {
    shared: Arc<Shared>,
}

struct Shared {
    descriptor: Descriptor,
    clock: Arc<dyn Clock>,
    objects: PathBuf,
    staging: PathBuf,
    uploads: PathBuf,
    staged: AtomicU64,
    folders: Folders,
    /// What keeps a condition true between its check and the rename, and a reader from seeing a version that is not
    /// durable yet. A key belongs to one of them by its hash.
    stripes: Vec<RwLock<()>>,
    /// Held, not read: the lock goes with the file.
    _lock: File,
}

impl FsStorage {
    /// Opens the folder, creating it when absent, with the defaults of [`FsStorage::builder`].
    ///
    /// Blocks on file access.
    ///
    /// # Errors
    /// See [`FsStorageBuilder::open`].
    pub fn open(root: impl AsRef<Path>) -> Result<Self, Error> {
        Self::builder(root).open()
    }

    /// Chooses a region, limits or a clock before opening the folder.
    pub fn builder(root: impl AsRef<Path>) -> FsStorageBuilder {
        FsStorageBuilder::new(root.as_ref())
    }

    /// Runs `work` on the blocking pool unless the deadline has passed by the time its turn comes.
    async fn blocking<T: Send + 'static>(
        &self,
        ctx: &Context,
        work: impl FnOnce(&Shared) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (shared, ctx) = (Arc::clone(&self.shared), ctx.clone());
        let task = tokio::task::spawn_blocking(move || {
            ctx.check_deadline(shared.clock.now())?;
            work(&shared)
        });
        task.await.unwrap_or_else(|cause| {
            Err(Error::new(ErrorKind::Internal, "the blocking pool dropped the work").with_source(cause))
        })
    }
}

impl fmt::Debug for FsStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FsStorage")
            .field("objects", &self.shared.objects)
            .field("descriptor", &self.shared.descriptor)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl ObjectStorage for FsStorage {
    fn descriptor(&self) -> &Descriptor {
        &self.shared.descriptor
    }

    async fn put(
        &self,
        ctx: &Context,
        key: &ObjectKey,
        body: Bytes,
        options: &PutOptions,
    ) -> Result<ObjectMeta, Error> {
        let (key, options) = (key.clone(), options.clone());
        options.check(self.descriptor())?;
        self.blocking(ctx, move |shared| shared.put(&key, &body, options)).await
    }

    async fn get(&self, ctx: &Context, key: &ObjectKey, options: &GetOptions) -> Result<Object, Error> {
        let (key, options) = (key.clone(), options.clone());
        options.check(self.descriptor())?;
        self.blocking(ctx, move |shared| body::read(shared.find(&key)?, &options)).await
    }

    async fn head(&self, ctx: &Context, key: &ObjectKey, options: &HeadOptions) -> Result<Head, Error> {
        options.check(self.descriptor())?;
        let key = key.clone();
        self.blocking(ctx, move |shared| Ok(shared.find(&key)?.header.into_head())).await
    }

    async fn delete(&self, ctx: &Context, key: &ObjectKey, options: &DeleteOptions) -> Result<(), Error> {
        options.check(self.descriptor())?;
        let key = key.clone();
        self.blocking(ctx, move |shared| shared.delete(&key)).await
    }

    async fn list(&self, ctx: &Context, options: &ListOptions) -> Result<ListPage, Error> {
        let options = options.clone();
        self.blocking(ctx, move |shared| shared.list(&options)).await
    }

    async fn copy(
        &self,
        ctx: &Context,
        from: &ObjectKey,
        to: &ObjectKey,
        options: &CopyOptions,
    ) -> Result<ObjectMeta, Error> {
        options.check(self.descriptor())?;
        let (from, to) = (from.clone(), to.clone());
        self.blocking(ctx, move |shared| shared.copy(&from, &to)).await
    }

    async fn start_upload(
        &self,
        ctx: &Context,
        key: &ObjectKey,
        options: &StartUploadOptions,
    ) -> Result<Upload, Error> {
        options.check(self.descriptor())?;
        let (key, attributes) = (key.clone(), options.attributes.clone());
        self.blocking(ctx, move |shared| shared.start_upload(&key, attributes)).await
    }

    async fn upload_part(
        &self,
        ctx: &Context,
        upload: &Upload,
        number: u32,
        body: Bytes,
        options: &UploadPartOptions,
    ) -> Result<Part, Error> {
        options.check(self.descriptor())?;
        self.descriptor().limits.parts.check(number, body.len() as u64)?;
        let (upload, checksum) = (upload.clone(), options.checksum.clone());
        self.blocking(ctx, move |shared| shared.upload_part(&upload, number, &body, checksum.as_ref())).await
    }

    async fn list_parts(
        &self,
        ctx: &Context,
        upload: &Upload,
        options: &ListPartsOptions,
    ) -> Result<PartPage, Error> {
        let (upload, options) = (upload.clone(), options.clone());
        self.blocking(ctx, move |shared| shared.list_parts(&upload, &options)).await
    }

    async fn complete_upload(
        &self,
        ctx: &Context,
        upload: &Upload,
        parts: &[Part],
        options: &CompleteUploadOptions,
    ) -> Result<ObjectMeta, Error> {
        options.check(self.descriptor())?;
        let (upload, parts, mode) = (upload.clone(), parts.to_vec(), options.mode.clone());
        self.blocking(ctx, move |shared| shared.complete_upload(&upload, &parts, &mode)).await
    }

    async fn abort_upload(
        &self,
        ctx: &Context,
        upload: &Upload,
        _: &AbortUploadOptions,
    ) -> Result<(), Error> {
        let upload = upload.clone();
        self.blocking(ctx, move |shared| shared.abort_upload(&upload)).await
    }

    async fn list_uploads(&self, ctx: &Context, options: &ListOptions) -> Result<UploadPage, Error> {
        let options = options.clone();
        self.blocking(ctx, move |shared| shared.list_uploads(&options)).await
    }
}

/// The answer to a caller whose condition does not hold.
fn conflict(key: &ObjectKey, mode: &PutMode) -> Error {
    let why = match mode {
        PutMode::Create => format!("the object {key} exists"),
        PutMode::Overwrite | PutMode::Update(_) => format!("the object {key} is not the version named"),
    };
    // Never in flight: whoever else writes the key holds its stripe until the write is durable or has failed.
    Error::new(ErrorKind::Conflict(companyos_adapter_traits::Conflict::Settled), why)
}
