//! Everything that is drawn at random: one seeded stream for each purpose, so that a change of one does not disturb the
//! others.

use rand::distr::Distribution;
use rand_pcg::Pcg64;
use statrs::distribution::{Binomial, Exp, LogNormal, Normal};

use crate::model::Delay;
use crate::units::Span;
use crate::units::float::round;

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
    /// Pods that something happens to.
    Victims,
    /// When in its interval Prometheus scrapes a pod.
    Scraping,
    /// When probes are asked, and whether they are answered in time.
    Probing,
}

const PURPOSES: usize = 12;

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

    /// A time, in whole seconds.
    pub fn delay(&mut self, purpose: Purpose, delay: Delay) -> Span {
        Sampler::of(delay).sample(self.stream(purpose))
    }

    /// Many of them, one after the other.
    pub fn delays(&mut self, purpose: Purpose, delay: Delay) -> impl FnMut() -> Span {
        let (sampler, stream) = (Sampler::of(delay), self.stream(purpose));
        move || sampler.sample(stream)
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

    /// Whether something that is so likely is the case.
    pub fn chance(&mut self, purpose: Purpose, likely: f64) -> bool {
        let drawn: f64 = rand::distr::StandardUniform.sample(self.stream(purpose));
        drawn < likely
    }

    /// One of so many.
    pub fn below(&mut self, count: i32) -> i32 {
        rand::distr::Uniform::new(0, count.max(1)).map_or(0, |uniform| uniform.sample(self.stream(Purpose::Victims)))
    }

    /// How many of `count` samples are missing.
    pub fn missing(&mut self, part: f64, count: i32) -> i32 {
        let stream = self.stream(Purpose::Missing);
        let Ok(binomial) = Binomial::new(part, count.max(0) as u64) else { return 0 };
        let drawn: f64 = binomial.sample(stream);
        drawn as i32
    }
}

/// What a time is drawn from.
#[derive(Clone, Copy, Debug)]
enum Sampler {
    Always(Span),
    /// What `statrs` would make anew for each number.
    Uniform(rand::distr::Uniform<f64>),
    Exponential(Exp),
    Lognormal(LogNormal),
}

impl Sampler {
    /// A distribution that statrs refuses (a mean of zero) gives its typical value.
    fn of(delay: Delay) -> Self {
        let seconds = |span: Span| span.seconds() as f64;
        let sampler = match delay {
            Delay::Fixed(_) => None,
            Delay::Uniform { low, high } if low < high => {
                rand::distr::Uniform::new_inclusive(seconds(low), seconds(high)).ok().map(Self::Uniform)
            }
            Delay::Uniform { .. } => None,
            Delay::Exponential { mean } => Exp::new(1.0 / seconds(mean)).ok().map(Self::Exponential),
            Delay::Lognormal { median, sigma } => LogNormal::new(seconds(median).ln(), sigma).ok().map(Self::Lognormal),
        };
        sampler.unwrap_or(Self::Always(delay.typical()))
    }

    #[inline]
    fn sample(&self, stream: &mut Pcg64) -> Span {
        let drawn: f64 = match self {
            Self::Always(span) => return *span,
            Self::Uniform(uniform) => uniform.sample(stream),
            Self::Exponential(exp) => exp.sample(stream),
            Self::Lognormal(lognormal) => lognormal.sample(stream),
        };
        Span::from_seconds(round(drawn.min(1e9)))
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
