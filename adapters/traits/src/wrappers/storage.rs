//! Object stores, retried and limited.
//!
//! A read, a listing, a delete and a write that replaces whatever is there come to the same however often they are done,
//! and so does a part of an upload. A conditional write does not: its repetition finds what the first attempt wrote and
//! calls it a conflict. Nor does the start of an upload, which would leave one behind, or its completion, which would not
//! find it any more. Object stores know no idempotency keys, so a key changes none of this.

use async_trait::async_trait;
use bytes::Bytes;

use super::{Limited, Repeat, Retrying};
use crate::storage::{
    AbortUploadOptions, CompleteUploadOptions, CopyOptions, DeleteOptions, GetOptions, Head, HeadOptions,
    ListOptions, ListPage, ListPartsOptions, LockOptions, Object, ObjectKey, ObjectMeta, ObjectStorage, Part,
    PartPage, PresignOptions, Presigned, PutMode, PutOptions, StartUploadOptions, Upload, UploadPage,
    UploadPartOptions, VersionPage,
};
use crate::{Context, Descriptor, Error};

macro_rules! wrap {
    ($wrapper:ident) => {
        #[deny(clippy::missing_trait_methods)]
        #[async_trait]
        impl<A: ObjectStorage> ObjectStorage for $wrapper<A> {
            fn descriptor(&self) -> &Descriptor {
                self.adapter().descriptor()
            }

            async fn put(
                &self,
                ctx: &Context,
                key: &ObjectKey,
                body: Bytes,
                options: &PutOptions,
            ) -> Result<ObjectMeta, Error> {
                self.run(ctx, repeat_of(&options.mode), || {
                    self.adapter().put(ctx, key, body.clone(), options)
                })
                .await
            }

            async fn get(
                &self,
                ctx: &Context,
                key: &ObjectKey,
                options: &GetOptions,
            ) -> Result<Object, Error> {
                self.run(ctx, Repeat::Always, || self.adapter().get(ctx, key, options)).await
            }

            async fn head(
                &self,
                ctx: &Context,
                key: &ObjectKey,
                options: &HeadOptions,
            ) -> Result<Head, Error> {
                self.run(ctx, Repeat::Always, || self.adapter().head(ctx, key, options)).await
            }

            async fn delete(
                &self,
                ctx: &Context,
                key: &ObjectKey,
                options: &DeleteOptions,
            ) -> Result<(), Error> {
                self.run(ctx, Repeat::Always, || self.adapter().delete(ctx, key, options)).await
            }

            async fn list(&self, ctx: &Context, options: &ListOptions) -> Result<ListPage, Error> {
                self.run(ctx, Repeat::Always, || self.adapter().list(ctx, options)).await
            }

            async fn copy(
                &self,
                ctx: &Context,
                from: &ObjectKey,
                to: &ObjectKey,
                options: &CopyOptions,
            ) -> Result<ObjectMeta, Error> {
                self.run(ctx, Repeat::Always, || self.adapter().copy(ctx, from, to, options)).await
            }

            async fn presign(
                &self,
                ctx: &Context,
                key: &ObjectKey,
                options: &PresignOptions,
            ) -> Result<Presigned, Error> {
                self.run(ctx, Repeat::Always, || self.adapter().presign(ctx, key, options)).await
            }

            async fn start_upload(
                &self,
                ctx: &Context,
                key: &ObjectKey,
                options: &StartUploadOptions,
            ) -> Result<Upload, Error> {
                self.run(ctx, Repeat::Never, || self.adapter().start_upload(ctx, key, options)).await
            }

            async fn upload_part(
                &self,
                ctx: &Context,
                upload: &Upload,
                number: u32,
                body: Bytes,
                options: &UploadPartOptions,
            ) -> Result<Part, Error> {
                self.run(ctx, Repeat::Always, || {
                    self.adapter().upload_part(ctx, upload, number, body.clone(), options)
                })
                .await
            }

            async fn list_parts(
                &self,
                ctx: &Context,
                upload: &Upload,
                options: &ListPartsOptions,
            ) -> Result<PartPage, Error> {
                self.run(ctx, Repeat::Always, || self.adapter().list_parts(ctx, upload, options)).await
            }

            async fn complete_upload(
                &self,
                ctx: &Context,
                upload: &Upload,
                parts: &[Part],
                options: &CompleteUploadOptions,
            ) -> Result<ObjectMeta, Error> {
                self.run(ctx, Repeat::Never, || self.adapter().complete_upload(ctx, upload, parts, options))
                    .await
            }

            async fn abort_upload(
                &self,
                ctx: &Context,
                upload: &Upload,
                options: &AbortUploadOptions,
            ) -> Result<(), Error> {
                self.run(ctx, Repeat::Always, || self.adapter().abort_upload(ctx, upload, options)).await
            }

            async fn list_uploads(&self, ctx: &Context, options: &ListOptions) -> Result<UploadPage, Error> {
                self.run(ctx, Repeat::Always, || self.adapter().list_uploads(ctx, options)).await
            }

            async fn list_versions(
                &self,
                ctx: &Context,
                options: &ListOptions,
            ) -> Result<VersionPage, Error> {
                self.run(ctx, Repeat::Always, || self.adapter().list_versions(ctx, options)).await
            }

            async fn lock(&self, ctx: &Context, key: &ObjectKey, options: &LockOptions) -> Result<(), Error> {
                self.run(ctx, Repeat::Always, || self.adapter().lock(ctx, key, options)).await
            }
        }
    };
}

wrap!(Retrying);
wrap!(Limited);

fn repeat_of(mode: &PutMode) -> Repeat {
    match mode {
        PutMode::Overwrite => Repeat::Always,
        PutMode::Create | PutMode::Update(_) => Repeat::Never,
    }
}
