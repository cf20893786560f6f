//! The trait, operation by operation; each file says how.

use async_trait::async_trait;
use bytes::Bytes;
use companyos_adapter_traits::storage::{
    AbortUploadOptions, CompleteUploadOptions, CopyOptions, DeleteOptions, GetOptions, Head, HeadOptions,
    ListOptions, ListPage, ListPartsOptions, LockOptions, Object, ObjectKey, ObjectMeta, ObjectStorage, Part,
    PartPage, PresignOptions, Presigned, PutOptions, StartUploadOptions, Upload, UploadPage,
    UploadPartOptions, VersionPage,
};
use companyos_adapter_traits::{Context, Descriptor, Error};

use super::GcsStorage;

#[async_trait]
impl ObjectStorage for GcsStorage {
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
        options.check(&self.shared.descriptor)?;
        self.shared.put_object(ctx, key, body, options).await
    }

    async fn get(&self, ctx: &Context, key: &ObjectKey, options: &GetOptions) -> Result<Object, Error> {
        options.check(&self.shared.descriptor)?;
        self.shared.get_object(ctx, key, options).await
    }

    async fn head(&self, ctx: &Context, key: &ObjectKey, options: &HeadOptions) -> Result<Head, Error> {
        options.check(&self.shared.descriptor)?;
        let found = self.shared.stat(ctx, key.as_str(), options.version.as_ref()).await?;
        Ok(found.head(key.clone(), self.shared.keeps_versions()))
    }

    async fn delete(&self, ctx: &Context, key: &ObjectKey, options: &DeleteOptions) -> Result<(), Error> {
        options.check(&self.shared.descriptor)?;
        self.shared.delete_object(ctx, key, options).await
    }

    async fn list(&self, ctx: &Context, options: &ListOptions) -> Result<ListPage, Error> {
        self.shared.list_objects(ctx, options).await
    }

    async fn copy(
        &self,
        ctx: &Context,
        from: &ObjectKey,
        to: &ObjectKey,
        options: &CopyOptions,
    ) -> Result<ObjectMeta, Error> {
        options.check(&self.shared.descriptor)?;
        self.shared.rewrite(ctx, from, to, options).await
    }

    async fn presign(
        &self,
        ctx: &Context,
        key: &ObjectKey,
        options: &PresignOptions,
    ) -> Result<Presigned, Error> {
        options.check(&self.shared.descriptor)?;
        self.shared.sign(ctx, key, options).await
    }

    async fn start_upload(
        &self,
        ctx: &Context,
        key: &ObjectKey,
        options: &StartUploadOptions,
    ) -> Result<Upload, Error> {
        options.check(&self.shared.descriptor)?;
        self.shared.start(ctx, key, options).await
    }

    async fn upload_part(
        &self,
        ctx: &Context,
        upload: &Upload,
        number: u32,
        body: Bytes,
        options: &UploadPartOptions,
    ) -> Result<Part, Error> {
        options.check(&self.shared.descriptor)?;
        self.shared.put_part(ctx, upload, number, body, options).await
    }

    async fn list_parts(
        &self,
        ctx: &Context,
        upload: &Upload,
        options: &ListPartsOptions,
    ) -> Result<PartPage, Error> {
        self.shared.parts_page(ctx, upload, options).await
    }

    async fn complete_upload(
        &self,
        ctx: &Context,
        upload: &Upload,
        parts: &[Part],
        options: &CompleteUploadOptions,
    ) -> Result<ObjectMeta, Error> {
        options.check(&self.shared.descriptor)?;
        self.shared.complete(ctx, upload, parts, options).await
    }

    async fn abort_upload(
        &self,
        ctx: &Context,
        upload: &Upload,
        _: &AbortUploadOptions,
    ) -> Result<(), Error> {
        self.shared.abort(ctx, upload).await
    }

    async fn list_uploads(&self, ctx: &Context, options: &ListOptions) -> Result<UploadPage, Error> {
        self.shared.uploads_page(ctx, options).await
    }

    async fn list_versions(&self, ctx: &Context, options: &ListOptions) -> Result<VersionPage, Error> {
        self.shared.versions_page(ctx, options).await
    }

    async fn lock(&self, ctx: &Context, key: &ObjectKey, options: &LockOptions) -> Result<(), Error> {
        self.shared.set_lock(ctx, key, options).await
    }
}
