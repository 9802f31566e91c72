//! Lines in pixels: upright steps, cut off where they leave the diagram, dashed so that they are told apart in grey, too.

/// How a line is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineStyle {
    /// As usual.
    Solid,
    /// Wider, so that it shows behind a line with the same values.
    Wide,
    /// Beside one that matters more.
    Dashed,
    /// Beside two that matter more.
    Dotted,
    /// A bound or a target: thin and dashed.
    Reference,
    /// Where an area ends: thin.
    Edge,
}

impl LineStyle {
    /// In pixels.
    pub(super) fn width(self) -> u32 {
        match self {
            Self::Solid | Self::Dashed | Self::Dotted => 2,
            Self::Wide => 5,
            Self::Reference | Self::Edge => 1,
        }
    }

    /// How long the dashes and what is between them are, in pixels.
    pub fn dashes(self) -> Option<(i32, i32)> {
        match self {
            Self::Solid | Self::Wide | Self::Edge => None,
            Self::Dashed => Some((12, 4)),
            Self::Dotted => Some((3, 3)),
            Self::Reference => Some((8, 6)),
        }
    }

    /// What programs call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Solid => "solid",
            Self::Wide => "wide",
            Self::Dashed => "dashed",
            Self::Dotted => "dotted",
            Self::Reference => "reference",
            Self::Edge => "edge",
        }
    }
}

/// A place in the picture.
pub(super) type Pixel = (i32, i32);

/// What is drawn of a line whose values hold until the next point: pieces that are level or upright from each point to the next.
/// There is a gap where there is no value, and where it is above the top.
pub(super) fn pieces(points: &[(i64, f64)], top: f64, place: impl Fn(i64, f64) -> Pixel) -> Vec<Vec<Pixel>> {
    let mut pieces = vec![Vec::new()];
    for pair in points.windows(2) {
        let ((at, value), (next, after)) = (pair[0], pair[1]);
        let left = place(at, value.min(top));
        let right = (place(next, 0.0).0, left.1);
        if value.is_nan() || value > top {
            pieces.push(Vec::new());
        } else {
            pieces.iter_mut().last().into_iter().for_each(|piece| piece.extend([left, right]));
        }
        let is_seen = !value.is_nan() && !after.is_nan() && value.min(after) <= top;
        if is_seen && value.to_bits() != after.to_bits() {
            let end = (right.0, place(next, after.min(top)).1);
            pieces.iter_mut().last().into_iter().for_each(|piece| piece.extend([right, end]));
        }
    }
    pieces.iter_mut().for_each(straighten);
    pieces.retain(|piece| piece.len() > 1);
    pieces
}

/// Points that a straight line goes on over are left out.
fn straighten(piece: &mut Vec<Pixel>) {
    let mut kept: Vec<Pixel> = Vec::with_capacity(piece.len());
    for &point in piece.iter() {
        if kept.last() == Some(&point) {
            continue;
        }
        if let [.., before, last] = kept[..] {
            let level = before.1 == last.1 && last.1 == point.1 && (last.0 >= before.0) == (point.0 >= last.0);
            let upright = before.0 == last.0 && last.0 == point.0 && (last.1 >= before.1) == (point.1 >= last.1);
            if level || upright {
                kept.pop();
            }
        }
        kept.push(point);
    }
    *piece = kept;
}

/// A piece as its dashes.
pub(super) fn dashed(piece: &[Pixel], dashes: Option<(i32, i32)>) -> Vec<Vec<Pixel>> {
    let Some((on, off)) = dashes else { return vec![piece.to_vec()] };
    let (mut all, mut dash) = (Vec::new(), Vec::new());
    // So much is left of a dash, or of what is between two.
    let (mut is_dash, mut left) = (true, on);
    for pair in piece.windows(2) {
        let (mut from, to) = (pair[0], pair[1]);
        while from != to {
            let length = (to.0 - from.0).abs() + (to.1 - from.1).abs();
            let step = length.min(left);
            let end = (from.0 + (to.0 - from.0).signum() * step, from.1 + (to.1 - from.1).signum() * step);
            if is_dash {
                if dash.last() != Some(&from) {
                    dash.push(from);
                }
                dash.push(end);
            }
            (from, left) = (end, left - step);
            if left == 0 {
                all.extend(is_dash.then(|| std::mem::take(&mut dash)));
                is_dash = !is_dash;
                left = if is_dash { on } else { off };
            }
        }
    }
    all.push(dash);
    all.retain(|dash| dash.len() > 1);
    all
}

/// The corners of what fills a piece of so many pixels' width, part by part; the second is the first pixel that is beyond.
pub(super) fn bars(piece: &[Pixel], width: u32) -> impl Iterator<Item = [Pixel; 2]> + '_ {
    let width = width as i32;
    let (before, after) = (width / 2, (width + 1) / 2);
    piece.windows(2).map(move |pair| {
        let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
        [(x0.min(x1) - before, y0.min(y1) - before), (x0.max(x1) + after, y0.max(y1) + after)]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(points: &[(i64, f64)]) -> Vec<Vec<Pixel>> {
        pieces(points, 10.0, |at, value| (at as i32, (value * 10.0) as i32))
    }

    #[test]
    fn a_step_leaves_the_diagram_where_it_is_higher() {
        let points = [(0, 3.0), (10, 3.0), (10, 30.0), (20, 30.0), (20, 3.0), (30, 3.0)];
        assert_eq!(drawn(&points), [vec![(0, 30), (10, 30), (10, 100)], vec![(20, 100), (20, 30), (30, 30)]]);
    }

    #[test]
    fn without_a_value_there_is_a_gap() {
        let points = [(0, 3.0), (10, f64::NAN), (20, 4.0), (30, 5.0), (40, 5.0)];
        assert_eq!(drawn(&points), [vec![(0, 30), (10, 30)], vec![(20, 40), (30, 40), (30, 50), (40, 50)]]);
        assert!(drawn(&[(0, 30.0), (10, 40.0), (20, f64::NAN)]).is_empty());
    }

    #[test]
    fn whatever_it_is_each_part_is_level_or_upright_and_dashes_are_of_it() {
        use proptest::prelude::*;
        let points = proptest::collection::vec((0i64..400, prop_oneof![Just(f64::NAN), 0.0..15.0]), 0..40);
        proptest!(|(mut points in points)| {
            points.sort_by_key(|(at, _)| *at);
            for piece in drawn(&points) {
                let length = |piece: &[Pixel]| -> i32 {
                    piece.windows(2).map(|pair| (pair[1].0 - pair[0].0).abs() + (pair[1].1 - pair[0].1).abs()).sum()
                };
                for pair in piece.windows(2) {
                    prop_assert!((pair[0].0 == pair[1].0) != (pair[0].1 == pair[1].1), "{pair:?}");
                    prop_assert!(pair.iter().all(|(_, y)| (0..=100).contains(y)));
                }
                let whole = length(&piece);
                let dashes = dashed(&piece, Some((12, 4)));
                let (full, rest) = (whole / 16, whole % 16);
                prop_assert_eq!(dashes.iter().map(|dash| length(dash)).sum::<i32>(), 12 * full + rest.min(12));
                prop_assert!(dashes.iter().all(|dash| length(dash) <= 12 && dash[0] != dash[1]));
                prop_assert_eq!(dashed(&piece, None), vec![piece]);
            }
        });
    }
}
