//! Two configurations of a target under the same load, in the same phases.

use super::backtest::Seen;
use super::figure::Figure;
use super::fleet::Course;
use super::phases::{PhaseRuns, Range};
use crate::model::{Prices, Target};
use crate::sim::{RescaleRecord, Summary};

/// A target of one of the configurations, simulated.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    /// What was simulated.
    pub target: &'a Target<'a>,
    /// In the phase that is shown.
    pub summary: &'a Summary,
    /// In other phases, where there are several.
    pub phases: Option<&'a PhaseRuns>,
    /// What the HPA wants and sees in the phase that is shown.
    pub seen: &'a Seen,
}

/// A figure on both sides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Compared {
    /// Which one.
    pub figure: Figure,
    /// What it is before.
    pub base: f64,
    /// What it is after.
    pub head: f64,
    /// The difference in each phase, where there are several and both sides have the same.
    pub differences: Option<Range<f64>>,
    /// The largest value after in any phase.
    pub most: f64,
}

/// How many phases both sides have.
pub fn pairs(base: &Side<'_>, head: &Side<'_>) -> usize {
    let (Some(base), Some(head)) = (base.phases, head.phases) else { return 0 };
    let both = base.courses.len().min(head.courses.len());
    if base.sample.phases[..both] == head.sample.phases[..both] { both } else { 0 }
}

/// All figures that both sides have; by these prices of what pods request where nodes have none.
pub fn compared(base: &Side<'_>, head: &Side<'_>, prices: Option<Prices>) -> Vec<Compared> {
    let pairs = pairs(base, head);
    let of = |figure: Figure, side: &Side<'_>| figure.of(&Course::of(side.target, side.summary), side.summary, prices);
    let each = |figure: Figure, side: &Side<'_>| -> Vec<f64> {
        let courses = side.phases.map_or(&[][..], |phases| &phases.courses);
        courses.iter().filter_map(|course| figure.of(course, side.summary, prices)).collect()
    };
    let one = |figure: Figure| {
        let (before, after) = (of(figure, base)?, of(figure, head)?);
        let (of_base, of_head) = (each(figure, base), each(figure, head));
        let differences = of_base.iter().zip(&of_head).take(pairs).map(|(before, after)| after - before);
        Some(Compared {
            figure,
            base: before,
            head: after,
            differences: Range::of(differences).filter(|_| pairs > 1),
            most: of_head.iter().copied().fold(after, f64::max),
        })
    };
    Figure::ALL.into_iter().filter_map(one).collect()
}

/// The first scaling events that are not the same: what either side does then.
pub fn first_difference<'a>(
    base: &'a Summary,
    head: &'a Summary,
) -> Option<(Option<&'a RescaleRecord>, Option<&'a RescaleRecord>)> {
    let told = |event: &RescaleRecord| (event.at, event.decision.current, event.decision.desired);
    let same = base.rescales.iter().zip(&head.rescales).take_while(|(one, other)| told(one) == told(other)).count();
    let (one, other) = (base.rescales.get(same), head.rescales.get(same));
    (one.is_some() || other.is_some()).then_some((one, other))
}
