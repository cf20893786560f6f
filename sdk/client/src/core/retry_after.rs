//! `Retry-After` (RFC 9110 section 10.2.3) and the pause it leads to.

use std::time::{Duration, SystemTime};

/// The most that a server's hint adds to a pause of our own.
const MOST_ADDED: Duration = Duration::from_secs(30);

/// Reads a `Retry-After` value: seconds or an HTTP-date, relative to `now`.
///
/// A date that has passed is zero. Anything else is `None`: a hint that cannot be read is no hint.
pub(crate) fn parse(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim_matches([' ', '\t']);
    if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
        // More digits than fit are still a number, and a very long time.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or(Duration::ZERO))
}

/// The pause would end after the deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PastDeadline;

/// Joins the delay source's pause with the server's hint.
///
/// The hint is clamped to `[delay, delay + 30 s]`: never sooner than our own jitter, so that clients told the same time
/// do not return together, and never much later, so that a server's mistake cannot park its callers. A hint longer than
/// the time that is left is refused as it stands: waiting less than asked would only bring the same answer.
pub(crate) fn pause(
    delay: Duration,
    hint: Option<Duration>,
    remaining: Duration,
) -> Result<Duration, PastDeadline> {
    if hint.is_some_and(|hint| hint >= remaining) {
        return Err(PastDeadline);
    }
    let pause = hint.map_or(delay, |hint| hint.clamp(delay, delay.saturating_add(MOST_ADDED)));
    if pause < remaining { Ok(pause) } else { Err(PastDeadline) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn noon() -> SystemTime {
        // Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110.
        SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777)
    }

    #[test]
    fn reads_both_forms() {
        for (value, expected) in [
            ("0", Some(0)),
            ("120", Some(120)),
            (" 7\t", Some(7)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(0)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("99999999999999999999999", Some(u64::MAX)),
            ("", None),
            ("-1", None),
            ("+1", None),
            ("1.5", None),
            ("soon", None),
            ("1, 2", None),
        ] {
            assert_eq!(parse(value, noon()), expected.map(Duration::from_secs), "{value:?}");
        }
    }

    #[test]
    fn a_hint_raises_the_pause_within_bounds() {
        let s = Duration::from_secs;
        let minute = s(60);
        for (delay, hint, expected) in [
            (s(1), None, Ok(s(1))),
            (s(1), Some(s(0)), Ok(s(1))),
            (s(1), Some(s(5)), Ok(s(5))),
            (s(1), Some(s(45)), Ok(s(31))),
            (s(1), Some(s(59)), Ok(s(31))),
            (s(1), Some(minute), Err(PastDeadline)),
            (s(1), Some(s(3600)), Err(PastDeadline)),
            (minute, None, Err(PastDeadline)),
            (s(59), Some(s(1)), Ok(s(59))),
        ] {
            assert_eq!(pause(delay, hint, minute), expected, "{delay:?} {hint:?}");
        }
    }

    proptest! {
        #[test]
        fn never_panics_and_never_invents_a_hint(value in ".*") {
            if let Some(hint) = parse(&value, noon()) {
                let digits = value.trim_matches([' ', '\t']).bytes().all(|b| b.is_ascii_digit());
                prop_assert!(digits || httpdate::parse_http_date(value.trim()).is_ok(), "{hint:?}");
            }
        }

        #[test]
        fn seconds_round_trip(seconds: u64) {
            prop_assert_eq!(parse(&seconds.to_string(), noon()), Some(Duration::from_secs(seconds)));
        }

        #[test]
        fn dates_round_trip(ahead in 0_u64..4_000_000_000) {
            let date = noon() + Duration::from_secs(ahead);
            prop_assert_eq!(parse(&httpdate::fmt_http_date(date), noon()), Some(Duration::from_secs(ahead)));
        }

        #[test]
        fn a_pause_ends_before_the_deadline_and_lasts_at_least_the_delay(delay: u32, hint: Option<u32>, remaining: u32) {
            let ms = |n: u32| Duration::from_millis(n.into());
            if let Ok(pause) = pause(ms(delay), hint.map(ms), ms(remaining)) {
                prop_assert!(pause < ms(remaining));
                prop_assert!(pause >= ms(delay));
                prop_assert!(pause <= ms(delay) + MOST_ADDED);
            }
        }
    }
}
