//! Timestamps: `YYYY-MM-DDTHH:MM:SS[.fraction]Z` and nothing else.

use std::time::Duration;

/// The last second that the format can show, since the epoch.
const LAST: Duration = Duration::from_secs(253_402_300_799);

/// How many bytes of a timestamp come before its fraction.
pub const TIME_LEN: usize = 19;

/// A time since the epoch, with milliseconds. A clock beyond the format's last second shows that.
pub fn timestamp(since_epoch: Duration) -> String {
    let since_epoch = since_epoch.min(LAST);
    let seconds = since_epoch.as_secs();
    let (mut day, second) = (seconds / 86_400, seconds % 86_400);
    let (mut year, mut month) = (1970, 1);
    while day >= days_in(year, month) {
        day -= days_in(year, month);
        (year, month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    }
    format!(
        "{year:04}-{month:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
        day + 1,
        second / 3_600,
        second / 60 % 60,
        second % 60,
        since_epoch.subsec_millis()
    )
}

/// How many days a month has; none if there is no such month.
fn days_in(year: u64, month: u64) -> u64 {
    let is_leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    }
}

/// Whether a text is a timestamp of a time that exists; there are no leap seconds.
pub fn is_timestamp(text: &str) -> bool {
    let Some((head, fraction)) =
        text.strip_suffix('Z').and_then(|text| text.split_at_checked(TIME_LEN))
    else {
        return false;
    };
    let has_form = head.bytes().zip(*b"0000-00-00T00:00:00").all(|(byte, form)| match form {
        b'0' => byte.is_ascii_digit(),
        mark => byte == mark,
    });
    let is_fraction =
        |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !has_form || !(fraction.is_empty() || fraction.strip_prefix('.').is_some_and(is_fraction)) {
        return false;
    }
    let number = |from: usize, to: usize| {
        head[from..to].bytes().fold(0, |n, b| n * 10 + u64::from(b - b'0'))
    };
    let days = days_in(number(0, 4), number(5, 7));
    (1..=days).contains(&number(8, 10))
        && number(11, 13) < 24
        && number(14, 16) < 60
        && number(17, 19) < 60
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use proptest::prelude::*;

    use super::*;

    fn at_second(second: u64) -> String {
        timestamp(Duration::from_secs(second))
    }

    #[test]
    fn a_timestamp_has_one_form() {
        for text in [
            "2026-01-06T00:27:16Z",
            "2026-01-06T00:27:16.8Z",
            "2026-01-06T00:27:16.820Z",
            "2026-01-06T00:27:16.820123456789Z",
            "2024-02-29T23:59:59Z",
            "2000-02-29T00:00:00Z",
            "1969-12-31T23:59:59Z",
            "0001-01-01T00:00:00Z",
        ] {
            assert!(is_timestamp(text), "{text}");
        }
        for text in [
            "",
            "Z",
            "2026-01-06",
            "2026-01-06T00:27:16",
            "2026-01-06T00:27Z",
            "2026-01-06T00:27:16+00:00",
            "2026-01-06T00:27:16.820+01:00",
            "2026-01-06t00:27:16Z",
            "2026-01-06T00:27:16z",
            "2026-01-06 00:27:16Z",
            "2026-01-06T00:27:16.Z",
            "2026-01-06T00:27:16,8Z",
            "2026-01-06T00:27:16.8 Z",
            " 2026-01-06T00:27:16Z",
            "2026-01-06T00:27:16Z ",
            "+2026-01-06T00:27:16Z",
            "20260106T002716Z",
            "2026-1-06T00:27:16Z",
            "2026-13-06T00:27:16Z",
            "2026-00-06T00:27:16Z",
            "2026-01-32T00:27:16Z",
            "2026-01-00T00:27:16Z",
            "2025-02-29T00:00:00Z",
            "1900-02-29T00:00:00Z",
            "2026-04-31T00:00:00Z",
            "2026-01-06T24:00:00Z",
            "2026-01-06T00:60:00Z",
            "2026-01-06T00:00:60Z",
            "２026-01-06T00:27:16Z",
        ] {
            assert!(!is_timestamp(text), "{text}");
        }
    }

    #[test]
    fn what_is_shown_is_a_timestamp() {
        for time in [Duration::ZERO, Duration::from_millis(1_767_659_236_820), Duration::MAX] {
            let text = timestamp(time);
            assert!(is_timestamp(&text) && text.len() == 24, "{text}");
        }
        assert_eq!(timestamp(Duration::from_millis(1_767_659_236_820)), "2026-01-06T00:27:16.820Z");
    }

    #[test]
    fn days_and_years_end_where_the_calendar_says() {
        for (second, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (86_399, "1970-01-01T23:59:59.000Z"),
            (31_535_999, "1970-12-31T23:59:59.000Z"),
            (68_169_600, "1972-02-29T00:00:00.000Z"),
            (951_782_399, "2000-02-28T23:59:59.000Z"),
            (951_782_400, "2000-02-29T00:00:00.000Z"),
            (951_868_800, "2000-03-01T00:00:00.000Z"),
            (4_107_542_399, "2100-02-28T23:59:59.000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000Z"),
            (253_402_300_799, "9999-12-31T23:59:59.000Z"),
        ] {
            assert_eq!(at_second(second), text);
        }
        assert_eq!(timestamp(Duration::MAX), at_second(253_402_300_799));
    }

    proptest! {
        #[test]
        fn it_is_what_others_show(ms in 0..=LAST.as_millis() as u64) {
            let time = Duration::from_millis(ms);
            let text = timestamp(time);
            prop_assert!(is_timestamp(&text));
            prop_assert_eq!(text, humantime::format_rfc3339_millis(UNIX_EPOCH + time).to_string());
        }
    }
}
