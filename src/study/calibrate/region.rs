//! What a recording does not exclude: values whose best fit is not worse than the best of all by more than chance makes of it.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use super::loss::Block;

/// So often blocks are drawn.
const DRAWN: usize = 400;
/// As seldom as this is not by chance.
const SELDOM: f64 = 0.05;
/// Less than so much of a replica, on average, is no difference.
const EQUAL: f64 = 1e-3;

/// Which blocks of time are taken, drawn with replacement: the same for all that is compared.
#[derive(Clone, Debug)]
pub struct Bootstrap {
    drawn: Vec<Vec<usize>>,
}

impl Bootstrap {
    /// So many blocks.
    pub fn new(blocks: usize, seed: u64) -> Self {
        let mut rng = Pcg64::seed_from_u64(seed);
        let one = |_| (0..blocks).map(|_| rng.random_range(0..blocks.max(1))).collect();
        Self { drawn: (0..DRAWN).map(one).collect() }
    }

    /// The samples.
    pub fn drawn(&self) -> &[Vec<usize>] {
        &self.drawn
    }

    /// Whether a fit may be as good as the best, as far as these blocks tell: in a sample of twenty it is no worse.
    pub fn is_as_good(&self, fit: &[Block], best: &[Block]) -> bool {
        let worse = |(fit, best): (&Block, &Block)| fit.loss - best.loss - EQUAL * best.seconds;
        let worse: Vec<f64> = fit.iter().zip(best).map(worse).collect();
        if worse.iter().sum::<f64>() <= 0.0 {
            return true;
        }
        let no_worse = |sample: &&Vec<usize>| sample.iter().map(|index| worse[*index]).sum::<f64>() <= 0.0;
        self.drawn.iter().filter(no_worse).count() as f64 >= SELDOM * self.drawn.len() as f64
    }
}

/// The quantiles of a sorted list that 95% lie between.
pub fn interval(mut values: Vec<f64>) -> Option<(f64, f64)> {
    values.sort_by(f64::total_cmp);
    let at = |part: f64| values.get(((values.len() as f64 - 1.0) * part).round() as usize).copied();
    at(0.025).zip(at(0.975))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_worse_once_may_be_chance() {
        let blocks =
            |losses: &[f64]| losses.iter().map(|loss| Block { loss: *loss, ..Block::default() }).collect::<Vec<_>>();
        let best = blocks(&[1.0; 12]);
        let bootstrap = Bootstrap::new(12, 1);
        let worse_in = |count: usize| {
            let losses: Vec<f64> = (0..12).map(|index| if index < count { 5.0 } else { 1.0 }).collect();
            bootstrap.is_as_good(&blocks(&losses), &best)
        };
        // A block is left out of a sample with (11/12)^12 = 35%, four of them with (8/12)^12 = 0.8%.
        assert_eq!([1, 2, 4, 12].map(worse_in), [true, true, false, false]);
        assert_eq!(interval((0..=1000).map(f64::from).collect()), Some((25.0, 975.0)));
    }
}
