//! Calendar arithmetic for times in seconds since 1970, UTC (Hinnant, `civil_from_days`).

const SECONDS_PER_DAY: i64 = 86_400;

/// Year, month and day in the proleptic Gregorian calendar.
pub(crate) fn date(seconds: i64) -> (i64, i64, i64) {
    // Counted from 1 March of year 0, so that the leap day ends a year.
    let days = seconds.div_euclid(SECONDS_PER_DAY) + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// RFC 3339 text, to the second.
#[cfg(feature = "cli")]
pub(crate) fn rfc3339(seconds: i64) -> String {
    let (year, month, day) = date(seconds);
    let time = seconds.rem_euclid(SECONDS_PER_DAY);
    let (hour, minute, second) = (time / 3_600, time / 60 % 60, time % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::date;

    #[test]
    fn days_change_at_midnight_utc() {
        let table = [
            (0, (1970, 1, 1)),
            (-1, (1969, 12, 31)),
            (951_782_399, (2000, 2, 28)),
            (951_868_799, (2000, 2, 29)),
            (951_868_800, (2000, 3, 1)),
            (1_767_225_599, (2025, 12, 31)),
            (1_767_225_600, (2026, 1, 1)),
            (4_107_542_399, (2100, 2, 28)),
            (4_107_542_400, (2100, 3, 1)),
        ];
        for (seconds, expected) in table {
            assert_eq!(date(seconds), expected, "at {seconds}");
        }
    }

    #[cfg(feature = "cli")]
    #[test]
    fn times_are_written_to_the_second() {
        assert_eq!(super::rfc3339(1_768_555_800), "2026-01-16T09:30:00Z");
        assert_eq!(super::rfc3339(86_399), "1970-01-01T23:59:59Z");
    }
}
