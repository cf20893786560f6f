//! Object storage: named, immutable sequences of bytes that are replaced as a whole.

mod ext;
mod forward;
mod key;
pub mod memory;
mod object;
mod options;
mod range;

use async_trait::async_trait;
use bytes::Bytes;

pub use ext::{Created, ObjectStorageExt};
pub use key::ObjectKey;
pub use memory::MemoryStorage;
pub use object::{Attributes, ByteStream, ETag, Head, ListPage, Object, ObjectMeta, Presigned};
pub use options::{
    CopyOptions, DeleteOptions, GetOptions, HeadOptions, ListOptions, PresignOptions, PresignedMethod,
    PutMode, PutOptions,
};
pub use range::ByteRange;

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
    /// - [`Unsupported`](crate::ErrorKind::Unsupported) for a conditional mode that the descriptor does not claim.
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
    /// - [`Conflict`](crate::ErrorKind::Conflict) (settled) when `if_match` names another version
    async fn get(&self, ctx: &Context, key: &ObjectKey, options: &GetOptions) -> Result<Object, Error>;

    /// Describes an object without reading its body.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound)
    async fn head(&self, ctx: &Context, key: &ObjectKey, options: &HeadOptions) -> Result<Head, Error>;

    /// Removes an object. Removing what is not there is a success, so that a repeated delete is one.
    ///
    /// # Errors
    /// Only those of the provider and the connection.
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
}
