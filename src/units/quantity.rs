//! Kubernetes quantities (`500m`, `2Gi`, `1e3`), exact.
//!
//! Mirrors `k8s.io/apimachinery/pkg/api/resource/quantity.go`: the grammar, the
//! rounding away from zero at nano precision, the cap at 2^63-1, and the canonical
//! form that the API server stores and `kubectl` prints.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// Units of the internal value: one billionth.
const NANO: i128 = 1_000_000_000;
/// The largest magnitude that a quantity can hold: 2^63-1 units.
const MAX_NANO: i128 = (i64::MAX as i128) * NANO;

/// The notation that a quantity was written in; it decides how it is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    DecimalExponent,
    DecimalSi,
    BinarySi,
}

/// A fixed-point number with Kubernetes' suffixes, exact to one billionth.
#[derive(Clone, Copy, Debug)]
pub struct Quantity {
    nano: i128,
    format: Format,
}

/// Why a text is not a quantity.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ParseQuantityError {
    /// Nothing to read.
    #[error("a quantity must not be empty")]
    Empty,
    /// Not a number with an optional suffix.
    #[error("`{0}` is not a quantity")]
    Malformed(String),
    /// The number is fine, the suffix is not.
    #[error("`{suffix}` is not a quantity suffix (in `{text}`)")]
    Suffix {
        /// The whole text.
        text: String,
        /// What follows the number.
        suffix: String,
    },
}

impl ParseQuantityError {
    /// What to write instead.
    pub fn hint(&self) -> String {
        if let Self::Suffix { suffix, .. } = self {
            let fixed = match suffix.to_ascii_lowercase().as_str() {
                "gb" | "gib" => Some("Gi"),
                "mb" | "mib" => Some("Mi"),
                "kb" | "kib" | "ki" => Some("Ki"),
                "tb" | "tib" => Some("Ti"),
                "mi" => Some("Mi"),
                "gi" => Some("Gi"),
                "g" => Some("G"),
                "k" => Some("k"),
                "cores" | "cpu" | "core" => Some(""),
                _ => None,
            };
            match fixed {
                Some("") => return "write the bare number, or millicores such as `500m`".into(),
                Some(good) => return format!("did you mean `{good}`?"),
                None => {}
            }
        }
        "use a number with one of n u m k M G T P E, Ki Mi Gi Ti Pi Ei, or an exponent: `500m`, `1.5`, `2Gi`, `1e3`"
            .into()
    }
}

impl Quantity {
    /// Nothing.
    pub const ZERO: Self = Self::from_units(0);

    /// A whole number of units, printed in decimal notation.
    pub const fn from_units(units: i64) -> Self {
        Self { nano: units as i128 * NANO, format: Format::DecimalSi }
    }

    /// Thousandths of a unit, printed in decimal notation (`250m`).
    pub const fn from_milli(milli: i64) -> Self {
        Self { nano: milli as i128 * (NANO / 1000), format: Format::DecimalSi }
    }

    /// Thousandths of a unit, printed with binary suffixes where they are exact (`512Mi`).
    pub const fn from_milli_binary(milli: i64) -> Self {
        Self { nano: milli as i128 * (NANO / 1000), format: Format::BinarySi }
    }

    /// Thousandths, rounded up, saturating: what the HPA controller calculates with.
    pub fn milli_value(self) -> i64 {
        saturate(div_ceil_away(self.nano, NANO / 1000))
    }

    /// Billionths, saturating: nanocores of CPU.
    pub fn nano_value(self) -> i64 {
        saturate(self.nano)
    }

    /// Whole units, rounded up, saturating.
    pub fn value(self) -> i64 {
        saturate(div_ceil_away(self.nano, NANO))
    }

    /// So many times as much.
    #[must_use]
    pub fn times(self, count: i64) -> Self {
        Self { nano: self.nano.saturating_mul(count.into()), ..self }
    }

    /// A part of it, rounded up to the precision of a quantity.
    #[must_use]
    pub fn part(self, of: i64) -> Self {
        Self { nano: div_ceil_away(self.nano, i128::from(of.max(1))), ..self }
    }

    /// What is left after something is taken away; nothing if that is more.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self { nano: (self.nano - other.nano).max(0), ..self }
    }

    /// How many times another quantity fits in, rounded up; nothing fits into zero.
    pub fn div_ceil(self, by: Self) -> Option<i64> {
        if self.nano <= 0 {
            return Some(0);
        }
        (by.nano > 0).then(|| saturate((self.nano - 1) / by.nano + 1))
    }

    /// How many times another quantity fits in, rounded down; saturating, and as often as can be into zero.
    pub fn div_floor(self, by: Self) -> i64 {
        if by.nano <= 0 { i64::MAX } else { saturate(self.nano.div_euclid(by.nano)) }
    }

    /// The quotient of two quantities; 0 if the other is.
    pub fn ratio(self, by: Self) -> f64 {
        if by.nano == 0 { 0.0 } else { self.nano as f64 / by.nano as f64 }
    }

    /// Whether it was written with a binary suffix (`Mi`, `Gi`).
    pub fn is_binary(self) -> bool {
        self.format == Format::BinarySi
    }

    /// -1, 0 or 1.
    pub fn signum(self) -> i128 {
        self.nano.signum()
    }

    /// The nearest float, computed from the canonical form as `AsApproximateFloat64` does
    /// (mantissa times a power of ten), so that `tolerance` has upstream's exact bits.
    pub fn as_f64(self) -> f64 {
        let (mantissa, exponent) = self.decimal_parts();
        if exponent == 0 { mantissa as f64 } else { mantissa as f64 * 10f64.powi(exponent) }
    }

    /// The mantissa and the power of ten of the canonical decimal form (exponents go by threes).
    fn decimal_parts(self) -> (i128, i32) {
        let (mut mantissa, mut exponent) = (self.nano, -9);
        while mantissa != 0 && mantissa % 1000 == 0 && exponent < 18 {
            mantissa /= 1000;
            exponent += 3;
        }
        if mantissa == 0 { (0, 0) } else { (mantissa, exponent) }
    }
}

impl std::ops::Add for Quantity {
    type Output = Self;

    /// The notation is binary if one of the two is, or else that of the first.
    fn add(self, other: Self) -> Self {
        let format = if other.is_binary() { other.format } else { self.format };
        Self { nano: self.nano.saturating_add(other.nano), format }
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.nano == other.nano
    }
}

impl Eq for Quantity {}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.nano.cmp(&other.nano)
    }
}

/// Division that rounds away from zero.
fn div_ceil_away(value: i128, by: i128) -> i128 {
    let quotient = value / by;
    if value % by == 0 { quotient } else { quotient + value.signum() }
}

fn saturate(value: i128) -> i64 {
    value.clamp(i64::MIN as i128, i64::MAX as i128) as i64
}

impl FromStr for Quantity {
    type Err = ParseQuantityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Err(ParseQuantityError::Empty);
        }
        let malformed = || ParseQuantityError::Malformed(text.to_owned());
        let (negative, unsigned) = match text.as_bytes()[0] {
            b'+' => (false, &text[1..]),
            b'-' => (true, &text[1..]),
            _ => (false, text),
        };
        let end = unsigned.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(unsigned.len());
        let (number, suffix) = unsigned.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.len() + fraction.len() == 0 || fraction.contains('.') {
            return Err(malformed());
        }
        let (format, factor) = parse_suffix(suffix)
            .ok_or_else(|| ParseQuantityError::Suffix { text: text.to_owned(), suffix: suffix.to_owned() })?;
        let nano = scale(whole, fraction, factor);
        Ok(Self { nano: if negative { -nano } else { nano }, format })
    }
}

/// What a suffix multiplies by.
#[derive(Clone, Copy)]
enum Factor {
    PowerOfTen(i32),
    PowerOfTwo(u32),
}

fn parse_suffix(suffix: &str) -> Option<(Format, Factor)> {
    let decimal = |power| Some((Format::DecimalSi, Factor::PowerOfTen(power)));
    let binary = |power| Some((Format::BinarySi, Factor::PowerOfTwo(power)));
    match suffix {
        "n" => decimal(-9),
        "u" => decimal(-6),
        "m" => decimal(-3),
        "" => decimal(0),
        "k" => decimal(3),
        "M" => decimal(6),
        "G" => decimal(9),
        "T" => decimal(12),
        "P" => decimal(15),
        "E" => decimal(18),
        "Ki" => binary(10),
        "Mi" => binary(20),
        "Gi" => binary(30),
        "Ti" => binary(40),
        "Pi" => binary(50),
        "Ei" => binary(60),
        _ => {
            let exponent = suffix.strip_prefix(['e', 'E'])?;
            let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
                return None;
            }
            let power = exponent.parse::<i32>().ok()?;
            Some((Format::DecimalExponent, Factor::PowerOfTen(power)))
        }
    }
}

/// `whole.fraction x factor` in nano units, rounded up and capped; digits beyond what fits are
/// only remembered as "something non-zero", which is all that rounding needs.
fn scale(whole: &str, fraction: &str, factor: Factor) -> i128 {
    let digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).map(|b| b - b'0').collect();
    let significant = digits.iter().position(|&d| d != 0).unwrap_or(digits.len());
    let digits = &digits[significant..];
    if digits.is_empty() {
        return 0;
    }
    // The value is 0.d1d2d3... x 10^point (x 2^k for binary suffixes).
    let point = whole.len() as i64 - significant as i64;
    let (power, shift) = match factor {
        Factor::PowerOfTen(power) => (power as i64, 0),
        Factor::PowerOfTwo(shift) => (0, shift),
    };
    let point = point + power;
    if point > 40 {
        return MAX_NANO;
    }
    let kept = digits.len().min(28);
    let mut mantissa = digits[..kept].iter().fold(0i128, |sum, &d| sum * 10 + d as i128);
    let mut inexact = digits[kept..].iter().any(|&d| d != 0);
    let mut exponent = point - kept as i64 + 9;
    // Binary suffixes: multiply by two as long as it fits, dropping decimal digits otherwise.
    for _ in 0..shift {
        if mantissa > i128::MAX / 20 {
            inexact |= mantissa % 10 != 0;
            mantissa /= 10;
            exponent += 1;
        }
        mantissa *= 2;
    }
    while exponent > 0 {
        if mantissa > MAX_NANO {
            return MAX_NANO;
        }
        mantissa *= 10;
        exponent -= 1;
    }
    while exponent < 0 && mantissa != 0 {
        inexact |= mantissa % 10 != 0;
        mantissa /= 10;
        exponent += 1;
    }
    (mantissa + i128::from(inexact)).min(MAX_NANO)
}

impl fmt::Display for Quantity {
    /// The canonical form: the largest suffix that leaves no fraction.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = self.nano % NANO == 0;
        let large = self.nano.abs() >= 1024 * NANO;
        if self.format == Format::BinarySi && whole && large {
            const SUFFIXES: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
            let (mut mantissa, mut step) = (self.nano / NANO, 0);
            while mantissa % 1024 == 0 && step + 1 < SUFFIXES.len() {
                mantissa /= 1024;
                step += 1;
            }
            return write!(f, "{mantissa}{}", SUFFIXES[step]);
        }
        let (mantissa, exponent) = self.decimal_parts();
        if self.format == Format::DecimalExponent {
            return if exponent == 0 { write!(f, "{mantissa}") } else { write!(f, "{mantissa}e{exponent}") };
        }
        const SUFFIXES: [&str; 10] = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
        let suffix = usize::try_from((exponent + 9) / 3).ok().and_then(|i| SUFFIXES.get(i));
        write!(f, "{mantissa}{}", suffix.copied().unwrap_or_default())
    }
}

/// A quantity that is not negative; its errors say what would be right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NonNegativeQuantity(Quantity);

impl NonNegativeQuantity {
    /// Nothing.
    pub const ZERO: Self = Self(Quantity::ZERO);

    /// The quantity.
    pub const fn get(self) -> Quantity {
        self.0
    }
}

impl Default for NonNegativeQuantity {
    fn default() -> Self {
        Self::ZERO
    }
}

impl fmt::Display for NonNegativeQuantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for NonNegativeQuantity {
    type Err = ParseNonNegativeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let quantity: Quantity = text.parse()?;
        if quantity.signum() < 0 { Err(ParseNonNegativeError::Negative(text.to_owned())) } else { Ok(Self(quantity)) }
    }
}

/// Why a text is not a quantity of zero or more.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ParseNonNegativeError {
    /// It is no quantity.
    #[error("{0}; {hint}", hint = .0.hint())]
    Quantity(#[from] ParseQuantityError),
    /// It is negative.
    #[error("`{0}` must not be negative")]
    Negative(String),
}

super::as_text! {
    NonNegativeQuantity: "Quantity", ["number", "string"], "a quantity such as 500m, 1.5 or 2Gi";
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Quantity {
        text.parse().expect(text)
    }

    #[test]
    fn every_suffix_parses_and_prints_canonically() {
        for (text, printed) in [
            ("0", "0"),
            ("1", "1"),
            ("0.5", "500m"),
            ("1.5", "1500m"),
            ("500m", "500m"),
            ("1000m", "1"),
            ("2000", "2k"),
            ("1n", "1n"),
            ("0.1n", "1n"),
            ("1.0001u", "1001n"),
            ("1e3", "1e3"),
            ("1E", "1E"),
            ("1e9", "1e9"),
            ("1E3", "1e3"),
            ("1.5e3", "1500"),
            ("512Mi", "512Mi"),
            ("0.5Gi", "512Mi"),
            ("1024Mi", "1Gi"),
            ("1023", "1023"),
            ("1Ki", "1Ki"),
            ("0.5Ki", "512"),
            ("1.5Gi", "1536Mi"),
            ("8Ei", "9223372036854775807"),
            ("1M", "1M"),
            ("1500M", "1500M"),
            ("3P", "3P"),
            ("-1", "-1"),
            ("-0.5", "-500m"),
            (".5", "500m"),
            ("5.", "5"),
            ("+1", "1"),
            ("0.1Ki", "102400m"),
            ("1e-3", "1e-3"),
            ("12e6", "12e6"),
            ("100e-9", "100e-9"),
            ("9999999999999999999E", "9223372036854775807"),
        ] {
            assert_eq!(parse(text).to_string(), printed, "{text}");
        }
    }

    #[test]
    fn rounds_up_to_milli_and_to_units() {
        assert_eq!(parse("1.0001").milli_value(), 1001);
        assert_eq!(parse("1u").milli_value(), 1);
        assert_eq!(parse("-1u").milli_value(), -1);
        assert_eq!(parse("1500m").value(), 2);
        assert_eq!(parse("512Mi").milli_value(), 536_870_912_000);
        assert_eq!(parse("1E").milli_value(), i64::MAX);
        assert_eq!(parse("0.0000000001").milli_value(), 1);
    }

    #[test]
    fn refuses_what_the_api_server_refuses() {
        for text in
            ["", "abc", "1.2.3", "1GB", "1gi", "1 Gi", "--1", "1e", "1ee3", "e3", ".", "1mm", "1Kii", "0x10", "1e1.5"]
        {
            assert!(text.parse::<Quantity>().is_err(), "{text}");
        }
        assert_eq!("1GB".parse::<Quantity>().unwrap_err().hint(), "did you mean `Gi`?");
    }

    #[test]
    fn floats_have_the_bits_of_the_canonical_form() {
        assert_eq!(parse("250m").as_f64(), 0.25);
        assert_eq!(parse("0.05").as_f64(), 50.0 * 10f64.powi(-3));
        assert_eq!(parse("2").as_f64(), 2.0);
        assert_eq!(parse("0").as_f64(), 0.0);
    }
}
