//! Time, as an argument.
//!
//! Everything that needs the time is handed a [`Clock`], so that tests move it. [`SystemClock`] is the one place that
//! asks the machine; clippy forbids it elsewhere.

use std::fmt;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp as Civil};

/// A point in time: microseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
///
/// Stored as BIGINT, shown as RFC 3339 in UTC with six decimals.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// A text is not an RFC 3339 time this server can hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an RFC 3339 time in UTC: {0}")]
pub struct InvalidTimestamp(String);

impl Timestamp {
    /// The last instant a wire timestamp can name: the end of the year 9999, less what a UTC offset may take.
    pub const MAX: Self = Self(253_402_207_200_999_999);

    /// The time that many microseconds after the epoch.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the epoch.
    #[must_use]
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Whole milliseconds since the epoch, 0 for times before it.
    #[must_use]
    pub fn unix_millis(self) -> u64 {
        u64::try_from(self.0.div_euclid(1_000)).unwrap_or(0)
    }

    /// Whole seconds since the epoch, rounded down; what a receipt's `iat` carries.
    #[must_use]
    pub const fn unix_seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// `self + duration`, stopping at the ends of the range.
    #[must_use]
    pub fn saturating_add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }

    /// `self - duration`, stopping at the ends of the range.
    #[must_use]
    pub fn saturating_sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }

    /// How long `self` is after `earlier`; zero when it is not.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// RFC 3339 in UTC with six decimals, such as `2026-01-16T09:30:00.000000Z`.
    ///
    /// Times no four-digit year can name are shown as the nearest that can.
    #[must_use]
    pub fn to_rfc3339(self) -> String {
        self.to_string()
    }

    /// Reads an RFC 3339 time that ends in `Z` or a zero offset.
    ///
    /// # Errors
    /// [`InvalidTimestamp`] when the text is something else.
    pub fn parse(text: &str) -> Result<Self, InvalidTimestamp> {
        let utc = text.ends_with(['Z', 'z']) || text.ends_with("+00:00") || text.ends_with("-00:00");
        let shaped = text.len() >= 20
            && text.is_char_boundary(11)
            && matches!(text.as_bytes()[10], b'T' | b't' | b' ');
        match text.parse::<Civil>() {
            Ok(time) if utc && shaped => Ok(Self(time.as_microsecond())),
            _ => Err(InvalidTimestamp(text.chars().take(64).collect())),
        }
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = Civil::UNIX_EPOCH
            .saturating_add(SignedDuration::from_micros(self.0))
            .unwrap_or(if self.0 < 0 { Civil::MIN } else { Civil::MAX });
        write!(f, "{time:.6}")
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Where the time comes from.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The wall-clock time. It may jump when the machine's clock is set.
    fn now(&self) -> Timestamp;

    /// A point on a clock that never runs backwards, for measuring how long something took.
    fn instant(&self) -> Instant;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

#[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp(Civil::now().as_microsecond())
    }

    fn instant(&self) -> Instant {
        Instant::now()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_shown_with_six_decimals_and_read_back() {
        let time = Timestamp::from_micros(1_768_555_800_000_042);
        assert_eq!(time.to_rfc3339(), "2026-01-16T09:30:00.000042Z");
        assert_eq!(Timestamp::parse("2026-01-16T09:30:00.000042Z"), Ok(time));
        assert_eq!(Timestamp::parse("2026-01-16T09:30:00.000042+00:00"), Ok(time));
    }

    #[test]
    fn times_before_the_epoch_round_down() {
        let time = Timestamp::from_micros(-1);
        assert_eq!(time.unix_seconds(), -1);
        assert_eq!(time.unix_millis(), 0);
        assert_eq!(time.to_rfc3339(), "1969-12-31T23:59:59.999999Z");
    }

    #[test]
    fn texts_that_are_no_utc_time_are_refused() {
        for text in [
            "",
            "yesterday",
            "2026-01-16",
            "2026-01-16T09:30:00",
            "2026-01-16T09:30:00+02:00",
            "2026-13-01T00:00:00Z",
        ] {
            assert!(Timestamp::parse(text).is_err(), "{text:?} was read as a time");
        }
    }

    #[test]
    fn the_ends_of_the_range_can_be_shown() {
        assert_eq!(Timestamp::from_micros(i64::MAX).to_rfc3339(), Timestamp::MAX.to_rfc3339());
        assert!(Timestamp::from_micros(i64::MIN).to_rfc3339().starts_with("-009999"));
    }
}
