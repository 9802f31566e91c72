//! What a load is like: how it is spread, how fast it rises, what its days look like.

use std::collections::VecDeque;

use schemars::JsonSchema;
use serde::Serialize;

use crate::units::Clock;

/// How a column of a load is spread over time. Each value holds until the next row.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Described {
    /// The least value.
    pub min: f64,
    /// The mean over time.
    pub mean: f64,
    /// For half of the time it is no more.
    pub p50: f64,
    /// For 95% of the time it is no more.
    pub p95: f64,
    /// For 99% of the time it is no more.
    pub p99: f64,
    /// The largest value.
    pub max: f64,
    /// The standard deviation in means: how bursty it is.
    pub variation: f64,
    /// The largest rises within so many seconds.
    pub rises: Vec<Rise>,
    /// The mean of each hour of the day, where the times are of the calendar and a day is there.
    pub hours: Option<Vec<f64>>,
    /// The mean of each day of the week from Monday on, where a week is there.
    pub weekdays: Option<Vec<f64>>,
}

/// The largest rise within a time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rise {
    /// Within how many seconds.
    pub within_seconds: i64,
    /// By how much.
    pub by: f64,
    /// From which value.
    pub from: f64,
    /// Where it ends, seconds from the start.
    pub at_seconds: i64,
}

/// Between two decisions of the HPA, and in the time that pods take to start.
const RISES: [i64; 3] = [15, 60, 300];
const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;

/// Describes values that hold from their seconds on; the last one until the end.
pub fn described(times: &[i64], values: &[f64], end: i64, clock: Option<Clock>) -> Described {
    let until = |index: usize| times.get(index + 1).copied().unwrap_or(end);
    let lasts: Vec<f64> = times.iter().enumerate().map(|(index, at)| (until(index) - at).max(0) as f64).collect();
    let whole: f64 = lasts.iter().sum::<f64>().max(f64::MIN_POSITIVE);
    let mean = values.iter().zip(&lasts).map(|(value, lasts)| value * lasts).sum::<f64>() / whole;
    let variance = values.iter().zip(&lasts).map(|(value, lasts)| (value - mean).powi(2) * lasts).sum::<f64>() / whole;
    let mut sorted: Vec<(f64, f64)> = values.iter().copied().zip(lasts.iter().copied()).collect();
    sorted.sort_by(|one, other| one.0.total_cmp(&other.0));
    let quantile = |part: f64| {
        let mut passed = 0.0;
        let found = sorted.iter().find(|(_, lasts)| {
            passed += lasts;
            // Sums of durations are whole numbers, parts of them are not.
            passed >= part * whole - 1e-6
        });
        found.or(sorted.last()).map_or(0.0, |(value, _)| *value)
    };
    let span = end - times.first().copied().unwrap_or(0);
    let rows = || times.iter().copied().zip(values.iter().copied());
    Described {
        min: sorted.first().map_or(0.0, |(value, _)| *value),
        mean,
        p50: quantile(0.5),
        p95: quantile(0.95),
        p99: quantile(0.99),
        max: sorted.last().map_or(0.0, |(value, _)| *value),
        variation: if mean > 0.0 { variance.sqrt() / mean } else { 0.0 },
        rises: RISES.iter().filter(|within| **within < span).map(|within| rise(times, values, *within)).collect(),
        hours: clock.filter(|_| span >= DAY).map(|clock| {
            by_period(
                rows(),
                end,
                |at| (clock.wall_seconds() + at).rem_euclid(DAY) / HOUR,
                24,
                HOUR - clock.wall_seconds().rem_euclid(HOUR),
                HOUR,
            )
        }),
        weekdays: clock.filter(|_| span >= 7 * DAY).map(|clock| {
            // The first of January 1970 was a Thursday.
            by_period(
                rows(),
                end,
                |at| ((clock.wall_seconds() + at).div_euclid(DAY) + 3).rem_euclid(7),
                7,
                DAY - clock.wall_seconds().rem_euclid(DAY),
                DAY,
            )
        }),
    }
}

/// The largest rise from a value that was there within so many seconds before.
fn rise(times: &[i64], values: &[f64], within: i64) -> Rise {
    let mut most =
        Rise { within_seconds: within, by: 0.0, from: values.first().copied().unwrap_or(0.0), at_seconds: 0 };
    // The lowest values of the last seconds, rising; each with when it ended.
    let mut lowest: VecDeque<(i64, f64)> = VecDeque::new();
    for (index, (&at, &value)) in times.iter().zip(values).enumerate() {
        while lowest.front().is_some_and(|(ended, _)| *ended <= at - within) {
            lowest.pop_front();
        }
        if let Some(&(_, low)) = lowest.front()
            && value - low > most.by
        {
            most = Rise { by: value - low, from: low, at_seconds: at, ..most };
        }
        let ended = times.get(index + 1).copied().unwrap_or(at + 1);
        while lowest.back().is_some_and(|(_, low)| *low >= value) {
            lowest.pop_back();
        }
        lowest.push_back((ended, value));
    }
    most
}

/// Means over time of periods that come again.
fn by_period(
    rows: impl Iterator<Item = (i64, f64)>,
    end: i64,
    period: impl Fn(i64) -> i64,
    count: usize,
    first_boundary: i64,
    length: i64,
) -> Vec<f64> {
    let (mut sums, mut seconds) = (vec![0.0; count], vec![0_i64; count]);
    let mut rows = rows.peekable();
    while let Some((from, value)) = rows.next() {
        let until = rows.peek().map_or(end, |(next, _)| *next);
        let mut at = from;
        while at < until {
            // To the end of the period, at most.
            let boundary = at + (first_boundary - at).rem_euclid(length);
            let next = if boundary > at { boundary } else { at + length }.min(until);
            let index = period(at) as usize;
            sums[index] += value * (next - at) as f64;
            seconds[index] += next - at;
            at = next;
        }
    }
    sums.iter().zip(&seconds).map(|(sum, seconds)| if *seconds > 0 { sum / *seconds as f64 } else { 0.0 }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Second by second, as anybody would.
    #[test]
    fn it_is_what_each_second_says() {
        use proptest::prelude::*;
        let rows = proptest::collection::vec((1i64..200, 0.0f64..50.0), 1..40);
        proptest!(|(rows in rows, start in 0i64..1_000_000)| {
            let (mut times, mut values, mut at) = (Vec::new(), Vec::new(), 0);
            for (lasts, value) in rows {
                times.push(at);
                values.push(value);
                at += lasts;
            }
            let seconds: Vec<f64> = (0..at).map(|second| {
                values[times.partition_point(|time| *time <= second) - 1]
            }).collect();
            let found = described(&times, &values, at, Some(Clock::new(start, 0)));
            let mean = seconds.iter().sum::<f64>() / seconds.len() as f64;
            prop_assert!((found.mean - mean).abs() < 1e-9 * (1.0 + mean));
            let mut sorted = seconds.clone();
            sorted.sort_by(f64::total_cmp);
            for (part, value) in [(0.5, found.p50), (0.95, found.p95), (0.99, found.p99)] {
                prop_assert_eq!(value, sorted[((part * at as f64 - 1e-6).ceil() as usize).max(1) - 1]);
            }
            for rise in &found.rises {
                let most = (0..at as usize).map(|at| {
                    let from = at.saturating_sub(rise.within_seconds as usize);
                    seconds[at] - seconds[from..=at].iter().copied().fold(f64::MAX, f64::min)
                }).fold(0.0, f64::max);
                prop_assert!((rise.by - most).abs() < 1e-9, "{rise:?} {most}");
            }
        });
    }

    #[test]
    fn hours_and_weekdays_are_those_of_the_wall() {
        // Eight days from a Monday, 22:30 in a zone an hour east of Greenwich; each second has the number of its hour.
        let start = Clock::parse("2026-11-02T22:30:00+01:00").unwrap_or_else(|| Clock::new(0, 0));
        let times: Vec<i64> = (0..8 * 48).map(|half| half * 1800).collect();
        let hour = |at: &i64| ((22 * 3600 + 1800 + at) / 3600 % 24) as f64;
        let values: Vec<f64> = times.iter().map(hour).collect();
        let found = described(&times, &values, 8 * 86_400, Some(start));
        assert_eq!(found.hours, Some((0..24).map(f64::from).collect()));
        let days: Vec<f64> = times.iter().map(|at| ((22 * 3600 + 1800 + at) / 86_400 % 7) as f64).collect();
        let found = described(&times, &days, 8 * 86_400, Some(start));
        assert_eq!(found.weekdays, Some((0..7).map(f64::from).collect()));
    }
}
