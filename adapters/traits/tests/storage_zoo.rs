//! Stores that are wrong in one way each. The suite must catch every one, and for its own reason only: a check that
//! fails for somebody else's fault would send an adapter author looking in the wrong place.

use async_trait::async_trait;
use bytes::Bytes;
use companyos_adapter_traits::conformance::storage;
use companyos_adapter_traits::storage::{
    ByteRange, CopyOptions, DeleteOptions, GetOptions, Head, HeadOptions, ListOptions, ListPage,
    MemoryStorage, Object, ObjectKey, ObjectMeta, PresignOptions, Presigned, PutMode, PutOptions,
};
use companyos_adapter_traits::{
    Capability, Context, Descriptor, Error, ErrorKind, Limits, ObjectStorage, ObjectStorageExt,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
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
}
use Fault::*;

/// Each fault, and the checks that must fail for it.
const ZOO: [(Fault, &[&str]); 16] = [
    (CreateOverwrites, &["create_never_replaces", "of_racing_creates_exactly_one_wins"]),
    (CreateChecksThenWrites, &["of_racing_creates_exactly_one_wins"]),
    (UnclaimedModeIsIgnored, &["create_never_replaces", "update_replaces_only_the_version_named"]),
    (UpdateCreates, &["update_replaces_only_the_version_named"]),
    (RangeEndIsInclusive, &["a_range_is_exactly_the_bytes_asked_for"]),
    (GetIgnoresTheVersion, &["a_read_can_insist_on_a_version"]),
    (DeleteOfNothingFails, &["a_deleted_object_is_gone_and_may_be_deleted_again"]),
    (ListStopsAfterOnePage, &["pages_neither_repeat_nor_skip"]),
    (PrefixIsAFolder, &["a_prefix_is_plain_text"]),
    (KeysFoldCase, &["keys_are_opaque"]),
    (EmptyObjectsAreDropped, &["an_empty_object_is_an_object"]),
    (
        AttributesAreForgotten,
        &["attributes_are_kept_and_replaced_with_the_body", "copy_copies_or_is_unsupported"],
    ),
    (DeadlineIsIgnored, &["a_passed_deadline_is_refused_before_anything_is_done"]),
    (LimitIsIgnored, &["an_object_over_the_limit_is_refused"]),
    (CopyIsClaimedAndMissing, &["copy_copies_or_is_unsupported"]),
    (PresignIsOfferedUnclaimed, &["presign_signs_or_is_unsupported"]),
];

#[tokio::test]
async fn every_animal_is_caught_for_its_own_reason() {
    for (fault, expected) in ZOO {
        let ctx = Context::builder("suite", "local").build();
        let report = storage::run(&Faulty::new(fault), ctx, "zoo/").await;
        let failures: Vec<_> = report.failures().collect();
        assert_eq!(failures, expected, "{fault:?}\n{report}");
    }
}

/// A correct store and its one fault.
struct Faulty {
    fault: Fault,
    descriptor: Descriptor,
    inner: MemoryStorage,
}

impl Faulty {
    fn new(fault: Fault) -> Self {
        let limits = Limits::default().max_object_bytes(6 << 20);
        let inner = MemoryStorage::new();
        let claims: Vec<_> = match fault {
            UnclaimedModeIsIgnored => vec![Capability::Copy],
            _ => inner.descriptor().capabilities.iter().copied().collect(),
        };
        let inner = if fault == LimitIsIgnored { inner } else { inner.with_limits(limits.clone()) };
        let descriptor = Descriptor::new("faulty", "1").with_limits(limits).with_capabilities(claims);
        Self { fault, descriptor, inner }
    }

    fn is(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    fn ctx(&self, ctx: &Context) -> Context {
        let mut ctx = ctx.clone();
        if self.is(DeadlineIsIgnored) {
            ctx.deadline = None;
        }
        ctx
    }

    fn key(&self, key: &ObjectKey) -> Result<ObjectKey, Error> {
        if self.is(KeysFoldCase) { ObjectKey::new(key.as_str().to_lowercase()) } else { Ok(key.clone()) }
    }

    /// Errors name the adapter, so those from within are renamed.
    fn rename<T>(result: Result<T, Error>) -> Result<T, Error> {
        result.map_err(|error| match error.kind() {
            ErrorKind::Unsupported { operation, .. } => Error::unsupported(operation, "faulty"),
            _ => error,
        })
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
            _ => {}
        }
        Self::rename(self.inner.put(&ctx, &key, body, &options).await)
    }

    async fn get(&self, ctx: &Context, key: &ObjectKey, options: &GetOptions) -> Result<Object, Error> {
        let mut options = options.clone();
        match (self.fault, options.range) {
            (RangeEndIsInclusive, Some(ByteRange::Bounded(start, end))) if start < end => {
                options.range = Some(ByteRange::Bounded(start, end + 1));
            }
            (GetIgnoresTheVersion, _) => options.if_match = None,
            _ => {}
        }
        self.inner.get(&self.ctx(ctx), &self.key(key)?, &options).await
    }

    async fn head(&self, ctx: &Context, key: &ObjectKey, options: &HeadOptions) -> Result<Head, Error> {
        self.inner.head(&self.ctx(ctx), &self.key(key)?, options).await
    }

    async fn delete(&self, ctx: &Context, key: &ObjectKey, options: &DeleteOptions) -> Result<(), Error> {
        let (ctx, key) = (self.ctx(ctx), self.key(key)?);
        if self.is(DeleteOfNothingFails) {
            self.inner.head(&ctx, &key, &HeadOptions::default()).await?;
        }
        self.inner.delete(&ctx, &key, options).await
    }

    async fn list(&self, ctx: &Context, options: &ListOptions) -> Result<ListPage, Error> {
        let mut page = self.inner.list(&self.ctx(ctx), options).await?;
        match self.fault {
            ListStopsAfterOnePage => page.next = None,
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
        if self.is(CopyIsClaimedAndMissing) {
            return Err(Error::unsupported("storage.copy", "faulty"));
        }
        self.inner.copy(&self.ctx(ctx), from, to, options).await
    }

    async fn presign(
        &self,
        _: &Context,
        key: &ObjectKey,
        options: &PresignOptions,
    ) -> Result<Presigned, Error> {
        if self.is(PresignIsOfferedUnclaimed) {
            return Ok(Presigned::new(
                format!("https://faulty.example/{key}"),
                Vec::new(),
                options.expires_in,
            ));
        }
        Err(Error::unsupported("storage.presign", "faulty"))
    }
}
