//! What `Limited` lets through, what it makes wait, and what it refuses.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use companyos_adapter_traits::clock::{Clock, ManualClock};
use companyos_adapter_traits::storage::{
    DeleteOptions, GetOptions, Head, HeadOptions, ListOptions, ListPage, MemoryStorage, Object, ObjectKey,
    ObjectMeta, PutOptions,
};
use companyos_adapter_traits::wrappers::{LimitPolicy, Limited};
use companyos_adapter_traits::{
    Context, Descriptor, Error, ErrorKind, ObjectStorage, ObjectStorageExt, Outcome, RetryClass,
};
use tokio::sync::Semaphore;

type Test = Result<(), Box<dyn std::error::Error>>;

/// A store whose calls wait until the gate lets them go, and which counts them.
struct Gated {
    inner: MemoryStorage,
    gate: Semaphore,
    inside: AtomicUsize,
    most: AtomicUsize,
}

impl Gated {
    fn new(open: usize) -> Arc<Self> {
        Arc::new(Self {
            inner: MemoryStorage::new(),
            gate: Semaphore::new(open),
            inside: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
        })
    }

    async fn pass(&self) {
        let inside = self.inside.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(inside, Ordering::SeqCst);
        if let Ok(permit) = self.gate.acquire().await {
            permit.forget();
        }
        self.inside.fetch_sub(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl ObjectStorage for Gated {
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
        self.pass().await;
        self.inner.put(ctx, key, body, options).await
    }

    async fn get(&self, ctx: &Context, key: &ObjectKey, options: &GetOptions) -> Result<Object, Error> {
        self.pass().await;
        self.inner.get(ctx, key, options).await
    }

    async fn head(&self, ctx: &Context, key: &ObjectKey, options: &HeadOptions) -> Result<Head, Error> {
        self.pass().await;
        self.inner.head(ctx, key, options).await
    }

    async fn delete(&self, ctx: &Context, key: &ObjectKey, options: &DeleteOptions) -> Result<(), Error> {
        self.pass().await;
        self.inner.delete(ctx, key, options).await
    }

    async fn list(&self, ctx: &Context, options: &ListOptions) -> Result<ListPage, Error> {
        self.pass().await;
        self.inner.list(ctx, options).await
    }
}

fn ctx() -> Context {
    Context::builder("acme", "eu").build()
}

fn key() -> Result<ObjectKey, Error> {
    ObjectKey::new("k")
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::starting_at(SystemTime::UNIX_EPOCH))
}

fn waited(clock: &ManualClock) -> Duration {
    clock.wall().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_more_calls_run_at_a_time_than_allowed() -> Test {
    let store = Gated::new(0);
    let limited = Arc::new(Limited::new(Arc::clone(&store), LimitPolicy::default().concurrency(3)));
    let calls: Vec<_> = (0..50)
        .map(|call: usize| {
            let limited = Arc::clone(&limited);
            tokio::spawn(async move { limited.write(&ctx(), &ObjectKey::new(call.to_string())?, "a").await })
        })
        .collect();
    store.gate.add_permits(50);
    for call in calls {
        call.await??;
    }
    assert!(store.most.load(Ordering::SeqCst) <= 3, "{:?} calls ran at a time", store.most);
    assert_eq!(store.inner.list_all(&ctx(), "").await?.len(), 50, "every call was made");
    Ok(())
}

#[tokio::test]
async fn a_call_that_finds_no_slot_until_its_deadline_is_refused_unsent() -> Test {
    let (store, clock) = (Gated::new(0), clock());
    let limited = Arc::new(
        Limited::new(Arc::clone(&store), LimitPolicy::default().concurrency(1))
            .with_time(Arc::clone(&clock) as _, Arc::clone(&clock) as _),
    );
    let first = tokio::spawn({
        let limited = Arc::clone(&limited);
        async move { limited.write(&ctx(), &key()?, "first").await }
    });
    while store.inside.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    let late = Context::builder("acme", "eu").deadline(clock.now() + Duration::from_secs(5)).build();
    let error = limited.write(&late, &key()?, "second").await.err().ok_or("the second call got through")?;
    assert_eq!((error.kind(), error.outcome()), (&ErrorKind::RateLimited, Outcome::NotSent));
    assert_eq!(error.retry(), RetryClass::Temporary);
    assert_eq!(waited(&clock), Duration::from_secs(5), "it waited as long as it could");
    store.gate.add_permits(2);
    first.await??;
    limited.write(&ctx(), &key()?, "third").await?;
    Ok(())
}

#[tokio::test]
async fn calls_over_the_rate_wait_their_turn() -> Test {
    let clock = clock();
    let limited = Limited::new(MemoryStorage::new(), LimitPolicy::default().per_second(10, 3))
        .with_time(Arc::clone(&clock) as _, Arc::clone(&clock) as _);
    let mut turns = Vec::new();
    for _ in 0..6 {
        limited.write(&ctx(), &key()?, "a").await?;
        turns.push(waited(&clock).as_millis());
    }
    assert_eq!(turns, [0, 0, 0, 100, 200, 300], "three at once, then one every 100 ms");
    clock.advance(Duration::from_secs(60));
    for _ in 0..3 {
        limited.write(&ctx(), &key()?, "a").await?;
    }
    assert_eq!(waited(&clock), Duration::from_millis(60_300), "a quiet minute is worth one burst, not more");
    limited.write(&ctx(), &key()?, "a").await?;
    assert_eq!(waited(&clock), Duration::from_millis(60_400));
    Ok(())
}

#[tokio::test]
async fn a_turn_after_the_deadline_is_refused_and_not_taken() -> Test {
    let clock = clock();
    let limited = Limited::new(MemoryStorage::new(), LimitPolicy::default().per_second(1, 1))
        .with_time(Arc::clone(&clock) as _, Arc::clone(&clock) as _);
    limited.write(&ctx(), &key()?, "a").await?;
    for _ in 0..3 {
        let hasty = Context::builder("acme", "eu").deadline(clock.now() + Duration::from_millis(500)).build();
        let error = limited.write(&hasty, &key()?, "b").await.err().ok_or("the hasty call got through")?;
        assert_eq!((error.kind(), error.outcome()), (&ErrorKind::RateLimited, Outcome::NotSent));
        assert_eq!(error.retry_after(), Some(Duration::from_secs(1)), "the refused calls took no turn");
    }
    Ok(())
}

#[tokio::test]
async fn who_must_not_wait_is_refused_at_once() -> Test {
    let clock = clock();
    let policy = LimitPolicy::default().concurrency(1).per_second(1, 1).refuse();
    let limited = Limited::new(MemoryStorage::new(), policy)
        .with_time(Arc::clone(&clock) as _, Arc::clone(&clock) as _);
    limited.write(&ctx(), &key()?, "a").await?;
    let error = limited.write(&ctx(), &key()?, "b").await.err().ok_or("the second call got through")?;
    assert_eq!((error.kind(), error.retry_after()), (&ErrorKind::RateLimited, Some(Duration::from_secs(1))));
    assert_eq!(waited(&clock), Duration::ZERO);
    clock.advance(Duration::from_secs(1));
    limited.write(&ctx(), &key()?, "c").await?;
    Ok(())
}
