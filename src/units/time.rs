//! Simulated instants and durations, whole seconds.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// An instant on the simulation's clock: whole seconds since its start, possibly negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SimTime(i64);

/// A duration in whole seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(i64);

impl SimTime {
    /// The start of the simulation.
    pub const ZERO: Self = Self(0);
    /// After everything.
    pub const MAX: Self = Self(i64::MAX);

    /// An instant, in seconds since the start.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds)
    }

    /// Seconds since the start.
    pub const fn seconds(self) -> i64 {
        self.0
    }

    /// The time that has passed since the start.
    pub const fn since_start(self) -> Span {
        Span(self.0)
    }

    /// So many seconds later, of an instant that is not [`MAX`](Self::MAX). Faster than to add a [`Span`], which never leaves
    /// the range.
    pub const fn later(self, seconds: i64) -> Self {
        Self(self.0 + seconds)
    }

    /// How many seconds ago another instant was; neither is [`MAX`](Self::MAX).
    pub const fn seconds_since(self, earlier: Self) -> i64 {
        self.0 - earlier.0
    }
}

impl Span {
    /// The longest time that is read: a hundred years.
    pub const LONGEST: Self = Self(100 * 31_557_600);

    /// No time.
    pub const ZERO: Self = Self(0);

    /// A duration, in seconds.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds)
    }

    /// The duration in seconds.
    pub const fn seconds(self) -> i64 {
        self.0
    }
}

impl Add<Span> for SimTime {
    type Output = Self;
    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl AddAssign<Span> for SimTime {
    fn add_assign(&mut self, span: Span) {
        *self = *self + span;
    }
}

impl Sub<Span> for SimTime {
    type Output = Self;
    fn sub(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.0))
    }
}

impl Sub for SimTime {
    type Output = Span;
    fn sub(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

impl Add for Span {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl fmt::Display for SimTime {
    /// As a duration since the start.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.since_start().fmt(f)
    }
}

impl fmt::Display for Span {
    /// As Prometheus writes durations: `1d2h30m15s`, `0s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        let mut rest = self.0.unsigned_abs();
        if self.0 < 0 {
            text.push('-');
        }
        for (unit, seconds) in [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)] {
            if rest >= seconds {
                text.push_str(&(rest / seconds).to_string());
                text.push(unit);
                rest %= seconds;
            }
        }
        if self.0 == 0 {
            text.push_str("0s");
        }
        f.pad(&text)
    }
}

/// A duration that need not be whole seconds: `300ms`, `1.5s`, or any that a [`Span`] reads; never negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Seconds(f64);

impl Seconds {
    /// A duration, in seconds.
    pub const fn new(seconds: f64) -> Self {
        Self(seconds)
    }

    /// The duration in seconds.
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl FromStr for Seconds {
    type Err = ParseSecondsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let longest = Span::LONGEST.0 as f64;
        let number = |part: &str| part.trim().parse::<f64>().ok().filter(|value| (0.0..=longest).contains(value));
        let whole = || text.parse::<Span>().ok().map(|span| span.seconds() as f64);
        let millis = text.strip_suffix("ms").and_then(number).map(|millis| millis / 1e3);
        let seconds = millis.or_else(|| number(text.strip_suffix('s').unwrap_or(text))).or_else(whole);
        seconds.map(Self).ok_or_else(|| ParseSecondsError(text.to_owned()))
    }
}

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 > 0.0 && self.0 < 1.0 { write!(f, "{}ms", self.0 * 1e3) } else { write!(f, "{}s", self.0) }
    }
}

/// Why a text is not a duration that need not be whole seconds.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("`{0}` is not a time such as 200ms, 1.5s or 2m")]
pub struct ParseSecondsError(String);

super::as_text! {
    Span: "Duration", ["integer", "string"], "a duration such as 90s, 15m or 1h30m, or a number of seconds";
    Seconds: "Time", ["number", "string"], "a time such as 200ms, 1.5s or 2m, or a number of seconds";
}

/// Why a text is not a duration.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ParseSpanError {
    /// It does not look like one.
    #[error("`{0}` is not a duration in whole seconds: write `90s`, `15m`, `1h30m`, `7d`, `2w` or a number of seconds")]
    Malformed(String),
    /// It is longer than [`Span::LONGEST`].
    #[error("`{0}` is longer than a hundred years")]
    TooLong(String),
}

impl FromStr for Span {
    type Err = ParseSpanError;

    /// Reads `90`, `90s`, `1h30m`, `1d`, `2w`, `1.5h`, `60000ms`; the result must be whole seconds
    /// and is never negative.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseSpanError::Malformed(text.to_owned());
        let too_long = || ParseSpanError::TooLong(text.to_owned());
        if let Ok(seconds) = text.parse::<i64>() {
            return match seconds {
                0.. if seconds <= Self::LONGEST.0 => Ok(Self(seconds)),
                0.. => Err(too_long()),
                _ => Err(error()),
            };
        }
        let mut rest = text;
        let mut milliseconds = 0f64;
        while !rest.is_empty() {
            let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(error)?;
            let unit_end =
                rest[number..].find(|c: char| !c.is_ascii_alphabetic()).map_or(rest.len(), |end| number + end);
            let count: f64 = rest[..number].parse().map_err(|_| error())?;
            milliseconds += count
                * match &rest[number..unit_end] {
                    "ms" => 1.0,
                    "s" => 1e3,
                    "m" => 60e3,
                    "h" => 3_600e3,
                    "d" => 86_400e3,
                    "w" => 604_800e3,
                    _ => return Err(error()),
                };
            rest = &rest[unit_end..];
        }
        let seconds = milliseconds / 1e3;
        if text.is_empty() || seconds.is_nan() {
            return Err(error());
        }
        if seconds > Self::LONGEST.0 as f64 {
            return Err(too_long());
        }
        if seconds.fract() != 0.0 {
            return Err(error());
        }
        Ok(Self(seconds as i64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_and_print_as_prometheus_does() {
        for (text, seconds, printed) in [
            ("0", 0, "0s"),
            ("90", 90, "1m30s"),
            ("90s", 90, "1m30s"),
            ("1h30m", 5400, "1h30m"),
            ("1d", 86_400, "1d"),
            ("2w", 1_209_600, "14d"),
            ("1.5h", 5400, "1h30m"),
            ("60000ms", 60, "1m"),
        ] {
            let span: Span = text.parse().expect(text);
            assert_eq!((span.seconds(), span.to_string().as_str()), (seconds, printed), "{text}");
        }
        for text in ["9223372036854775807", "101y", "1000000d", "99999999999999999999s"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
        for text in ["", "-5", "5x", "abc", "1.5s", "1ms", "s", "5 m", "1e3s"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }
}
