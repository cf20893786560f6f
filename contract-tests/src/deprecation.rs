//! When an operation is deprecated: `x-companyos-deprecation: { since: 2026-01-16, sunset: 2026-07-16 }`.

use crate::model::Operation;
use serde_json::Value;

/// The days from which an operation is deprecated and, when that is settled, gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deprecation<'a> {
    /// From this day (UTC) on it should not be used.
    pub since: Day<'a>,
    /// From this day (UTC) on it may not answer any more.
    pub sunset: Option<Day<'a>>,
}

/// A day of the calendar, as it is written and in days since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day<'a> {
    text: &'a str,
    number: i64,
}

impl<'a> Deprecation<'a> {
    /// The extension's name.
    pub const EXTENSION: &'static str = "x-companyos-deprecation";

    /// Reads the extension of an operation; `None` without one.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn of(operation: Operation<'a>) -> Result<Option<Self>, &'static str> {
        operation.value.get(Self::EXTENSION).map(Self::read).transpose()
    }

    fn read(value: &'a Value) -> Result<Self, &'static str> {
        let day = |name: &str| match value.get(name) {
            None => Ok(None),
            Some(day) => day.as_str().and_then(Day::read).map(Some).ok_or("a day is not written YYYY-MM-DD"),
        };
        let since = day("since")?.ok_or("it does not say since when")?;
        let sunset = day("sunset")?;
        if sunset.is_some_and(|sunset| sunset.number < since.number) {
            return Err("the sunset is before the deprecation");
        }
        let known = |name: &String| matches!(name.as_str(), "since" | "sunset");
        if !value.as_object().is_some_and(|members| members.keys().all(known)) {
            return Err("it says more than `since` and `sunset`");
        }
        Ok(Self { since, sunset })
    }
}

impl<'a> Day<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let mut parts = text.split('-');
        let mut number = |digits: usize| {
            let part = parts.next().filter(|part| part.len() == digits)?;
            part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse::<i64>().ok()).flatten()
        };
        let (year, month, day) = (number(4)?, number(2)?, number(2)?);
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let longest = match month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 => 28 + i64::from(leap),
            _ => return None,
        };
        if parts.next().is_some() || year < 1970 || !(1..=longest).contains(&day) {
            return None;
        }
        // Days from 1 March of year 0, so that the leap day ends a year.
        let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
        let leap_days = year / 4 - year / 100 + year / 400;
        Some(Self { text, number: year * 365 + leap_days + (153 * month + 2) / 5 + day - 1 - 719_468 })
    }

    /// As it is written in the contract.
    #[must_use]
    pub fn text(self) -> &'a str {
        self.text
    }

    /// The day's begin as a Date of structured fields, as `Deprecation` has it (RFC 9745 section 2.1).
    #[must_use]
    pub fn structured(self) -> String {
        format!("@{}", self.number * 86_400)
    }

    /// The day's begin as an HTTP date, as `Sunset` has it (RFC 8594 section 3).
    #[must_use]
    pub fn http_date(self) -> String {
        const WEEK: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
        const YEAR: [&str; 12] =
            ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let weekday = usize::try_from(self.number.rem_euclid(7)).map_or("", |day| WEEK[day]);
        let month = self.text[5..7].parse::<usize>().map_or("", |month| YEAR[month - 1]);
        format!("{weekday}, {} {month} {} 00:00:00 GMT", &self.text[8..], &self.text[..4])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_day_is_written_as_each_header_wants_it() {
        for (text, structured, http_date) in [
            ("1970-01-01", "@0", "Thu, 01 Jan 1970 00:00:00 GMT"),
            ("2000-02-29", "@951782400", "Tue, 29 Feb 2000 00:00:00 GMT"),
            ("2026-01-16", "@1768521600", "Fri, 16 Jan 2026 00:00:00 GMT"),
            ("2026-12-31", "@1798675200", "Thu, 31 Dec 2026 00:00:00 GMT"),
        ] {
            let day = Day::read(text).unwrap();
            assert_eq!((day.structured().as_str(), day.http_date().as_str()), (structured, http_date));
        }
    }

    #[test]
    fn what_is_no_day_or_no_order_of_days_is_refused() {
        for text in [
            "",
            "2026",
            "2026-1-16",
            "2026-13-01",
            "2026-02-29",
            "2026-04-31",
            "2026-01-00",
            "1969-12-31",
            "2026-01-16-",
            "+026-01-16",
        ] {
            assert_eq!(Day::read(text), None, "{text:?}");
        }
        for (value, problem) in [
            (json!({}), "since when"),
            (json!(true), "since when"),
            (json!({"since": "soon"}), "YYYY-MM-DD"),
            (json!({"since": 20260116}), "YYYY-MM-DD"),
            (json!({"since": "2026-01-16", "sunset": "2026-01-15"}), "before"),
            (json!({"since": "2026-01-16", "use": "other"}), "says more"),
        ] {
            let error = Deprecation::read(&value).unwrap_err();
            assert!(error.contains(problem), "{value}: {error}");
        }
        assert!(Deprecation::read(&json!({"since": "2026-01-16", "sunset": "2026-01-16"})).is_ok());
    }
}
