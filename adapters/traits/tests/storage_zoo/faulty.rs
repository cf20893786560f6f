//! A correct store with one fault.

use std::sync::Mutex;

use async_trait::async_trait;
use bytes::Bytes;
use companyos_adapter_traits::storage::{
    AbortUploadOptions, ByteRange, CompleteUploadOptions, CopyOptions, DeleteOptions, GetOptions, Head,
    HeadOptions, ListOptions, ListPage, ListPartsOptions, Lock, LockOptions, MemoryStorage, Object,
    ObjectKey, ObjectMeta, Part, PartPage, PresignOptions, Presigned, PutMode, PutOptions,
    StartUploadOptions, Upload, UploadPage, UploadPartOptions, VersionPage,
};
use companyos_adapter_traits::{
    Capability, Context, Descriptor, Error, Limits, ObjectStorage, ObjectStorageExt, PartLimits,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    CreateOverwrites,
    CreateChecksThenWrites,
    UnclaimedModeIsIgnored,
    UpdateCreates,
    RangeEndIsInclusive,
    GetIgnoresTheVersion,
    DeleteOfNothingFails,
    ListStopsAfterOnePage,
    PrefixIsAFolder,
    KeysFoldCase,
    EmptyObjectsAreDropped,
    AttributesAreForgotten,
    DeadlineIsIgnored,
    LimitIsIgnored,
    CopyIsClaimedAndMissing,
    PresignIsOfferedUnclaimed,
    UploadsAreOfferedUnclaimed,
    UploadsForgetAttributes,
    PartsAreJoinedAsTheyArrive,
    AllPartsAreJoined,
    ForgedPartsAreTaken,
    PartsAreListedOnePage,
    AbortDoesNothing,
    UploadsAreListedOnePage,
    CompleteIgnoresTheMode,
    ChecksumsAreIgnored,
    ReportedChecksumIsWrong,
    ClassIsForgotten,
    CustomerKeyIsForgotten,
    VersionIsIgnored,
    DeleteDestroysTheHistory,
    HistoryIsOnePage,
    HoldIsForShow,
    BypassIsAlwaysOn,
}
use Fault::*;

pub(super) struct Faulty {
    fault: Fault,
    descriptor: Descriptor,
    pub(super) inner: MemoryStorage,
    /// The parts of all uploads as they arrived, for the animal that joins them so.
    pub(super) arrived: Mutex<Vec<Part>>,
}

impl Faulty {
    pub(super) fn new(fault: Fault) -> Self {
        let parts = PartLimits::default().bytes(1, 5 << 30);
        let limits = Limits::default().parts(parts).max_object_bytes(6 << 20);
        let mut inner = MemoryStorage::versioned().with_limits(limits);
        if fault == UnclaimedModeIsIgnored {
            inner = inner.with_capabilities([Capability::Copy]);
        }
        let mut descriptor = inner.descriptor().clone();
        if fault == UploadsAreOfferedUnclaimed {
            descriptor.capabilities.remove(&Capability::Multipart);
        }
        if fault == LimitIsIgnored {
            inner = inner.with_limits(descriptor.limits.clone().max_object_bytes(64 << 20));
        }
        Self { fault, descriptor, inner, arrived: Mutex::default() }
    }

    pub(super) fn is(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    fn ctx(&self, ctx: &Context) -> Context {
        let mut ctx = ctx.clone();
        if self.is(DeadlineIsIgnored) {
            ctx.deadline = Option::None;
        }
        ctx
    }

    fn key(&self, key: &ObjectKey) -> Result<ObjectKey, Error> {
        if self.is(KeysFoldCase) { ObjectKey::new(key.as_str().to_lowercase()) } else { Ok(key.clone()) }
    }

    fn meta(&self, mut meta: ObjectMeta) -> ObjectMeta {
        if self.is(ReportedChecksumIsWrong) {
            for checksum in &mut meta.checksums {
                checksum.value[0] ^= 1;
            }
        }
        meta
    }
}

#[async_trait]
impl ObjectStorage for Faulty {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    async fn put(
        &self,
        ctx: &Context,
        key: &ObjectKey,
        body: Bytes,
        options: &PutOptions,
    ) -> Result<ObjectMeta, Error> {
        let (ctx, key, mut options) = (self.ctx(ctx), self.key(key)?, options.clone());
        let create = options.mode == PutMode::Create;
        match self.fault {
            CreateOverwrites if create => options.mode = PutMode::Overwrite,
            UnclaimedModeIsIgnored => options.mode = PutMode::Overwrite,
            AttributesAreForgotten => options.attributes = Default::default(),
            CreateChecksThenWrites if create && !self.inner.exists(&ctx, &key).await? => {
                tokio::task::yield_now().await;
                options.mode = PutMode::Overwrite;
            }
            UpdateCreates if !create && !self.inner.exists(&ctx, &key).await? => {
                options.mode = PutMode::Overwrite
            }
            EmptyObjectsAreDropped if body.is_empty() => {
                let meta = self.inner.put(&ctx, &key, body, &options).await?;
                self.inner.delete(&ctx, &key, &DeleteOptions::default()).await?;
                return Ok(meta);
            }
            ChecksumsAreIgnored => options.checksum = Option::None,
            ClassIsForgotten if options.placement.check(&self.descriptor).is_ok() => {
                options.placement.storage_class = Option::None;
            }
            CustomerKeyIsForgotten => options.placement.kms_key = Option::None,
            _ => {}
        }
        self.inner.put(&ctx, &key, body, &options).await.map(|meta| self.meta(meta))
    }

    async fn get(&self, ctx: &Context, key: &ObjectKey, options: &GetOptions) -> Result<Object, Error> {
        let mut options = options.clone();
        match (self.fault, options.range) {
            (RangeEndIsInclusive, Some(ByteRange::Bounded(start, end))) if start < end => {
                options.range = Some(ByteRange::Bounded(start, end + 1));
            }
            (GetIgnoresTheVersion, _) => options.if_match = Option::None,
            (VersionIsIgnored, _) => options.version = Option::None,
            _ => {}
        }
        self.inner.get(&self.ctx(ctx), &self.key(key)?, &options).await
    }

    async fn head(&self, ctx: &Context, key: &ObjectKey, options: &HeadOptions) -> Result<Head, Error> {
        let mut head = self.inner.head(&self.ctx(ctx), &self.key(key)?, options).await?;
        head.meta = self.meta(head.meta);
        Ok(head)
    }

    async fn delete(&self, ctx: &Context, key: &ObjectKey, options: &DeleteOptions) -> Result<(), Error> {
        let (ctx, key, mut options) = (self.ctx(ctx), self.key(key)?, options.clone());
        match self.fault {
            DeleteOfNothingFails if options.version.is_none() => {
                self.inner.head(&ctx, &key, &HeadOptions::default()).await?;
            }
            DeleteDestroysTheHistory if options.version.is_none() => {
                let history = self.inner.list_versions(&ctx, &ListOptions::prefix(key.as_str())).await?;
                for version in history.versions.iter().filter(|version| *version.key() == key) {
                    let version = version.version().cloned().into_iter();
                    let options = version.fold(DeleteOptions::default(), DeleteOptions::version);
                    self.inner.delete(&ctx, &key, &options).await?;
                }
            }
            HoldIsForShow => {
                let lift = LockOptions::new(Lock::default());
                let lift = options.version.iter().cloned().fold(lift, LockOptions::version);
                // Nothing to lift where there is nothing, and a retention is not what this animal is about.
                let _ = self.inner.lock(&ctx, &key, &lift).await;
            }
            BypassIsAlwaysOn => options.bypass_governance = true,
            _ => {}
        }
        self.inner.delete(&ctx, &key, &options).await
    }

    async fn list(&self, ctx: &Context, options: &ListOptions) -> Result<ListPage, Error> {
        let mut page = self.inner.list(&self.ctx(ctx), options).await?;
        match self.fault {
            ListStopsAfterOnePage => page.next = Option::None,
            PrefixIsAFolder => {
                let folder = format!("{}/", options.prefix.trim_end_matches('/'));
                page.objects.retain(|meta| meta.key.as_str().starts_with(&folder));
            }
            _ => {}
        }
        Ok(page)
    }

    async fn copy(
        &self,
        ctx: &Context,
        from: &ObjectKey,
        to: &ObjectKey,
        options: &CopyOptions,
    ) -> Result<ObjectMeta, Error> {
        if self.is(CopyIsClaimedAndMissing) && options.version.is_none() {
            return Err(Error::unsupported("storage.copy", "memory"));
        }
        self.inner.copy(&self.ctx(ctx), from, to, options).await
    }

    async fn presign(
        &self,
        ctx: &Context,
        key: &ObjectKey,
        options: &PresignOptions,
    ) -> Result<Presigned, Error> {
        if self.is(PresignIsOfferedUnclaimed) {
            let url = format!("https://faulty.example/{key}");
            return Ok(Presigned::new(url, Vec::new(), options.expires_in));
        }
        self.inner.presign(ctx, key, options).await
    }

    async fn start_upload(
        &self,
        ctx: &Context,
        key: &ObjectKey,
        options: &StartUploadOptions,
    ) -> Result<Upload, Error> {
        self.start(ctx, key, options).await
    }

    async fn upload_part(
        &self,
        ctx: &Context,
        upload: &Upload,
        number: u32,
        body: Bytes,
        options: &UploadPartOptions,
    ) -> Result<Part, Error> {
        self.part(ctx, upload, number, body, options).await
    }

    async fn list_parts(
        &self,
        ctx: &Context,
        upload: &Upload,
        options: &ListPartsOptions,
    ) -> Result<PartPage, Error> {
        let mut page = self.inner.list_parts(ctx, upload, options).await?;
        if self.is(PartsAreListedOnePage) {
            page.next = Option::None;
        }
        Ok(page)
    }

    async fn complete_upload(
        &self,
        ctx: &Context,
        upload: &Upload,
        parts: &[Part],
        options: &CompleteUploadOptions,
    ) -> Result<ObjectMeta, Error> {
        self.complete(ctx, upload, parts, options).await
    }

    async fn abort_upload(
        &self,
        ctx: &Context,
        upload: &Upload,
        options: &AbortUploadOptions,
    ) -> Result<(), Error> {
        if self.is(AbortDoesNothing) {
            return Ok(());
        }
        self.inner.abort_upload(ctx, upload, options).await
    }

    async fn list_uploads(&self, ctx: &Context, options: &ListOptions) -> Result<UploadPage, Error> {
        let mut page = self.inner.list_uploads(ctx, options).await?;
        if self.is(UploadsAreListedOnePage) {
            page.next = Option::None;
        }
        Ok(page)
    }

    async fn list_versions(&self, ctx: &Context, options: &ListOptions) -> Result<VersionPage, Error> {
        let mut page = self.inner.list_versions(ctx, options).await?;
        if self.is(HistoryIsOnePage) {
            page.next = Option::None;
        }
        Ok(page)
    }

    async fn lock(&self, ctx: &Context, key: &ObjectKey, options: &LockOptions) -> Result<(), Error> {
        self.inner.lock(ctx, key, options).await
    }
}
