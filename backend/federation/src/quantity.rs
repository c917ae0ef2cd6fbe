//! Kubernetes quantities, exactly: `1`, `500m`, `1.5Gi`, `3e6`.
//!
//! The whole grammar of the API is read. As at an apiserver, what is finer than a billionth is rounded away from zero
//! and what is greater than 2⁶³ − 1 counts as that, so sums of quantities neither lose anything nor overflow.

use std::{fmt, str::FromStr};

use serde_json::Value;

/// Billionths in one.
const NANO: i128 = 1_000_000_000;
/// The greatest amount that the API knows.
const MOST: i128 = i64::MAX as i128 * NANO;
/// Longer text is no quantity that anybody meant.
const LONGEST: usize = 512;

/// An amount, in billionths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quantity(i128);

/// Text that is no quantity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a quantity: a number with a suffix such as m, k, Mi or e3")]
pub struct QuantityError {
    /// What was given.
    pub text: String,
}

impl Quantity {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// A whole number of something.
    #[must_use]
    pub fn whole(count: i64) -> Self {
        Self(i128::from(count) * NANO)
    }

    /// Reads what a manifest holds: text, or a number.
    ///
    /// # Errors
    /// It is no quantity.
    pub fn read(value: &Value) -> Result<Self, QuantityError> {
        match value {
            Value::String(text) => text.parse(),
            Value::Number(number) => number.to_string().parse(),
            other => Err(QuantityError { text: other.to_string() }),
        }
    }

    /// The amount in billionths.
    #[must_use]
    pub const fn nano(self) -> i128 {
        self.0
    }

    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// What is left of it; less than nothing when the other is greater.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// So many of it.
    #[must_use]
    pub fn times(self, count: i64) -> Self {
        Self(self.0.saturating_mul(i128::from(count)))
    }

    /// How often another fits into it whole; `None` when the other is nothing, which always fits.
    #[must_use]
    pub fn fits(self, other: Self) -> Option<i64> {
        if other.0 <= 0 {
            return None;
        }
        Some(i64::try_from(self.0.max(0) / other.0).unwrap_or(i64::MAX))
    }
}

impl fmt::Display for Quantity {
    /// With a suffix by which it is exact: `1500m`, `2`, `10n`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, suffix) = [(NANO, ""), (1_000_000, "m"), (1_000, "u")]
            .into_iter()
            .find(|(unit, _)| self.0 % unit == 0)
            .unwrap_or((1, "n"));
        write!(f, "{}{suffix}", self.0 / unit)
    }
}

impl FromStr for Quantity {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        parse(text).map(Self).ok_or_else(|| QuantityError { text: text.to_owned() })
    }
}

/// The amount in billionths; `None` when it is not a quantity.
pub(crate) fn nano(value: &Value) -> Option<i128> {
    Quantity::read(value).ok().map(Quantity::nano)
}

fn parse(text: &str) -> Option<i128> {
    if text.len() > LONGEST {
        return None;
    }
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    let (number, suffix) = rest.split_at_checked(end)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if fraction.contains('.') || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    let digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).map(|digit| digit - b'0').collect();
    let (doublings, exponent) = scale(suffix)?;
    let point = exponent.saturating_add(9).saturating_sub(i64::try_from(fraction.len()).ok()?);
    let amount = amount(digits, doublings, point);
    Some(if negative { -amount } else { amount })
}

/// How often the number is doubled, and its decimal exponent.
fn scale(suffix: &str) -> Option<(u32, i64)> {
    Some(match suffix {
        "n" => (0, -9),
        "u" => (0, -6),
        "m" => (0, -3),
        "" => (0, 0),
        "k" => (0, 3),
        "M" => (0, 6),
        "G" => (0, 9),
        "T" => (0, 12),
        "P" => (0, 15),
        "E" => (0, 18),
        "Ki" => (10, 0),
        "Mi" => (20, 0),
        "Gi" => (30, 0),
        "Ti" => (40, 0),
        "Pi" => (50, 0),
        "Ei" => (60, 0),
        _ => (0, exponent(suffix.strip_prefix(['e', 'E'])?)?),
    })
}

/// An exponent of any size; beyond what could matter it is cut.
fn exponent(text: &str) -> Option<i64> {
    const ENOUGH: i64 = 10_000;
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let size = digits.parse::<i64>().unwrap_or(ENOUGH).min(ENOUGH);
    Some(if text.starts_with('-') { -size } else { size })
}

/// `digits · 2^doublings · 10^point`, rounded up and cut at the most.
fn amount(mut digits: Vec<u8>, doublings: u32, point: i64) -> i128 {
    for _ in 0..doublings {
        double(&mut digits);
    }
    let zeros = digits.iter().take_while(|digit| **digit == 0).count();
    digits.drain(..zeros);
    if digits.is_empty() {
        return 0;
    }
    let mut more = false;
    if point < 0 {
        let cut = usize::try_from(-point).unwrap_or(usize::MAX).min(digits.len());
        more = digits.split_off(digits.len() - cut).iter().any(|digit| *digit != 0);
        // Cut beyond the first digit: something is there, however little.
        more |= usize::try_from(-point).is_ok_and(|wanted| wanted > cut);
    } else {
        // MOST has 28 digits.
        if digits.len().saturating_add(usize::try_from(point).unwrap_or(usize::MAX)) > 28 {
            return MOST;
        }
        digits.extend(std::iter::repeat_n(0, usize::try_from(point).unwrap_or(0)));
    }
    if digits.len() > 28 {
        return MOST;
    }
    let floor = digits.iter().fold(0_i128, |sum, digit| sum * 10 + i128::from(*digit));
    (floor + i128::from(more)).min(MOST)
}

/// Doubles a decimal number, most significant digit first.
fn double(digits: &mut Vec<u8>) {
    let mut carry = 0;
    for digit in digits.iter_mut().rev() {
        let twice = *digit * 2 + carry;
        *digit = twice % 10;
        carry = twice / 10;
    }
    if carry > 0 {
        digits.insert(0, carry);
    }
}
