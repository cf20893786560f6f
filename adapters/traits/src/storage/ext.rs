//! Conveniences for callers.

use std::future::Future;
use std::time::SystemTime;

use bytes::Bytes;

use super::transfer::{self, UploadOptions};
use super::{
    AbortUploadOptions, ByteStream, GetOptions, HeadOptions, ListOptions, ObjectKey, ObjectMeta,
    ObjectStorage, PutOptions, Upload,
};
use crate::{Conflict, Context, Error, ErrorKind};

/// What became of a create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Created {
    /// The object is new, and ours.
    New(ObjectMeta),
    /// There was one already, and it is untouched.
    Existed,
}

/// What callers do with any [`ObjectStorage`].
///
/// Implemented for every store at once and for nothing else, so an adapter cannot give these a meaning of its own.
pub trait ObjectStorageExt: ObjectStorage {
    /// Reads a whole object into memory.
    ///
    /// # Errors
    /// Those of [`get`](ObjectStorage::get) and of its body.
    fn read(&self, ctx: &Context, key: &ObjectKey) -> impl Future<Output = Result<Bytes, Error>> + Send {
        async { self.get(ctx, key, &GetOptions::default()).await?.bytes().await }
    }

    /// Writes an object, replacing whatever is there.
    ///
    /// # Errors
    /// Those of [`put`](ObjectStorage::put).
    fn write(
        &self,
        ctx: &Context,
        key: &ObjectKey,
        body: impl Into<Bytes> + Send,
    ) -> impl Future<Output = Result<ObjectMeta, Error>> + Send {
        let body = body.into();
        async { self.put(ctx, key, body, &PutOptions::overwrite()).await }
    }

    /// Writes an object unless there is one, and says which it was.
    ///
    /// # Errors
    /// Those of [`put`](ObjectStorage::put), except a settled conflict, which is [`Created::Existed`]. A conflict in
    /// flight stays an error: whether the object will exist is not decided yet.
    fn create(
        &self,
        ctx: &Context,
        key: &ObjectKey,
        body: impl Into<Bytes> + Send,
    ) -> impl Future<Output = Result<Created, Error>> + Send {
        let body = body.into();
        async {
            match self.put(ctx, key, body, &PutOptions::create()).await {
                Ok(meta) => Ok(Created::New(meta)),
                Err(error) if *error.kind() == ErrorKind::Conflict(Conflict::Settled) => Ok(Created::Existed),
                Err(error) => Err(error),
            }
        }
    }

    /// Whether there is an object under the key.
    ///
    /// # Errors
    /// Those of [`head`](ObjectStorage::head), except that there is none.
    fn exists(&self, ctx: &Context, key: &ObjectKey) -> impl Future<Output = Result<bool, Error>> + Send {
        async {
            match self.head(ctx, key, &HeadOptions::default()).await {
                Ok(_) => Ok(true),
                Err(error) if *error.kind() == ErrorKind::NotFound => Ok(false),
                Err(error) => Err(error),
            }
        }
    }

    /// Every object whose key starts with `prefix`, page after page, in memory.
    ///
    /// # Errors
    /// Those of [`list`](ObjectStorage::list).
    fn list_all(
        &self,
        ctx: &Context,
        prefix: &str,
    ) -> impl Future<Output = Result<Vec<ObjectMeta>, Error>> + Send {
        let mut options = ListOptions::prefix(prefix);
        async move {
            let mut objects = Vec::new();
            loop {
                let page = self.list(ctx, &options).await?;
                objects.extend(page.objects);
                match page.next {
                    Some(next) => options.page = Some(next),
                    None => return Ok(objects),
                }
            }
        }
    }

    /// Writes an object from a stream, in one call if it is small and in parts if it is not.
    ///
    /// Memory holds [`concurrency`](UploadOptions::concurrency) parts and one more. Where the adapter checks checksums,
    /// every body it is given is checked. An upload in parts that fails is aborted; one that is to be resumed instead is
    /// started by [`start_upload`](ObjectStorage::start_upload) and sent by [`send`](ObjectStorageExt::send).
    ///
    /// # Errors
    /// - The first error of the stream.
    /// - [`LimitExceeded`](ErrorKind::LimitExceeded) when the stream does not fit one call and the adapter has no
    ///   uploads in parts, or not so many parts.
    /// - Those of [`put`](ObjectStorage::put), or of the operations on uploads. If aborting fails too, its error is
    ///   dropped and the upload stays for [`abort_leftovers`](ObjectStorageExt::abort_leftovers).
    fn upload(
        &self,
        ctx: &Context,
        key: &ObjectKey,
        body: ByteStream,
        options: &UploadOptions,
    ) -> impl Future<Output = Result<ObjectMeta, Error>> + Send {
        transfer::upload(self, ctx, key, body, options)
    }

    /// Sends what is missing of an upload that was started, and completes it.
    ///
    /// `body` is the whole object from its first byte, and `options` are the same on every attempt. Parts that the
    /// provider holds already, of the right size and, where it keeps one, with the right checksum, are not sent again.
    /// The attributes and the placement of `options` are not used: they were fixed when the upload was started.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// use companyos_adapter_traits::storage::{MemoryStorage, ObjectKey, Upload, UploadOptions, stream_of};
    /// use companyos_adapter_traits::{Context, ObjectStorage, ObjectStorageExt};
    ///
    /// let storage = MemoryStorage::new();
    /// let ctx = Context::builder("acme", "eu-central").build();
    /// let key = ObjectKey::new("backups/2026.tar")?;
    /// let backup = vec![7; 12 << 20];
    ///
    /// let upload = storage.start_upload(&ctx, &key, &Default::default()).await?;
    /// let kept = upload.id.clone(); // somewhere that survives a crash
    ///
    /// // Later, perhaps in another process, and as often as it takes:
    /// let upload = Upload::new(key, kept);
    /// let meta = storage.send(&ctx, &upload, stream_of(backup), &UploadOptions::default()).await?;
    /// assert_eq!(meta.size, 12 << 20);
    /// # Ok::<(), companyos_adapter_traits::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// The first error of the stream, and those of the operations on uploads. The upload stays and can be sent again.
    fn send(
        &self,
        ctx: &Context,
        upload: &Upload,
        body: ByteStream,
        options: &UploadOptions,
    ) -> impl Future<Output = Result<ObjectMeta, Error>> + Send {
        transfer::send(self, ctx, upload, body, options)
    }

    /// Aborts the uploads to keys with `prefix` that were started before a time, and says how many there were.
    ///
    /// # Errors
    /// Those of [`list_uploads`](ObjectStorage::list_uploads) and [`abort_upload`](ObjectStorage::abort_upload). The
    /// first ends it.
    fn abort_leftovers(
        &self,
        ctx: &Context,
        prefix: &str,
        started_before: SystemTime,
    ) -> impl Future<Output = Result<usize, Error>> + Send {
        let mut options = ListOptions::prefix(prefix);
        async move {
            let mut aborted = 0;
            loop {
                let page = self.list_uploads(ctx, &options).await?;
                for pending in page.uploads.iter().filter(|pending| pending.started < started_before) {
                    self.abort_upload(ctx, &pending.upload, &AbortUploadOptions::default()).await?;
                    aborted += 1;
                }
                match page.next {
                    Some(next) => options.page = Some(next),
                    None => return Ok(aborted),
                }
            }
        }
    }
}

impl<A: ObjectStorage + ?Sized> ObjectStorageExt for A {}
