//! Amounts with their units, for people.

use std::fmt::Write as _;

use crate::model::{MetricSource, ResourceName};
use crate::units::{Nanocores, Quantity, Span};

/// A number with at most `digits` decimals, trailing zeros dropped.
pub fn decimal(value: f64, digits: usize) -> String {
    let mut text = String::new();
    push_decimal(&mut text, value, digits);
    text
}

/// The same at the end of a text. The last digit is that of the exact value, as `format!` rounds it.
pub fn push_decimal(text: &mut String, value: f64, digits: usize) {
    // Below this, multiplying by a power of ten is off by less than a thousandth.
    const EXACT_ENOUGH: f64 = (1_i64 << 42) as f64;
    // Up to this, a whole number is itself.
    const WHOLE: f64 = (1_i64 << 53) as f64;
    if value.abs() < WHOLE && value.trunc() == value {
        text.push_str(itoa::Buffer::new().format(value as i64));
        return;
    }
    let unit = 10_i64.pow(digits.min(9) as u32);
    let scaled = value * unit as f64;
    let rounded = scaled.round();
    if digits <= 9 && scaled.abs() < EXACT_ENOUGH && (scaled - rounded).abs() < 0.499 {
        push_fraction(text, rounded as i64, unit);
        return;
    }
    let start = text.len();
    let _ = write!(text, "{value:.digits$}");
    if text[start..].contains('.') {
        let kept = text[start..].trim_end_matches('0').trim_end_matches('.').len();
        text.truncate(start + kept);
    }
    if &text[start..] == "-0" {
        text.replace_range(start.., "0");
    }
}

/// A number of parts of which `unit`, a power of ten, make one: a plain number without trailing zeros.
fn push_fraction(text: &mut String, value: i64, unit: i64) {
    if value < 0 {
        text.push('-');
    }
    let (value, unit) = (value.unsigned_abs(), unit.unsigned_abs());
    let mut digits = itoa::Buffer::new();
    text.push_str(digits.format(value / unit));
    if value % unit > 0 {
        // A one in front keeps the zeros.
        text.push('.');
        text.push_str(digits.format(unit + value % unit)[1..].trim_end_matches('0'));
    }
}

/// A number for an axis: from 10,000 on with k, M, G or T.
pub fn short(value: f64) -> String {
    const SUFFIXES: [&str; 5] = ["", "k", "M", "G", "T"];
    if value.abs() < 10_000.0 {
        return decimal(value, 3);
    }
    let (mut value, mut step) = (value, 0);
    while value.abs() >= 1000.0 && step + 1 < SUFFIXES.len() {
        value /= 1000.0;
        step += 1;
    }
    format!("{}{}", decimal(value, 2), SUFFIXES[step])
}

/// Thousandths as a plain number: `15.8`.
pub fn milli(value: i64) -> String {
    let mut text = String::new();
    push_milli(&mut text, value);
    text
}

/// The same at the end of a text.
pub fn push_milli(text: &mut String, value: i64) {
    push_fraction(text, value, 1000);
}

/// Thousandths of a metric's unit, in that unit: `575m` for CPU, `650.2Mi` for memory, else a number.
pub fn metric_amount(source: &MetricSource, thousandths: i64) -> String {
    match source.resource().map(|metric| metric.name) {
        Some(ResourceName::Cpu) => Quantity::from_milli(thousandths).to_string(),
        Some(ResourceName::Memory) => bytes((thousandths / 1000) as f64),
        Some(ResourceName::Other(_)) | None => milli(thousandths),
    }
}

/// Bytes with a binary suffix and at most two decimals: `1.5Gi`.
pub fn bytes(bytes: f64) -> String {
    const SUFFIXES: [&str; 6] = ["", "Ki", "Mi", "Gi", "Ti", "Pi"];
    let (mut value, mut step) = (bytes, 0);
    while value.abs() >= 1024.0 && step + 1 < SUFFIXES.len() {
        value /= 1024.0;
        step += 1;
    }
    format!("{}{}", decimal(value, 2), SUFFIXES[step])
}

/// Nanocores in cores: `2.35`.
pub fn cores(nanocores: f64) -> String {
    decimal(nanocores / Nanocores::PER_CORE, 2)
}

/// The tolerances of scaling down and up: `±10%`, `-5% +10%`.
pub fn tolerances(down: f64, up: f64) -> String {
    let percent = |tolerance: f64| decimal(tolerance * 100.0, 2);
    if down == up { format!("\u{b1}{}%", percent(up)) } else { format!("-{}% +{}%", percent(down), percent(up)) }
}

/// A part of a duration: `35m (2.4%)`.
pub fn share(part: Span, whole: Span) -> String {
    if part == Span::ZERO {
        return "0s".to_owned();
    }
    let percent = 100.0 * part.seconds() as f64 / whole.seconds().max(1) as f64;
    let percent = if percent < 0.05 { "<0.1".to_owned() } else { decimal(percent, 1) };
    format!("{part} ({percent}%)")
}

/// An amount of a resource as Kubernetes prints it; bytes with a fraction where that is shorter and as exact.
pub fn amount(name: &str, quantity: Quantity) -> String {
    let is_bytes = matches!(name, "memory" | "ephemeral-storage" | "storage") || name.starts_with("hugepages-");
    match name {
        _ if is_bytes => bytes_exactly(quantity),
        "cpu" => Quantity::from_milli(quantity.milli_value()).to_string(),
        _ => quantity.to_string(),
    }
}

/// `3.75Gi`, but `1208Mi` in place of a rounded `1.18Gi`; sums that have no short form are rounded.
pub(super) fn bytes_exactly(quantity: Quantity) -> String {
    const LONGEST: usize = 8;
    let short = bytes(quantity.value() as f64);
    let exact = crate::units::Bytes::from(quantity).to_string();
    let is_exact = short.parse::<Quantity>().is_ok_and(|parsed| parsed == quantity);
    if is_exact || !exact.ends_with('i') || exact.len() > LONGEST { short } else { exact }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(crate::fixed_cases())]

        /// Halves of the last digit among them.
        #[test]
        fn decimals_are_rounded_as_the_exact_value_is(
            value in prop_oneof![any::<f64>(), -1e7..1e7_f64, (any::<i32>(), 0..40_i32).prop_map(|(n, bits)| f64::from(n) / 2_f64.powi(bits)),
                (any::<i32>(), 0..12_i32).prop_map(|(n, digits)| f64::from(n) / 10_f64.powi(digits))],
            digits in 0..12_usize,
        ) {
            let exact = format!("{value:.digits$}");
            let short = if exact.contains('.') { exact.trim_end_matches('0').trim_end_matches('.') } else { &exact };
            prop_assert_eq!(decimal(value, digits), if short == "-0" { "0" } else { short });
        }
    }

    #[test]
    fn amounts_are_short_and_exact() {
        assert_eq!(
            (milli(15_800), milli(250), milli(3000), milli(-1)),
            ("15.8".into(), "0.25".into(), "3".into(), "-0.001".into())
        );
        assert_eq!((bytes(1.5 * 1073741824.0), bytes(512.0), bytes(0.0)), ("1.5Gi".into(), "512".into(), "0".into()));
        assert_eq!((decimal(2.0, 2), decimal(-0.001, 2), decimal(0.125, 2)), ("2".into(), "0".into(), "0.12".into()));
        assert_eq!((short(2_000.0), short(2e9), short(-15_500.0)), ("2000".into(), "2G".into(), "-15.5k".into()));
        assert_eq!(share(Span::from_seconds(36), Span::from_seconds(3600)), "36s (1%)");
    }
}
