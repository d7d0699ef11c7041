//! Calendar days, for suppressions that expire.

use std::env;

pub use time::Date;
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

const ISO: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");

/// Returns today in UTC. `SOURCE_DATE_EPOCH` (seconds since 1970), where it is set, takes the place of the
/// clock, as reproducible builds want it.
#[must_use]
pub fn today() -> Date {
    let pinned = env::var("SOURCE_DATE_EPOCH").ok().and_then(|text| text.parse().ok());
    let pinned = pinned.and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    pinned.unwrap_or_else(OffsetDateTime::now_utc).date()
}

/// Parses `2027-03-31`.
#[must_use]
pub fn parse(text: &str) -> Option<Date> {
    Date::parse(text, ISO).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_that_do_not_exist_are_refused() {
        for text in ["2026-02-29", "2026-13-01", "2026-00-10", "2026-1", "26-01-01", "2026-01-01-01", "soon"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
        assert!(parse("2026-09-30") < parse("2026-10-01"));
        assert_eq!(parse("2028-02-29").unwrap().to_string(), "2028-02-29");
    }
}
