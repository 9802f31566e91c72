//! The rows that a picture of a long simulation needs: of equal stretches of time the first, the last and the extremes of
//! everything that is drawn, so that it looks as it would with all of them.

use crate::sim::{SyncRecord, TimelineRow};
use crate::units::{Nanocores, SimTime};

/// More rows than this are not kept: several for every pixel of the picture's width.
const MOST_ROWS: usize = 60_000;

/// Nor is the memory of more rows than this.
const MOST_SPARE: usize = 1000;

/// Rows in the order of time.
#[derive(Clone, Debug)]
pub struct Thinned {
    rows: Vec<TimelineRow>,
    /// How long the stretches are, seconds; of one second they hold a row at most, and all are kept.
    stretch: i64,
    /// Where the last stretch begins.
    last: usize,
    /// Rows that are not shown, whose memory is used again.
    spare: Vec<TimelineRow>,
}

impl Default for Thinned {
    fn default() -> Self {
        Self { rows: Vec::new(), stretch: 1, last: 0, spare: Vec::new() }
    }
}

impl Thinned {
    /// The rows that are kept.
    pub fn rows(&self) -> &[TimelineRow] {
        &self.rows
    }

    /// The row of the next sync.
    pub fn next(&mut self, record: &SyncRecord<'_>) -> &TimelineRow {
        let stretch = |now: SimTime| now.seconds() / self.stretch;
        if self.rows.last().is_some_and(|last| stretch(last.now) != stretch(record.now)) {
            self.thin(self.last);
            self.last = self.rows.len();
        }
        while self.rows.len() >= MOST_ROWS {
            self.stretch *= 2;
            self.thin_all();
        }
        let mut row = self.spare.pop().unwrap_or_default();
        row.take(record);
        self.rows.push(row);
        &self.rows[self.rows.len() - 1]
    }

    fn thin_all(&mut self) {
        let all = std::mem::take(&mut self.rows);
        self.last = 0;
        for row in all {
            let stretch = |row: &TimelineRow| row.now.seconds() / self.stretch;
            if self.rows.last().is_some_and(|last| stretch(last) != stretch(&row)) {
                self.thin(self.last);
                self.last = self.rows.len();
            }
            self.rows.push(row);
        }
    }

    /// Of the rows of the last stretch, from this one on, those that show.
    fn thin(&mut self, from: usize) {
        let stretch = &self.rows[from..];
        let Some(first) = stretch.first() else { return };
        let mut shows = vec![false; stretch.len()];
        shows[0] = true;
        shows[stretch.len() - 1] = true;
        for index in 0..9 + first.metrics.len() {
            let (mut unknown, mut lowest, mut highest) = (None, None, None);
            for (at, row) in stretch.iter().enumerate() {
                let value = drawn(row, index);
                if value.is_nan() {
                    unknown = unknown.or(Some(at));
                    continue;
                }
                if lowest.is_none_or(|(_, low)| value < low) {
                    lowest = Some((at, value));
                }
                if highest.is_none_or(|(_, high)| value >= high) {
                    highest = Some((at, value));
                }
            }
            let extremes = [lowest, highest].into_iter().flatten().map(|(at, _)| at);
            extremes.chain(unknown).for_each(|at| shows[at] = true);
        }
        let mut end = from;
        for (at, shows) in (from..).zip(shows) {
            if shows {
                self.rows.swap(end, at);
                end += 1;
            }
        }
        let hidden = self.rows.drain(end..).take(MOST_SPARE.saturating_sub(self.spare.len()));
        self.spare.extend(hidden);
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
