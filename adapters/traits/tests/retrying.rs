//! What `Retrying` repeats, how long it waits, and when it gives up.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use companyos_adapter_traits::clock::{Clock, ManualClock};
use companyos_adapter_traits::storage::{
    CompleteUploadOptions, DeleteOptions, GetOptions, Head, HeadOptions, ListOptions, ListPage,
    MemoryStorage, Object, ObjectKey, ObjectMeta, Part, PutOptions, Upload,
};
use companyos_adapter_traits::wrappers::{RetryBudget, RetryPolicy, Retrying};
use companyos_adapter_traits::{
    Context, Descriptor, Error, ErrorKind, ObjectStorage, ObjectStorageExt, Outcome, RetryClass,
};

type Test = Result<(), Box<dyn std::error::Error>>;

/// A store whose calls fail as they are told, in order, and then work.
struct Failing {
    inner: MemoryStorage,
    errors: Mutex<Vec<Error>>,
    calls: AtomicUsize,
    /// Whether a call that fails has its effect nevertheless.
    effect: bool,
}

impl Failing {
    fn with(errors: impl IntoIterator<Item = Error>) -> Arc<Self> {
        let mut errors: Vec<_> = errors.into_iter().collect();
        errors.reverse();
        let inner = MemoryStorage::new();
        Arc::new(Self { inner, errors: Mutex::new(errors), calls: AtomicUsize::new(0), effect: false })
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    fn next(&self) -> Result<(), Error> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        self.errors.lock().unwrap_or_else(PoisonError::into_inner).pop().map_or(Ok(()), Err)
    }
}

#[async_trait]
impl ObjectStorage for Failing {
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
        let fate = self.next();
        if fate.is_ok() || self.effect {
            let meta = self.inner.put(ctx, key, body, options).await?;
            return fate.map(|()| meta);
        }
        fate.and(Err(Error::new(ErrorKind::Internal, "unreachable")))
    }

    async fn get(&self, ctx: &Context, key: &ObjectKey, options: &GetOptions) -> Result<Object, Error> {
        self.next()?;
        self.inner.get(ctx, key, options).await
    }

    async fn head(&self, ctx: &Context, key: &ObjectKey, options: &HeadOptions) -> Result<Head, Error> {
        self.next()?;
        self.inner.head(ctx, key, options).await
    }

    async fn delete(&self, ctx: &Context, key: &ObjectKey, options: &DeleteOptions) -> Result<(), Error> {
        self.next()?;
        self.inner.delete(ctx, key, options).await
    }

    async fn list(&self, ctx: &Context, options: &ListOptions) -> Result<ListPage, Error> {
        self.next()?;
        self.inner.list(ctx, options).await
    }

    async fn complete_upload(
        &self,
        ctx: &Context,
        upload: &Upload,
        parts: &[Part],
        options: &CompleteUploadOptions,
    ) -> Result<ObjectMeta, Error> {
        self.next()?;
        self.inner.complete_upload(ctx, upload, parts, options).await
    }
}

struct Rig {
    store: Arc<Failing>,
    clock: Arc<ManualClock>,
    retrying: Retrying<Arc<Failing>>,
}

/// A retrying store on a clock that only its pauses move, which are always the longest the policy allows.
fn rig(store: Arc<Failing>) -> Rig {
    let clock = Arc::new(ManualClock::starting_at(SystemTime::UNIX_EPOCH));
    let retrying = Retrying::new(Arc::clone(&store), RetryPolicy::default())
        .with_time(Arc::clone(&clock) as _, Arc::clone(&clock) as _)
        .with_jitter(|| 1.0);
    Rig { store, clock, retrying }
}

impl Rig {
    /// How long the pauses were together.
    fn waited(&self) -> Duration {
        self.clock.wall().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
    }
}

fn ctx() -> Context {
    Context::builder("acme", "eu").build()
}

fn key() -> Result<ObjectKey, Error> {
    ObjectKey::new("k")
}

fn down() -> Error {
    Error::new(ErrorKind::Unavailable, "down")
}

fn not_sent() -> Error {
    down().with_outcome(Outcome::NotSent)
}

#[tokio::test]
async fn a_temporary_failure_is_repeated_after_doubling_pauses() -> Test {
    let rig = rig(Failing::with([down(), down()]));
    rig.retrying.write(&ctx(), &key()?, "a").await?;
    assert_eq!(rig.store.calls(), 3);
    assert_eq!(rig.waited(), Duration::from_millis(100 + 200));
    Ok(())
}

#[tokio::test]
async fn pauses_are_drawn_and_capped() -> Test {
    let rig = rig(Failing::with((0..9).map(|_| down())));
    let policy =
        RetryPolicy::default().max_attempts(10).pauses(Duration::from_secs(1), Duration::from_secs(4));
    let halves = Retrying::new(Arc::clone(&rig.store), policy)
        .with_time(Arc::clone(&rig.clock) as _, Arc::clone(&rig.clock) as _)
        .with_jitter(|| 0.5);
    halves.head(&ctx(), &key()?, &HeadOptions::default()).await.err().ok_or("there is no object")?;
    assert_eq!(rig.waited(), Duration::from_millis(500 + 1000 + 7 * 2000));
    Ok(())
}

#[tokio::test]
async fn the_last_error_comes_back_as_persistent_and_is_not_multiplied() -> Test {
    let rig = rig(Failing::with((0..20).map(|_| down().with_provider_code("SlowDown"))));
    let outer = Retrying::new(rig.retrying, RetryPolicy::default())
        .with_time(Arc::clone(&rig.clock) as _, Arc::clone(&rig.clock) as _);
    let error = outer.write(&ctx(), &key()?, "a").await.err().ok_or("the write succeeded")?;
    assert_eq!((error.kind(), error.retry()), (&ErrorKind::Unavailable, RetryClass::Persistent));
    assert_eq!(error.provider_code(), Some("SlowDown"));
    assert_eq!(rig.store.calls(), 3, "the outer layer repeats nothing");
    Ok(())
}

#[tokio::test]
async fn what_cannot_succeed_is_not_repeated() -> Test {
    for kind in
        [ErrorKind::NotFound, ErrorKind::PermissionDenied, ErrorKind::InvalidInput, ErrorKind::Corrupt]
    {
        let rig = rig(Failing::with([Error::new(kind.clone(), "no")]));
        let error = rig.retrying.write(&ctx(), &key()?, "a").await.err().ok_or("the write succeeded")?;
        assert_eq!((error.kind(), error.retry()), (&kind, RetryClass::Permanent));
        assert_eq!(rig.store.calls(), 1);
    }
    Ok(())
}

#[tokio::test]
async fn a_conditional_write_that_may_have_happened_is_not_repeated() -> Test {
    let store = Failing { effect: true, ..Arc::into_inner(Failing::with([down()])).ok_or("shared")? };
    let rig = rig(Arc::new(store));
    // A key changes nothing: object stores do not know them.
    let ctx = Context::builder("acme", "eu").idempotency_key("k-1").build();
    let error = rig.retrying.create(&ctx, &key()?, "a").await.err().ok_or("the create succeeded")?;
    assert_eq!((error.outcome(), error.retry()), (Outcome::MaybeSent, RetryClass::Temporary));
    assert_eq!(rig.store.calls(), 1);
    Ok(())
}

#[tokio::test]
async fn a_conditional_write_that_has_not_happened_is_repeated() -> Test {
    let throttled = Error::new(ErrorKind::RateLimited, "slow down");
    let rig = rig(Failing::with([not_sent(), throttled]));
    rig.retrying.create(&ctx(), &key()?, "a").await?;
    assert_eq!(rig.store.calls(), 3);
    Ok(())
}

#[tokio::test]
async fn completing_an_upload_is_repeated_only_if_it_was_not_sent() -> Test {
    for (error, calls) in [(down(), 1), (not_sent(), 2)] {
        let rig = rig(Failing::with([error]));
        let upload = Upload::new(key()?, "1");
        let (ctx, options) = (ctx(), CompleteUploadOptions::default());
        let completed = rig.retrying.complete_upload(&ctx, &upload, &[], &options).await;
        completed.err().ok_or("there is no such upload")?;
        assert_eq!(rig.store.calls(), calls);
    }
    Ok(())
}

#[tokio::test]
async fn the_provider_is_given_the_time_it_asks_for() -> Test {
    let busy = Error::new(ErrorKind::RateLimited, "slow down").with_retry_after(Duration::from_secs(7));
    let rig = rig(Failing::with([busy]));
    rig.retrying.write(&ctx(), &key()?, "a").await?;
    assert_eq!(rig.waited(), Duration::from_millis(7000 + 100));
    Ok(())
}

#[tokio::test]
async fn nothing_waits_past_the_deadline() -> Test {
    let busy = Error::new(ErrorKind::RateLimited, "slow down").with_retry_after(Duration::from_secs(7));
    let rig = rig(Failing::with([busy]));
    let ctx = Context::builder("acme", "eu").deadline(rig.clock.now() + Duration::from_secs(7)).build();
    let error = rig.retrying.write(&ctx, &key()?, "a").await.err().ok_or("the write succeeded")?;
    assert_eq!(error.retry_after(), Some(Duration::from_secs(7)), "the hint is kept");
    assert_eq!(error.retry(), RetryClass::Persistent);
    assert_eq!((rig.store.calls(), rig.waited()), (1, Duration::ZERO));
    Ok(())
}

#[tokio::test]
async fn an_empty_budget_ends_the_retries_of_everybody() -> Test {
    let rig = rig(Failing::with((0..20).map(|_| down())));
    // Two retries, and one token that is not enough for a third.
    let limited = Retrying::new(Arc::clone(&rig.store), RetryPolicy::default())
        .with_time(Arc::clone(&rig.clock) as _, Arc::clone(&rig.clock) as _)
        .with_budget(Arc::new(RetryBudget::new(11)));
    for calls in [3, 4, 5] {
        let error = limited.write(&ctx(), &key()?, "a").await.err().ok_or("the write succeeded")?;
        assert_eq!((error.retry(), rig.store.calls()), (RetryClass::Persistent, calls));
    }
    Ok(())
}

#[tokio::test]
async fn first_try_successes_fill_the_budget_again() -> Test {
    let rig = rig(Failing::with([down()]));
    let limited = Retrying::new(Arc::clone(&rig.store), RetryPolicy::default())
        .with_time(Arc::clone(&rig.clock) as _, Arc::clone(&rig.clock) as _)
        .with_budget(Arc::new(RetryBudget::new(5)));
    limited.write(&ctx(), &key()?, "a").await?;
    let fail_once = || rig.store.errors.lock().unwrap_or_else(PoisonError::into_inner).push(down());
    for _ in 0..4 {
        limited.write(&ctx(), &key()?, "a").await?;
    }
    fail_once();
    assert!(limited.write(&ctx(), &key()?, "a").await.is_err(), "four successes do not pay a retry");
    limited.write(&ctx(), &key()?, "a").await?;
    fail_once();
    limited.write(&ctx(), &key()?, "a").await?;
    Ok(())
}
