//! The clock and the sleeps of a client, behind one trait.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant, SystemTime};

/// A future that borrows nothing, as [`Timer::sleep`] returns it.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What a sleep is for.
///
/// A timer that tests control treats them differently: a pause may be skipped, a timeout must not be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wait {
    /// The limit of something that is under way; its end is a failure.
    Timeout,
    /// The pause before a retry.
    Backoff,
    /// The pause before asking again how a long operation stands.
    Poll,
}

/// The time and the sleeps of a client.
///
/// Every time the client reads and every pause it makes goes through its timer, so a test that brings a
/// [`ManualTimer`](crate::testing::ManualTimer) sees every rule about time without waiting. The one exception is the
/// connect timeout, which the built-in transport keeps itself.
pub trait Timer: Send + Sync + fmt::Debug {
    /// Returns the monotonic time.
    fn now(&self) -> Instant;

    /// Returns the time of day, in which `Retry-After` dates and idempotency keys are written.
    fn wall(&self) -> SystemTime;

    /// Completes after `duration`.
    ///
    /// The future may be dropped before it completes and must then leave nothing behind.
    fn sleep(&self, duration: Duration, wait: Wait) -> Sleep;
}

/// The default [`Timer`]: Tokio's timer and the system clock.
///
/// Needs a Tokio runtime whose time driver is enabled.
#[derive(Debug, Clone, Copy, Default)]
pub struct TokioTimer;

impl Timer for TokioTimer {
    fn now(&self) -> Instant {
        // Tokio's and not the standard library's, so that `tokio::time::pause` holds it.
        tokio::time::Instant::now().into_std()
    }

    fn wall(&self) -> SystemTime {
        system_time()
    }

    fn sleep(&self, duration: Duration, _wait: Wait) -> Sleep {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// The only place of this crate that reads the system clock.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the system clock")]
fn system_time() -> SystemTime {
    SystemTime::now()
}

/// The limit passed to [`within`] was reached first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Elapsed;

/// Runs `future` for at most `limit`.
///
/// The sleep is made only when the future is not ready at its first poll, because most response bodies are.
pub(crate) async fn within<F: Future>(
    timer: &dyn Timer,
    limit: Duration,
    future: F,
) -> Result<F::Output, Elapsed> {
    let mut future = std::pin::pin!(future);
    let mut sleep: Option<Sleep> = None;
    std::future::poll_fn(move |cx: &mut Context<'_>| {
        if let Poll::Ready(output) = future.as_mut().poll(cx) {
            return Poll::Ready(Ok(output));
        }
        sleep
            .get_or_insert_with(|| timer.sleep(limit, Wait::Timeout))
            .as_mut()
            .poll(cx)
            .map(|()| Err(Elapsed))
    })
    .await
}
