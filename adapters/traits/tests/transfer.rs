//! Streams into objects, and uploads that are resumed.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use companyos_adapter_traits::storage::{
    AbortUploadOptions, ByteStream, CompleteUploadOptions, DeleteOptions, GetOptions, Head, HeadOptions,
    ListOptions, ListPage, ListPartsOptions, MemoryStorage, Object, ObjectKey, ObjectMeta, Part, PartPage,
    PutMode, PutOptions, StartUploadOptions, Upload, UploadOptions, UploadPage, UploadPartOptions, stream_of,
};
use companyos_adapter_traits::{
    Capability, Conflict, Context, Descriptor, Error, ErrorKind, Limits, ObjectStorage, ObjectStorageExt,
    PartLimits,
};
use futures_util::stream;
use proptest::prelude::*;

type Test = Result<(), Box<dyn std::error::Error>>;

/// A store that keeps count of what is sent, and loses the part with a certain number once.
struct Counting {
    inner: MemoryStorage,
    calls: Mutex<Vec<String>>,
    lose: Mutex<Option<u32>>,
}

impl Counting {
    fn new(parts: PartLimits) -> Self {
        let inner = MemoryStorage::new().with_limits(Limits::default().max_object_bytes(1000).parts(parts));
        Self { inner, calls: Mutex::default(), lose: Mutex::new(None) }
    }

    fn note(&self, call: String) {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).push(call);
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn lose(&self, number: u32) {
        *self.lose.lock().unwrap_or_else(PoisonError::into_inner) = Some(number);
    }
}

#[async_trait]
impl ObjectStorage for Counting {
    fn descriptor(&self) -> &Descriptor {
        self.inner.descriptor()
    }

    async fn put(
        &self,
        ctx: &Context,
        key: &ObjectKey,
        body: Bytes,
        options: &PutOptions,
    ) -> Result<ObjectMeta, Error> {
        self.note(format!("put {}", body.len()));
        self.inner.put(ctx, key, body, options).await
    }

    async fn get(&self, ctx: &Context, key: &ObjectKey, options: &GetOptions) -> Result<Object, Error> {
        self.inner.get(ctx, key, options).await
    }

    async fn head(&self, ctx: &Context, key: &ObjectKey, options: &HeadOptions) -> Result<Head, Error> {
        self.inner.head(ctx, key, options).await
    }

    async fn delete(&self, ctx: &Context, key: &ObjectKey, options: &DeleteOptions) -> Result<(), Error> {
        self.inner.delete(ctx, key, options).await
    }

    async fn list(&self, ctx: &Context, options: &ListOptions) -> Result<ListPage, Error> {
        self.inner.list(ctx, options).await
    }

    async fn start_upload(
        &self,
        ctx: &Context,
        key: &ObjectKey,
        options: &StartUploadOptions,
    ) -> Result<Upload, Error> {
        self.note("start".to_owned());
        self.inner.start_upload(ctx, key, options).await
    }

    async fn upload_part(
        &self,
        ctx: &Context,
        upload: &Upload,
        number: u32,
        body: Bytes,
        options: &UploadPartOptions,
    ) -> Result<Part, Error> {
        self.note(format!("part {number} {}", body.len()));
        assert!(options.checksum.is_some(), "the store checks checksums, and is given none");
        if self.lose.lock().unwrap_or_else(PoisonError::into_inner).take_if(|lost| *lost == number).is_some()
        {
            return Err(Error::new(ErrorKind::Unavailable, "the connection broke"));
        }
        self.inner.upload_part(ctx, upload, number, body, options).await
    }

    async fn list_parts(
        &self,
        ctx: &Context,
        upload: &Upload,
        options: &ListPartsOptions,
    ) -> Result<PartPage, Error> {
        self.inner.list_parts(ctx, upload, options).await
    }

    async fn complete_upload(
        &self,
        ctx: &Context,
        upload: &Upload,
        parts: &[Part],
        options: &CompleteUploadOptions,
    ) -> Result<ObjectMeta, Error> {
        self.note(format!("complete {}", parts.len()));
        self.inner.complete_upload(ctx, upload, parts, options).await
    }

    async fn abort_upload(
        &self,
        ctx: &Context,
        upload: &Upload,
        options: &AbortUploadOptions,
    ) -> Result<(), Error> {
        self.note("abort".to_owned());
        self.inner.abort_upload(ctx, upload, options).await
    }

    async fn list_uploads(&self, ctx: &Context, options: &ListOptions) -> Result<UploadPage, Error> {
        self.inner.list_uploads(ctx, options).await
    }
}

fn ctx() -> Context {
    Context::builder("acme", "eu").build()
}

fn key() -> Result<ObjectKey, Error> {
    ObjectKey::new("backups/2026.tar")
}

fn small_parts() -> PartLimits {
    PartLimits::default().bytes(10, 1000)
}

/// One part at a time, so that the order of calls is known.
fn options(part_bytes: u64) -> UploadOptions {
    UploadOptions::default().part_bytes(part_bytes).concurrency(1)
}

fn text(len: usize) -> String {
    "0123456789".chars().cycle().take(len).collect()
}

fn in_pieces(body: &str, len: usize) -> ByteStream {
    let pieces: Vec<_> =
        body.as_bytes().chunks(len.max(1)).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    Box::pin(stream::iter(pieces))
}

#[tokio::test]
async fn a_small_stream_is_one_call_and_a_large_one_is_parts() -> Test {
    let store = Counting::new(small_parts());
    store.upload(&ctx(), &key()?, in_pieces(&text(20), 3), &options(20)).await?;
    assert_eq!(store.take(), ["put 20"]);
    store.upload(&ctx(), &key()?, in_pieces(&text(21), 3), &options(20)).await?;
    assert_eq!(store.take(), ["start", "part 1 20", "part 2 1", "complete 2"]);
    assert_eq!(store.read(&ctx(), &key()?).await?, text(21));
    Ok(())
}

#[tokio::test]
async fn parts_are_as_large_as_the_store_asks_for() -> Test {
    let store = Counting::new(PartLimits::default().bytes(10, 100).multiple_of(16));
    store.upload(&ctx(), &key()?, stream_of(text(40)), &options(1)).await?;
    assert_eq!(store.take(), ["start", "part 1 16", "part 2 16", "part 3 8", "complete 3"]);
    store.upload(&ctx(), &key()?, stream_of(text(200)), &options(1000)).await?;
    assert_eq!(store.take(), ["start", "part 1 96", "part 2 96", "part 3 8", "complete 3"]);
    Ok(())
}

#[tokio::test]
async fn a_failed_upload_is_aborted_and_its_error_kept() -> Test {
    let store = Counting::new(small_parts());
    store.lose(2);
    let failed = store.upload(&ctx(), &key()?, stream_of(text(50)), &options(20)).await;
    let error = failed.err().ok_or("the upload succeeded")?;
    assert_eq!(error.message(), "the connection broke");
    assert_eq!(store.take(), ["start", "part 1 20", "part 2 20", "abort"]);
    assert!(!store.exists(&ctx(), &key()?).await?);
    Ok(())
}

#[tokio::test]
async fn a_stream_that_breaks_makes_no_object() -> Test {
    let store = Counting::new(small_parts());
    for pieces in [0, 1, 5] {
        let broken = (0..pieces)
            .map(|_| Ok(Bytes::from(text(10))))
            .chain([Err(Error::new(ErrorKind::Corrupt, "torn"))]);
        let broken: ByteStream = Box::pin(stream::iter(broken.collect::<Vec<_>>()));
        let error = store.upload(&ctx(), &key()?, broken, &options(20)).await.err().ok_or("it succeeded")?;
        assert_eq!(error.message(), "torn");
        assert!(!store.exists(&ctx(), &key()?).await?, "after {pieces} pieces");
    }
    assert_eq!(store.list_uploads(&ctx(), &ListOptions::prefix("")).await?.uploads, []);
    Ok(())
}

#[tokio::test]
async fn sending_again_sends_only_what_is_missing() -> Test {
    let store = Counting::new(small_parts());
    let upload = store.start_upload(&ctx(), &key()?, &StartUploadOptions::default()).await?;
    store.lose(3);
    store.send(&ctx(), &upload, stream_of(text(70)), &options(20)).await.err().ok_or("it succeeded")?;
    assert_eq!(store.take(), ["start", "part 1 20", "part 2 20", "part 3 20"]);
    store.send(&ctx(), &upload, stream_of(text(70)), &options(20)).await?;
    assert_eq!(store.take(), ["part 3 20", "part 4 10", "complete 4"]);
    assert_eq!(store.read(&ctx(), &key()?).await?, text(70));
    Ok(())
}

#[tokio::test]
async fn a_part_that_is_not_the_one_at_hand_is_sent_again() -> Test {
    let store = Counting::new(small_parts());
    let upload = store.start_upload(&ctx(), &key()?, &StartUploadOptions::default()).await?;
    let checksum = companyos_adapter_traits::storage::Checksum::crc32c(b"something of 20 byte");
    let part = UploadPartOptions::default().checksum(checksum);
    store.upload_part(&ctx(), &upload, 1, "something of 20 byte".into(), &part).await?;
    store.take();
    store.send(&ctx(), &upload, stream_of(text(30)), &options(20)).await?;
    assert_eq!(store.take(), ["part 1 20", "part 2 10", "complete 2"]);
    assert_eq!(store.read(&ctx(), &key()?).await?, text(30));
    Ok(())
}

#[tokio::test]
async fn the_condition_of_an_upload_holds_when_it_is_completed() -> Test {
    let store = Counting::new(small_parts());
    store.write(&ctx(), &key()?, "there").await?;
    for len in [5, 50] {
        let create = options(20).mode(PutMode::Create);
        let error =
            store.upload(&ctx(), &key()?, stream_of(text(len)), &create).await.err().ok_or("it succeeded")?;
        assert_eq!(*error.kind(), ErrorKind::Conflict(Conflict::Settled), "{len} bytes");
    }
    assert_eq!(store.read(&ctx(), &key()?).await?, "there");
    Ok(())
}

#[tokio::test]
async fn without_parts_a_stream_must_fit_one_call() -> Test {
    let limits = Limits::default().max_object_bytes(100);
    let store = MemoryStorage::new().with_limits(limits).with_capabilities([Capability::Checksums]);
    store.upload(&ctx(), &key()?, in_pieces(&text(100), 7), &options(10)).await?;
    assert_eq!(store.read(&ctx(), &key()?).await?, text(100));
    let error =
        store.upload(&ctx(), &key()?, in_pieces(&text(101), 7), &options(10)).await.err().ok_or("it fit")?;
    assert_eq!(*error.kind(), ErrorKind::LimitExceeded);
    Ok(())
}

#[tokio::test]
async fn only_old_uploads_are_leftovers() -> Test {
    let store = MemoryStorage::new();
    let old = store.start_upload(&ctx(), &key()?, &StartUploadOptions::default()).await?;
    let page = store.list_uploads(&ctx(), &ListOptions::prefix("")).await?;
    let started = page.uploads[0].started;
    assert_eq!(store.abort_leftovers(&ctx(), "", SystemTime::UNIX_EPOCH).await?, 0);
    assert_eq!(store.abort_leftovers(&ctx(), "other/", started + Duration::from_secs(1)).await?, 0);
    assert_eq!(store.abort_leftovers(&ctx(), "backups/", started + Duration::from_secs(1)).await?, 1);
    let parts = store.list_parts(&ctx(), &old, &ListPartsOptions::default()).await;
    assert_eq!(parts.map_err(|error| error.kind().clone()), Err(ErrorKind::NotFound));
    Ok(())
}

async fn round_trip(len: usize, piece: usize, part: u64, concurrency: usize) -> Result<(), Error> {
    let store = Counting::new(PartLimits::default().bytes(1, 1000));
    let options = UploadOptions::default().part_bytes(part).concurrency(concurrency);
    let meta = store.upload(&ctx(), &key()?, in_pieces(&text(len), piece), &options).await?;
    assert_eq!((meta.size, store.read(&ctx(), &key()?).await?), (len as u64, Bytes::from(text(len))));
    Ok(())
}

proptest! {
    #[test]
    fn however_it_is_cut_a_stream_arrives_whole(len in 0_usize..200, piece in 1_usize..50, part in 1_u64..60, at_once in 1_usize..6) {
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        runtime.block_on(round_trip(len, piece, part, at_once)).map_err(|error| TestCaseError::fail(error.to_string()))?;
    }
}
