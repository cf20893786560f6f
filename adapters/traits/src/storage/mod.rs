//! Object storage: named, immutable sequences of bytes that are replaced as a whole.

mod checksum;
mod ext;
mod forward;
mod key;
pub mod memory;
mod object;
mod options;
mod placement;
mod presign;
mod range;
mod transfer;
mod upload;
mod version;

use async_trait::async_trait;
use bytes::Bytes;

pub use checksum::{Checksum, ChecksumAlgorithm, Crc32c};
pub use ext::{Created, ObjectStorageExt};
pub use key::ObjectKey;
pub use memory::MemoryStorage;
pub use object::{Attributes, ByteStream, ETag, Head, ListPage, Object, ObjectMeta};
pub use options::{
    CopyOptions, DeleteOptions, GetOptions, HeadOptions, ListOptions, LockOptions, PutMode, PutOptions,
};
pub use placement::{Lock, Placement, Retention, RetentionMode, StorageClass};
pub use presign::{PresignOptions, Presigned, PresignedMethod};
pub use range::ByteRange;
pub use transfer::{UploadOptions, stream_of};
pub use upload::{
    AbortUploadOptions, CompleteUploadOptions, ListPartsOptions, Part, PartPage, PendingUpload,
    StartUploadOptions, Upload, UploadPage, UploadPartOptions,
};
pub use version::{ObjectVersion, VersionId, VersionPage};

use crate::{Context, Descriptor, Error};

/// The operations, as errors, policy questions and receipts name them.
pub mod operations {
    /// [`ObjectStorage::put`](super::ObjectStorage::put)
    pub const PUT: &str = "storage.put";
    /// [`ObjectStorage::put`](super::ObjectStorage::put) with [`PutMode::Create`](super::PutMode::Create), where it
    /// is a capability of its own
    pub const CONDITIONAL_CREATE: &str = "storage.conditional-create";
    /// [`ObjectStorage::put`](super::ObjectStorage::put) with [`PutMode::Update`](super::PutMode::Update), where it
    /// is a capability of its own
    pub const CONDITIONAL_UPDATE: &str = "storage.conditional-update";
    /// [`ObjectStorage::get`](super::ObjectStorage::get)
    pub const GET: &str = "storage.get";
    /// [`ObjectStorage::head`](super::ObjectStorage::head)
    pub const HEAD: &str = "storage.head";
    /// [`ObjectStorage::delete`](super::ObjectStorage::delete)
    pub const DELETE: &str = "storage.delete";
    /// [`ObjectStorage::list`](super::ObjectStorage::list)
    pub const LIST: &str = "storage.list";
    /// [`ObjectStorage::copy`](super::ObjectStorage::copy)
    pub const COPY: &str = "storage.copy";
    /// [`ObjectStorage::presign`](super::ObjectStorage::presign)
    pub const PRESIGN: &str = "storage.presign";
    /// [`ObjectStorage::start_upload`](super::ObjectStorage::start_upload)
    pub const START_UPLOAD: &str = "storage.start-upload";
    /// [`ObjectStorage::upload_part`](super::ObjectStorage::upload_part)
    pub const UPLOAD_PART: &str = "storage.upload-part";
    /// [`ObjectStorage::list_parts`](super::ObjectStorage::list_parts)
    pub const LIST_PARTS: &str = "storage.list-parts";
    /// [`ObjectStorage::complete_upload`](super::ObjectStorage::complete_upload)
    pub const COMPLETE_UPLOAD: &str = "storage.complete-upload";
    /// [`ObjectStorage::abort_upload`](super::ObjectStorage::abort_upload)
    pub const ABORT_UPLOAD: &str = "storage.abort-upload";
    /// [`ObjectStorage::list_uploads`](super::ObjectStorage::list_uploads)
    pub const LIST_UPLOADS: &str = "storage.list-uploads";
    /// [`ObjectStorage::list_versions`](super::ObjectStorage::list_versions)
    pub const LIST_VERSIONS: &str = "storage.list-versions";
    /// [`ObjectStorage::lock`](super::ObjectStorage::lock), and any write with a [`Lock`](super::Lock)
    pub const LOCK: &str = "storage.lock";
    /// Any operation that names a [`VersionId`](super::VersionId)
    pub const VERSIONS: &str = "storage.versions";
    /// Any write that brings a [`Checksum`](super::Checksum)
    pub const CHECKSUM: &str = "storage.checksum";
    /// Any write that chooses a [`StorageClass`](super::StorageClass)
    pub const STORAGE_CLASS: &str = "storage.storage-class";
    /// Any write that names a customer-managed key
    pub const KMS_ENCRYPTION: &str = "storage.kms-encryption";
}

/// A bucket.
///
/// Every operation
/// - refuses a [`Context`] whose deadline has passed with
///   [`DeadlineExceeded`](crate::ErrorKind::DeadlineExceeded) and [`NotSent`](crate::Outcome::NotSent);
/// - is atomic: another caller sees the object as it was before or as it is after, never in between;
/// - may be cancelled by dropping the future, which leaves it open whether the effect happens.
///
/// A write is durable when it returns `Ok`: it survives a crash of the process and of the machine, as far as the
/// medium does. A read that starts after that sees it. Keys are opaque; `a` and `a/b` are unrelated objects.
///
/// Callers use [`ObjectStorageExt`] for conveniences. Implementors of a wrapper carry
/// `#[deny(clippy::missing_trait_methods)]`, because an optional method they forget would silently answer
/// `Unsupported` for the adapter within.
#[async_trait]
pub trait ObjectStorage: Send + Sync {
    /// What this adapter is, claims and bounds. Constant for the life of the adapter.
    fn descriptor(&self) -> &Descriptor;

    /// Writes an object, replacing what the [`PutMode`] allows it to replace.
    ///
    /// # Errors
    /// - [`Conflict`](crate::ErrorKind::Conflict) when the mode's condition does not hold; nothing is written.
    ///   [`Settled`](crate::Conflict::Settled) when the write that got there first is done,
    ///   [`InFlight`](crate::Conflict::InFlight) when it is still under way.
    /// - [`LimitExceeded`](crate::ErrorKind::LimitExceeded) when the body is larger than
    ///   [`Limits::max_object_bytes`](crate::Limits).
    /// - [`Corrupt`](crate::ErrorKind::Corrupt) when the body arrived with another checksum than the caller named;
    ///   nothing is written.
    /// - [`Locked`](crate::ErrorKind::Locked) when a lock forbids to replace the object.
    /// - [`Unsupported`](crate::ErrorKind::Unsupported) for what [`PutOptions::check`] refuses.
    async fn put(
        &self,
        ctx: &Context,
        key: &ObjectKey,
        body: Bytes,
        options: &PutOptions,
    ) -> Result<ObjectMeta, Error>;

    /// Opens an object, or a range of it, for reading.
    ///
    /// The body is of one version, whatever is written meanwhile. An adapter that knows the content's digest checks
    /// it when the whole object is read and ends the body with [`Corrupt`](crate::ErrorKind::Corrupt) if it differs.
    ///
    /// # Errors
    /// - [`NotFound`](crate::ErrorKind::NotFound)
    /// - [`RangeNotSatisfiable`](crate::ErrorKind::RangeNotSatisfiable), see [`ByteRange::resolve`]
    /// - [`Conflict`](crate::ErrorKind::Conflict) (settled) when `if_match` names another entity tag
    /// - [`Unsupported`](crate::ErrorKind::Unsupported) for what [`GetOptions::check`] refuses
    async fn get(&self, ctx: &Context, key: &ObjectKey, options: &GetOptions) -> Result<Object, Error>;

    /// Describes an object without reading its body.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound), and [`Unsupported`](crate::ErrorKind::Unsupported) for what
    /// [`HeadOptions::check`] refuses.
    async fn head(&self, ctx: &Context, key: &ObjectKey, options: &HeadOptions) -> Result<Head, Error>;

    /// Removes an object, or one kept version of it. Removing what is not there is a success, so that a repeated
    /// delete is one.
    ///
    /// # Errors
    /// - [`Locked`](crate::ErrorKind::Locked) when a lock forbids it, or
    ///   [`PermissionDenied`](crate::ErrorKind::PermissionDenied) where the provider does not tell the two apart.
    /// - [`Unsupported`](crate::ErrorKind::Unsupported) for what [`DeleteOptions::check`] refuses.
    async fn delete(&self, ctx: &Context, key: &ObjectKey, options: &DeleteOptions) -> Result<(), Error>;

    /// One page of the objects whose key starts with the prefix, in ascending order of the key's bytes.
    ///
    /// Paging through to the end returns every object exactly once that exists throughout.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a page token that this adapter did not issue, where it
    /// can tell.
    async fn list(&self, ctx: &Context, options: &ListOptions) -> Result<ListPage, Error>;

    /// Copies an object and its attributes, replacing the target. A capability:
    /// [`Copy`](crate::Capability::Copy).
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) when there is no source, and
    /// [`Unsupported`](crate::ErrorKind::Unsupported) unless the descriptor claims the capability.
    async fn copy(
        &self,
        ctx: &Context,
        from: &ObjectKey,
        to: &ObjectKey,
        options: &CopyOptions,
    ) -> Result<ObjectMeta, Error> {
        let _ = (ctx, from, to, options);
        Err(Error::unsupported(operations::COPY, &self.descriptor().name))
    }

    /// Signs a request that somebody without credentials can send until it expires. A capability:
    /// [`Presign`](crate::Capability::Presign).
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) when the provider does not sign for that long, and
    /// [`Unsupported`](crate::ErrorKind::Unsupported) unless the descriptor claims the capability.
    async fn presign(
        &self,
        ctx: &Context,
        key: &ObjectKey,
        options: &PresignOptions,
    ) -> Result<Presigned, Error> {
        let _ = (ctx, key, options);
        Err(Error::unsupported(operations::PRESIGN, &self.descriptor().name))
    }

    /// Starts an object that is written in parts. Nothing is to be seen of it until it is completed. A capability:
    /// [`Multipart`](crate::Capability::Multipart), as are the other five operations on uploads.
    ///
    /// An upload that is neither completed nor aborted stays, and what it holds is paid for:
    /// [`list_uploads`](ObjectStorage::list_uploads) finds it.
    ///
    /// # Errors
    /// [`Unsupported`](crate::ErrorKind::Unsupported) for what [`StartUploadOptions::check`] refuses.
    async fn start_upload(
        &self,
        ctx: &Context,
        key: &ObjectKey,
        options: &StartUploadOptions,
    ) -> Result<Upload, Error> {
        let _ = (ctx, key, options);
        Err(Error::unsupported(operations::START_UPLOAD, &self.descriptor().name))
    }

    /// Writes a part, replacing the one of the same number. Durable when it returns `Ok`.
    ///
    /// Numbers start at 1 and give the order of the parts in the object; there may be gaps. Parts may come in any order
    /// and at the same time, unless [`PartLimits::in_order`](crate::PartLimits) says otherwise. Every part but the last
    /// must be as large as [`PartLimits`](crate::PartLimits) says, which may show only on completion.
    ///
    /// # Errors
    /// - [`NotFound`](crate::ErrorKind::NotFound) when the upload was completed or aborted, or never was.
    /// - [`LimitExceeded`](crate::ErrorKind::LimitExceeded) for a number or a size above the limits.
    /// - [`InvalidInput`](crate::ErrorKind::InvalidInput) for the number 0.
    /// - [`Corrupt`](crate::ErrorKind::Corrupt) when the part arrived with another checksum than the caller named.
    async fn upload_part(
        &self,
        ctx: &Context,
        upload: &Upload,
        number: u32,
        body: Bytes,
        options: &UploadPartOptions,
    ) -> Result<Part, Error> {
        let _ = (ctx, upload, number, body, options);
        Err(Error::unsupported(operations::UPLOAD_PART, &self.descriptor().name))
    }

    /// One page of the parts that the provider holds, in ascending order of their numbers: what is left to do when an
    /// upload is resumed.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) when the upload was completed or aborted, or never was.
    async fn list_parts(
        &self,
        ctx: &Context,
        upload: &Upload,
        options: &ListPartsOptions,
    ) -> Result<PartPage, Error> {
        let _ = (ctx, upload, options);
        Err(Error::unsupported(operations::LIST_PARTS, &self.descriptor().name))
    }

    /// Makes the object of exactly these parts, in ascending order of their numbers, and ends the upload. Parts that
    /// were uploaded and are not named are dropped.
    ///
    /// # Errors
    /// - [`Conflict`](crate::ErrorKind::Conflict) when the mode's condition does not hold; nothing is written, and the
    ///   upload is to be aborted.
    /// - [`NotFound`](crate::ErrorKind::NotFound) when the upload was completed or aborted, or never was. After an
    ///   error with [`MaybeSent`](crate::Outcome::MaybeSent) a repetition that answers this may mean that the first
    ///   attempt went through.
    /// - [`InvalidInput`](crate::ErrorKind::InvalidInput) when there are no parts, they are out of order, or one of
    ///   them was not uploaded, has been replaced since, or is too small.
    async fn complete_upload(
        &self,
        ctx: &Context,
        upload: &Upload,
        parts: &[Part],
        options: &CompleteUploadOptions,
    ) -> Result<ObjectMeta, Error> {
        let _ = (ctx, upload, parts, options);
        Err(Error::unsupported(operations::COMPLETE_UPLOAD, &self.descriptor().name))
    }

    /// Ends an upload and drops its parts. Aborting what is not there is a success; the object of an upload that was
    /// completed stays.
    ///
    /// # Errors
    /// Only those of the provider and the connection.
    async fn abort_upload(
        &self,
        ctx: &Context,
        upload: &Upload,
        options: &AbortUploadOptions,
    ) -> Result<(), Error> {
        let _ = (ctx, upload, options);
        Err(Error::unsupported(operations::ABORT_UPLOAD, &self.descriptor().name))
    }

    /// One page of the uploads whose key starts with the prefix and that are neither completed nor aborted, in
    /// ascending order of the key's bytes.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a page token that this adapter did not issue, where it
    /// can tell.
    async fn list_uploads(&self, ctx: &Context, options: &ListOptions) -> Result<UploadPage, Error> {
        let _ = (ctx, options);
        Err(Error::unsupported(operations::LIST_UPLOADS, &self.descriptor().name))
    }

    /// One page of the history of the keys that start with the prefix. A capability:
    /// [`Versions`](crate::Capability::Versions).
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a page token that this adapter did not issue, where it
    /// can tell.
    async fn list_versions(&self, ctx: &Context, options: &ListOptions) -> Result<VersionPage, Error> {
        let _ = (ctx, options);
        Err(Error::unsupported(operations::LIST_VERSIONS, &self.descriptor().name))
    }

    /// Sets what keeps a version of an object from being removed, replacing what did. A capability:
    /// [`ObjectLock`](crate::Capability::ObjectLock). [`head`](ObjectStorage::head) tells what holds.
    ///
    /// # Errors
    /// - [`NotFound`](crate::ErrorKind::NotFound)
    /// - [`Locked`](crate::ErrorKind::Locked) when a retention would be shortened that must not be, or
    ///   [`PermissionDenied`](crate::ErrorKind::PermissionDenied) where the provider does not tell the two apart.
    async fn lock(&self, ctx: &Context, key: &ObjectKey, options: &LockOptions) -> Result<(), Error> {
        let _ = (ctx, key, options);
        Err(Error::unsupported(operations::LOCK, &self.descriptor().name))
    }
}
