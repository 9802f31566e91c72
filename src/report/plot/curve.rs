//! What a picture of a simulation needs of a value that changes: a point wherever it does, and of equal stretches of time no
//! more than the first, the last, the lowest and the highest, so that a line looks as it would with all of them.

/// So many points are kept of a line: several for every pixel of the picture's width.
const MOST_POINTS: usize = 20_000;

/// So many points of a stretch are kept until those are chosen that show.
const MOST_UNSORTED: usize = 64;

/// A value in the order of time. It holds until the next point; where it is not a number there is a gap.
#[derive(Clone, Debug)]
pub(super) struct Curve {
    points: Vec<(i64, f64)>,
    /// How many there may be.
    most: usize,
    /// How long the stretches are, seconds; of one second they hold a point at most, and all are kept.
    stretch: i64,
    /// Where the points of the last stretch begin.
    last: usize,
}

impl Default for Curve {
    fn default() -> Self {
        Self { points: Vec::new(), most: MOST_POINTS, stretch: 1, last: 0 }
    }
}

impl Curve {
    /// The points that are kept.
    pub fn points(&self) -> &[(i64, f64)] {
        &self.points
    }

    /// Whether there was never a value.
    pub fn is_empty(&self) -> bool {
        self.points.is_empty()
    }

    /// The value from now on; it stays as it is where there is none.
    pub fn push(&mut self, at: i64, value: Option<f64>) {
        let Some(value) = value else { return };
        let is_new = |&(_, last): &(i64, f64)| last.to_bits() != value.to_bits();
        if !self.points.last().is_none_or(is_new) {
            return;
        }
        while self.points.len() >= self.most {
            self.stretch *= 2;
            let all = std::mem::take(&mut self.points);
            self.last = 0;
            all.into_iter().for_each(|point| self.append(point));
        }
        self.append((at, value));
    }

    fn append(&mut self, point: (i64, f64)) {
        if self.points.last().is_some_and(|last| last.0 / self.stretch != point.0 / self.stretch) {
            self.condense();
            self.last = self.points.len();
        }
        self.points.push(point);
        // However many there are in a stretch, those that show are soon few.
        if self.points.len() - self.last > MOST_UNSORTED {
            self.condense();
        }
    }

    /// Of the points of the last stretch those that show.
    fn condense(&mut self) {
        let shown = extremes(&self.points[self.last..]);
        self.points.truncate(self.last);
        self.points.extend(shown.into_iter().flatten());
    }
}

/// No more of these points than this, or hardly more: of equal stretches of time the first, the last, the lowest and the highest.
pub fn thinned(points: &[(i64, f64)], most: usize) -> Vec<(i64, f64)> {
    let mut curve = Curve { most, ..Curve::default() };
    points.iter().for_each(|&(at, value)| curve.push(at, Some(value)));
    // A line has two ends.
    let end = points.last().copied().filter(|end| curve.points.last().is_some_and(|last| last.0 < end.0));
    curve.points.extend(end);
    curve.points
}

/// The first, the last, the lowest and the highest of some points, and the first that is not a number, in the order of time.
fn extremes(points: &[(i64, f64)]) -> [Option<(i64, f64)>; 5] {
    let by_value = |&a: &usize, &b: &usize| points[a].1.total_cmp(&points[b].1);
    let numbers = || (0..points.len()).filter(|&at| !points[at].1.is_nan());
    let gap = points.iter().position(|(_, value)| value.is_nan());
    let mut shown = [points.len().checked_sub(1), Some(0), numbers().min_by(by_value), numbers().max_by(by_value), gap];
    shown.sort_unstable();
    let mut before = None;
    shown.map(|at| {
        let is_another = std::mem::replace(&mut before, at) != at;
        at.filter(|_| is_another).and_then(|at| points.get(at)).copied()
    })
}

/// Stretches of time in their order. Those between which hardly anything is are one.
#[derive(Clone, Debug, Default)]
pub(super) struct Stretches {
    stretches: Vec<(i64, i64)>,
    /// So many seconds are hardly anything.
    gap: i64,
}

impl Stretches {
    /// Adds one that does not begin before the last.
    pub fn push(&mut self, from: i64, to: i64) {
        while self.stretches.len() >= MOST_POINTS {
            self.gap = (2 * self.gap).max(1);
            for (from, to) in std::mem::take(&mut self.stretches) {
                self.append(from, to);
            }
        }
        self.append(from, to);
    }

    fn append(&mut self, from: i64, to: i64) {
        match self.stretches.last_mut().filter(|last| from - last.1 <= self.gap) {
            Some(last) => last.1 = last.1.max(to),
            None => self.stretches.push((from, to)),
        }
    }

    /// All of them, none shorter than this, as far as there is time before it.
    pub fn at_least(&self, seconds: i64) -> Vec<(i64, i64)> {
        let mut wide = Self { stretches: Vec::new(), gap: self.gap };
        for &(from, to) in &self.stretches {
            wide.append(from.min(to - seconds).max(0), to);
        }
        wide.stretches
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_values_those_are_kept_that_show() {
        let mut curve = Curve::default();
        let value = |at: i64| match at {
            777_777 => 9.0,
            1_234_567..1_234_570 => f64::NAN,
            _ => (at % 7) as f64,
        };
        for at in 0..2_000_000 {
            curve.push(at, Some(value(at)));
            curve.push(at, None);
        }
        let points = curve.points();
        assert!((2_500..MOST_POINTS).contains(&points.len()), "{}", points.len());
        assert!(points.is_sorted_by_key(|(at, _)| *at));
        assert!(points.contains(&(777_777, 9.0)));
        assert!(points.iter().any(|(_, value)| value.is_nan()));
        // In each stretch they have the extremes of all, whichever way they are looked at.
        let window = |at: i64| at / curve.stretch;
        for kept in points.chunk_by(|a, b| window(a.0) == window(b.0)) {
            let from = window(kept[0].0) * curve.stretch;
            let all = || (from..(from + curve.stretch).min(2_000_000)).map(value);
            let ends = |values: &mut dyn Iterator<Item = f64>| {
                values.fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(value), high.max(value)))
            };
            assert_eq!(ends(&mut kept.iter().map(|(_, value)| *value)), ends(&mut all()), "from {from} on");
            assert_eq!(kept.iter().any(|(_, value)| value.is_nan()), all().any(f64::is_nan), "from {from} on");
        }
        assert_eq!((points[0].0, points[points.len() - 1].0), (0, 1_999_999));
    }

    #[test]
    fn however_many_there_are_few_are_kept() {
        let points: Vec<(i64, f64)> = (0..3_000_000).map(|at| (at, (at % 11) as f64)).collect();
        for most in [200, 1_000] {
            let kept = thinned(&points, most);
            assert!((most / 4..=most + MOST_UNSORTED).contains(&kept.len()), "{} of {most}", kept.len());
            assert_eq!((kept.first(), kept.last()), (points.first(), points.last()));
        }
    }

    #[test]
    fn a_value_that_stays_is_one_point() {
        let mut curve = Curve::default();
        for (at, value) in [(0, 1.0), (15, 1.0), (30, f64::NAN), (45, f64::NAN), (60, 1.0), (75, 2.0)] {
            curve.push(at, Some(value));
        }
        let at: Vec<i64> = curve.points().iter().map(|(at, _)| *at).collect();
        assert_eq!(at, [0, 30, 60, 75]);
    }

    #[test]
    fn stretches_are_as_wide_as_can_be_seen() {
        let mut stretches = Stretches::default();
        for (from, to) in [(0, 5), (5, 9), (100, 101), (107, 109), (300, 301)] {
            stretches.push(from, to);
        }
        assert_eq!(stretches.at_least(1), [(0, 9), (100, 101), (107, 109), (300, 301)]);
        assert_eq!(stretches.at_least(10), [(0, 9), (91, 109), (291, 301)]);
        (0..100_000).for_each(|at| stretches.push(1_000 + 10 * at, 1_005 + 10 * at));
        assert!(stretches.stretches.len() <= MOST_POINTS);
    }
}
