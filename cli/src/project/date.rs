//! Calendar days, for suppressions that expire.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

/// A day of the Gregorian calendar, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    /// The year.
    pub year: u16,
    /// The month, from 1.
    pub month: u8,
    /// The day, from 1.
    pub day: u8,
}

impl Date {
    /// Today; `SOURCE_DATE_EPOCH` (seconds since 1970) stands in for the clock where it is set, as reproducible
    /// builds want it.
    #[must_use]
    pub fn today() -> Self {
        let pinned = std::env::var("SOURCE_DATE_EPOCH").ok().and_then(|text| text.parse().ok());
        let clock = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Self::of_epoch(pinned.unwrap_or_else(clock))
    }

    /// The day on which a second since 1970 lies.
    #[must_use]
    pub fn of_epoch(seconds: u64) -> Self {
        let (mut days, mut year) = (seconds / 86_400, 1970_u16);
        while days >= year_days(year) && year < u16::MAX {
            days -= year_days(year);
            year += 1;
        }
        let mut month = 1;
        while month < 12 && days >= u64::from(month_days(year, month)) {
            days -= u64::from(month_days(year, month));
            month += 1;
        }
        Self { year, month, day: days.min(30) as u8 + 1 }
    }

    /// Read `2027-03-31`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
        let date = Self { year: year.parse().ok()?, month: month.parse().ok()?, day: day.parse().ok()? };
        let exists = (1..=12).contains(&date.month)
            && (1..=month_days(date.year, date.month)).contains(&date.day)
            && parts.next().is_none()
            && year.len() == 4;
        exists.then_some(date)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

const fn is_leap(year: u16) -> bool {
    (year.is_multiple_of(4) && !year.is_multiple_of(100)) || year.is_multiple_of(400)
}

const fn year_days(year: u16) -> u64 {
    if is_leap(year) { 366 } else { 365 }
}

const fn month_days(year: u16, month: u8) -> u8 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_fall_on_days() {
        for (seconds, day) in [
            (0, "1970-01-01"),
            (951_782_400, "2000-02-29"),
            (951_868_800, "2000-03-01"),
            (1_798_761_599, "2026-12-31"),
            (1_798_761_600, "2027-01-01"),
        ] {
            assert_eq!(Date::of_epoch(seconds).to_string(), day);
            assert_eq!(Date::parse(day), Some(Date::of_epoch(seconds)));
        }
        let _ = Date::of_epoch(u64::MAX);
    }

    #[test]
    fn days_that_do_not_exist_are_refused() {
        for text in ["2026-02-29", "2026-13-01", "2026-00-10", "2026-1", "26-01-01", "2026-01-01-01", "soon"]
        {
            assert_eq!(Date::parse(text), None, "{text}");
        }
        assert!(Date::parse("2026-09-30") < Date::parse("2026-10-01"));
    }
}
