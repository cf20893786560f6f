//! Doing it again.

use std::fmt;
use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::{Repeat, Sleeper, TokioSleeper};
use crate::clock::{Clock, SystemClock};
use crate::{Context, Error, ErrorKind, Outcome, RetryClass};

/// How often and how fast [`Retrying`] repeats.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// The most attempts, the first included; 3 unless set.
    pub max_attempts: u32,
    /// The longest pause before the second attempt; it doubles from attempt to attempt. 100 ms unless set.
    pub base: Duration,
    /// The longest pause that the policy itself asks for; 10 s unless set. A provider may ask for more.
    pub cap: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { max_attempts: 3, base: Duration::from_millis(100), cap: Duration::from_secs(10) }
    }
}

impl RetryPolicy {
    /// Sets the most attempts, the first included.
    #[must_use]
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = attempts;
        self
    }

    /// Sets the longest pauses: before the second attempt, and at all.
    #[must_use]
    pub fn pauses(mut self, base: Duration, cap: Duration) -> Self {
        (self.base, self.cap) = (base, cap);
        self
    }

    /// The longest pause after the attempt with this number.
    fn ceiling(&self, attempt: u32) -> Duration {
        let doubled = 1_u32.checked_shl(attempt - 1).and_then(|factor| self.base.checked_mul(factor));
        doubled.unwrap_or(self.cap).min(self.cap)
    }
}

/// What retries are paid from, shared by all calls of an adapter: when a provider is down, almost everything fails, and
/// repeating all of it would keep it down.
///
/// A retry costs 5 tokens, one after a timeout 10. A call that succeeds at once brings 1 back.
#[derive(Debug)]
pub struct RetryBudget {
    tokens: AtomicU32,
    capacity: u32,
}

impl RetryBudget {
    /// A full bucket.
    #[must_use]
    pub fn new(capacity: u32) -> Self {
        Self { tokens: AtomicU32::new(capacity), capacity }
    }

    fn pay(&self, tokens: u32) -> bool {
        let paid = |left: u32| left.checked_sub(tokens);
        self.tokens.fetch_update(Ordering::Relaxed, Ordering::Relaxed, paid).is_ok()
    }

    fn refund(&self) {
        let refunded = |left: u32| (left < self.capacity).then_some(left + 1);
        // A full bucket stays full.
        let _ = self.tokens.fetch_update(Ordering::Relaxed, Ordering::Relaxed, refunded);
    }
}

impl Default for RetryBudget {
    /// 500 tokens.
    fn default() -> Self {
        Self::new(500)
    }
}

/// Draws a number from 0 up to, not including, 1.
type Jitter = Arc<dyn Fn() -> f64 + Send + Sync>;

/// An adapter that repeats what failed for the moment, if repeating is safe.
///
/// A failed call is repeated when its error is [`Temporary`](RetryClass::Temporary) and
/// - has certainly had no effect ([`NotSent`](Outcome::NotSent) or [`Answered`](Outcome::Answered)), or
/// - may have had one ([`MaybeSent`](Outcome::MaybeSent)), and the operation comes to the same when it is done again: by
///   the contract of its trait, or because the [`Context`] carries an idempotency key that the family's providers know.
///
/// The pause before a repetition is drawn between nothing and a ceiling that doubles (full jitter), on top of what the
/// provider asked for ([`Error::retry_after`]). A pause that would not end before the deadline is not begun.
///
/// When attempts, deadline or budget run out, the last error comes back as [`Persistent`](RetryClass::Persistent), so
/// that a retrying layer above does not multiply the attempts. An error that could be repeated but not safely stays
/// as it is: only the caller can know whether it was done.
///
/// The body of an object that is read is not the call: when it breaks off, nothing is repeated.
pub struct Retrying<A> {
    adapter: A,
    policy: RetryPolicy,
    budget: Arc<RetryBudget>,
    clock: Arc<dyn Clock>,
    sleeper: Arc<dyn Sleeper>,
    jitter: Jitter,
}

impl<A> Retrying<A> {
    /// Repeats calls of `adapter`, on the machine's clock and Tokio's timer, with a budget of its own.
    pub fn new(adapter: A, policy: RetryPolicy) -> Self {
        Self {
            adapter,
            policy,
            budget: Arc::default(),
            clock: Arc::new(SystemClock),
            sleeper: Arc::new(TokioSleeper),
            jitter: Arc::new(random),
        }
    }

    /// Pays retries from `budget`, which several adapters of one provider may share.
    #[must_use]
    pub fn with_budget(mut self, budget: Arc<RetryBudget>) -> Self {
        self.budget = budget;
        self
    }

    /// Reads the time from `clock` and waits with `sleeper`, which must go by it.
    #[must_use]
    pub fn with_time(mut self, clock: Arc<dyn Clock>, sleeper: Arc<dyn Sleeper>) -> Self {
        (self.clock, self.sleeper) = (clock, sleeper);
        self
    }

    /// Draws pauses with `jitter`, which returns numbers from 0 up to 1.
    #[must_use]
    pub fn with_jitter(mut self, jitter: impl Fn() -> f64 + Send + Sync + 'static) -> Self {
        self.jitter = Arc::new(jitter);
        self
    }

    pub(super) fn adapter(&self) -> &A {
        &self.adapter
    }

    pub(super) async fn run<T, F>(
        &self,
        ctx: &Context,
        repeat: Repeat,
        operation: impl Fn() -> F + Send + Sync,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>> + Send,
        T: Send,
    {
        for attempt in 1.. {
            let error = match operation().await {
                Ok(value) => {
                    if attempt == 1 {
                        self.budget.refund();
                    }
                    return Ok(value);
                }
                Err(error) => error,
            };
            if error.retry() != RetryClass::Temporary || !is_safe(&error, repeat, ctx) {
                return Err(error);
            }
            let Some(pause) = self.pause(ctx, &error, attempt) else {
                return Err(error.into_persistent());
            };
            self.sleeper.sleep(pause).await;
        }
        // The policy's attempts are a u32, and it gives up before they are all used.
        Err(Error::new(ErrorKind::Internal, "the attempts ran out"))
    }

    /// How long to wait before the next attempt; `None` to give up.
    fn pause(&self, ctx: &Context, error: &Error, attempt: u32) -> Option<Duration> {
        if attempt >= self.policy.max_attempts {
            return None;
        }
        let drawn = self.policy.ceiling(attempt).mul_f64((self.jitter)().clamp(0.0, 1.0));
        let pause = error.retry_after().unwrap_or_default().checked_add(drawn)?;
        if ctx.remaining(self.clock.now()).is_some_and(|left| left <= pause) {
            return None;
        }
        let cost = if *error.kind() == ErrorKind::DeadlineExceeded { 10 } else { 5 };
        self.budget.pay(cost).then_some(pause)
    }
}

impl<A: fmt::Debug> fmt::Debug for Retrying<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retrying")
            .field("adapter", &self.adapter)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

fn is_safe(error: &Error, repeat: Repeat, ctx: &Context) -> bool {
    match (error.outcome(), repeat) {
        (Outcome::NotSent | Outcome::Answered, _) | (Outcome::MaybeSent, Repeat::Always) => true,
        (Outcome::MaybeSent, Repeat::WithKey) => ctx.idempotency_key.is_some(),
        (Outcome::MaybeSent, Repeat::Never) => false,
    }
}

/// A number from 0 up to 1. The standard library seeds every hasher at random, which is as much randomness as a pause
/// needs.
fn random() -> f64 {
    // The upper 53 bits fill the mantissa.
    (RandomState::new().hash_one(()) >> 11) as f64 / (1_u64 << 53) as f64
}
