//! Timestamps by the calendar's arithmetic, to compare with [`crate::time`].

/// Whether a text is `YYYY-MM-DDTHH:MM:SS[.fraction]Z` of a day that exists.
pub fn is_timestamp(text: &str) -> bool {
    let Some((main, fraction)) =
        text.strip_suffix('Z').map(|t| t.split_once('.').unwrap_or((t, "0")))
    else {
        return false;
    };
    let Some((date, time)) = main.split_once('T') else { return false };
    let (date, time) = (numbers(date, '-', &[4, 2, 2]), numbers(time, ':', &[2, 2, 2]));
    let (Some(date), Some(time)) = (date, time) else { return false };
    let is_fraction = numbers(fraction, '.', &[fraction.len()]).is_some();
    let is_time = time[0] < 24 && time[1] < 60 && time[2] < 60;
    is_fraction && is_time && is_day(date[0], date[1], date[2])
}

/// Numbers of so many digits each.
fn numbers(text: &str, separator: char, digits: &[usize]) -> Option<Vec<i64>> {
    let parts: Vec<_> = text.split(separator).collect();
    let is_number = |(part, digits): (&&str, &usize)| {
        *digits > 0 && part.len() == *digits && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    let are_numbers = parts.len() == digits.len() && parts.iter().zip(digits).all(is_number);
    // A fraction may be long, and its value is not needed.
    are_numbers.then(|| parts.iter().map(|part| part.parse().unwrap_or(0)).collect())
}

/// A day exists if counting to it and back gives the same day.
fn is_day(year: i64, month: i64, day: i64) -> bool {
    let count = |year: i64, month: i64, day: i64| {
        let year = if month <= 2 { year - 1 } else { year };
        let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
        365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year
    };
    let next = if month == 12 { count(year + 1, 1, 1) } else { count(year, month + 1, 1) };
    (1..=12).contains(&month) && day >= 1 && count(year, month, day) < next
}
