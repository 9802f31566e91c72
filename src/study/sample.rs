//! Which phases are simulated, where all that there are would take too long.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64;

use super::every;
use crate::model::{Phase, Phases, Target};
use crate::sim::{Setup, SimError};
use crate::units::Span;

/// So many syncs are simulated for the phases of a command, by default: half a second or so.
const MOST_SYNCS: i64 = 600_000;
/// No more phases than this, by default.
const MOST_PHASES: i64 = 100;
/// Fewer say too little.
const FEWEST_PHASES: i64 = 10;

/// So often groups of pods are looked at for the phases of a command, by default: ten seconds or so. There are many where their times
/// are drawn.
const MOST_LOOKS: u64 = 60_000_000;

/// How many phases to simulate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// So many, whatever it takes.
    Exactly(usize),
    /// So many, or fewer if the first shows that they take too long.
    AtMost(usize),
}

impl Count {
    fn most(self) -> usize {
        let (Self::Exactly(most) | Self::AtMost(most)) = self;
        most
    }

    /// How many, where the first took so many looks.
    fn after(self, looks: u64) -> usize {
        match self {
            Self::Exactly(count) => count,
            Self::AtMost(most) => {
                let affordable = usize::try_from(MOST_LOOKS / looks.max(1)).unwrap_or(usize::MAX);
                if affordable < most.min(FEWEST_PHASES as usize) { 1 } else { most.min(affordable) }
            }
        }
    }
}

/// How many phases of simulations that last `duration` all together fit into the budget; none if it is too few.
pub fn affordable(duration: Span, sync_period: Span) -> Option<usize> {
    let syncs = (duration.seconds() / sync_period.seconds().max(1)).max(1);
    let count = (MOST_SYNCS / syncs).min(MOST_PHASES);
    usize::try_from(count).ok().filter(|_| count >= FEWEST_PHASES)
}

/// The longest duration for which phases fit into the budget.
pub fn longest_affordable(sync_period: Span) -> Span {
    Span::from_seconds((MOST_SYNCS / FEWEST_PHASES).saturating_mul(sync_period.seconds()))
}

/// The phases that are simulated, of those that there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// The phases; the first has everything in the middle of its period. All that there are go from there outwards.
    pub phases: Vec<Phase>,
    /// How many there are.
    pub of: u64,
    /// The seed that the sample was drawn with.
    pub seed: u64,
}

impl Sample {
    /// So many of the phases, or all. A sample is stratified: each of the three offsets takes all its values equally often
    /// (a Latin hypercube). `stream` tells the samples of several targets apart.
    pub fn of(phases: &Phases, most: usize, seed: u64, stream: usize) -> Self {
        let of = phases.count();
        if usize::try_from(of).is_ok_and(|count| count <= most) {
            let mut all: Vec<Phase> = (0..of).map(|index| phases.nth(index)).collect();
            all.sort_by_key(|phase| phase.distance(phases.middle()));
            return Self { phases: all, of, seed };
        }
        let mut all = vec![phases.middle()];
        let drawn = most.saturating_sub(1);
        let mut rng = Pcg64::seed_from_u64(seed ^ (stream as u64).rotate_left(32));
        let mut strata = || {
            let mut order: Vec<usize> = (0..drawn).collect();
            order.shuffle(&mut rng);
            order
        };
        let (sync, scrape, kubelet) = (strata(), strata(), strata());
        let part = |index: usize| (index as f64 + 0.5) / drawn as f64;
        all.extend((0..drawn).map(|i| phases.at(part(sync[i]), part(scrape[i]), part(kubelet[i]))));
        Self { phases: all, of, seed }
    }

    /// The phase of a run; where another target has more phases, these come again.
    pub fn phase(&self, index: usize) -> Phase {
        self.phases[index % self.phases.len()]
    }

    /// Whether these are all phases that there are.
    pub fn is_complete(&self) -> bool {
        self.phases.len() as u64 == self.of
    }

    /// `all 2250 phases`, `100 of 2250 phases (seed 0)`.
    pub fn describe(&self) -> String {
        let count = self.phases.len();
        match self.is_complete() {
            true if count == 1 => "the one phase that is given".to_owned(),
            true => format!("all {count} phases"),
            false => format!("{count} of {} phases (seed {})", self.of, self.seed),
        }
    }
}

/// Something that is done in a sample of the phases of each target, on all threads, in the order of the samples.
#[derive(Clone, Debug)]
pub struct Sampled<T> {
    /// The phases of each target.
    pub samples: Vec<Sample>,
    /// What came of each. Where one phase alone is asked for there is nothing to find out: it is left to who asks.
    pub runs: Vec<T>,
    /// Whether there would be more if the first had not taken so long.
    pub is_cut: bool,
}

impl<T: Send> Sampled<T> {
    /// Does it in so many phases; `one` says besides how often groups of pods were looked at.
    pub fn run(
        setup: &Setup<'_>,
        count: Count,
        one: impl Fn(&Setup<'_>) -> Result<(T, u64), SimError> + Send + Sync,
    ) -> Result<Self, SimError> {
        let mut samples = samples(setup, count.most());
        if most(&samples) < 2 {
            return Ok(Self { samples, runs: Vec::new(), is_cut: false });
        }
        // Whatever the number, the first is the one in the middle.
        let (first, looks) = one(&in_phases(setup, &samples, 0))?;
        let affordable = count.after(looks);
        let is_cut = affordable < most(&samples);
        if is_cut {
            samples = self::samples(setup, affordable);
        }
        let others = every(most(&samples) - 1, |index| one(&in_phases(setup, &samples, index + 1)))?;
        let runs = std::iter::once(first).chain(others.into_iter().map(|(run, _)| run)).collect();
        Ok(Self { samples, runs, is_cut })
    }
}

/// So many phases of each target, or all.
fn samples(setup: &Setup<'_>, most: usize) -> Vec<Sample> {
    let world = &setup.world;
    let of = |(stream, target): (usize, &Target<'_>)| {
        Sample::of(&Phases::of(&target.cluster, &world.controller), most, world.seed, stream)
    };
    setup.targets.iter().enumerate().map(of).collect()
}

/// How many runs there are in the phases of these samples.
fn most(samples: &[Sample]) -> usize {
    samples.iter().map(|sample| sample.phases.len()).max().unwrap_or(1)
}

/// A world with each target in the phase of a run.
pub fn in_phases<'a>(setup: &Setup<'a>, samples: &[Sample], run: usize) -> Setup<'a> {
    let mut one = setup.clone();
    for (target, sample) in one.targets.iter_mut().zip(samples) {
        target.phase = sample.phase(run);
    }
    one
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ClusterConfig, ControllerConfig};

    fn phases(cluster: &ClusterConfig) -> Phases {
        Phases::of(cluster, &ControllerConfig::default())
    }

    #[test]
    fn a_sample_is_all_or_takes_every_value_equally_often() {
        let all = phases(&ClusterConfig::default());
        assert_eq!(all.count(), 15 * 15 * 10);
        let complete = Sample::of(&all, 2250, 0, 0);
        let mut sorted = complete.phases.clone();
        sorted.sort();
        sorted.dedup();
        assert!(complete.is_complete() && sorted.len() == 2250);
        let part = Sample::of(&all, 151, 7, 0);
        assert_eq!(part.phases[0], all.middle());
        for second in 0..15 {
            let span = Span::from_seconds(second);
            let count = |of: &dyn Fn(&Phase) -> Span| part.phases[1..].iter().filter(|phase| of(phase) == span).count();
            assert_eq!((count(&|phase| phase.sync), count(&|phase| phase.scrape)), (10, 10), "{second}");
            assert_eq!(count(&|phase| phase.kubelet), if second < 10 { 15 } else { 0 }, "{second}");
        }
        assert_eq!(part, Sample::of(&all, 151, 7, 0));
        assert_ne!(part.phases, Sample::of(&all, 151, 8, 0).phases);
        assert_ne!(part.phases, Sample::of(&all, 151, 7, 1).phases);
    }

    #[test]
    fn what_is_fixed_does_not_vary() {
        let fixed = |seconds| Some(Span::from_seconds(seconds));
        let cluster = ClusterConfig { sync_offset: fixed(3), metric_offset: fixed(0), ..ClusterConfig::default() };
        let sample = Sample::of(&phases(&cluster), 100, 0, 0);
        assert_eq!(sample.phases.len(), 10);
        assert!(sample.phases.iter().all(|phase| phase.sync == Span::from_seconds(3) && phase.scrape == Span::ZERO));
    }
}
