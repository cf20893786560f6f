//! Objects in a bucket of Amazon S3, or of a server that speaks its protocol.
//!
//! Every request goes through the AWS SDK. `call.rs` holds it to its time and `error.rs` says what its failure means;
//! the other files are the operations. On opening, `open.rs` makes sure of the bucket's region, and `probe.rs` finds
//! out which of the conditions on writes the server keeps: some ignore them without a word.

mod call;
mod config;
mod convert;
mod error;
mod list;
mod lock;
mod open;
mod presign;
mod probe;
mod read;
mod upload;
mod write;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use bytes::Bytes;
use companyos_adapter_traits::clock::Clock;
use companyos_adapter_traits::storage::{
    AbortUploadOptions, CompleteUploadOptions, CopyOptions, DeleteOptions, GetOptions, Head, HeadOptions,
    ListOptions, ListPage, ListPartsOptions, LockOptions, Object, ObjectKey, ObjectMeta, ObjectStorage, Part,
    PartPage, PresignOptions, Presigned, PutOptions, StartUploadOptions, Upload, UploadPage,
    UploadPartOptions, VersionPage,
};
use companyos_adapter_traits::{Capability, Context, Descriptor, Error};

pub use config::{S3Credentials, S3StorageBuilder};

/// The adapter's name.
const NAME: &str = "s3";

/// What Amazon's own S3 offers in every bucket. Versions and locks are the bucket's choice, classes of storage and
/// customer-managed keys the account's: add those that are there.
pub const AMAZON: [Capability; 6] = [
    Capability::ConditionalCreate,
    Capability::ConditionalUpdate,
    Capability::Copy,
    Capability::Presign,
    Capability::Multipart,
    Capability::Checksums,
];

/// An [`ObjectStorage`] in a bucket of Amazon S3, or of a server that speaks its protocol.
///
/// A write carries a checksum that the server verifies, CRC-64/NVME unless the caller brings another, and a whole read
/// is verified against the one the server kept; of an object in parts it is the CRC-32C of the whole. Entity tags are
/// those of the provider, without quotes. Keys of the bucket that are no [`ObjectKey`], as the folder markers of some
/// tools, are not listed.
///
/// Conflicts are told apart: 412 is settled, 409 `ConditionalRequestConflict` is in flight.
///
/// The methods must be called within a Tokio runtime. Clones share the connections.
#[derive(Clone)]
pub struct S3Storage {
    shared: Arc<Shared>,
}

struct Shared {
    client: Client,
    bucket: String,
    descriptor: Descriptor,
    clock: Arc<dyn Clock>,
    timeout: Duration,
    attempts: u32,
    /// Whether the completion of an upload keeps the conditions that a put keeps.
    conditional_complete: bool,
}

impl S3Storage {
    /// Chooses the bucket, and the provider's name of the region it must be in, as in `eu-central-1`.
    pub fn builder(bucket: impl Into<String>, region: impl Into<String>) -> S3StorageBuilder {
        S3StorageBuilder::new(bucket.into(), region.into())
    }
}

impl fmt::Debug for S3Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Storage")
            .field("bucket", &self.shared.bucket)
            .field("descriptor", &self.shared.descriptor)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl ObjectStorage for S3Storage {
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
        options.check(self.descriptor())?;
        self.shared.put(ctx, key, body, options).await
    }

    async fn get(&self, ctx: &Context, key: &ObjectKey, options: &GetOptions) -> Result<Object, Error> {
        options.check(self.descriptor())?;
        self.shared.get(ctx, key, options).await
    }

    async fn head(&self, ctx: &Context, key: &ObjectKey, options: &HeadOptions) -> Result<Head, Error> {
        options.check(self.descriptor())?;
        self.shared.head(ctx, key, options).await
    }

    async fn delete(&self, ctx: &Context, key: &ObjectKey, options: &DeleteOptions) -> Result<(), Error> {
        options.check(self.descriptor())?;
        self.shared.delete(ctx, key, options).await
    }

    async fn list(&self, ctx: &Context, options: &ListOptions) -> Result<ListPage, Error> {
        self.shared.list(ctx, options).await
    }

    async fn copy(
        &self,
        ctx: &Context,
        from: &ObjectKey,
        to: &ObjectKey,
        options: &CopyOptions,
    ) -> Result<ObjectMeta, Error> {
        options.check(self.descriptor())?;
        self.shared.copy(ctx, from, to, options).await
    }

    async fn presign(
        &self,
        ctx: &Context,
        key: &ObjectKey,
        options: &PresignOptions,
    ) -> Result<Presigned, Error> {
        options.check(self.descriptor())?;
        self.shared.presign(ctx, key, options).await
    }

    async fn start_upload(
        &self,
        ctx: &Context,
        key: &ObjectKey,
        options: &StartUploadOptions,
    ) -> Result<Upload, Error> {
        options.check(self.descriptor())?;
        self.shared.start_upload(ctx, key, options).await
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
        self.shared.upload_part(ctx, upload, number, body, options).await
    }

    async fn list_parts(
        &self,
        ctx: &Context,
        upload: &Upload,
        options: &ListPartsOptions,
    ) -> Result<PartPage, Error> {
        self.shared.list_parts(ctx, upload, options).await
    }

    async fn complete_upload(
        &self,
        ctx: &Context,
        upload: &Upload,
        parts: &[Part],
        options: &CompleteUploadOptions,
    ) -> Result<ObjectMeta, Error> {
        options.check(self.descriptor())?;
        self.shared.complete_upload(ctx, upload, parts, options).await
    }

    async fn abort_upload(
        &self,
        ctx: &Context,
        upload: &Upload,
        options: &AbortUploadOptions,
    ) -> Result<(), Error> {
        let AbortUploadOptions { .. } = options;
        self.shared.abort_upload(ctx, upload).await
    }

    async fn list_uploads(&self, ctx: &Context, options: &ListOptions) -> Result<UploadPage, Error> {
        self.shared.list_uploads(ctx, options).await
    }

    async fn list_versions(&self, ctx: &Context, options: &ListOptions) -> Result<VersionPage, Error> {
        self.shared.list_versions(ctx, options).await
    }

    async fn lock(&self, ctx: &Context, key: &ObjectKey, options: &LockOptions) -> Result<(), Error> {
        self.shared.lock(ctx, key, options).await
    }
}
