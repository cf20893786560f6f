//! What tests of programs that use this crate need: a clock they control.
//!
//! Together with [`InProcess`](crate::InProcess) a test of retries runs without a network and without waiting:
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//! use companyos_sdk::testing::ManualTimer;
//! use companyos_sdk::{Client, InProcess};
//!
//! # fn main() -> Result<(), companyos_sdk::Error> {
//! let timer = ManualTimer::new();
//! let client = Client::builder()
//!     .base_url("http://in-process.test")
//!     .timer(timer.clone())
//!     .transport(InProcess::new(|_request| async {
//!         Ok::<_, std::io::Error>(http::Response::new(http_body_util::Full::new(bytes::Bytes::new())))
//!     }))
//!     .build()?;
//! timer.advance(Duration::from_secs(5));
//! assert!(timer.pauses().is_empty());
//! # drop(client);
//! # Ok(())
//! # }
//! ```

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant, SystemTime};

use crate::core::timer::{Sleep, Timer, Wait};

/// A [`Timer`] whose time moves only when the test says so.
///
/// A pause before a retry or a poll ends at once and moves the clock by its length; a timeout fires only when the clock
/// passes it, through such a pause or through [`advance`](Self::advance). Clones share one clock.
#[derive(Debug, Clone)]
pub struct ManualTimer {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    started: Instant,
    started_wall: SystemTime,
    passed: Duration,
    pauses: Vec<Duration>,
    sleepers: Vec<Waker>,
}

impl ManualTimer {
    /// Starts a clock at 2026-01-16T09:30:00Z.
    #[must_use]
    pub fn new() -> Self {
        Self::starting_at(SystemTime::UNIX_EPOCH + Duration::from_secs(1_768_555_800))
    }

    /// Starts a clock at `wall`.
    #[must_use]
    pub fn starting_at(wall: SystemTime) -> Self {
        Self {
            state: Arc::new(Mutex::new(State {
                started: tokio::time::Instant::now().into_std(),
                started_wall: wall,
                passed: Duration::ZERO,
                pauses: Vec::new(),
                sleepers: Vec::new(),
            })),
        }
    }

    /// Moves the clock and wakes every sleep it passes.
    pub fn advance(&self, by: Duration) {
        let sleepers = {
            let mut state = self.lock();
            state.passed += by;
            std::mem::take(&mut state.sleepers)
        };
        sleepers.into_iter().for_each(Waker::wake);
    }

    /// Returns how far the clock has moved.
    #[must_use]
    pub fn passed(&self) -> Duration {
        self.lock().passed
    }

    /// Returns the pauses before retries and polls, in order.
    #[must_use]
    pub fn pauses(&self) -> Vec<Duration> {
        self.lock().pauses.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while the lock is held, so a poisoned state is a whole state.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for ManualTimer {
    fn default() -> Self {
        Self::new()
    }
}

impl Timer for ManualTimer {
    fn now(&self) -> Instant {
        let state = self.lock();
        state.started + state.passed
    }

    fn wall(&self) -> SystemTime {
        let state = self.lock();
        state.started_wall + state.passed
    }

    fn sleep(&self, duration: Duration, wait: Wait) -> Sleep {
        if wait == Wait::Timeout {
            let until = self.lock().passed + duration;
            return Box::pin(ManualSleep { timer: self.clone(), until });
        }
        let timer = self.clone();
        Box::pin(async move {
            timer.lock().pauses.push(duration);
            timer.advance(duration);
        })
    }
}

struct ManualSleep {
    timer: ManualTimer,
    until: Duration,
}

impl Future for ManualSleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.timer.lock();
        if state.passed >= self.until {
            return Poll::Ready(());
        }
        state.sleepers.push(cx.waker().clone());
        Poll::Pending
    }
}
