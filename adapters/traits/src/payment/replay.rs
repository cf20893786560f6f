//! Which webhook deliveries were seen before.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use async_trait::async_trait;

use crate::clock::{Clock, SystemClock};
use crate::{Context, Error, ErrorKind, Outcome};

/// Remembers genuine webhook deliveries for as long as their signatures are accepted.
///
/// An adapter asks after it has checked the signature, so nobody without the secret can fill the memory. A host whose
/// webhooks arrive at several processes gives the adapter a guard that they share.
#[async_trait]
pub trait ReplayGuard: fmt::Debug + Send + Sync {
    /// Remembers a delivery at least until `until`, and says whether it is new. `delivery` names the signed delivery
    /// and nothing else: its MAC, not the event's id, which later deliveries of the same event share.
    ///
    /// Of concurrent calls for one delivery exactly one answers `true`.
    ///
    /// # Errors
    /// Any error refuses the delivery.
    async fn remember(&self, ctx: &Context, delivery: &str, until: SystemTime) -> Result<bool, Error>;
}

/// A [`ReplayGuard`] for one process.
///
/// It holds a bounded number of deliveries and forgets one when its signature is no longer accepted anyway. Should it
/// be full, it refuses new deliveries instead of forgetting old ones; the provider delivers them again.
pub struct MemoryReplayGuard {
    clock: Arc<dyn Clock>,
    capacity: usize,
    seen: Mutex<HashMap<String, SystemTime>>,
}

impl MemoryReplayGuard {
    /// Remembers at most this many deliveries at a time.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { clock: Arc::new(SystemClock), capacity, seen: Mutex::default() }
    }

    /// Reads the time from `clock`.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }
}

impl Default for MemoryReplayGuard {
    /// Remembers 100,000 deliveries: 333 a second at a tolerance of five minutes.
    fn default() -> Self {
        Self::new(100_000)
    }
}

impl fmt::Debug for MemoryReplayGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryReplayGuard").field("capacity", &self.capacity).finish_non_exhaustive()
    }
}

#[async_trait]
impl ReplayGuard for MemoryReplayGuard {
    async fn remember(&self, _: &Context, delivery: &str, until: SystemTime) -> Result<bool, Error> {
        // The map is whole after every statement below, so a poisoned lock is still good.
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.contains_key(delivery) {
            return Ok(false);
        }
        if seen.len() >= self.capacity {
            let now = self.clock.wall();
            // The last moment at which a signature is accepted is part of its time.
            seen.retain(|_, until| *until >= now);
        }
        if seen.len() >= self.capacity {
            let why = format!("{} fresh webhook deliveries are remembered, which is the limit", seen.len());
            return Err(Error::new(ErrorKind::RateLimited, why).with_outcome(Outcome::NotSent));
        }
        seen.insert(delivery.to_owned(), until);
        Ok(true)
    }
}
