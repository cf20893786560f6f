//! Conveniences for callers.

use std::future::Future;

use bytes::Bytes;

use super::{GetOptions, HeadOptions, ListOptions, ObjectKey, ObjectMeta, ObjectStorage, PutOptions};
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
}

impl<A: ObjectStorage + ?Sized> ObjectStorageExt for A {}
