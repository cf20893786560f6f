//! What faulty stores do to uploads.

use std::sync::{MutexGuard, PoisonError};

use bytes::Bytes;
use companyos_adapter_traits::storage::{
    CompleteUploadOptions, ListPartsOptions, ObjectKey, ObjectMeta, Part, PutMode, StartUploadOptions,
    Upload, UploadPartOptions,
};
use companyos_adapter_traits::{Context, Error, ObjectStorage};

use super::faulty::Fault::{
    AllPartsAreJoined, ChecksumsAreIgnored, CompleteIgnoresTheMode, ForgedPartsAreTaken,
    PartsAreJoinedAsTheyArrive, UploadsForgetAttributes,
};
use super::faulty::Faulty;

impl Faulty {
    pub(super) async fn start(
        &self,
        ctx: &Context,
        key: &ObjectKey,
        options: &StartUploadOptions,
    ) -> Result<Upload, Error> {
        let mut options = options.clone();
        if self.is(UploadsForgetAttributes) {
            options.attributes = Default::default();
        }
        self.inner.start_upload(ctx, key, &options).await
    }

    pub(super) async fn part(
        &self,
        ctx: &Context,
        upload: &Upload,
        number: u32,
        body: Bytes,
        options: &UploadPartOptions,
    ) -> Result<Part, Error> {
        let mut options = options.clone();
        if self.is(ChecksumsAreIgnored) {
            options.checksum = None;
        }
        if !self.is(PartsAreJoinedAsTheyArrive) || number == 0 {
            return self.inner.upload_part(ctx, upload, number, body, &options).await;
        }
        let page = self.inner.list_parts(ctx, upload, &ListPartsOptions::default()).await?;
        let next = page.parts.len() as u32 + 1;
        let mut part = self.inner.upload_part(ctx, upload, next, body, &options).await?;
        self.arrived().push(part.clone());
        part.number = number;
        Ok(part)
    }

    pub(super) async fn complete(
        &self,
        ctx: &Context,
        upload: &Upload,
        parts: &[Part],
        options: &CompleteUploadOptions,
    ) -> Result<ObjectMeta, Error> {
        let (mut options, mut parts) = (options.clone(), parts.to_vec());
        if self.is(CompleteIgnoresTheMode) {
            options.mode = PutMode::Overwrite;
        }
        if self.is(PartsAreJoinedAsTheyArrive) && parts.is_sorted_by_key(|part| part.number) {
            let arrived = self.arrived();
            let known = |part: &Part| arrived.iter().find(|arrived| arrived.etag == part.etag).cloned();
            // A part it does not know keeps its number, which the store within does not know either.
            parts = parts.iter().map(|part| known(part).unwrap_or_else(|| part.clone())).collect();
            parts.sort_by_key(|part| part.number);
        }
        if self.is(AllPartsAreJoined) {
            parts = self.inner.list_parts(ctx, upload, &ListPartsOptions::default()).await?.parts;
        }
        if self.is(ForgedPartsAreTaken) {
            let held = self.inner.list_parts(ctx, upload, &ListPartsOptions::default()).await?.parts;
            for part in &mut parts {
                if let Some(held) = held.iter().find(|held| held.number == part.number) {
                    part.etag = held.etag.clone();
                }
            }
        }
        self.inner.complete_upload(ctx, upload, &parts, &options).await
    }

    fn arrived(&self) -> MutexGuard<'_, Vec<Part>> {
        self.arrived.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
