//! Amounts as people say them: processor time, memory, ages.

use chrono::{DateTime, TimeDelta, Utc};

/// Cores, from thousandths of one.
pub(crate) fn cores(milli: u64) -> String {
    let (whole, rest) = (milli / 1000, milli % 1000);
    if rest == 0 { whole.to_string() } else { format!("{whole}.{rest:03}").trim_end_matches('0').to_owned() }
}

/// Memory in the largest binary unit that leaves at least one.
pub(crate) fn memory(bytes: u64) -> String {
    let mut unit = "";
    let mut value = bytes as f64;
    for next in ["Ki", "Mi", "Gi", "Ti", "Pi"] {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    let text = format!("{value:.1}");
    format!("{}{unit}", text.strip_suffix(".0").unwrap_or(&text))
}

/// A length of time in its largest unit.
pub(crate) fn age(length: TimeDelta) -> String {
    let seconds = length.num_seconds().max(0);
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7_200 => format!("{}m", seconds / 60),
        7_200..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// How long ago a moment was.
pub(crate) fn ago(now: DateTime<Utc>, then: DateTime<Utc>) -> String {
    format!("{} ago", age(now - then))
}

/// Milliseconds with as many digits as matter.
pub(crate) fn milliseconds(value: f64) -> String {
    if value < 0.05 {
        "<0.1ms".to_owned()
    } else if value < 10.0 {
        format!("{value:.1}ms")
    } else {
        format!("{value:.0}ms")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_read_well() {
        assert_eq!([0, 500, 4000, 3920].map(cores), ["0", "0.5", "4", "3.92"]);
        assert_eq!(
            [512, 1024, 1_572_864, 16 << 30, (16 << 30) + (300 << 20)].map(memory),
            ["512", "1Ki", "1.5Mi", "16Gi", "16.3Gi"]
        );
        let ages = [-5, 0, 119, 120, 7_199, 7_200, 172_799, 172_800].map(|s| age(TimeDelta::seconds(s)));
        assert_eq!(ages, ["0s", "0s", "119s", "2m", "119m", "2h", "47h", "2d"]);
        assert_eq!([0.04, 3.21, 41.7].map(milliseconds), ["<0.1ms", "3.2ms", "42ms"]);
    }
}
