//! A document that the issuer publishes, kept for a while.
//!
//! What bounds the traffic, whatever arrives: one fetch at a time; none while what is held is young; at most one per
//! interval when somebody asks for what is not in it; a pause after a failure. What bounds the staleness: a document
//! that cannot be fetched again is used for a grace period, and then no longer.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use companyos_adapter_traits::clock::Clock;
use companyos_adapter_traits::{Context, Error, ErrorKind, Outcome, RetryClass};

/// The pause after a failed fetch while there is nothing to work with.
const COLD_PAUSE: Duration = Duration::from_secs(1);

/// How long a document is good for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lifetime {
    /// After this it is fetched again.
    pub(super) max_age: Duration,
    /// How much longer it is used when that fails.
    pub(super) grace: Duration,
    /// The shortest time between two fetches that are made because something is not in it, or after a failure.
    pub(super) interval: Duration,
}

type Fetching<T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>;

pub(super) struct Cached<T> {
    shared: Arc<Shared<T>>,
}

struct Shared<T> {
    fetch: Box<dyn Fn() -> Fetching<T> + Send + Sync>,
    clock: Arc<dyn Clock>,
    lifetime: Lifetime,
    state: Mutex<State<T>>,
    turn: tokio::sync::Mutex<()>,
}

struct State<T> {
    held: Option<Held<T>>,
    attempted: Option<Instant>,
    /// The last time it was fetched because something was not in it.
    renewed: Option<Instant>,
    failing: bool,
}

/// A document and which fetch brought it.
pub(super) struct Held<T> {
    pub(super) value: Arc<T>,
    generation: u64,
    fetched: Instant,
}

impl<T> Clone for Held<T> {
    fn clone(&self) -> Self {
        Self { value: Arc::clone(&self.value), ..*self }
    }
}

/// Why a document is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// To read it.
    Read,
    /// Because the one of this generation lacks something.
    Newer(u64),
    /// Because the caller insists.
    Now,
}

/// What to do about it.
enum Decision<T> {
    Use(Held<T>),
    Fetch,
    Refuse,
}

impl<T: Send + Sync + 'static> Cached<T> {
    pub(super) fn new<F>(
        clock: Arc<dyn Clock>,
        lifetime: Lifetime,
        fetch: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        let state = State { held: None, attempted: None, renewed: None, failing: false };
        Self {
            shared: Arc::new(Shared {
                fetch: Box::new(move || Box::pin(fetch())),
                clock,
                lifetime,
                state: Mutex::new(state),
                turn: tokio::sync::Mutex::new(()),
            }),
        }
    }

    /// The document, fetched if need be.
    pub(super) async fn get(&self, ctx: &Context) -> Result<Held<T>, Error> {
        self.want(ctx, Wanted::Read).await
    }

    /// A newer document than `held`, or `held` again when it was asked for a moment ago.
    ///
    /// # Errors
    /// When it cannot be fetched: whether what is wanted exists is then not known.
    pub(super) async fn newer(&self, ctx: &Context, held: &Held<T>) -> Result<Held<T>, Error> {
        self.want(ctx, Wanted::Newer(held.generation)).await
    }

    /// The document as it is now.
    pub(super) async fn refreshed(&self, ctx: &Context) -> Result<Held<T>, Error> {
        self.want(ctx, Wanted::Now).await
    }

    async fn want(&self, ctx: &Context, wanted: Wanted) -> Result<Held<T>, Error> {
        let now = self.shared.clock.now();
        ctx.check_deadline(now)?;
        match self.shared.decide(wanted) {
            Decision::Use(held) => return Ok(held),
            Decision::Refuse => return Err(refused()),
            Decision::Fetch => {}
        }
        // In a task of its own, so that a caller who gives up does not spoil the fetch for those who wait with it.
        let shared = Arc::clone(&self.shared);
        let fetch = tokio::spawn(async move { shared.fetch(wanted).await });
        let joined = match ctx.remaining(now) {
            Some(left) => tokio::time::timeout(left, fetch).await.map_err(|_| late())?,
            None => fetch.await,
        };
        joined.map_err(|cause| Error::new(ErrorKind::Internal, "a fetch was dropped").with_source(cause))?
    }
}

impl<T> Shared<T> {
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn decide(&self, wanted: Wanted) -> Decision<T> {
        let state = self.state();
        let now = self.clock.now();
        let Lifetime { max_age, grace, interval } = self.lifetime;
        let since = |past: Option<Instant>| past.map(|past| now.saturating_duration_since(past));
        let pausing = |pause| state.failing && since(state.attempted).is_some_and(|since| since < pause);
        let Some(held) = state.held.as_ref() else {
            return if pausing(COLD_PAUSE) { Decision::Refuse } else { Decision::Fetch };
        };
        let age = now.saturating_duration_since(held.fetched);
        match wanted {
            Wanted::Read if age < max_age => Decision::Use(held.clone()),
            Wanted::Read if age >= max_age + grace && pausing(COLD_PAUSE) => Decision::Refuse,
            Wanted::Read if age < max_age + grace && pausing(interval) => Decision::Use(held.clone()),
            Wanted::Newer(seen) if held.generation > seen => Decision::Use(held.clone()),
            Wanted::Newer(_) if pausing(interval) => Decision::Refuse,
            Wanted::Newer(_) if since(state.renewed).is_some_and(|since| since < interval) => {
                Decision::Use(held.clone())
            }
            Wanted::Read | Wanted::Newer(_) | Wanted::Now => Decision::Fetch,
        }
    }

    async fn fetch(&self, wanted: Wanted) -> Result<Held<T>, Error> {
        let _turn = self.turn.lock().await;
        // Whoever had the turn before may have settled it.
        match self.decide(wanted) {
            Decision::Use(held) => return Ok(held),
            Decision::Refuse => return Err(refused()),
            Decision::Fetch => {}
        }
        let begun = self.clock.now();
        {
            let mut state = self.state();
            state.attempted = Some(begun);
            if matches!(wanted, Wanted::Newer(_)) {
                state.renewed = Some(begun);
            }
        }
        let result = (self.fetch)().await;
        let mut state = self.state();
        state.failing = result.is_err();
        match result {
            Ok(value) => {
                let generation = state.held.as_ref().map_or(0, |held| held.generation + 1);
                let held = Held { value: Arc::new(value), generation, fetched: begun };
                state.held = Some(held.clone());
                Ok(held)
            }
            Err(error) => {
                let usable = |held: &&Held<T>| {
                    let age = begun.saturating_duration_since(held.fetched);
                    wanted == Wanted::Read && age < self.lifetime.max_age + self.lifetime.grace
                };
                state.held.as_ref().filter(usable).cloned().ok_or(error)
            }
        }
    }
}

fn refused() -> Error {
    let message = "the issuer did not answer a moment ago, and is not asked again yet";
    Error::new(ErrorKind::Unavailable, message).with_outcome(Outcome::NotSent)
}

fn late() -> Error {
    let message = "the deadline passed while the issuer's documents were fetched";
    Error::new(ErrorKind::DeadlineExceeded, message)
        .with_outcome(Outcome::NotSent)
        .with_retry(RetryClass::Permanent)
}
