//! Clock times: the instant that a simulation starts at, and times as people say them.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::fmt::temporal::Pieces;
use jiff::tz::Offset;
use serde::{Deserialize, Serialize};

use super::{SimTime, Span};

const DAY: i64 = 86_400;

/// The instant of a simulation's start, in the zone of those who recorded the load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// Seconds since 1970.
    epoch: i64,
    /// East of UTC, seconds.
    offset: i32,
}

impl Clock {
    /// An instant, seconds since 1970, and how far its zone is east of UTC.
    pub fn new(epoch: i64, offset: i32) -> Self {
        Self { epoch, offset }
    }

    /// From a timestamp of RFC 3339, in whole seconds, with the offset that it is written with.
    pub fn parse(text: &str) -> Option<Self> {
        let timestamp: Timestamp = text.parse().ok()?;
        let offset = Pieces::parse(text).ok()?.to_numeric_offset().unwrap_or(Offset::UTC);
        (timestamp.subsec_nanosecond() == 0).then(|| Self::new(timestamp.as_second(), offset.seconds()))
    }

    /// The instant, seconds since 1970.
    pub fn epoch_seconds(self) -> i64 {
        self.epoch
    }

    /// How far its zone is east of UTC, seconds.
    pub fn utc_offset(self) -> i32 {
        self.offset
    }

    /// What a clock on the wall shows at the start, as seconds since 1970.
    pub fn wall_seconds(self) -> i64 {
        self.epoch + i64::from(self.offset)
    }

    /// An instant of the simulation in RFC 3339, none beyond the calendar.
    pub fn rfc3339(self, at: SimTime) -> Option<String> {
        let instant = Timestamp::from_second(self.epoch.checked_add(at.seconds())?).ok()?;
        match Offset::from_seconds(self.offset) {
            Ok(Offset::UTC) | Err(_) => Some(instant.to_string()),
            Ok(offset) => Some(instant.display_with_offset(offset).to_string()),
        }
    }

    /// The zone: UTC, or UTC+01:00.
    pub fn zone(self) -> String {
        match self.offset {
            0 => "UTC".to_owned(),
            offset => {
                let (sign, minutes) = (if offset < 0 { '-' } else { '+' }, offset.unsigned_abs() / 60);
                format!("UTC{sign}{:02}:{:02}", minutes / 60, minutes % 60)
            }
        }
    }

    /// When a clock shows a time of day first, at the start or after it.
    fn first(self, time_of_day: i64) -> SimTime {
        SimTime::ZERO + Span::from_seconds((time_of_day - self.wall_seconds()).rem_euclid(DAY))
    }
}

/// A time as people say it: how long after the start, a time of day, or an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// So long after the start.
    After(Span),
    /// When a clock shows it first, seconds of the day.
    TimeOfDay(i64),
    /// An instant, seconds since 1970.
    Instant(i64),
}

impl When {
    /// The time in a simulation. Without a clock a time of day is counted from the start, as from midnight.
    pub fn in_simulation(self, clock: Option<Clock>) -> Result<SimTime, String> {
        match (self, clock) {
            (Self::After(span), _) => Ok(SimTime::ZERO + span),
            (Self::TimeOfDay(seconds), Some(clock)) => Ok(clock.first(seconds)),
            (Self::TimeOfDay(seconds), None) => Ok(SimTime::ZERO + Span::from_seconds(seconds)),
            (Self::Instant(seconds), Some(clock)) if seconds >= clock.epoch => {
                Ok(SimTime::ZERO + Span::from_seconds(seconds - clock.epoch))
            }
            (Self::Instant(_), Some(clock)) => {
                Err(format!("{self} is before the start, {}", clock.rfc3339(SimTime::ZERO).unwrap_or_default()))
            }
            (Self::Instant(_), None) => {
                Err(format!("{self} is an instant, and the load has no timestamps: write how long after the start"))
            }
        }
    }

    /// Whether it takes a clock to know when that is.
    pub fn needs_clock(self) -> bool {
        !matches!(self, Self::After(_))
    }
}

impl FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no time: write 9h30m (after the start), 09:30, or 2026-11-02T09:30:00Z");
        if let Some(clock) = Clock::parse(text) {
            return Ok(Self::Instant(clock.epoch));
        }
        if !text.contains(':') {
            return text.parse().map(Self::After).map_err(|_| wrong());
        }
        let parts: Vec<&str> = text.split(':').collect();
        let number = |text: &&str| {
            let is_short = matches!(text.len(), 1 | 2) && text.bytes().all(|b| b.is_ascii_digit());
            text.parse::<i64>().ok().filter(|_| is_short)
        };
        let numbers: Option<Vec<i64>> = parts.iter().map(number).collect();
        match numbers.as_deref() {
            Some(&[hours, minutes]) if hours < 24 && minutes < 60 => Ok(Self::TimeOfDay(hours * 3600 + minutes * 60)),
            Some(&[hours, minutes, seconds]) if hours < 24 && minutes < 60 && seconds < 60 => {
                Ok(Self::TimeOfDay(hours * 3600 + minutes * 60 + seconds))
            }
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::After(span) => span.fmt(f),
            Self::TimeOfDay(seconds) => {
                write!(f, "{:02}:{:02}", seconds / 3600, seconds / 60 % 60)?;
                if seconds % 60 == 0 { Ok(()) } else { write!(f, ":{:02}", seconds % 60) }
            }
            Self::Instant(seconds) => match Timestamp::from_second(*seconds) {
                Ok(instant) => instant.fmt(f),
                Err(_) => write!(f, "{seconds} s after 1970"),
            },
        }
    }
}

super::as_text! {
    When: "Time of the scenario", ["integer", "string"], "how long after the start, such as 90s or 1h30m; a time of day, such as 09:30, if the load's trace has timestamps; or an instant, such as 2026-11-02T09:30:00Z";
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str, clock: Option<Clock>) -> Result<String, String> {
        text.parse::<When>()?.in_simulation(clock).map(|at| at.to_string())
    }

    #[test]
    fn a_time_of_day_is_the_first_one() {
        let nine = Clock::parse("2026-11-02T09:00:00+01:00");
        for (text, told) in [("09:00", "0s"), ("9:00:30", "30s"), ("08:59", "23h59m"), ("1h", "1h")] {
            assert_eq!(at(text, nine).unwrap(), told, "{text}");
        }
        assert_eq!(at("2026-11-02T08:00:10Z", nine).unwrap(), "10s");
        assert!(at("2026-11-02T07:00:00Z", nine).unwrap_err().contains("before the start, 2026-11-02T09:00:00+01:00"));
        assert_eq!(at("09:00", None).unwrap(), "9h");
        assert!(at("2026-11-02T08:00:10Z", None).unwrap_err().contains("no timestamps"));
        for wrong in ["24:00", "9:60", "9:0:61", ":", "9:", "+9:00", "009:00", "soon", "", "1:2:3:4"] {
            assert!(wrong.parse::<When>().unwrap_err().contains("is no time"), "{wrong}");
        }
    }

    #[test]
    fn instants_are_told_in_the_zone_of_the_load() {
        let told = |text: &str| {
            let clock = Clock::parse(text).unwrap();
            (clock.rfc3339(SimTime::ZERO).unwrap(), clock.zone())
        };
        assert_eq!(told("2026-11-02T09:00:00Z"), ("2026-11-02T09:00:00Z".into(), "UTC".into()));
        assert_eq!(told("2026-11-02T09:00:00-03:30"), ("2026-11-02T09:00:00-03:30".into(), "UTC-03:30".into()));
        assert_eq!(told("2026-11-02T09:00:00+00:00").1, "UTC");
        assert!(Clock::parse("2026-11-02T09:00:00.5Z").is_none());
    }
}
