//! Not too many at a time, and not too fast.

use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::{Either, select};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::{Repeat, Sleeper, TokioSleeper};
use crate::clock::{Clock, SystemClock};
use crate::{Context, Error, ErrorKind, Outcome};

/// How many calls [`Limited`] lets through. No limits unless set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct LimitPolicy {
    /// The most calls at a time.
    pub concurrency: Option<usize>,
    /// The most calls per second, on average.
    pub per_second: Option<u32>,
    /// How many calls may come at once after a quiet time, where there is a limit per second.
    pub burst: u32,
    /// Whether a call that would have to wait is refused instead.
    pub refuse: bool,
}

impl LimitPolicy {
    /// Lets so many calls through at a time, at least one.
    #[must_use]
    pub fn concurrency(mut self, calls: usize) -> Self {
        self.concurrency = Some(calls.max(1));
        self
    }

    /// Lets so many calls through per second on average, and so many at once after a quiet time; at least one of each.
    #[must_use]
    pub fn per_second(mut self, calls: u32, burst: u32) -> Self {
        (self.per_second, self.burst) = (Some(calls.max(1)), burst.max(1));
        self
    }

    /// Refuses a call that would have to wait.
    #[must_use]
    pub fn refuse(mut self) -> Self {
        self.refuse = true;
        self
    }
}

/// An adapter that keeps to a number of calls at a time and per second.
///
/// A call over the limit waits for its turn, in order of arrival, and no longer than its deadline allows. A call that
/// would wait longer, or must not wait, is refused with [`RateLimited`](ErrorKind::RateLimited) and
/// [`NotSent`](Outcome::NotSent); [`Error::retry_after`] says when to come back, where that can be known.
///
/// A call ends when it answers: the body of an object that is being read counts no more.
pub struct Limited<A> {
    adapter: A,
    policy: LimitPolicy,
    slots: Option<Semaphore>,
    /// When the bucket will be empty again, if nobody else comes: the theoretical arrival time of the generic cell rate
    /// algorithm.
    arrival: Mutex<Option<Instant>>,
    clock: Arc<dyn Clock>,
    sleeper: Arc<dyn Sleeper>,
}

impl<A> Limited<A> {
    /// Limits calls of `adapter`, on the machine's clock and Tokio's timer.
    pub fn new(adapter: A, policy: LimitPolicy) -> Self {
        let slots = policy.concurrency.map(|calls| Semaphore::new(calls.min(Semaphore::MAX_PERMITS)));
        Self {
            adapter,
            policy,
            slots,
            arrival: Mutex::new(None),
            clock: Arc::new(SystemClock),
            sleeper: Arc::new(TokioSleeper),
        }
    }

    /// Reads the time from `clock` and waits with `sleeper`, which must go by it.
    #[must_use]
    pub fn with_time(mut self, clock: Arc<dyn Clock>, sleeper: Arc<dyn Sleeper>) -> Self {
        (self.clock, self.sleeper) = (clock, sleeper);
        self
    }

    pub(super) fn adapter(&self) -> &A {
        &self.adapter
    }

    pub(super) async fn run<T, F>(
        &self,
        ctx: &Context,
        _: Repeat,
        operation: impl Fn() -> F + Send + Sync,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>> + Send,
        T: Send,
    {
        ctx.check_deadline(self.clock.now())?;
        let _slot = self.slot(ctx).await?;
        let wait = self.reserve(ctx)?;
        if !wait.is_zero() {
            self.sleeper.sleep(wait).await;
        }
        operation().await
    }

    /// Waits for one of the calls at a time.
    async fn slot(&self, ctx: &Context) -> Result<Option<SemaphorePermit<'_>>, Error> {
        let Some(slots) = &self.slots else { return Ok(None) };
        if let Ok(slot) = slots.try_acquire() {
            return Ok(Some(slot));
        }
        if self.policy.refuse {
            return Err(refusal("too many calls are under way", None));
        }
        let slot = match ctx.remaining(self.clock.now()) {
            None => slots.acquire().await,
            Some(left) => match select(pin!(slots.acquire()), self.sleeper.sleep(left)).await {
                Either::Left((slot, _)) => slot,
                Either::Right(_) => {
                    return Err(refusal("too many calls were under way until the deadline", None));
                }
            },
        };
        slot.map(Some).map_err(|cause| {
            Error::new(ErrorKind::Internal, "the limit of calls is gone")
                .with_outcome(Outcome::NotSent)
                .with_source(cause)
        })
    }

    /// Takes a place in the order of calls, and says how long it is until its turn.
    fn reserve(&self, ctx: &Context) -> Result<Duration, Error> {
        let Some(per_second) = self.policy.per_second else { return Ok(Duration::ZERO) };
        let interval = Duration::from_secs(1) / per_second;
        let tolerance = interval * (self.policy.burst - 1);
        let now = self.clock.now();
        let mut arrival = self.arrival.lock().unwrap_or_else(PoisonError::into_inner);
        let earliest = arrival.map_or(now, |arrival| arrival.max(now));
        let wait = earliest.saturating_duration_since(now).saturating_sub(tolerance);
        let too_long = ctx.remaining(now).is_some_and(|left| left <= wait);
        if !wait.is_zero() && (self.policy.refuse || too_long) {
            return Err(refusal("too many calls came in too short a time", Some(wait)));
        }
        *arrival = Some(earliest + interval);
        Ok(wait)
    }
}

impl<A: fmt::Debug> fmt::Debug for Limited<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limited")
            .field("adapter", &self.adapter)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

fn refusal(why: &str, come_back: Option<Duration>) -> Error {
    let error = Error::new(ErrorKind::RateLimited, why).with_outcome(Outcome::NotSent);
    match come_back {
        Some(pause) => error.with_retry_after(pause),
        None => error,
    }
}
