//! A pointer to a store is a store.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::{
    CopyOptions, DeleteOptions, GetOptions, Head, HeadOptions, ListOptions, ListPage, Object, ObjectKey,
    ObjectMeta, ObjectStorage, PresignOptions, Presigned, PutOptions,
};
use crate::{Context, Descriptor, Error};

macro_rules! forward {
    ($pointer:ty) => {
        #[deny(clippy::missing_trait_methods)]
        #[async_trait]
        impl<A: ObjectStorage + ?Sized> ObjectStorage for $pointer {
            fn descriptor(&self) -> &Descriptor {
                (**self).descriptor()
            }

            async fn put(
                &self,
                ctx: &Context,
                key: &ObjectKey,
                body: Bytes,
                options: &PutOptions,
            ) -> Result<ObjectMeta, Error> {
                (**self).put(ctx, key, body, options).await
            }

            async fn get(
                &self,
                ctx: &Context,
                key: &ObjectKey,
                options: &GetOptions,
            ) -> Result<Object, Error> {
                (**self).get(ctx, key, options).await
            }

            async fn head(
                &self,
                ctx: &Context,
                key: &ObjectKey,
                options: &HeadOptions,
            ) -> Result<Head, Error> {
                (**self).head(ctx, key, options).await
            }

            async fn delete(
                &self,
                ctx: &Context,
                key: &ObjectKey,
                options: &DeleteOptions,
            ) -> Result<(), Error> {
                (**self).delete(ctx, key, options).await
            }

            async fn list(&self, ctx: &Context, options: &ListOptions) -> Result<ListPage, Error> {
                (**self).list(ctx, options).await
            }

            async fn copy(
                &self,
                ctx: &Context,
                from: &ObjectKey,
                to: &ObjectKey,
                options: &CopyOptions,
            ) -> Result<ObjectMeta, Error> {
                (**self).copy(ctx, from, to, options).await
            }

            async fn presign(
                &self,
                ctx: &Context,
                key: &ObjectKey,
                options: &PresignOptions,
            ) -> Result<Presigned, Error> {
                (**self).presign(ctx, key, options).await
            }
        }
    };
}

forward!(Arc<A>);
forward!(Box<A>);
