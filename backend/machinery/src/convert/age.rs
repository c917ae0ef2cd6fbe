//! Ages for people: two units while small, one when large.

use chrono::DateTime;

/// A number of seconds in words: `42s`, `2m3s`, `15m`, `3h4m`, `26h`, `5d3h`, `90d`, `2y10d`, `9y`.
#[must_use]
pub fn duration(seconds: i64) -> String {
    if seconds < -1 {
        return "<invalid>".to_owned();
    }
    if seconds < 0 {
        return "0s".to_owned();
    }
    let pair = |large: i64, unit: &str, small: i64, small_unit: &str| match small {
        0 => format!("{large}{unit}"),
        small => format!("{large}{unit}{small}{small_unit}"),
    };
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    if seconds < 120 {
        format!("{seconds}s")
    } else if minutes < 10 {
        pair(minutes, "m", seconds % 60, "s")
    } else if minutes < 180 {
        format!("{minutes}m")
    } else if hours < 8 {
        pair(hours, "h", minutes % 60, "m")
    } else if hours < 48 {
        format!("{hours}h")
    } else if hours < 192 {
        pair(days, "d", hours % 24, "h")
    } else if days < 365 * 2 {
        format!("{days}d")
    } else if days < 365 * 8 {
        pair(days / 365, "y", days % 365, "d")
    } else {
        format!("{}y", days / 365)
    }
}

/// The age of a time, or `<unknown>` without one.
#[must_use]
pub fn age(time: &str, now: i64) -> String {
    DateTime::parse_from_rfc3339(time)
        .map_or_else(|_| "<unknown>".to_owned(), |time| duration(now - time.timestamp()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_read_as_kubectl_prints_them() {
        let minute = 60;
        let (hour, day) = (60 * minute, 24 * 60 * minute);
        let cases = [
            (0, "0s"),
            (119, "119s"),
            (123, "2m3s"),
            (5 * minute, "5m"),
            (11 * minute + 1, "11m"),
            (3 * hour + 4 * minute, "3h4m"),
            (26 * hour, "26h"),
            (5 * day + 3 * hour, "5d3h"),
            (90 * day, "90d"),
            (3 * 365 * day + day, "3y1d"),
            (9 * 365 * day, "9y"),
            (-5, "<invalid>"),
        ];
        for (seconds, words) in cases {
            assert_eq!(duration(seconds), words, "{seconds}");
        }
    }
}
