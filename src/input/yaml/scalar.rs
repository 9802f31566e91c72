//! What a plain scalar means in YAML 1.1, as kubectl's reader has it.

use serde_yaml::{Number, Value};

const TRUE: [&str; 11] = ["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"];
const FALSE: [&str; 11] = ["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"];
const NULL: [&str; 5] = ["", "~", "null", "Null", "NULL"];

/// Whole numbers beyond this are left as floats, as JSON encoders print them.
const LARGEST_WHOLE_FLOAT: f64 = 1e15;

/// The value of a plain scalar. Mirrors `resolve` of `sigs.k8s.io/yaml/goyaml.v2`; dates stay texts.
pub(super) fn plain(text: &str) -> Value {
    if NULL.contains(&text) {
        return Value::Null;
    }
    if TRUE.contains(&text) || FALSE.contains(&text) {
        return Value::Bool(TRUE.contains(&text));
    }
    number(text).map_or_else(|| Value::String(text.to_owned()), Value::Number)
}

/// A key, which is always text in JSON: booleans and numbers become what JSON prints.
pub(super) fn key(text: &str) -> String {
    match plain(text) {
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
        _ => text.to_owned(),
    }
}

fn number(text: &str) -> Option<Number> {
    let first = text.bytes().next()?;
    if !(first.is_ascii_digit() || matches!(first, b'+' | b'-' | b'.')) {
        return None;
    }
    match text.trim_start_matches(['+', '-']) {
        ".inf" | ".Inf" | ".INF" => {
            return Some(Number::from(if first == b'-' { f64::NEG_INFINITY } else { f64::INFINITY }));
        }
        ".nan" | ".NaN" | ".NAN" if first == b'.' => return Some(Number::from(f64::NAN)),
        _ => {}
    }
    let digits = text.replace('_', "");
    integer(&digits).or_else(|| float(&digits))
}

/// `strconv.ParseInt(text, 0, 64)`: decimal, or octal, hexadecimal and binary by their prefixes.
fn integer(text: &str) -> Option<Number> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_ascii_lowercase();
    let (base, digits) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..]),
        [b'0', b'b', ..] => (2, &lower[2..]),
        [b'0', b'o', ..] => (8, &lower[2..]),
        [b'0', _, ..] => (8, &lower[1..]),
        _ => (10, lower.as_str()),
    };
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_alphanumeric()) {
        return None;
    }
    let value = u64::from_str_radix(digits, base).ok()?;
    if !negative {
        return Some(Number::from(value));
    }
    i64::try_from(-i128::from(value)).ok().map(Number::from)
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`; a whole number becomes an integer, as it does in JSON.
fn float(text: &str) -> Option<Number> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], Some(&unsigned[at + 1..])),
        None => (unsigned, None),
    };
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').map_or((mantissa, None), |(whole, part)| (whole, Some(part)));
    let shaped = digits(whole)
        && fraction.is_none_or(digits)
        && (!whole.is_empty() || fraction.is_some_and(|part| !part.is_empty()))
        && exponent.is_none_or(|part| {
            let part = part.strip_prefix(['+', '-']).unwrap_or(part);
            !part.is_empty() && digits(part)
        });
    let value: f64 = if shaped { text.parse().ok()? } else { return None };
    if value.fract() == 0.0 && value.abs() < LARGEST_WHOLE_FLOAT {
        return Some(Number::from(value as i64));
    }
    Some(Number::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_are_yaml_1_1() {
        for (text, json) in [
            ("yes", "true"),
            ("Off", "false"),
            ("y", "true"),
            ("~", "null"),
            ("", "null"),
            ("010", "8"),
            ("0o17", "15"),
            ("0x1F", "31"),
            ("0b101", "5"),
            ("-0x10", "-16"),
            ("1_000", "1000"),
            ("08", "8"),
            ("1e3", "1000"),
            ("0.5", "0.5"),
            (".5", "0.5"),
            ("1.", "1"),
            ("12E", "\"12E\""),
            ("12e", "\"12e\""),
            ("500m", "\"500m\""),
            ("1.2.3", "\"1.2.3\""),
            ("2026-11-25", "\"2026-11-25\""),
            ("2026-11-25T10:00:00Z", "\"2026-11-25T10:00:00Z\""),
            ("-", "\"-\""),
            ("+", "\"+\""),
            ("0x", "\"0x\""),
            ("yEs", "\"yEs\""),
            ("18446744073709551615", "18446744073709551615"),
        ] {
            assert_eq!(serde_json::to_string(&plain(text)).unwrap(), json, "{text}");
        }
        assert_eq!((key("on"), key("0x10"), key("app")), ("true".to_owned(), "16".to_owned(), "app".to_owned()));
    }
}
