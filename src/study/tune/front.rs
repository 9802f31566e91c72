//! The front: what nothing else beats in both cost and service.

use super::search::Choice;

/// Those that nothing else beats in both figures, from cheap to dear.
pub(super) fn front<'c>(all: impl Iterator<Item = (&'c Choice, f64, f64)>) -> Vec<&'c Choice> {
    let mut all: Vec<(&Choice, f64, f64)> = all.collect();
    all.sort_by(|one, other| {
        one.1.total_cmp(&other.1).then(one.2.total_cmp(&other.2)).then_with(|| one.0.cmp(other.0))
    });
    let mut least = f64::INFINITY;
    all.retain(|(_, _, bad)| {
        let is_better = *bad < least;
        least = least.min(*bad);
        is_better
    });
    all.into_iter().map(|(choice, ..)| choice).collect()
}

/// So many, evenly, the first and the last among them.
pub(super) fn spread<'c>(all: &[&'c Choice], most: usize) -> Vec<&'c Choice> {
    if all.len() <= most {
        return all.to_vec();
    }
    (0..most).map(|index| all[index * (all.len() - 1) / (most - 1).max(1)]).collect()
}

/// The one that is nearest to the least of both figures, each as a part of its range on the front.
pub(super) fn balanced<'c>(front: &[&'c Choice], of: impl Fn(&Choice) -> (f64, f64)) -> Option<&'c Choice> {
    let (Some((low, most_bad)), Some((high, least_bad))) =
        (front.first().map(|one| of(one)), front.last().map(|one| of(one)))
    else {
        return None;
    };
    let part = |value: f64, from: f64, to: f64| if to > from { (value - from) / (to - from) } else { 0.0 };
    let far = |choice: &Choice| {
        let (cost, bad) = of(choice);
        part(cost, low, high).hypot(part(bad, least_bad, most_bad))
    };
    front.iter().copied().min_by(|one, other| far(one).total_cmp(&far(other)))
}
