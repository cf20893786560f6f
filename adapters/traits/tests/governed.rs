//! What `Governed` promises: policy before, an intent and an outcome around, and nothing done without them.

use std::error::Error as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;
use companyos_adapter_traits::clock::{Clock, ManualClock};
use companyos_adapter_traits::govern::{
    Decision, Phase, PolicyHook, Question, REGION_RULE, ReceiptDraft, ReceiptId, ReceiptSink, Verdict,
};
use companyos_adapter_traits::storage::{
    AbortUploadOptions, Checksum, CompleteUploadOptions, CopyOptions, DeleteOptions, GetOptions, Head,
    HeadOptions, ListOptions, ListPage, ListPartsOptions, Lock, LockOptions, MemoryStorage, Object,
    ObjectKey, ObjectMeta, Placement, PresignOptions, PutOptions, RetentionMode, StartUploadOptions,
    StorageClass, UploadPartOptions,
};
use companyos_adapter_traits::{
    Context, Descriptor, Error, ErrorKind, Governed, ObjectStorage, ObjectStorageExt, Outcome, RetryClass,
};

/// Receipts in memory; the sink fails on the call with the number `down_at` and on all after it.
#[derive(Default)]
struct Sink {
    down_at: Option<usize>,
    calls: Mutex<usize>,
    receipts: Mutex<Vec<ReceiptDraft>>,
}

impl Sink {
    fn down_at(call: usize) -> Self {
        Self { down_at: Some(call), ..Self::default() }
    }

    fn receipts(&self) -> Vec<ReceiptDraft> {
        self.receipts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Action, phase and verdict of every receipt.
    fn lines(&self) -> Vec<(&'static str, Phase, Verdict)> {
        self.receipts().iter().map(|receipt| (receipt.action, receipt.phase, receipt.verdict)).collect()
    }
}

#[async_trait]
impl ReceiptSink for Sink {
    async fn record(&self, _: &Context, draft: &ReceiptDraft) -> Result<ReceiptId, Error> {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        *calls += 1;
        if self.down_at.is_some_and(|down| *calls >= down) {
            return Err(Error::new(ErrorKind::Unavailable, "the sink is down"));
        }
        self.receipts.lock().unwrap_or_else(PoisonError::into_inner).push(draft.clone());
        Ok(ReceiptId(format!("rcp_{calls}")))
    }
}

/// Allows everything but deletes; cannot be asked about copies.
struct Policy;

#[async_trait]
impl PolicyHook for Policy {
    async fn decide(&self, _: &Context, question: &Question<'_>) -> Result<Decision, Error> {
        match question.action {
            "storage.delete" => Ok(Decision::deny("no-deletes", "sha256:ab")),
            "storage.copy" => Err(Error::new(ErrorKind::Unavailable, "policy is down")),
            _ => Ok(Decision::allow("tenant-may-write", "sha256:ab")),
        }
    }
}

fn governed(storage: MemoryStorage, sink: &Arc<Sink>) -> Governed<MemoryStorage> {
    Governed::new(storage, Arc::new(Policy), Arc::clone(sink) as Arc<dyn ReceiptSink>)
}

fn ctx() -> Context {
    Context::builder("acme", "eu").build()
}

fn key() -> Result<ObjectKey, Error> {
    ObjectKey::new("books/2026.csv")
}

/// The error of a call that must fail.
fn refused<T>(result: Result<T, Error>) -> Result<Error, String> {
    result.err().ok_or_else(|| "the call succeeded".to_owned())
}

type Test = Result<(), Box<dyn std::error::Error>>;

#[tokio::test]
async fn every_operation_leaves_an_intent_and_its_outcome() -> Test {
    let sink = Arc::new(Sink::default());
    let storage = governed(MemoryStorage::new().with_region("eu"), &sink);
    let meta = storage.write(&ctx(), &key()?, "a;b").await?;
    assert_eq!(storage.read(&ctx(), &key()?).await?, "a;b");
    storage.head(&ctx(), &key()?, &HeadOptions::default()).await?;
    storage.list(&ctx(), &ListOptions::prefix("books/")).await?;
    let expected: Vec<_> = ["storage.put", "storage.get", "storage.head", "storage.list"]
        .into_iter()
        .flat_map(|action| [(action, Phase::Intent, Verdict::Allow), (action, Phase::Outcome, Verdict::Ok)])
        .collect();
    assert_eq!(sink.lines(), expected);

    let receipts = sink.receipts();
    assert_eq!(receipts[0].facts, [("size", "3".to_owned()), ("mode", "overwrite".to_owned())]);
    assert_eq!((receipts[0].rule.as_str(), receipts[0].policy.as_str()), ("tenant-may-write", "sha256:ab"));
    assert_eq!((receipts[0].adapter.as_str(), receipts[0].resource.as_str()), ("memory", "books/2026.csv"));
    assert_eq!(receipts[1].intent, Some(ReceiptId("rcp_1".to_owned())));
    assert_eq!(receipts[1].facts, [("etag", meta.etag.to_string()), ("size", "3".to_owned())]);
    assert_eq!(receipts[7].resource, "books/");
    Ok(())
}

#[tokio::test]
async fn a_denied_call_is_not_done_and_leaves_its_receipt() -> Test {
    let sink = Arc::new(Sink::default());
    let inner = MemoryStorage::new();
    inner.write(&ctx(), &key()?, "kept").await?;
    let storage = governed(inner.clone(), &sink);
    let error = refused(storage.delete(&ctx(), &key()?, &DeleteOptions::default()).await)?;
    assert_eq!(*error.kind(), ErrorKind::PolicyDenied { rule: "no-deletes".to_owned() });
    assert_eq!((error.outcome(), error.retry()), (Outcome::NotSent, RetryClass::Permanent));
    assert_eq!(error.receipt_id(), Some("rcp_1"));
    assert_eq!(sink.lines(), [("storage.delete", Phase::Outcome, Verdict::Deny)]);
    assert!(inner.exists(&ctx(), &key()?).await?);
    Ok(())
}

#[tokio::test]
async fn a_denial_stands_even_if_it_cannot_be_recorded() -> Test {
    let sink = Arc::new(Sink::down_at(1));
    let storage = governed(MemoryStorage::new(), &sink);
    let error = refused(storage.delete(&ctx(), &key()?, &DeleteOptions::default()).await)?;
    assert!(matches!(error.kind(), ErrorKind::PolicyDenied { .. }), "{error}");
    assert_eq!(error.receipt_id(), None);
    assert_eq!(error.source().map(ToString::to_string).as_deref(), Some("unavailable: the sink is down"));
    Ok(())
}

#[tokio::test]
async fn a_policy_that_cannot_be_asked_refuses() -> Test {
    let sink = Arc::new(Sink::default());
    let inner = MemoryStorage::new();
    inner.write(&ctx(), &key()?, "a").await?;
    let storage = governed(inner.clone(), &sink);
    let to = ObjectKey::new("copy")?;
    let error = refused(storage.copy(&ctx(), &key()?, &to, &CopyOptions::default()).await)?;
    assert_eq!(*error.kind(), ErrorKind::PolicyUnavailable);
    assert_eq!((error.outcome(), error.retry()), (Outcome::NotSent, RetryClass::Temporary));
    assert!(!inner.exists(&ctx(), &to).await?);
    Ok(())
}

#[tokio::test]
async fn another_region_is_refused_before_policy_is_asked() -> Test {
    let sink = Arc::new(Sink::default());
    let inner = MemoryStorage::new().with_region("us");
    let storage = governed(inner.clone(), &sink);
    let error = refused(storage.write(&ctx(), &key()?, "a").await)?;
    assert_eq!((error.kind(), error.outcome()), (&ErrorKind::WrongRegion, Outcome::NotSent));
    assert_eq!(sink.lines(), [("storage.put", Phase::Outcome, Verdict::Deny)]);
    assert_eq!(sink.receipts()[0].rule, REGION_RULE);
    assert!(!inner.exists(&ctx(), &key()?).await?);
    Ok(())
}

#[tokio::test]
async fn nothing_is_done_while_the_sink_is_down() -> Test {
    let sink = Arc::new(Sink::down_at(1));
    let inner = MemoryStorage::new();
    let storage = governed(inner.clone(), &sink);
    let error = refused(storage.write(&ctx(), &key()?, "a").await)?;
    assert_eq!((error.kind(), error.outcome()), (&ErrorKind::ReceiptUnavailable, Outcome::NotSent));
    assert!(!inner.exists(&ctx(), &key()?).await?);
    Ok(())
}

#[tokio::test]
async fn an_effect_whose_outcome_is_not_recorded_is_no_success() -> Test {
    let sink = Arc::new(Sink::down_at(2));
    let inner = MemoryStorage::new();
    let storage = governed(inner.clone(), &sink);
    let error = refused(storage.write(&ctx(), &key()?, "a").await)?;
    assert_eq!((error.kind(), error.outcome()), (&ErrorKind::ReceiptUnavailable, Outcome::MaybeSent));
    assert_eq!(error.receipt_id(), Some("rcp_1"), "the caller can find the intent");
    assert_eq!(sink.lines(), [("storage.put", Phase::Intent, Verdict::Allow)]);
    assert!(inner.exists(&ctx(), &key()?).await?, "the effect did happen, and the error says it may have");
    Ok(())
}

#[tokio::test]
async fn no_byte_is_read_without_its_receipt() -> Test {
    let sink = Arc::new(Sink::down_at(2));
    let inner = MemoryStorage::new();
    inner.write(&ctx(), &key()?, "secret").await?;
    let error = refused(governed(inner, &sink).get(&ctx(), &key()?, &GetOptions::default()).await)?;
    assert_eq!(*error.kind(), ErrorKind::ReceiptUnavailable);
    Ok(())
}

#[tokio::test]
async fn a_failure_that_is_certain_is_recorded_as_error() -> Test {
    let sink = Arc::new(Sink::default());
    let error = refused(governed(MemoryStorage::new(), &sink).read(&ctx(), &key()?).await)?;
    assert_eq!(*error.kind(), ErrorKind::NotFound);
    let receipts = sink.receipts();
    assert_eq!(receipts[1].verdict, Verdict::Error);
    assert_eq!(receipts[1].facts, [("error", "not_found".to_owned())]);
    Ok(())
}

#[tokio::test]
async fn a_failure_that_may_have_been_an_effect_is_recorded_as_unknown() -> Test {
    let sink = Arc::new(Sink::default());
    let storage = Governed::new(Lost(MemoryStorage::new()), Arc::new(Policy), Arc::clone(&sink) as _);
    let error = refused(storage.write(&ctx(), &key()?, "a").await)?;
    assert_eq!((error.kind(), error.outcome()), (&ErrorKind::Unavailable, Outcome::MaybeSent));
    let receipts = sink.receipts();
    assert_eq!(receipts[1].verdict, Verdict::Unknown);
    let facts = [("error", "unavailable".to_owned()), ("provider_request_id", "req-7".to_owned())];
    assert_eq!(receipts[1].facts, facts);
    Ok(())
}

#[tokio::test]
async fn an_unrecorded_failure_keeps_what_is_known_about_the_effect() -> Test {
    let sink = Arc::new(Sink::down_at(2));
    let error = refused(governed(MemoryStorage::new(), &sink).read(&ctx(), &key()?).await)?;
    assert_eq!((error.kind(), error.outcome()), (&ErrorKind::ReceiptUnavailable, Outcome::Answered));
    assert!(error.message().contains("not_found"), "{error}");
    Ok(())
}

#[tokio::test]
async fn a_passed_deadline_asks_nobody() -> Test {
    let sink = Arc::new(Sink::default());
    let clock = Arc::new(ManualClock::starting_at(SystemTime::UNIX_EPOCH));
    let storage = governed(MemoryStorage::new(), &sink).with_clock(Arc::clone(&clock) as Arc<dyn Clock>);
    let late = Context::builder("acme", "eu").deadline(clock.now()).build();
    let error = refused(storage.write(&late, &key()?, "a").await)?;
    assert_eq!((error.kind(), error.outcome()), (&ErrorKind::DeadlineExceeded, Outcome::NotSent));
    assert_eq!(sink.lines(), []);
    Ok(())
}

#[tokio::test]
async fn what_the_adapter_does_not_offer_stays_unsupported() -> Test {
    let sink = Arc::new(Sink::default());
    let storage = governed(MemoryStorage::new(), &sink);
    let options = PresignOptions::get(std::time::Duration::from_secs(60));
    let error = refused(storage.presign(&ctx(), &key()?, &options).await)?;
    let expected = ErrorKind::Unsupported { operation: "storage.presign", adapter: "memory".to_owned() };
    assert_eq!(*error.kind(), expected);
    Ok(())
}

/// A store that writes and then loses the answer.
struct Lost(MemoryStorage);

#[async_trait]
impl ObjectStorage for Lost {
    fn descriptor(&self) -> &Descriptor {
        self.0.descriptor()
    }

    async fn put(
        &self,
        ctx: &Context,
        key: &ObjectKey,
        body: Bytes,
        options: &PutOptions,
    ) -> Result<ObjectMeta, Error> {
        self.0.put(ctx, key, body, options).await?;
        Err(Error::new(ErrorKind::Unavailable, "the connection broke").with_provider_request_id("req-7"))
    }

    async fn get(&self, ctx: &Context, key: &ObjectKey, options: &GetOptions) -> Result<Object, Error> {
        self.0.get(ctx, key, options).await
    }

    async fn head(&self, ctx: &Context, key: &ObjectKey, options: &HeadOptions) -> Result<Head, Error> {
        self.0.head(ctx, key, options).await
    }

    async fn delete(&self, ctx: &Context, key: &ObjectKey, options: &DeleteOptions) -> Result<(), Error> {
        self.0.delete(ctx, key, options).await
    }

    async fn list(&self, ctx: &Context, options: &ListOptions) -> Result<ListPage, Error> {
        self.0.list(ctx, options).await
    }
}

#[tokio::test]
async fn uploads_versions_and_locks_leave_receipts_too() -> Test {
    let sink = Arc::new(Sink::default());
    let storage = governed(MemoryStorage::versioned(), &sink);
    let upload = storage.start_upload(&ctx(), &key()?, &StartUploadOptions::default()).await?;
    let part = storage.upload_part(&ctx(), &upload, 1, "a;b".into(), &UploadPartOptions::default()).await?;
    storage.list_parts(&ctx(), &upload, &ListPartsOptions::default()).await?;
    storage.list_uploads(&ctx(), &ListOptions::prefix("books/")).await?;
    let meta = storage.complete_upload(&ctx(), &upload, &[part], &CompleteUploadOptions::default()).await?;
    let other = storage.start_upload(&ctx(), &key()?, &StartUploadOptions::default()).await?;
    storage.abort_upload(&ctx(), &other, &AbortUploadOptions::default()).await?;
    storage.list_versions(&ctx(), &ListOptions::prefix("books/")).await?;
    let until = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(4_000_000_000);
    let lock = LockOptions::new(Lock::until(RetentionMode::Governance, until));
    storage.lock(&ctx(), &key()?, &lock).await?;

    let actions = [
        "start-upload",
        "upload-part",
        "list-parts",
        "list-uploads",
        "complete-upload",
        "start-upload",
        "abort-upload",
        "list-versions",
        "lock",
    ];
    let expected: Vec<_> = actions
        .into_iter()
        .flat_map(|action| [(action, Phase::Intent, Verdict::Allow), (action, Phase::Outcome, Verdict::Ok)])
        .collect();
    let lines = sink.lines();
    let lines: Vec<_> = lines
        .iter()
        .map(|(action, phase, verdict)| (action.strip_prefix("storage.").unwrap_or(action), *phase, *verdict))
        .collect();
    assert_eq!(lines, expected);

    let receipts = sink.receipts();
    let fact = |receipt: usize, name: &str| -> Option<String> {
        receipts[receipt].facts.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone())
    };
    assert_eq!(fact(1, "upload"), Some(upload.id.clone()), "the receipts of one upload can be joined");
    assert_eq!(
        (fact(2, "upload"), fact(2, "part"), fact(2, "size")),
        (Some(upload.id.clone()), Some("1".into()), Some("3".into()))
    );
    assert_eq!((fact(8, "mode"), fact(8, "size")), (Some("overwrite".into()), Some("3".into())));
    assert_eq!(fact(9, "version"), meta.version.map(|version| version.to_string()));
    assert_eq!(fact(16, "retention"), Some("governance".into()));
    assert_eq!(fact(16, "retain_until_unix_seconds"), Some("4000000000".into()));
    Ok(())
}

#[tokio::test]
async fn what_a_write_asks_for_is_put_to_policy() -> Test {
    let sink = Arc::new(Sink::default());
    let storage = governed(MemoryStorage::new(), &sink);
    let placement = Placement::default().storage_class(StorageClass::new("ARCHIVE")).kms_key("key-1");
    let options = PutOptions::create().placement(placement).checksum(Checksum::crc32c(b"123456789"));
    storage.put(&ctx(), &key()?, "123456789".into(), &options).await?;
    let facts = [
        ("size", "9"),
        ("mode", "create"),
        ("checksum", "crc32c:e3069283"),
        ("storage_class", "ARCHIVE"),
        ("kms_key", "key-1"),
    ];
    assert_eq!(sink.receipts()[0].facts, facts.map(|(name, value)| (name, value.to_owned())));
    Ok(())
}
