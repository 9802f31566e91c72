//! How the times of a trace are written.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::units::Span;

/// Times beyond this, seconds from 1970 on, are of no calendar.
const FARTHEST_SECONDS: i64 = 1_000_000_000_000_000;

/// From here on a number is taken for milliseconds since 1970: as seconds it would be of the year 5138, as milliseconds
/// it is of 1973.
const LEAST_MILLISECONDS: f64 = 1e11;

/// How the times of a trace are written; the first row decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TimeStyle {
    /// A number of seconds.
    Seconds,
    /// Milliseconds since 1970.
    Milliseconds,
    /// RFC 3339.
    Timestamp,
    /// A date and a time of day without a zone: UTC is taken.
    Local,
    /// `10m`, `1h30m`.
    Duration,
}

impl TimeStyle {
    /// The style that a text is written in.
    pub(super) fn of(text: &str) -> Self {
        match text.parse::<f64>() {
            Ok(number) if number.abs() >= LEAST_MILLISECONDS => Self::Milliseconds,
            Ok(_) => Self::Seconds,
            Err(_) if text.parse::<Timestamp>().is_ok() => Self::Timestamp,
            Err(_) if text.parse::<DateTime>().is_ok() => Self::Local,
            Err(_) => Self::Duration,
        }
    }

    /// Whether the times are instants, and not spans from the start on.
    pub(super) fn is_instant(self) -> bool {
        matches!(self, Self::Timestamp | Self::Local | Self::Milliseconds)
    }

    /// Whole seconds, since 1970 for instants.
    pub(super) fn parse(self, text: &str) -> Option<i64> {
        let seconds = match self {
            Self::Seconds => whole(text),
            Self::Milliseconds => whole(text).filter(|number| number % 1000 == 0).map(|number| number / 1000),
            Self::Timestamp => {
                text.parse::<Timestamp>().ok().filter(|t| t.subsec_nanosecond() == 0).map(Timestamp::as_second)
            }
            Self::Local => {
                let zoned = text.parse::<DateTime>().ok().and_then(|local| local.to_zoned(TimeZone::UTC).ok());
                zoned.map(|zoned| zoned.timestamp()).filter(|t| t.subsec_nanosecond() == 0).map(Timestamp::as_second)
            }
            Self::Duration => {
                let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
                digits.parse::<Span>().ok().map(|span| sign * span.seconds())
            }
        };
        seconds.filter(|seconds| seconds.unsigned_abs() <= FARTHEST_SECONDS.unsigned_abs())
    }

    /// What would be right.
    pub(super) fn expected(self) -> &'static str {
        match self {
            Self::Seconds => "whole seconds, like the first row",
            Self::Milliseconds => "whole seconds as milliseconds since 1970, like the first row: 1793610000000",
            Self::Timestamp => "RFC 3339 in whole seconds, like the first row: 2026-11-02T09:00:00Z",
            Self::Local => "a date and a time in whole seconds, like the first row: 2026-11-02 09:00:00",
            Self::Duration => "whole seconds, RFC 3339 (2026-11-02T09:00:00Z) or a duration (10m, 1h30m)",
        }
    }
}

/// A whole number; `60.0` is one as well.
fn whole(text: &str) -> Option<i64> {
    text.parse().ok().or_else(|| {
        let number = text.parse::<f64>().ok()?;
        (number.fract() == 0.0 && number.abs() < 1e15).then_some(number as i64)
    })
}
