use std::time::Duration;

/// Reads `"500ms"`, `"300s"`, `"2m"`, `"1h"`, `"7d"`. Zero is not a time to wait.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = split(text)?;
    let millis = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.checked_mul(millis).filter(|millis| *millis > 0).map(Duration::from_millis)
}

/// Reads `"512"`, `"64KiB"`, `"16MiB"`, `"1GiB"`, and the decimal `kB`, `MB`, `GB`.
pub(crate) fn size(text: &str) -> Option<usize> {
    let (number, unit) = split(text)?;
    let bytes: u64 = match unit {
        "" | "B" => 1,
        "kB" | "KB" => 1_000,
        "KiB" => 1 << 10,
        "MB" => 1_000_000,
        "MiB" => 1 << 20,
        "GB" => 1_000_000_000,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(bytes).filter(|bytes| *bytes > 0).and_then(|bytes| bytes.try_into().ok())
}

/// Writes a time as [`duration`] reads it.
pub(crate) fn show_duration(duration: Duration) -> String {
    const DAY: u128 = 86_400_000;
    match duration.as_millis() {
        millis if millis % DAY == 0 => format!("{}d", millis / DAY),
        millis if millis % 1_000 == 0 => format!("{}s", millis / 1_000),
        millis => format!("{millis}ms"),
    }
}

/// Writes a size as [`size`] reads it.
pub(crate) fn show_size(size: usize) -> String {
    match size {
        size if size % (1 << 20) == 0 => format!("{}MiB", size >> 20),
        size if size % (1 << 10) == 0 => format!("{}KiB", size >> 10),
        size => format!("{size}B"),
    }
}

fn split(text: &str) -> Option<(u64, &str)> {
    let text = text.trim();
    let digits = text.bytes().take_while(|c| c.is_ascii_digit() || *c == b'_').count();
    let (number, unit) = text.split_at(digits);
    Some((number.replace('_', "").parse().ok()?, unit.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_read_what_they_write() {
        for text in ["1ms", "1500ms", "10s", "300s", "7d"] {
            assert_eq!(show_duration(duration(text).unwrap()), text);
        }
        for text in ["1B", "8KiB", "64MiB"] {
            assert_eq!(show_size(size(text).unwrap()), text);
        }
        assert_eq!(duration("2m"), Some(Duration::from_mins(2)));
        assert_eq!(duration("7d"), Some(Duration::from_hours(168)));
        assert_eq!(size("1_000 kB"), Some(1_000_000));
    }

    #[test]
    fn what_has_no_unit_or_no_number_is_no_time() {
        for text in
            ["", "10", "s", "-1s", "0s", "1.5s", "99999999999999999999s", "18446744073709551615h"]
        {
            assert_eq!(duration(text), None, "{text}");
        }
        for text in ["", "MiB", "0", "1 parsec", "18446744073709551615GiB"] {
            assert_eq!(size(text), None, "{text}");
        }
    }
}
