//! Why one choice is better than another: where it has fewer pods, and where they serve sooner or later.

use serde::{Deserialize, Serialize};

use crate::units::{Replicas, SimTime};

use super::super::fleet::Course;

/// A stretch of time, and what two choices come to in it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stretch {
    /// From when on.
    pub from: SimTime,
    /// Until when.
    pub to: SimTime,
    /// Of today's: pods on average (or the cores that they request), or seconds without the service.
    pub today: f64,
    /// Of the other one.
    pub other: f64,
}

impl Stretch {
    /// How long it is.
    pub fn seconds(&self) -> f64 {
        (self.to - self.from).seconds() as f64
    }
}

/// Where two choices differ most, in one phase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Why {
    /// Whether it is the cores that are requested, and not pods, of which there are fewer or more: pods are not equal.
    pub is_of_cores: bool,
    /// Where the other one has fewer pods than today's.
    pub fewer: Option<Stretch>,
    /// Where it has more.
    pub more: Option<Stretch>,
    /// Where it serves sooner.
    pub sooner: Option<Stretch>,
    /// Where it serves later.
    pub later: Option<Stretch>,
}

/// What a choice does in time.
#[derive(Clone, Debug)]
pub(super) struct Done {
    /// Its pods.
    pub course: Course,
    /// What each of them requests, cores.
    pub cores: f64,
    /// When there was no service, seconds.
    pub without: Vec<(i64, i64)>,
}

/// Times without service that are no further apart are of one rise, seconds.
const ONE_RISE: i64 = 600;

/// Where they differ most.
pub(super) fn why(today: &Done, other: &Done) -> Why {
    let is_of_cores = today.cores != other.cores;
    let each = |done: &Done| if is_of_cores { done.cores } else { 1.0 };
    let stretches = stretches((&today.course, each(today)), (&other.course, each(other)));
    let more = |one: &Stretch| (one.other - one.today) * one.seconds();
    let most = |sign: f64| {
        let of_sign = stretches.iter().filter(|one| more(one) * sign > 0.0);
        of_sign.max_by(|one, other| (more(one) * sign).total_cmp(&(more(other) * sign))).copied()
    };
    let rises = rises(&today.without, &other.without);
    let worst = |sign: f64| {
        let less = |one: &Stretch| (one.today - one.other) * sign;
        rises.iter().filter(|one| less(one) > 0.0).max_by(|one, other| less(one).total_cmp(&less(other))).copied()
    };
    Why { is_of_cores, fewer: most(-1.0), more: most(1.0), sooner: worst(1.0), later: worst(-1.0) }
}

/// The stretches in which one has more pods, or more of what each of them has, than the other all the time.
fn stretches((today, of_today): (&Course, f64), (other, of_other): (&Course, f64)) -> Vec<Stretch> {
    let end = SimTime::ZERO + today.duration;
    let mut times: Vec<SimTime> = today.steps.iter().chain(&other.steps).map(|(at, _)| *at).collect();
    times.push(end);
    times.sort_unstable();
    times.dedup();
    let pods = |course: &Course, at: SimTime| -> Replicas {
        course.steps.partition_point(|(since, _)| *since <= at).checked_sub(1).map_or(0, |last| course.steps[last].1)
    };
    let mut all: Vec<Stretch> = Vec::new();
    for pair in times.windows(2) {
        let (from, to) = (pair[0], pair[1]);
        let (one, two) = (f64::from(pods(today, from)) * of_today, f64::from(pods(other, from)) * of_other);
        let seconds = (to - from).seconds() as f64;
        let is_same_side = |last: &Stretch| {
            last.to == from && (last.other > last.today) == (two > one) && (last.other < last.today) == (two < one)
        };
        match all.last_mut().filter(|last| is_same_side(last)) {
            Some(last) => {
                // Pod-seconds until all is known.
                last.to = to;
                last.today += one * seconds;
                last.other += two * seconds;
            }
            None => {
                all.push(Stretch { from, to, today: one * seconds, other: two * seconds });
            }
        }
    }
    for one in &mut all {
        let seconds = (one.to - one.from).seconds().max(1) as f64;
        (one.today, one.other) = (one.today / seconds, one.other / seconds);
    }
    all
}

/// What both have without service in what is one rise.
fn rises(today: &[(i64, i64)], other: &[(i64, i64)]) -> Vec<Stretch> {
    let mut times: Vec<(i64, i64, bool)> = today.iter().map(|(from, to)| (*from, *to, true)).collect();
    times.extend(other.iter().map(|(from, to)| (*from, *to, false)));
    times.sort_unstable();
    let mut all: Vec<Stretch> = Vec::new();
    for (from, to, is_today) in times {
        let (start, end) = (SimTime::from_seconds(from), SimTime::from_seconds(to));
        if all.last().is_none_or(|last| from - last.to.seconds() > ONE_RISE) {
            all.push(Stretch { from: start, to: end, today: 0.0, other: 0.0 });
        }
        let Some(last) = all.last_mut() else { continue };
        last.to = last.to.max(end);
        let seconds = (to - from) as f64;
        if is_today { last.today += seconds } else { last.other += seconds }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Span;

    fn course(steps: &[(i64, Replicas)]) -> Course {
        let steps = steps.iter().map(|(at, pods)| (SimTime::from_seconds(*at), *pods)).collect();
        Course { steps, duration: Span::from_seconds(1000), ..Course::default() }
    }

    #[test]
    fn the_largest_differences_are_found() {
        let today =
            Done { course: course(&[(0, 4), (100, 6), (900, 3)]), cores: 0.5, without: vec![(100, 160), (5000, 5020)] };
        let other =
            Done { course: course(&[(0, 5), (100, 4), (400, 5)]), cores: 0.5, without: vec![(100, 115), (5030, 5090)] };
        let found = why(&today, &other);
        let stretch = |from, to, today, other| {
            Some(Stretch { from: SimTime::from_seconds(from), to: SimTime::from_seconds(to), today, other })
        };
        assert_eq!(found.fewer, stretch(100, 900, 6.0, 4.625));
        // Two pods more for 100 s are more than one.
        assert_eq!(found.more, stretch(900, 1000, 3.0, 5.0));
        assert_eq!(found.sooner, stretch(100, 160, 60.0, 15.0));
        assert_eq!(found.later, stretch(5000, 5090, 20.0, 60.0));
        assert_eq!(why(&today, &today), Why::default());
        // Twice as large: 8, 8, 10 and 10 halves of a core in place of 4, 6, 6 and 3.
        let found = why(&today, &Done { cores: 1.0, ..other });
        assert_eq!((found.is_of_cores, found.fewer), (true, None));
        assert_eq!(found.more, stretch(0, 1000, 2.75, 4.7));
    }
}
