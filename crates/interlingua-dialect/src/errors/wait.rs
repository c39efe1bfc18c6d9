//! When to come back, as upstreams say it in their bodies.

use std::time::Duration;

/// Words after which a wait is stated.
const BEFORE_WAIT: [&str; 5] =
    ["try again in ", "try again after ", "retry in ", "retry after ", "wait "];

/// Words after which a moment is stated.
const BEFORE_MOMENT: [&str; 3] = ["reset at ", "resets at ", "available at "];

/// A longer moment is none.
const LONGEST_MOMENT: usize = 40;

/// Numbers above are seconds since 1970, above the second one milliseconds.
const EPOCH_SECONDS: u64 = 1_000_000_000;
const EPOCH_MILLIS: u64 = 1_000_000_000_000;

/// The wait that a text states, such as `try again in 1m12.5s`.
pub(super) fn stated(text: &str) -> Option<Duration> {
    let lower = text.to_ascii_lowercase();
    BEFORE_WAIT.iter().find_map(|before| {
        let after = lower.split_once(before)?.1;
        duration(after)
    })
}

/// The moment that a text states, in its own words.
pub(super) fn stated_moment(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    BEFORE_MOMENT.iter().find_map(|before| {
        let start = lower.find(before)? + before.len();
        let after = text.get(start..)?;
        let end = after.find(|c: char| !(c.is_ascii_alphanumeric() || " :+-.".contains(c)));
        let after = after.get(..end.unwrap_or(after.len()))?;
        let after = after.split(". ").next().unwrap_or(after).trim_end_matches('.').trim();
        let is_moment = after.len() <= LONGEST_MOMENT
            && after.starts_with(|c: char| c.is_ascii_digit())
            && after.len() > 4;
        is_moment.then(|| after.to_owned())
    })
}

/// The wait that a field states.
pub(super) fn field(name: &str, value: &str) -> Option<Duration> {
    let name = name.to_ascii_lowercase().replace('-', "_");
    match name.as_str() {
        "retrydelay" | "retry_delay" => duration(value),
        "retry_after" | "retry_after_seconds" | "resets_in_seconds" => {
            Duration::try_from_secs_f64(value.parse().ok()?).ok()
        }
        "retry_after_ms" => value.parse().ok().map(Duration::from_millis),
        _ => None,
    }
}

/// The moment that a field states, as text in UTC where it is a number.
pub(super) fn moment_field(name: &str, value: &str) -> Option<String> {
    let name = name.to_ascii_lowercase().replace('-', "_");
    if !matches!(name.as_str(), "resets_at" | "reset_at") && !name.ends_with("ratelimit_reset") {
        return None;
    }
    match value.parse::<u64>() {
        Ok(number) if number >= EPOCH_MILLIS => Some(utc(number / 1000)),
        Ok(number) if number >= EPOCH_SECONDS => Some(utc(number)),
        Ok(_) => None,
        Err(_) => Some(value.to_owned()).filter(|it| it.len() <= LONGEST_MOMENT),
    }
}

/// Reads `34s`, `1m12.5s`, `350 ms`, `2 hours`: amounts and units until something else comes.
fn duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim_start();
    let mut total: Option<Duration> = None;
    loop {
        let amount_end =
            rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(rest.len());
        let (amount, after) = rest.split_at(amount_end);
        let Ok(amount) = amount.parse::<f64>() else { return total };
        let after = after.trim_start();
        let unit_end = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_end);
        let seconds = match unit {
            "ms" | "milliseconds" => 0.001,
            "s" | "sec" | "secs" | "second" | "seconds" => 1.0,
            "m" | "min" | "mins" | "minute" | "minutes" => 60.0,
            "h" | "hr" | "hrs" | "hour" | "hours" => 3600.0,
            "d" | "day" | "days" => 86400.0,
            _ => return total,
        };
        let more = Duration::try_from_secs_f64(amount * seconds).ok()?;
        total = Some(total.unwrap_or_default().saturating_add(more));
        rest = after.trim_start_matches([',', ' ']);
        rest = rest.strip_prefix("and ").unwrap_or(rest);
    }
}

/// A moment as `2026-05-28 20:26:40 UTC`.
fn utc(since_1970: u64) -> String {
    let (days, second) = (since_1970 / 86_400, since_1970 % 86_400);
    let (year, month, day) = civil(days);
    let (hour, minute) = (second / 3600, second / 60 % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{:02} UTC", second % 60)
}

/// Year, month and day of a day since 1970, in the Gregorian calendar.
///
/// Years are counted from March, so that the leap day is a year's last.
fn civil(days: u64) -> (u64, u64, u64) {
    let since_march = days + 719_468;
    let (era, day_of_era) = (since_march / 146_097, since_march % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_as_upstreams_write_them() {
        for (text, seconds) in [
            ("Please try again in 1m12.5s.", Some(72.5)),
            ("try again in 20 seconds", Some(20.0)),
            ("please try again after 1 seconds", Some(1.0)),
            ("Try again in 2 hours and 5 minutes", Some(7500.0)),
            ("retry in 350ms", Some(0.35)),
            ("please try again later", None),
            ("try again in a while", None),
        ] {
            assert_eq!(stated(text).map(|it| it.as_secs_f64()), seconds, "{text}");
        }
    }

    #[test]
    fn moments_keep_their_words() {
        let text = "It will reset at 2026-11-20 18:00:00 +0800 CST. Request id: 0217";
        assert_eq!(stated_moment(text).as_deref(), Some("2026-11-20 18:00:00 +0800 CST"));
        assert_eq!(stated_moment("will reset at midnight"), None);
    }

    #[test]
    fn moments_as_numbers_become_dates() {
        let at = |value| moment_field("X-RateLimit-Reset", value);
        assert_eq!(at("1780000000000").as_deref(), Some("2026-05-28 20:26:40 UTC"));
        assert_eq!(at("951782400").as_deref(), None);
        assert_eq!(at("1709164800").as_deref(), Some("2024-02-29 00:00:00 UTC"));
        assert_eq!(at("30"), None);
    }
}
