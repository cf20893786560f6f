//! Whether the server takes traffic.

use std::sync::atomic::{AtomicU8, Ordering};

// 0, where it begins, is starting.
const SERVING: u8 = 1;
const DRAINING: u8 = 2;

/// The server's phase: starting, serving, draining. It only moves forward.
#[derive(Debug, Default)]
pub struct Health(AtomicU8);

impl Health {
    /// Start-up has finished.
    pub fn started(&self) {
        self.0.fetch_max(SERVING, Ordering::AcqRel);
    }

    /// The server is going down: what runs is finished, nothing new should come.
    pub fn drain(&self) {
        self.0.fetch_max(DRAINING, Ordering::AcqRel);
    }

    /// Whether start-up has finished.
    #[must_use]
    pub fn is_started(&self) -> bool {
        self.0.load(Ordering::Acquire) >= SERVING
    }

    /// Whether the server takes traffic.
    #[must_use]
    pub fn is_serving(&self) -> bool {
        self.0.load(Ordering::Acquire) == SERVING
    }
}
