//! A pointer to a store is a store.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::{
    AbortUploadOptions, CompleteUploadOptions, CopyOptions, DeleteOptions, GetOptions, Head, HeadOptions,
    ListOptions, ListPage, ListPartsOptions, LockOptions, Object, ObjectKey, ObjectMeta, ObjectStorage, Part,
    PartPage, PresignOptions, Presigned, PutOptions, StartUploadOptions, Upload, UploadPage,
    UploadPartOptions, VersionPage,
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

            async fn start_upload(
                &self,
                ctx: &Context,
                key: &ObjectKey,
                options: &StartUploadOptions,
            ) -> Result<Upload, Error> {
                (**self).start_upload(ctx, key, options).await
            }

            async fn upload_part(
                &self,
                ctx: &Context,
                upload: &Upload,
                number: u32,
                body: Bytes,
                options: &UploadPartOptions,
            ) -> Result<Part, Error> {
                (**self).upload_part(ctx, upload, number, body, options).await
            }

            async fn list_parts(
                &self,
                ctx: &Context,
                upload: &Upload,
                options: &ListPartsOptions,
            ) -> Result<PartPage, Error> {
                (**self).list_parts(ctx, upload, options).await
            }

            async fn complete_upload(
                &self,
                ctx: &Context,
                upload: &Upload,
                parts: &[Part],
                options: &CompleteUploadOptions,
            ) -> Result<ObjectMeta, Error> {
                (**self).complete_upload(ctx, upload, parts, options).await
            }

            async fn abort_upload(
                &self,
                ctx: &Context,
                upload: &Upload,
                options: &AbortUploadOptions,
            ) -> Result<(), Error> {
                (**self).abort_upload(ctx, upload, options).await
            }

            async fn list_uploads(&self, ctx: &Context, options: &ListOptions) -> Result<UploadPage, Error> {
                (**self).list_uploads(ctx, options).await
            }

            async fn list_versions(
                &self,
                ctx: &Context,
                options: &ListOptions,
            ) -> Result<VersionPage, Error> {
                (**self).list_versions(ctx, options).await
            }

            async fn lock(&self, ctx: &Context, key: &ObjectKey, options: &LockOptions) -> Result<(), Error> {
                (**self).lock(ctx, key, options).await
            }
        }
    };
}

forward!(Arc<A>);
forward!(Box<A>);
