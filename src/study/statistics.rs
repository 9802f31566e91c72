//! Means and quantiles of independent runs, with 95% confidence intervals.
//!
//! The mean's interval is Student's t; a quantile's is distribution-free, between two order statistics chosen by the
//! binomial distribution. A quantile is the inverse of the empirical distribution function: the smallest value that a
//! share of the runs does not exceed, no interpolation.

use statrs::distribution::{Binomial, ContinuousCDF, DiscreteCDF, Normal, StudentsT};

/// The confidence of every interval.
pub const CONFIDENCE: f64 = 0.95;

/// An estimate with its interval; an end is absent where the runs do not reach.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The value.
    pub value: f64,
    /// The lower end of the interval.
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
}

/// A figure over all runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Spread {
    /// The mean.
    pub mean: Estimate,
    /// The quantiles of [`QUANTILES`].
    pub quantiles: [Estimate; 3],
    /// The runs that it would take to know the mean to one percent.
    pub runs_for_one_percent: Option<u64>,
}

/// The quantiles that are reported.
pub const QUANTILES: [f64; 3] = [0.5, 0.95, 0.99];

impl Spread {
    /// Of the values of all runs; none without a run.
    pub fn of(values: &[f64]) -> Option<Self> {
        if values.is_empty() {
            return None;
        }
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (own, (_, deviation)) = (mean(values), moments(values));
        // What never is below zero has no mean below zero, whatever Student's t makes of a skewed sample.
        let floor = if sorted[0] < 0.0 { f64::NEG_INFINITY } else { 0.0 };
        Some(Self {
            mean: Estimate { low: own.low.map(|low| low.max(floor)), ..own },
            quantiles: QUANTILES.map(|share| quantile(&sorted, share)),
            runs_for_one_percent: deviation.and_then(|deviation| runs_needed(own.value, deviation, 0.01)),
        })
    }
}

/// The mean, with its interval where there is more than one value.
pub fn mean(values: &[f64]) -> Estimate {
    let (mean, deviation) = moments(values);
    let half = deviation
        .and_then(|deviation| Some(t_quantile(values.len(), 0.5 + CONFIDENCE / 2.0)? * deviation / root(values.len())));
    Estimate { value: mean, low: half.map(|half| mean - half), high: half.map(|half| mean + half) }
}

/// What the mean is at most, with a confidence; the mean where there is one value.
pub fn mean_at_most(values: &[f64], confidence: f64) -> f64 {
    let (mean, deviation) = moments(values);
    let more =
        deviation.and_then(|deviation| Some(t_quantile(values.len(), confidence)? * deviation / root(values.len())));
    mean + more.unwrap_or(0.0)
}

fn root(count: usize) -> f64 {
    (count as f64).sqrt()
}

/// The mean, and the standard deviation of a sample of at least two.
fn moments(values: &[f64]) -> (f64, Option<f64>) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    if values.iter().all(|value| *value == values[0]) {
        // Exactly, whatever the sum was rounded to.
        return (values[0], (values.len() > 1).then_some(0.0));
    }
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, (values.len() > 1).then(|| (squares / (count - 1.0)).sqrt()))
}

/// Student's, of so many values.
fn t_quantile(count: usize, share: f64) -> Option<f64> {
    let t = StudentsT::new(0.0, 1.0, count as f64 - 1.0).ok()?;
    Some(t.inverse_cdf(share))
}

/// How many runs put the mean's interval within a relative half-width.
fn runs_needed(mean: f64, deviation: f64, width: f64) -> Option<u64> {
    if mean == 0.0 {
        return None;
    }
    let z = Normal::standard().inverse_cdf(0.5 + CONFIDENCE / 2.0);
    Some(((z * deviation / (width * mean)).powi(2).ceil() as u64).max(2))
}

/// A quantile of sorted values with its interval.
fn quantile(sorted: &[f64], share: f64) -> Estimate {
    let count = sorted.len();
    let rank = ((share * count as f64).ceil() as usize).clamp(1, count);
    let tail = (1.0 - CONFIDENCE) / 2.0;
    let Ok(below) = Binomial::new(share, count as u64) else {
        return Estimate { value: sorted[rank - 1], low: None, high: None };
    };
    // The number of runs at or below the true quantile is binomial. Rank l is a lower end if P(N < l) <= tail.
    let low = (1..=count).take_while(|&l| below.cdf(l as u64 - 1) <= tail).last();
    // Rank u is an upper end if P(N >= u) <= tail.
    let high = (1..=count).find(|&u| 1.0 - below.cdf(u as u64 - 1) <= tail);
    Estimate { value: sorted[rank - 1], low: low.map(|l| sorted[l - 1]), high: high.map(|u| sorted[u - 1]) }
}

/// The fewest runs with which a quantile's interval has an upper end.
pub fn runs_for_upper_end(share: f64) -> u64 {
    let tail = (1.0 - CONFIDENCE) / 2.0;
    (tail.ln() / share.ln()).ceil() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The intervals of 1 to 100, from tables of the t and the binomial distribution.
    #[test]
    fn intervals_of_a_known_sample() {
        let values: Vec<f64> = (1..=100).map(f64::from).collect();
        let spread = Spread::of(&values).expect("values");
        assert_eq!(spread.mean.value, 50.5);
        // 1.98422 x 29.01149 / 10 = 5.7565
        assert!((spread.mean.high.expect("high") - 56.2565).abs() < 1e-3);
        let [median, p95, p99] = spread.quantiles;
        // Ranks 40 and 61 enclose the median of 100 with 95%.
        assert_eq!((median.value, median.low, median.high), (50.0, Some(40.0), Some(61.0)));
        assert_eq!((p95.value, p95.low, p95.high), (95.0, Some(90.0), Some(100.0)));
        assert_eq!((p99.value, p99.high), (99.0, None), "100 runs do not reach");
        assert_eq!((runs_for_upper_end(0.99), runs_for_upper_end(0.95), runs_for_upper_end(0.5)), (368, 72, 6));
    }

    #[test]
    fn the_mean_of_what_cannot_be_negative_is_not() {
        let low = |values: &[f64]| Spread::of(values).and_then(|spread| spread.mean.low).expect("low");
        // 2 - 2.776 x 4.472 / root of 5 is below zero.
        assert_eq!(low(&[0.0, 0.0, 0.0, 0.0, 10.0]), 0.0);
        assert!(low(&[-1.0, 0.0, 0.0, 0.0, 10.0]) < 0.0);
    }

    #[test]
    fn one_run_has_no_interval() {
        let spread = Spread::of(&[3.0]).expect("values");
        assert_eq!((spread.mean.value, spread.mean.low, spread.runs_for_one_percent), (3.0, None, None));
        assert_eq!(Spread::of(&[]), None);
    }
}
