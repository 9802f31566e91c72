//! The rows that a picture of a long simulation needs: of equal stretches of time the first, the last and the extremes of
//! everything that is drawn, so that it looks as it would with all of them.

use crate::sim::TimelineRow;
use crate::units::Nanocores;

/// More rows than this are not kept: several for every pixel of the picture's width.
const MOST_ROWS: usize = 60_000;

/// Rows in the order of time.
#[derive(Clone, Debug)]
pub struct Thinned {
    rows: Vec<TimelineRow>,
    /// How long the stretches are, seconds; of one second they hold a row at most, and all are kept.
    stretch: i64,
    /// Where the last stretch begins.
    last: usize,
}

impl Default for Thinned {
    fn default() -> Self {
        Self { rows: Vec::new(), stretch: 1, last: 0 }
    }
}

impl Thinned {
    /// The rows that are kept.
    pub fn rows(&self) -> &[TimelineRow] {
        &self.rows
    }

    /// The next one.
    pub fn push(&mut self, row: TimelineRow) {
        let stretch = |row: &TimelineRow| row.now.seconds() / self.stretch;
        if self.rows.last().is_some_and(|last| stretch(last) != stretch(&row)) {
            let whole = self.rows.split_off(self.last);
            thin(whole, &mut self.rows);
            self.last = self.rows.len();
        }
        self.rows.push(row);
        while self.rows.len() > MOST_ROWS {
            self.stretch *= 2;
            self.thin_all();
        }
    }

    fn thin_all(&mut self) {
        let all = std::mem::take(&mut self.rows);
        let (mut one, mut current) = (Vec::new(), None);
        for row in all {
            let stretch = row.now.seconds() / self.stretch;
            if current.replace(stretch) != Some(stretch) {
                thin(std::mem::take(&mut one), &mut self.rows);
            }
            one.push(row);
        }
        // The last stretch is not over.
        self.last = self.rows.len();
        self.rows.append(&mut one);
    }
}

/// What is drawn of a row.
fn drawn(row: &TimelineRow, index: usize) -> f64 {
    let resources = &row.resources;
    let or_nothing = |value: Option<i64>| value.map_or(f64::NAN, |value| value as f64);
    match index {
        0 => row.desired.into(),
        1 => row.pods.existing.into(),
        2 => row.pods.ready.into(),
        3 => or_nothing(row.pods.nodes),
        4 => resources.cpu_used.cores(),
        5 => resources.cpu_demand.map_or(f64::NAN, Nanocores::cores),
        6 => resources.cpu_capacity.map_or(f64::NAN, Nanocores::cores),
        7 => resources.memory_used.get() as f64,
        8 => or_nothing(row.response_micros),
        metric => {
            let status = row.metrics.get(metric - 9).copied().flatten().unwrap_or_default();
            let percent = status.average_utilization.map(i64::from);
            or_nothing(percent.or(status.average_value).or(status.value))
        }
    }
}

/// Of the rows of a stretch those that show.
fn thin(stretch: Vec<TimelineRow>, kept: &mut Vec<TimelineRow>) {
    let Some(last) = stretch.len().checked_sub(1) else { return };
    let mut shows = vec![0, last];
    for index in 0..9 + stretch[0].metrics.len() {
        let by_value = |a: &usize, b: &usize| drawn(&stretch[*a], index).total_cmp(&drawn(&stretch[*b], index));
        // What is not known sorts after everything: it is the highest only where there is nothing else.
        let known = || (0..stretch.len()).filter(|&row| !drawn(&stretch[row], index).is_nan());
        shows.extend(known().min_by(by_value).into_iter().chain(known().max_by(by_value)));
        shows.extend((0..stretch.len()).find(|&row| drawn(&stretch[row], index).is_nan()));
    }
    shows.sort_unstable();
    shows.dedup();
    let mut shows = shows.into_iter().peekable();
    kept.extend(stretch.into_iter().enumerate().filter_map(|(at, row)| shows.next_if_eq(&at).map(|_| row)));
}
