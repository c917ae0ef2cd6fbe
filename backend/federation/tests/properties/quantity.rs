//! Quantities: exact, in every spelling.

use hanse_federation::quantity::Quantity;
use proptest::prelude::*;
use serde_json::json;

fn nano(text: &str) -> i128 {
    text.parse::<Quantity>().unwrap_or_else(|error| panic!("{error}")).nano()
}

const ONE: i128 = 1_000_000_000;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn suffixes_are_factors(number in 0..1_000_000_i64, milli in 0..1000_i64) {
        let text = format!("{number}.{milli:03}");
        let thousandths = i128::from(number * 1000 + milli);
        for (suffix, factor) in [
            ("n", 1), ("u", 1000), ("m", 1_000_000), ("", ONE), ("k", 1000 * ONE), ("M", 1_000_000 * ONE), ("G", ONE * ONE),
            ("Ki", 1024 * ONE), ("Mi", 1_048_576 * ONE), ("Gi", 1_073_741_824 * ONE), ("e3", 1000 * ONE), ("E+3", 1000 * ONE), ("e-3", 1_000_000),
        ] {
            let exact = thousandths * factor;
            let rounded = exact / 1000 + i128::from(exact % 1000 > 0);
            let most = i128::from(i64::MAX) * ONE;
            prop_assert_eq!(nano(&format!("{text}{suffix}")), rounded.min(most), "{}{}", text, suffix);
            prop_assert_eq!(nano(&format!("-{text}{suffix}")), -rounded.min(most));
        }
    }

    #[test]
    fn what_is_shown_is_read_as_the_same(number in any::<i64>(), shift in 0..3_u32) {
        let text = format!("{}{}", number, ["n", "u", "m"][shift as usize]);
        let amount: Quantity = text.parse().unwrap();
        prop_assert_eq!(amount.to_string().parse::<Quantity>().unwrap(), amount);
    }

    #[test]
    fn no_text_makes_it_fail_otherwise(text in ".{0,40}") {
        let _ = text.parse::<Quantity>();
    }
}

#[test]
fn the_whole_grammar_is_read_and_nothing_else() {
    for (text, expected) in [
        ("0", 0),
        ("+1", ONE),
        ("-1", -ONE),
        (".5", ONE / 2),
        ("5.", 5 * ONE),
        ("0.1m", ONE / 10_000),
        ("1E", ONE * ONE * ONE),
        ("1E2", 100 * ONE),
        ("12e6", 12_000_000 * ONE),
        ("1.5Gi", 1_610_612_736 * ONE),
        ("0.1Ki", 102_400_000_000),
        // Finer than a billionth: away from zero.
        ("0.1n", 1),
        ("-0.1n", -1),
        ("1e-400", 1),
        ("0e400", 0),
        ("1.0000000001", ONE + 1),
        // Greater than the API knows: cut.
        ("1e400", i128::from(i64::MAX) * ONE),
        ("-10E", -i128::from(i64::MAX) * ONE),
        ("8Ei", i128::from(i64::MAX) * ONE),
        ("9223372036854775807", i128::from(i64::MAX) * ONE),
        ("99999999999999999999999999999999999999", i128::from(i64::MAX) * ONE),
        ("1e99999999999999999999", i128::from(i64::MAX) * ONE),
        ("0000000000000000000000000000000000000000001", ONE),
    ] {
        assert_eq!(nano(text), expected, "{text}");
    }
    for text in [
        "", " ", "1 ", " 1", ".", "+", "-", "--1", "1..2", "1.2.3", "1x", "1mi", "1KI", "1K", "1e", "1e+",
        "1e1.5", "1Kim", "e3", "0x10", "1_000", "١", "NaN", "inf", "1,5",
    ] {
        assert!(text.parse::<Quantity>().is_err(), "{text:?}");
    }
    assert!("1".repeat(600).parse::<Quantity>().is_err());
    assert_eq!(Quantity::read(&json!(1.5)).unwrap().to_string(), "1500m");
    assert_eq!(Quantity::read(&json!(2)).unwrap(), Quantity::whole(2));
    assert!(Quantity::read(&json!(true)).is_err());
}

#[test]
fn sums_and_multiples_never_overflow() {
    let most: Quantity = "9223372036854775807".parse().unwrap();
    let all = (0..10_000).fold(Quantity::ZERO, |sum, _| sum.plus(most));
    assert!(all > most.times(9_999));
    assert!(most.times(i64::MAX).plus(most.times(i64::MAX)) >= most);
    assert_eq!(most.fits(Quantity::ZERO), None);
    assert_eq!("1".parse::<Quantity>().unwrap().fits("300m".parse().unwrap()), Some(3));
    assert_eq!("-1".parse::<Quantity>().unwrap().fits("300m".parse().unwrap()), Some(0));
}
