//! How long to wait before a retry.

use std::fmt;
use std::time::Duration;

/// The pauses of one call, the first being the one before its first retry.
pub type Delays = Box<dyn Iterator<Item = Duration> + Send>;

/// Says how long to wait before each retry.
///
/// The retry loop asks for a new sequence for every call that needs one, takes one item per retry, and gives up when
/// the sequence ends. A server's `Retry-After` raises a pause, never shortens it. The number of attempts, the shared
/// budget and the deadline stay in force whatever the sequence says.
///
/// The default is [`FullJitter`]. Policies written for the `backon` crate plug in through [`BackonDelays`] (feature
/// `backon`), policies written for the `backoff` crate through [`BackoffDelays`] (feature `backoff`).
///
/// [`BackonDelays`]: https://docs.rs/companyos-sdk/latest/companyos_sdk/struct.BackonDelays.html
/// [`BackoffDelays`]: https://docs.rs/companyos-sdk/latest/companyos_sdk/struct.BackoffDelays.html
pub trait DelaySource: Send + Sync + fmt::Debug {
    /// Starts the sequence of one call.
    fn delays(&self) -> Delays;
}

/// Exponential backoff with full jitter: a uniformly random time between zero and a ceiling that doubles.
///
/// The ceiling starts at 100 ms and stops growing at 10 s. Full jitter spreads clients that failed together better than
/// any fixed fraction of jitter does (see "Exponential Backoff And Jitter" in the AWS Architecture Blog).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FullJitter {
    base: Duration,
    cap: Duration,
}

impl FullJitter {
    /// Starts at a ceiling of `base` and doubles it up to `cap`.
    #[must_use]
    pub fn new(base: Duration, cap: Duration) -> Self {
        Self { base, cap }
    }

    /// The ceiling before retry `retry`, counted from 0.
    fn ceiling(&self, retry: u32) -> Duration {
        let factor = 1_u32.checked_shl(retry).unwrap_or(u32::MAX);
        self.base.saturating_mul(factor).min(self.cap)
    }
}

impl Default for FullJitter {
    fn default() -> Self {
        Self::new(Duration::from_millis(100), Duration::from_secs(10))
    }
}

impl DelaySource for FullJitter {
    fn delays(&self) -> Delays {
        let jitter = *self;
        Box::new((0_u32..).map(move |retry| jitter.ceiling(retry).mul_f64(random_fraction())))
    }
}

/// A uniformly random number in [0, 1).
///
/// When the system has no randomness to give, the ceiling's half: retries then lose their spread, not their pause.
fn random_fraction() -> f64 {
    let random = getrandom::u32().unwrap_or(1 << 31);
    f64::from(random) / (f64::from(u32::MAX) + 1.0)
}

/// Pauses from a policy of the `backon` crate.
///
/// ```
/// use companyos_sdk::{BackonDelays, Client};
///
/// let policy = backon::ExponentialBuilder::default().with_jitter().with_max_times(5);
/// let builder = Client::builder().delays(BackonDelays::new(policy));
/// # drop(builder);
/// ```
#[cfg(feature = "backon")]
#[derive(Clone)]
pub struct BackonDelays<B> {
    policy: B,
}

#[cfg(feature = "backon")]
impl<B> BackonDelays<B>
where
    B: backon::BackoffBuilder + Clone + Send + Sync,
    B::Backoff: 'static,
{
    /// Takes pauses from `policy`, built anew for every call.
    #[must_use]
    pub fn new(policy: B) -> Self {
        Self { policy }
    }
}

#[cfg(feature = "backon")]
impl<B> fmt::Debug for BackonDelays<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackonDelays").finish_non_exhaustive()
    }
}

#[cfg(feature = "backon")]
impl<B> DelaySource for BackonDelays<B>
where
    B: backon::BackoffBuilder + Clone + Send + Sync,
    B::Backoff: 'static,
{
    fn delays(&self) -> Delays {
        Box::new(self.policy.clone().build())
    }
}

/// Pauses from a policy of the `backoff` crate.
///
/// `backoff` 0.4 is unmaintained ([RUSTSEC-2025-0012](https://rustsec.org/advisories/RUSTSEC-2025-0012)), so the feature
/// is off by default: nobody inherits the advisory, and whoever has policies written for that crate can bring them.
/// For anything new use the built-in [`FullJitter`] or [`BackonDelays`](crate::DelaySource).
///
/// ```
/// use backoff::ExponentialBackoff;
/// use companyos_sdk::{BackoffDelays, Client};
///
/// let builder = Client::builder().delays(BackoffDelays::new(ExponentialBackoff::default));
/// # drop(builder);
/// ```
#[cfg(feature = "backoff")]
#[derive(Clone)]
pub struct BackoffDelays<F> {
    make: F,
}

#[cfg(feature = "backoff")]
impl<F, B> BackoffDelays<F>
where
    F: Fn() -> B + Send + Sync,
    B: backoff::backoff::Backoff + Send + 'static,
{
    /// Takes pauses from the policy that `make` returns, which is called once for every call.
    #[must_use]
    pub fn new(make: F) -> Self {
        Self { make }
    }
}

#[cfg(feature = "backoff")]
impl<F> fmt::Debug for BackoffDelays<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackoffDelays").finish_non_exhaustive()
    }
}

#[cfg(feature = "backoff")]
impl<F, B> DelaySource for BackoffDelays<F>
where
    F: Fn() -> B + Send + Sync,
    B: backoff::backoff::Backoff + Send + 'static,
{
    fn delays(&self) -> Delays {
        let mut policy = (self.make)();
        Box::new(std::iter::from_fn(move || policy.next_backoff()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ceiling_doubles_until_the_cap() {
        let jitter = FullJitter::default();
        let ceilings: Vec<_> =
            [0, 1, 2, 6, 7, 31, 32, 500].map(|retry| jitter.ceiling(retry).as_millis()).into();
        assert_eq!(ceilings, [100, 200, 400, 6400, 10_000, 10_000, 10_000, 10_000]);
    }

    #[test]
    fn pauses_stay_below_the_ceiling_and_differ() {
        let jitter = FullJitter::default();
        let first: Vec<_> = (0..64).filter_map(|_| jitter.delays().next()).collect();
        assert_eq!(first.len(), 64);
        assert!(first.iter().all(|delay| *delay < Duration::from_millis(100)));
        assert!(first.iter().any(|delay| *delay != first[0]), "64 equal draws from 2^32");
    }

    #[cfg(feature = "backon")]
    #[test]
    fn a_backon_policy_starts_anew_for_every_call_and_ends_when_it_says() {
        let source = BackonDelays::new(
            backon::ConstantBuilder::default().with_delay(Duration::from_millis(7)).with_max_times(2),
        );
        for _ in 0..2 {
            assert_eq!(source.delays().collect::<Vec<_>>(), [Duration::from_millis(7); 2]);
        }
    }

    #[cfg(feature = "backoff")]
    #[test]
    fn a_backoff_policy_is_made_anew_for_every_call() {
        use backoff::backoff::{Constant, Stop};
        let source = BackoffDelays::new(|| Constant::new(Duration::from_millis(9)));
        assert_eq!(source.delays().take(2).collect::<Vec<_>>(), [Duration::from_millis(9); 2]);
        assert_eq!(BackoffDelays::new(|| Stop {}).delays().next(), None);
    }
}
