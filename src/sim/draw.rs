//! Everything that is drawn at random: one seeded stream for each purpose, so that a change of one does not disturb the
//! others.

use rand::distr::Distribution;
use rand_pcg::Pcg64;
use statrs::distribution::{Binomial, Exp, LogNormal, Normal, Uniform};

use crate::model::Delay;
use crate::units::Span;

/// What a number is drawn for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The scheduler's time.
    Scheduling,
    /// Image pulls.
    ImagePull,
    /// Init containers.
    Init,
    /// The application's start.
    Startup,
    /// Weights of pods.
    Weight,
    /// Requests that go to any pod.
    Routing,
    /// Samples that are missing.
    Missing,
    /// New nodes.
    Provisioning,
    /// The kubelets' samples.
    Housekeeping,
}

const PURPOSES: usize = 9;

/// The streams of one simulation.
#[derive(Clone, Debug)]
pub(super) struct Draws {
    streams: [Pcg64; PURPOSES],
}

impl Draws {
    /// Of a target, by its index: what others draw does not disturb it.
    pub fn new(seed: u64, target: usize) -> Self {
        let stream = |purpose: usize| (target as u128) << 32 | purpose as u128;
        Self { streams: std::array::from_fn(|purpose| Pcg64::new(seed.into(), stream(purpose))) }
    }

    fn stream(&mut self, purpose: Purpose) -> &mut Pcg64 {
        &mut self.streams[purpose as usize]
    }

    /// A time, in whole seconds. A distribution that statrs refuses (a mean of zero) gives its typical value.
    pub fn delay(&mut self, purpose: Purpose, delay: Delay) -> Span {
        let stream = self.stream(purpose);
        let seconds = |span: Span| span.seconds() as f64;
        let drawn = match delay {
            Delay::Fixed(_) => None,
            Delay::Uniform { low, high } => {
                Uniform::new(seconds(low), seconds(high)).ok().map(|uniform| uniform.sample(stream))
            }
            Delay::Exponential { mean } => Exp::new(1.0 / seconds(mean)).ok().map(|exp| exp.sample(stream)),
            Delay::Lognormal { median, sigma } => {
                LogNormal::new(seconds(median).ln(), sigma).ok().map(|lognormal| lognormal.sample(stream))
            }
        };
        drawn.map_or_else(|| delay.typical(), |drawn: f64| Span::from_seconds(drawn.round().min(1e9) as i64))
    }

    /// A lognormal weight with median 1.
    pub fn weight(&mut self, sigma: f64) -> f64 {
        let stream = self.stream(Purpose::Weight);
        LogNormal::new(0.0, sigma).map_or(1.0, |lognormal| lognormal.sample(stream))
    }

    /// How many of `expected` requests come, by chance: Poisson, taken as normal, relative to what is expected.
    pub fn routing(&mut self, expected: f64) -> f64 {
        let stream = self.stream(Purpose::Routing);
        let normal: f64 = Normal::standard().sample(stream);
        (1.0 + normal / expected.max(1.0).sqrt()).max(0.0)
    }

    /// How many of `count` samples are missing.
    pub fn missing(&mut self, part: f64, count: i32) -> i32 {
        let stream = self.stream(Purpose::Missing);
        let Ok(binomial) = Binomial::new(part, count.max(0) as u64) else { return 0 };
        let drawn: f64 = binomial.sample(stream);
        drawn as i32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same numbers in every release: pinned.
    #[test]
    fn delays_depend_on_the_seed_alone() {
        let mut draws = Draws::new(7, 0);
        let span = Span::from_seconds;
        let all = [
            Delay::Fixed(span(20)),
            Delay::Uniform { low: span(10), high: span(40) },
            Delay::Exponential { mean: span(20) },
            Delay::Lognormal { median: span(20), sigma: 0.5 },
            Delay::Exponential { mean: Span::ZERO },
        ];
        let mut drawn = |purpose| all.map(|delay| draws.delay(purpose, delay).seconds());
        let first = drawn(Purpose::Startup);
        assert_eq!((first[0], first[4]), (20, 0));
        assert!((10..=40).contains(&first[1]) && first[2] >= 0 && first[3] >= 1, "{first:?}");
        assert_eq!(Draws::new(7, 0).delay(Purpose::Startup, all[1]).seconds(), first[1]);
        // Another purpose does not disturb this one.
        let mut other = Draws::new(7, 0);
        other.delay(Purpose::Init, all[2]);
        assert_eq!(other.delay(Purpose::Startup, all[1]).seconds(), first[1]);
    }
}
