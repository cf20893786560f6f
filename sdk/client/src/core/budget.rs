//! The token bucket that all calls of a client share, so that retries cannot multiply an outage.

use std::sync::atomic::{AtomicU32, Ordering};

/// Tokens a full bucket holds.
const CAPACITY: u32 = 500;
/// What a call that succeeds at its first try gives back.
const REWARD: u32 = 1;

/// What a retry is paid for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Price {
    /// A retry after a failure that was seen at once.
    Retry,
    /// A retry after a timeout, which held resources on both sides for its whole length.
    Timeout,
}

impl Price {
    fn tokens(self) -> u32 {
        match self {
            Price::Retry => 5,
            Price::Timeout => 10,
        }
    }
}

/// The retry budget: full, it pays for 100 retries; then one retry for every five calls that succeed at once.
#[derive(Debug)]
pub(crate) struct Budget {
    tokens: AtomicU32,
}

impl Budget {
    pub(crate) fn full() -> Self {
        Self { tokens: AtomicU32::new(CAPACITY) }
    }

    /// Takes the price of a retry, or nothing when the bucket does not hold it.
    pub(crate) fn pay(&self, price: Price) -> bool {
        self.tokens
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |tokens| tokens.checked_sub(price.tokens()))
            .is_ok()
    }

    /// Gives back for a call that succeeded at its first try.
    pub(crate) fn reward(&self) {
        // A full bucket, the normal case, is left alone: writing it would make every core fetch the cache line anew.
        if self.tokens.load(Ordering::Relaxed) < CAPACITY {
            let _ = self.tokens.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |tokens| {
                (tokens < CAPACITY).then_some(tokens + REWARD)
            });
        }
    }

    /// Returns the tokens left.
    pub(crate) fn tokens(&self) -> u32 {
        self.tokens.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_bucket_pays_for_a_hundred_retries() {
        let budget = Budget::full();
        assert_eq!((0..1000).filter(|_| budget.pay(Price::Retry)).count(), 100);
        assert_eq!(budget.tokens(), 0);
    }

    #[test]
    fn a_timeout_costs_twice_as_much() {
        let budget = Budget::full();
        assert_eq!((0..1000).filter(|_| budget.pay(Price::Timeout)).count(), 50);
    }

    #[test]
    fn five_first_try_successes_buy_one_retry() {
        let budget = Budget::full();
        while budget.pay(Price::Retry) {}
        (0..4).for_each(|_| budget.reward());
        assert!(!budget.pay(Price::Retry));
        budget.reward();
        assert!(budget.pay(Price::Retry));
    }

    #[test]
    fn rewards_never_overfill() {
        let budget = Budget::full();
        (0..10).for_each(|_| budget.reward());
        assert_eq!(budget.tokens(), CAPACITY);
    }
}
