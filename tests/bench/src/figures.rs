//! Percentiles, medians and ratios, and targets beside what was measured.

use std::time::Duration;

use serde::Serialize;

/// Percentiles of a duration, in milliseconds.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Latency {
    pub p50: f64,
    pub p99: f64,
}

impl Latency {
    pub fn of(durations: impl IntoIterator<Item = Duration>) -> Self {
        let mut sorted: Vec<Duration> = durations.into_iter().collect();
        sorted.sort_unstable();
        let at = |percent: usize| {
            let index = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
            sorted.get(index).map_or(0.0, Duration::as_secs_f64) * 1000.0
        };
        Self { p50: at(50), p99: at(99) }
    }

    /// Medians of the percentiles of several rounds.
    pub fn over(rounds: &[Self]) -> Self {
        Self {
            p50: median(rounds.iter().map(|round| round.p50)),
            p99: median(rounds.iter().map(|round| round.p99)),
        }
    }
}

/// For people: `p50 / p99`.
impl std::fmt::Display for Latency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} / {}", short(self.p50), short(self.p99))
    }
}

/// Of an even number: the mean of the two in the middle. Of none: 0.
pub fn median(figures: impl IntoIterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.into_iter().collect();
    figures.sort_unstable_by(f64::total_cmp);
    let middle = figures.len() / 2;
    let upper = figures.get(middle).copied().unwrap_or_default();
    if figures.len().is_multiple_of(2) {
        let lower = middle.checked_sub(1).and_then(|index| figures.get(index)).copied().unwrap_or(upper);
        f64::midpoint(lower, upper)
    } else {
        upper
    }
}

/// A ratio over several rounds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Ratio {
    pub median: f64,
    pub lowest: f64,
    pub highest: f64,
}

impl Ratio {
    /// Of pairs measured in the same round each; `None` without any.
    pub fn of(pairs: impl IntoIterator<Item = (f64, f64)>) -> Option<Self> {
        let ratios: Vec<f64> =
            pairs.into_iter().filter(|(_, below)| *below > 0.0).map(|(above, below)| above / below).collect();
        (!ratios.is_empty()).then(|| Self {
            lowest: ratios.iter().copied().fold(f64::INFINITY, f64::min),
            highest: ratios.iter().copied().fold(0.0, f64::max),
            median: median(ratios),
        })
    }
}

/// What is wanted of a figure.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

/// A figure beside what is wanted of it.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    pub what: String,
    pub figure: f64,
    pub unit: &'static str,
    pub wanted: Bound,
}

impl Verdict {
    pub fn at_least(what: impl Into<String>, figure: f64, unit: &'static str, wanted: f64) -> Self {
        Self { what: what.into(), figure, unit, wanted: Bound::AtLeast(wanted) }
    }

    pub fn at_most(what: impl Into<String>, figure: f64, unit: &'static str, wanted: f64) -> Self {
        Self { what: what.into(), figure, unit, wanted: Bound::AtMost(wanted) }
    }

    pub fn is_met(&self) -> bool {
        match self.wanted {
            Bound::AtLeast(wanted) => self.figure >= wanted,
            Bound::AtMost(wanted) => self.figure <= wanted,
        }
    }

    /// For people.
    pub fn wanted(&self) -> String {
        let (sign, wanted) = match self.wanted {
            Bound::AtLeast(wanted) => ('≥', wanted),
            Bound::AtMost(wanted) => ('≤', wanted),
        };
        format!("{sign} {} {}", short(wanted), self.unit).trim_end().to_owned()
    }
}

/// For people: three digits that count.
pub fn short(figure: f64) -> String {
    match figure.abs() {
        size if size >= 99.95 => format!("{figure:.0}"),
        size if size >= 9.995 => format!("{figure:.1}"),
        0.0 => "0".to_owned(),
        size if size < 0.0995 => format!("{figure:.3}"),
        _ => format!("{figure:.2}"),
    }
}

/// Bytes in MiB.
#[expect(clippy::cast_precision_loss, reason = "figures for people")]
pub fn mib(bytes: u64) -> f64 {
    bytes as f64 / 1_048_576.0
}

/// A count as a figure.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
pub fn float(count: impl TryInto<u64>) -> f64 {
    count.try_into().unwrap_or_default() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_is_between_the_middle_two() {
        assert!((median([4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < 1e-9);
        assert!((median([3.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
        assert!(median([]).abs() < 1e-9);
    }

    #[test]
    fn percentiles_of_few_durations_are_among_them() {
        let latency = Latency::of([3, 1, 2].map(Duration::from_millis));
        assert!((latency.p50 - 2.0).abs() < 1e-9, "{latency:?}");
        assert!((latency.p99 - 3.0).abs() < 1e-9, "{latency:?}");
        assert!(Latency::of([]).p99.abs() < 1e-9);
    }

    #[test]
    fn ratios_are_taken_within_each_round() {
        let ratio = Ratio::of([(1.0, 2.0), (9.0, 10.0), (3.0, 0.0)]).unwrap();
        assert!((ratio.median - 0.7).abs() < 1e-9, "{ratio:?}");
        assert!((ratio.lowest - 0.5).abs() < 1e-9 && (ratio.highest - 0.9).abs() < 1e-9, "{ratio:?}");
        assert!(Ratio::of([]).is_none());
    }

    #[test]
    fn a_missed_target_is_called_missed() {
        assert!(!Verdict::at_least("ratio", 0.89, "", 0.9).is_met());
        assert!(Verdict::at_most("p99", 29.0, "ms", 30.0).is_met());
        assert_eq!(Verdict::at_most("p99", 29.0, "ms", 30.0).wanted(), "≤ 30.0 ms");
    }

    #[test]
    fn figures_are_short() {
        let shown: Vec<String> = [1234.5, 99.96, 12.34, 1.234, 0.0123, 0.0].map(short).into();
        assert_eq!(shown, ["1234", "100", "12.3", "1.23", "0.012", "0"]);
    }
}
