//! Counters of requests as Prometheus has them: scraped from each pod at an instant of its own in every interval, and asked for by an
//! adapter as `rate(counter[window])`.
//!
//! Mirrors `extrapolatedRate` in Prometheus's `promql/functions.go`: at least two samples in the window, the increase between the
//! first and the last, extrapolated to the window's ends unless they are farther than 1.1 usual distances.

use std::collections::VecDeque;

use crate::units::{SimTime, Span};

/// Beyond so much of the usual distance of samples the window's end is taken to be half a distance away.
const EXTRAPOLATED: f64 = 1.1;

/// How Prometheus scrapes, and what an adapter asks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scraping {
    /// The time between two scrapes of a pod.
    pub interval: Span,
    /// The window of the rate.
    pub window: Span,
    /// How old an answer may be at the most.
    pub kept: Span,
}

impl Scraping {
    /// Nothing is scraped: what is served now is known.
    pub const LIVE: Self = Self { interval: Span::ZERO, window: Span::from_seconds(60), kept: Span::ZERO };
}

/// What a pod has served over time: all of it at instants between which it serves evenly.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Counter {
    points: VecDeque<(SimTime, f64)>,
    total: f64,
}

impl Counter {
    /// Of a pod that has served so much a second for long.
    pub fn steady(rate: f64, now: SimTime, scraping: Scraping) -> Self {
        let past = scraping.kept + scraping.window + scraping.interval;
        let total = rate * past.seconds() as f64;
        Self { points: [(now - past, 0.0), (now, total)].into(), total }
    }

    /// It has served so much more until an instant.
    pub fn serves(&mut self, since: SimTime, until: SimTime, requests: f64, scraping: Scraping) {
        if self.points.is_empty() {
            self.points.push_back((since, self.total));
        }
        self.total += requests;
        self.points.push_back((until, self.total));
        let oldest = until - scraping.kept - scraping.window - scraping.interval;
        while self.points.get(1).is_some_and(|(at, _)| *at <= oldest) {
            self.points.pop_front();
        }
    }

    /// What it had served until an instant.
    fn at(&self, instant: SimTime) -> Option<f64> {
        let next = self.points.partition_point(|(at, _)| *at < instant);
        let &(at, total) = self.points.get(next)?;
        let before = next.checked_sub(1).map(|before| self.points[before]);
        match before {
            _ if at == instant => Some(total),
            Some((from, had)) => {
                let part = instant.seconds_since(from) as f64 / at.seconds_since(from).max(1) as f64;
                Some(had + (total - had) * part)
            }
            None => None,
        }
    }

    /// What it serves a second, as it is.
    pub fn now(&self) -> Option<f64> {
        let (last, before) = (self.points.back()?, self.points.get(self.points.len().checked_sub(2)?)?);
        let seconds = last.0.seconds_since(before.0);
        (seconds > 0).then(|| (last.1 - before.1) / seconds as f64)
    }

    /// What the adapter is told at an instant of a pod that answers since another, scraped so late in each interval.
    pub fn rate(&self, now: SimTime, up: SimTime, phase: Span, scraping: Scraping) -> Option<f64> {
        let interval = scraping.interval.seconds().max(1);
        let last = now.later(-(now.seconds() - phase.seconds()).rem_euclid(interval));
        let from = now - scraping.window;
        // The window is open at its beginning.
        let count = (last.seconds_since(from) - 1).div_euclid(interval);
        let first = last.later(-count * interval);
        let first = if first >= up { first } else { up.later((phase.seconds() - up.seconds()).rem_euclid(interval)) };
        if first >= last {
            return None;
        }
        let (begin, end) = (self.at(first)?, self.at(last)?);
        let (increase, sampled) = (end - begin, last.seconds_since(first) as f64);
        let threshold = interval as f64 * EXTRAPOLATED;
        let half = interval as f64 / 2.0;
        let ends = |apart: f64| if apart >= threshold { half } else { apart };
        let mut before = ends(first.seconds_since(from) as f64);
        // No counter was below zero.
        if increase > 0.0 && begin >= 0.0 {
            before = before.min(sampled * begin / increase);
        }
        let after = ends(now.seconds_since(last) as f64);
        Some(increase * (sampled + before + after) / sampled / scraping.window.seconds().max(1) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRAPING: Scraping =
        Scraping { interval: Span::from_seconds(60), window: Span::from_seconds(120), kept: Span::ZERO };

    fn at(second: i64) -> SimTime {
        SimTime::from_seconds(second)
    }

    #[test]
    fn a_new_pod_is_there_from_its_second_scrape_on() {
        let mut counter = Counter::default();
        counter.serves(at(5), at(300), 2.0 * 295.0, SCRAPING);
        let rate = |now: i64| counter.rate(at(now), at(5), Span::from_seconds(20), SCRAPING);
        // Scraped at 20, 80, 140, ...
        assert_eq!([19, 20, 79].map(rate), [None, None, None]);
        // At 80 s: from 20 to 80 s, and back to where it was zero, 15 s before: 75 of the 120 s, at two a second.
        assert_eq!(rate(80), Some(2.0 * 75.0 / 120.0));
        // Both ends are near enough; from 140 s on the scrape at 20 s is not in the window any more.
        assert_eq!([139, 140].map(rate), [Some(2.0), Some(2.0)]);
        assert_eq!(counter.now(), Some(2.0));
    }

    #[test]
    fn a_steady_pod_has_its_rate_whenever_it_is_scraped() {
        let counter = Counter::steady(3.0, at(0), SCRAPING);
        for phase in 0..60 {
            let rate = counter.rate(at(0), at(-86_400), Span::from_seconds(phase), SCRAPING);
            assert!(rate.is_some_and(|rate| (rate - 3.0).abs() < 1e-9), "{phase}: {rate:?}");
        }
    }

    #[test]
    fn it_matters_not_in_how_many_stretches_it_serves() {
        let (mut one, mut many) = (Counter::default(), Counter::default());
        one.serves(at(0), at(200), 200.0, SCRAPING);
        (0..200).for_each(|second| many.serves(at(second), at(second + 1), 1.0, SCRAPING));
        for now in 130..200 {
            let rate = |counter: &Counter| counter.rate(at(now), at(0), Span::from_seconds(7), SCRAPING);
            assert!((rate(&one).unwrap() - rate(&many).unwrap()).abs() < 1e-9, "{now}");
        }
    }
}
