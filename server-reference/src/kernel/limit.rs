//! How much one credential, and everybody together, may ask at once.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use companyos_types::problems;
use http::HeaderValue;
use http::header::HeaderName;

use super::clock::Timestamp;
use super::problem::Problem;

/// What is left of the quota (draft-ietf-httpapi-ratelimit-headers).
pub const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
/// The quota (same draft).
pub const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

const SHARDS: usize = 16;
/// Buckets kept per shard before full ones are dropped. A full bucket says nothing a new one would not.
const KEPT: usize = 8_192;

/// A token bucket per credential: `rate` requests per second, saved up for one second.
pub struct RateLimiter {
    rate: u32,
    policy: HeaderValue,
    shards: [Mutex<HashMap<String, Bucket>>; SHARDS],
}

#[derive(Clone, Copy)]
struct Bucket {
    /// In millionths of a token, so that a microsecond at one request per second counts.
    micro_tokens: u64,
    at: Timestamp,
}

/// What the bucket said about one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Quota {
    policy: HeaderValue,
    remaining: u64,
    admitted: bool,
}

impl RateLimiter {
    /// Allows `rate` requests per second and credential; 0 means as many as they like.
    #[must_use]
    pub fn new(rate: u32) -> Self {
        let policy = HeaderValue::from_str(&format!("\"default\";q={rate};w=1"))
            .unwrap_or(HeaderValue::from_static("\"default\""));
        Self { rate, policy, shards: std::array::from_fn(|_| Mutex::default()) }
    }

    /// Takes one token of `credential`; `None` when there is no limit.
    pub(crate) fn take(&self, credential: &str, now: Timestamp) -> Option<Quota> {
        if self.rate == 0 {
            return None;
        }
        let full = u64::from(self.rate) * 1_000_000;
        let shard =
            credential.bytes().fold(0_usize, |sum, b| sum.wrapping_mul(31).wrapping_add(usize::from(b)));
        let mut buckets = self.shards[shard % SHARDS].lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= KEPT && !buckets.contains_key(credential) {
            buckets.retain(|_, bucket| now.since(bucket.at).as_secs() < 1);
        }
        let bucket = match buckets.get_mut(credential) {
            Some(bucket) => bucket,
            None => buckets.entry(credential.to_owned()).or_insert(Bucket { micro_tokens: full, at: now }),
        };
        let earned = u64::try_from(now.since(bucket.at).as_micros()).unwrap_or(u64::MAX).min(1_000_000);
        bucket.micro_tokens = full.min(bucket.micro_tokens.saturating_add(earned * u64::from(self.rate)));
        bucket.at = now.max(bucket.at);
        let admitted = bucket.micro_tokens >= 1_000_000;
        if admitted {
            bucket.micro_tokens -= 1_000_000;
        }
        Some(Quota { policy: self.policy.clone(), remaining: bucket.micro_tokens / 1_000_000, admitted })
    }
}

impl Quota {
    /// 429 with `Retry-After` unless a token was there.
    pub(crate) fn admit(&self) -> Result<(), Problem> {
        if self.admitted {
            return Ok(());
        }
        Err(Problem::new(&problems::RATE_LIMITED).retry_after(1))
    }

    /// The two headers that tell the caller.
    pub(crate) fn headers(&self) -> [(HeaderName, HeaderValue); 2] {
        let left = HeaderValue::from_str(&format!("\"default\";r={};t=1", self.remaining));
        let left = left.unwrap_or(HeaderValue::from_static("\"default\";r=0;t=1"));
        [(RATE_LIMIT_POLICY, self.policy.clone()), (RATE_LIMIT, left)]
    }
}

/// Bounds how many requests are answered at once.
#[derive(Debug)]
pub struct Concurrency {
    running: AtomicUsize,
    most: usize,
}

impl Concurrency {
    /// At most `most` requests at once.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { running: AtomicUsize::new(0), most }
    }

    /// A slot, or 503 with `Retry-After` when all are taken.
    pub(crate) fn enter(self: &Arc<Self>) -> Result<Slot, Problem> {
        let slot = Slot(Arc::clone(self));
        if self.running.fetch_add(1, Ordering::AcqRel) < self.most {
            Ok(slot)
        } else {
            Err(Problem::unavailable(1)
                .detail("The server answers as many requests as it can. Retry after the given delay."))
        }
    }

    /// How many requests are being answered.
    #[must_use]
    pub fn running(&self) -> usize {
        self.running.load(Ordering::Acquire)
    }
}

/// One request's place; given back when dropped.
#[derive(Debug)]
pub(crate) struct Slot(Arc<Concurrency>);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const START: Timestamp = Timestamp::from_micros(1_768_555_800_000_000);

    #[test]
    fn a_bucket_empties_and_refills_with_time() {
        let limiter = RateLimiter::new(2);
        let admitted = |at: Timestamp| limiter.take("key_1", at).unwrap().admit().is_ok();
        assert!(admitted(START) && admitted(START));
        assert!(!admitted(START));
        assert!(!admitted(START.saturating_add(Duration::from_micros(499_999))));
        assert!(admitted(START.saturating_add(Duration::from_micros(500_000))));
        assert!(limiter.take("key_2", START).unwrap().admit().is_ok(), "one key used up another's quota");
    }

    #[test]
    fn the_clock_running_backwards_earns_nothing() {
        let limiter = RateLimiter::new(1);
        assert!(limiter.take("k", START).unwrap().admit().is_ok());
        let earlier = START.saturating_sub(Duration::from_secs(60));
        assert!(limiter.take("k", earlier).unwrap().admit().is_err());
        assert!(limiter.take("k", START.saturating_add(Duration::from_secs(1))).unwrap().admit().is_ok());
    }

    #[test]
    fn a_refusal_says_when_to_come_back_and_both_headers_say_what_is_left() {
        let limiter = RateLimiter::new(1);
        let [policy, left] = limiter.take("k", START).unwrap().headers();
        assert_eq!(
            (policy.1.to_str().unwrap(), left.1.to_str().unwrap()),
            ("\"default\";q=1;w=1", "\"default\";r=0;t=1")
        );
        assert_eq!(limiter.take("k", START).unwrap().admit().unwrap_err().code(), "rate-limited");
    }

    #[test]
    fn no_rate_means_no_limit() {
        assert_eq!(RateLimiter::new(0).take("k", START), None);
    }

    #[test]
    fn slots_are_given_back() {
        let concurrency = Arc::new(Concurrency::new(1));
        let slot = concurrency.enter().unwrap();
        assert_eq!(concurrency.enter().unwrap_err().code(), "unavailable");
        drop(slot);
        assert!(concurrency.enter().is_ok());
        assert_eq!(concurrency.running(), 0);
    }
}
