//! Times as tools write them: numbers of several units, RFC 3339, and local times without a zone.

use jiff::civil::DateTime;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use crate::model::TimeBase;

/// How a time was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Written {
    /// Seconds from a start on.
    Offset,
    /// Seconds, milliseconds, microseconds or nanoseconds since 1970.
    Seconds,
    /// The same.
    Milliseconds,
    /// The same.
    Microseconds,
    /// The same.
    Nanoseconds,
    /// With its zone.
    Instant,
    /// Without a zone.
    Local,
}

/// A time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Instant {
    /// Milliseconds.
    pub millis: i64,
    /// How it was written.
    pub written: Written,
    /// East of UTC, seconds.
    pub offset: i32,
}

impl Instant {
    /// What it counts from.
    pub fn base(self) -> TimeBase {
        match self.written {
            Written::Offset => TimeBase::Start,
            _ => TimeBase::Epoch(self.offset),
        }
    }
}

impl Written {
    /// What was assumed of it, if anything.
    pub fn note(self, zone: &TimeZone) -> Option<String> {
        let unit = match self {
            Self::Milliseconds => "milliseconds",
            Self::Microseconds => "microseconds",
            Self::Nanoseconds => "nanoseconds",
            Self::Local => {
                let name = zone.iana_name().map_or_else(|| "the zone of --zone".to_owned(), str::to_owned);
                return Some(format!("times without a zone are read in {name} (--zone)"));
            }
            Self::Offset | Self::Seconds | Self::Instant => return None,
        };
        Some(format!("times are read as {unit} since 1970"))
    }
}

/// From here on a number of seconds is of 1970 and later: it is of the year 2001.
const LEAST_EPOCH: f64 = 1e9;
/// No time is farther from 1970, milliseconds.
const FARTHEST: f64 = 2.5e14;

/// A number, whose size says its unit.
pub(super) fn of_number(number: f64) -> Option<Instant> {
    let (written, millis) = match number.abs() {
        size if size < LEAST_EPOCH => (Written::Offset, number * 1e3),
        size if size < 1e11 => (Written::Seconds, number * 1e3),
        size if size < 1e14 => (Written::Milliseconds, number),
        size if size < 1e17 => (Written::Microseconds, number / 1e3),
        _ => (Written::Nanoseconds, number / 1e6),
    };
    (millis.abs() <= FARTHEST).then(|| Instant { millis: millis.round() as i64, written, offset: 0 })
}

/// A text; a time without a zone is of this one.
pub(super) fn parse(text: &str, zone: &TimeZone) -> Option<Instant> {
    let text = text.trim().trim_matches('"');
    if let Ok(number) = text.parse::<f64>() {
        return of_number(number).filter(|_| number.is_finite());
    }
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        let offset = crate::units::Clock::parse(&timestamp_in_seconds(text)).map_or(0, crate::units::Clock::utc_offset);
        return Some(Instant { millis: timestamp.as_millisecond(), written: Written::Instant, offset });
    }
    // Of access logs, of `date` in the C locale and in English ones, and of mails.
    for format in [
        "%d/%b/%Y:%H:%M:%S %z",
        "%a %b %e %H:%M:%S UTC %Y",
        "%a %b %e %I:%M:%S %p UTC %Y",
        "%a %d %b %Y %H:%M:%S UTC",
        "%a %d %b %Y %I:%M:%S %p UTC",
        "%a, %d %b %Y %H:%M:%S %z",
    ] {
        let Ok(parsed) = strtime::parse(format, text) else { continue };
        if let Ok(zoned) = parsed.to_zoned() {
            return Some(instant(&zoned, Written::Instant));
        }
        // The formats without an offset say UTC.
        if let Ok(zoned) = parsed.to_datetime().and_then(|civil| civil.to_zoned(TimeZone::UTC)) {
            return Some(instant(&zoned, Written::Instant));
        }
    }
    let local = text.parse::<DateTime>().ok().or_else(|| {
        let known = ["%Y/%m/%d %H:%M:%S", "%m/%d/%Y %H:%M:%S", "%Y-%m-%d %H:%M"];
        known.iter().find_map(|format| DateTime::strptime(format, text).ok())
    })?;
    let zoned = local.to_zoned(zone.clone()).ok()?;
    Some(instant(&zoned, Written::Local))
}

/// Fractions of seconds do not matter for the zone.
fn timestamp_in_seconds(text: &str) -> String {
    match text.split_once('.') {
        Some((whole, rest)) => format!("{whole}{}", rest.trim_start_matches(|c: char| c.is_ascii_digit())),
        None => text.to_owned(),
    }
}

fn instant(zoned: &Zoned, written: Written) -> Instant {
    Instant { millis: zoned.timestamp().as_millisecond(), written, offset: zoned.offset().seconds() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_instant_in_many_ways() {
        // 2026-11-24 09:00:00 UTC.
        for text in [
            "1795510800",
            "1795510800.000",
            "1795510800000",
            "1795510800000000",
            "1795510800000000000",
            "2026-11-24T09:00:00Z",
            "2026-11-24T10:00:00.000+01:00",
            "2026-11-24 09:00:00",
            "\"2026-11-24 09:00:00\"",
            "2026-11-24T09:00:00",
            "2026/11/24 09:00:00",
            "24/Nov/2026:10:00:00 +0100",
            "Tue Nov 24 09:00:00 UTC 2026",
            "Tue Nov 24 09:00:00 AM UTC 2026",
            "Tue 24 Nov 2026 09:00:00 AM UTC",
            "Tue, 24 Nov 2026 09:00:00 +0000",
        ] {
            let found = parse(text, &TimeZone::UTC);
            assert_eq!(found.map(|found| found.millis), Some(1_795_510_800_000), "{text}");
        }
        assert_eq!(
            parse("90.5", &TimeZone::UTC).map(|found| (found.millis, found.base())),
            Some((90_500, TimeBase::Start))
        );
        assert_eq!(parse("2026-11-24T10:00:00+01:00", &TimeZone::UTC).map(Instant::base), Some(TimeBase::Epoch(3600)));
        for text in ["", "soon", "NaN", "inf", "1e300", "24/Foo/2026:10:00:00 +0100"] {
            assert_eq!(parse(text, &TimeZone::UTC), None, "{text}");
        }
    }
}
