//! Waiting as an argument, so that tests move time instead of waiting for it.

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;

use crate::clock::ManualClock;

/// How a wrapper waits.
#[async_trait]
pub trait Sleeper: Debug + Send + Sync {
    /// Returns when `duration` has passed on the clock that goes with this sleeper.
    async fn sleep(&self, duration: Duration);
}

/// Waits on Tokio's timer, with the machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct TokioSleeper;

#[async_trait]
impl Sleeper for TokioSleeper {
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// Waits by moving the clock, and so takes no time. Others get their turn before it returns.
#[async_trait]
impl Sleeper for ManualClock {
    async fn sleep(&self, duration: Duration) {
        self.advance(duration);
        tokio::task::yield_now().await;
    }
}
