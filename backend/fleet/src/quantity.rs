//! Kubernetes quantities (`500m`, `1.5Gi`, `2e3`) in integer arithmetic. Floats would round a large memory figure and
//! make two equal capacities differ; an absurd figure from a member must be an error, never a wrapped number.

use thiserror::Error;

/// Why a quantity could not be read.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum QuantityError {
    /// The grammar is not met.
    #[error("{0:?} is not a quantity such as 500m, 2, 1.5Gi or 2e3")]
    Malformed(String),
    /// The figure does not fit 64 bits in the unit asked for.
    #[error("{0:?} is too large")]
    Overflow(String),
}

/// The value in whole units (bytes, pods), rounded up as Kubernetes does.
///
/// # Errors
/// When the text is no quantity, is negative, or is too large.
pub fn whole(text: &str) -> Result<u64, QuantityError> {
    scaled(text, 0)
}

/// The value in thousandths (millicores), rounded up as Kubernetes does.
///
/// # Errors
/// When the text is no quantity, is negative, or is too large.
pub fn milli(text: &str) -> Result<u64, QuantityError> {
    scaled(text, 3)
}

/// What follows the number.
enum Suffix {
    /// Power of ten.
    Decimal(i32),
    /// Power of two.
    Binary(u32),
}

/// Value × 10^`scale`, rounded up.
fn scaled(text: &str, scale: i32) -> Result<u64, QuantityError> {
    let malformed = || QuantityError::Malformed(text.chars().take(40).collect());
    let overflow = || QuantityError::Overflow(text.chars().take(40).collect());
    let unsigned = text.strip_prefix('+').unwrap_or(text);
    let end = unsigned.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(unsigned.len());
    let (number, suffix) = unsigned.split_at(end);
    let (integer, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (integer.is_empty() && fraction.is_empty()) || fraction.contains('.') {
        return Err(malformed());
    }
    let suffix = suffix_of(suffix).ok_or_else(malformed)?;

    // value = mantissa × 10^exponent × 2^shift
    let fraction = fraction.trim_end_matches('0');
    let mut mantissa: u128 = 0;
    for digit in integer.trim_start_matches('0').bytes().chain(fraction.bytes()) {
        mantissa = mantissa
            .checked_mul(10)
            .and_then(|m| m.checked_add(u128::from(digit - b'0')))
            .ok_or_else(overflow)?;
    }
    if mantissa == 0 {
        return Ok(0);
    }
    let places = i32::try_from(fraction.len()).map_err(|_| overflow())?;
    let (power, shift) = match suffix {
        Suffix::Decimal(power) => (power, 0),
        Suffix::Binary(shift) => (0, shift),
    };
    let exponent = power.checked_add(scale).and_then(|e| e.checked_sub(places)).ok_or_else(overflow)?;
    let value = mantissa.checked_mul(1_u128 << shift).ok_or_else(overflow)?;
    let rounded = if exponent >= 0 {
        let factor = 10_u128.checked_pow(exponent.unsigned_abs()).ok_or_else(overflow)?;
        value.checked_mul(factor).ok_or_else(overflow)?
    } else {
        // A divisor beyond 128 bits leaves less than one unit, which rounds up to one.
        10_u128.checked_pow(exponent.unsigned_abs()).map_or(1, |divisor| value.div_ceil(divisor))
    };
    u64::try_from(rounded).map_err(|_| overflow())
}

fn suffix_of(text: &str) -> Option<Suffix> {
    Some(match text {
        "" => Suffix::Decimal(0),
        "n" => Suffix::Decimal(-9),
        "u" => Suffix::Decimal(-6),
        "m" => Suffix::Decimal(-3),
        "k" => Suffix::Decimal(3),
        "M" => Suffix::Decimal(6),
        "G" => Suffix::Decimal(9),
        "T" => Suffix::Decimal(12),
        "P" => Suffix::Decimal(15),
        "E" => Suffix::Decimal(18),
        "Ki" => Suffix::Binary(10),
        "Mi" => Suffix::Binary(20),
        "Gi" => Suffix::Binary(30),
        "Ti" => Suffix::Binary(40),
        "Pi" => Suffix::Binary(50),
        "Ei" => Suffix::Binary(60),
        _ => {
            let exponent = text.strip_prefix(['e', 'E'])?;
            let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
                return None;
            }
            // An exponent too long for a number is still well formed: it overflows (or vanishes) below.
            let magnitude: i32 = digits.parse().unwrap_or(1_000_000);
            Suffix::Decimal(if exponent.starts_with('-') { -magnitude } else { magnitude })
        }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_spellings_of_kubernetes_are_read() {
        for (text, expected) in [
            ("0", 0),
            ("1", 1000),
            ("500m", 500),
            ("1.5", 1500),
            (".5", 500),
            ("5.", 5000),
            ("+2", 2000),
            ("2e3", 2_000_000),
            ("2E-3", 2),
            ("100u", 1),
            ("1n", 1),
            ("3k", 3_000_000),
            ("0.0000000001", 1),
        ] {
            assert_eq!(milli(text), Ok(expected), "{text}");
        }
        assert_eq!(whole("1.5Gi"), Ok(1_610_612_736));
        assert_eq!(whole("16398120Ki"), Ok(16_791_674_880));
        assert_eq!(whole("128974848"), Ok(128_974_848));
        assert_eq!(whole("129e6"), Ok(129_000_000));
        assert_eq!(whole("128974848000m"), Ok(128_974_848));
        assert_eq!(whole("1.1"), Ok(2), "rounded up");
        assert_eq!(whole("1E"), Ok(1_000_000_000_000_000_000));
    }

    #[test]
    fn what_is_no_quantity_is_refused() {
        for text in ["", ".", "-1", "1.2.3", "1 Gi", "1gi", "e3", "1e", "1e+", "Gi", "0x10", "1,5", "NaN"] {
            assert!(matches!(milli(text), Err(QuantityError::Malformed(_))), "{text}");
        }
    }

    #[test]
    fn an_absurd_figure_is_an_error_not_a_wrapped_number() {
        for text in [
            "16Ei",
            "99999999999999999999",
            "1e30",
            "1e999999999999",
            "9999999999999999999999999999999999999999",
        ] {
            assert!(matches!(whole(text), Err(QuantityError::Overflow(_))), "{text}");
        }
        assert_eq!(whole("15Ei"), Ok(15 << 60));
        assert_eq!(whole("1e-999999999999"), Ok(1), "less than one rounds up");
    }

    proptest! {
        #[test]
        fn reading_never_panics(text in "[-+0-9.eEnumkMGTPi]{0,24}") {
            let _ = (whole(&text), milli(&text));
        }

        #[test]
        fn milli_and_whole_agree(value in 0_u64..1_000_000_000_000) {
            prop_assert_eq!(whole(&value.to_string()), Ok(value));
            prop_assert_eq!(milli(&value.to_string()), Ok(value * 1000));
            prop_assert_eq!(milli(&format!("{value}m")), Ok(value));
            prop_assert_eq!(whole(&format!("{value}m")), Ok(value.div_ceil(1000)));
        }

        #[test]
        fn binary_suffixes_multiply_exactly(value in 0_u64..1_000_000) {
            prop_assert_eq!(whole(&format!("{value}Ki")), Ok(value << 10));
            prop_assert_eq!(whole(&format!("{value}Mi")), Ok(value << 20));
            prop_assert_eq!(whole(&format!("{value}Gi")), Ok(value << 30));
        }
    }
}
