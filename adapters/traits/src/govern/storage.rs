//! An object store, governed.

use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;

use super::{Call, Facts, Governed};
use crate::storage::{
    AbortUploadOptions, Checksum, CompleteUploadOptions, CopyOptions, DeleteOptions, GetOptions, Head,
    HeadOptions, ListOptions, ListPage, ListPartsOptions, Lock, LockOptions, Object, ObjectKey, ObjectMeta,
    ObjectStorage, Part, PartPage, Placement, PresignOptions, Presigned, PresignedMethod, PutMode,
    PutOptions, StartUploadOptions, Upload, UploadPage, UploadPartOptions, VersionId, VersionPage,
    operations,
};
use crate::{Context, Descriptor, Error};

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<A: ObjectStorage> ObjectStorage for Governed<A> {
    fn descriptor(&self) -> &Descriptor {
        self.adapter.descriptor()
    }

    async fn put(
        &self,
        ctx: &Context,
        key: &ObjectKey,
        body: Bytes,
        options: &PutOptions,
    ) -> Result<ObjectMeta, Error> {
        let mut facts = vec![("size", body.len().to_string())];
        add_mode(&mut facts, &options.mode);
        add_checksum(&mut facts, options.checksum.as_ref());
        add_placement(&mut facts, &options.placement);
        let effect = || self.adapter.put(ctx, key, body, options);
        self.run(ctx, self.call(operations::PUT, key.as_str(), facts), effect, version).await
    }

    async fn get(&self, ctx: &Context, key: &ObjectKey, options: &GetOptions) -> Result<Object, Error> {
        let effect = || self.adapter.get(ctx, key, options);
        let found = |object: &Object| {
            let mut facts = version(&object.meta);
            facts.push(("range", format!("{}-{}", object.range.start, object.range.end)));
            facts
        };
        self.run(
            ctx,
            self.call(operations::GET, key.as_str(), named(options.version.as_ref())),
            effect,
            found,
        )
        .await
    }

    async fn head(&self, ctx: &Context, key: &ObjectKey, options: &HeadOptions) -> Result<Head, Error> {
        let effect = || self.adapter.head(ctx, key, options);
        let found = |head: &Head| version(&head.meta);
        self.run(
            ctx,
            self.call(operations::HEAD, key.as_str(), named(options.version.as_ref())),
            effect,
            found,
        )
        .await
    }

    async fn delete(&self, ctx: &Context, key: &ObjectKey, options: &DeleteOptions) -> Result<(), Error> {
        let mut facts = named(options.version.as_ref());
        if options.bypass_governance {
            facts.push(("bypass_governance", "true".to_owned()));
        }
        let effect = || self.adapter.delete(ctx, key, options);
        self.run(ctx, self.call(operations::DELETE, key.as_str(), facts), effect, nothing).await
    }

    async fn list(&self, ctx: &Context, options: &ListOptions) -> Result<ListPage, Error> {
        let effect = || self.adapter.list(ctx, options);
        let found = |page: &ListPage| vec![("objects", page.objects.len().to_string())];
        self.run(ctx, self.call(operations::LIST, &options.prefix, Facts::new()), effect, found).await
    }

    async fn copy(
        &self,
        ctx: &Context,
        from: &ObjectKey,
        to: &ObjectKey,
        options: &CopyOptions,
    ) -> Result<ObjectMeta, Error> {
        let mut facts = vec![("from", from.to_string())];
        facts.extend(named(options.version.as_ref()));
        add_placement(&mut facts, &options.placement);
        let effect = || self.adapter.copy(ctx, from, to, options);
        self.run(ctx, self.call(operations::COPY, to.as_str(), facts), effect, version).await
    }

    async fn presign(
        &self,
        ctx: &Context,
        key: &ObjectKey,
        options: &PresignOptions,
    ) -> Result<Presigned, Error> {
        let method = match options.method {
            PresignedMethod::Get => "get",
            PresignedMethod::Put => "put",
        };
        let mut facts = vec![
            ("method", method.to_owned()),
            ("expires_in_seconds", options.expires_in.as_secs().to_string()),
        ];
        facts.extend(named(options.version.as_ref()));
        facts.extend(options.content_type.as_ref().map(|media| ("content_type", media.clone())));
        facts.extend(options.content_length.map(|bytes| ("size", bytes.to_string())));
        add_checksum(&mut facts, options.checksum.as_ref());
        if options.create {
            add_mode(&mut facts, &PutMode::Create);
        }
        let effect = || self.adapter.presign(ctx, key, options);
        self.run(ctx, self.call(operations::PRESIGN, key.as_str(), facts), effect, nothing).await
    }

    async fn start_upload(
        &self,
        ctx: &Context,
        key: &ObjectKey,
        options: &StartUploadOptions,
    ) -> Result<Upload, Error> {
        let mut facts = Facts::new();
        add_placement(&mut facts, &options.placement);
        let effect = || self.adapter.start_upload(ctx, key, options);
        self.run(ctx, self.call(operations::START_UPLOAD, key.as_str(), facts), effect, upload_facts).await
    }

    async fn upload_part(
        &self,
        ctx: &Context,
        upload: &Upload,
        number: u32,
        body: Bytes,
        options: &UploadPartOptions,
    ) -> Result<Part, Error> {
        let mut facts = upload_facts(upload);
        facts.push(("part", number.to_string()));
        facts.push(("size", body.len().to_string()));
        add_checksum(&mut facts, options.checksum.as_ref());
        let effect = || self.adapter.upload_part(ctx, upload, number, body, options);
        let found = |part: &Part| vec![("etag", part.etag.to_string())];
        self.run(ctx, self.call(operations::UPLOAD_PART, upload.key.as_str(), facts), effect, found).await
    }

    async fn list_parts(
        &self,
        ctx: &Context,
        upload: &Upload,
        options: &ListPartsOptions,
    ) -> Result<PartPage, Error> {
        let call = self.call(operations::LIST_PARTS, upload.key.as_str(), upload_facts(upload));
        let effect = || self.adapter.list_parts(ctx, upload, options);
        let found = |page: &PartPage| vec![("parts", page.parts.len().to_string())];
        self.run(ctx, call, effect, found).await
    }

    async fn complete_upload(
        &self,
        ctx: &Context,
        upload: &Upload,
        parts: &[Part],
        options: &CompleteUploadOptions,
    ) -> Result<ObjectMeta, Error> {
        let mut facts = upload_facts(upload);
        facts.push(("parts", parts.len().to_string()));
        facts.push(("size", parts.iter().map(|part| part.size).sum::<u64>().to_string()));
        add_mode(&mut facts, &options.mode);
        let effect = || self.adapter.complete_upload(ctx, upload, parts, options);
        self.run(ctx, self.call(operations::COMPLETE_UPLOAD, upload.key.as_str(), facts), effect, version)
            .await
    }

    async fn abort_upload(
        &self,
        ctx: &Context,
        upload: &Upload,
        options: &AbortUploadOptions,
    ) -> Result<(), Error> {
        let call = self.call(operations::ABORT_UPLOAD, upload.key.as_str(), upload_facts(upload));
        let effect = || self.adapter.abort_upload(ctx, upload, options);
        self.run(ctx, call, effect, nothing).await
    }

    async fn list_uploads(&self, ctx: &Context, options: &ListOptions) -> Result<UploadPage, Error> {
        let effect = || self.adapter.list_uploads(ctx, options);
        let found = |page: &UploadPage| vec![("uploads", page.uploads.len().to_string())];
        self.run(ctx, self.call(operations::LIST_UPLOADS, &options.prefix, Facts::new()), effect, found).await
    }

    async fn list_versions(&self, ctx: &Context, options: &ListOptions) -> Result<VersionPage, Error> {
        let effect = || self.adapter.list_versions(ctx, options);
        let found = |page: &VersionPage| vec![("versions", page.versions.len().to_string())];
        self.run(ctx, self.call(operations::LIST_VERSIONS, &options.prefix, Facts::new()), effect, found)
            .await
    }

    async fn lock(&self, ctx: &Context, key: &ObjectKey, options: &LockOptions) -> Result<(), Error> {
        let mut facts = named(options.version.as_ref());
        add_lock(&mut facts, &options.lock);
        if options.bypass_governance {
            facts.push(("bypass_governance", "true".to_owned()));
        }
        let effect = || self.adapter.lock(ctx, key, options);
        self.run(ctx, self.call(operations::LOCK, key.as_str(), facts), effect, nothing).await
    }
}

impl<A: ObjectStorage> Governed<A> {
    fn call<'a>(&'a self, action: &'static str, resource: &'a str, facts: Facts) -> Call<'a> {
        Call { descriptor: self.adapter.descriptor(), action, resource, facts }
    }
}

fn version(meta: &ObjectMeta) -> Facts {
    let mut facts = vec![("etag", meta.etag.to_string()), ("size", meta.size.to_string())];
    facts.extend(named(meta.version.as_ref()));
    facts
}

fn named(version: Option<&VersionId>) -> Facts {
    version.map(|version| ("version", version.to_string())).into_iter().collect()
}

fn nothing<T>(_: &T) -> Facts {
    Facts::new()
}

fn upload_facts(upload: &Upload) -> Facts {
    vec![("upload", upload.id.clone())]
}

fn add_mode(facts: &mut Facts, mode: &PutMode) {
    let word = match mode {
        PutMode::Overwrite => "overwrite",
        PutMode::Create => "create",
        PutMode::Update(_) => "update",
    };
    facts.push(("mode", word.to_owned()));
    if let PutMode::Update(etag) = mode {
        facts.push(("if_match", etag.to_string()));
    }
}

fn add_checksum(facts: &mut Facts, checksum: Option<&Checksum>) {
    facts.extend(checksum.map(|checksum| ("checksum", checksum.to_string())));
}

fn add_placement(facts: &mut Facts, placement: &Placement) {
    facts.extend(placement.storage_class.as_ref().map(|class| ("storage_class", class.to_string())));
    facts.extend(placement.kms_key.as_ref().map(|key| ("kms_key", key.clone())));
    if !placement.lock.is_open() {
        add_lock(facts, &placement.lock);
    }
}

fn add_lock(facts: &mut Facts, lock: &Lock) {
    if let Some(retention) = &lock.retention {
        let seconds = retention.until.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        facts.push(("retention", retention.mode.as_str().to_owned()));
        facts.push(("retain_until_unix_seconds", seconds.to_string()));
    }
    facts.push(("legal_hold", lock.legal_hold.to_string()));
}
