//! Walking through a load trace: the values at an instant and when they change next.

use crate::model::{Interpolation, LoadSource};
use crate::sim::SimError;
use crate::units::{SimTime, Span};

/// Rows that change nothing are read ahead, so many at once.
const MOST_ROWS_AHEAD: usize = 1000;

/// A position in a load trace.
pub(super) struct LoadCursor<'a> {
    source: &'a mut dyn LoadSource,
    interpolation: Interpolation,
    /// The values at the current instant.
    values: Vec<f64>,
    /// The row that is in force; if others after it have the same values and hold, the last of these.
    row: (SimTime, Vec<f64>),
    /// The row after it; `None` at the end of the trace.
    next: Option<SimTime>,
    next_values: Vec<f64>,
    /// The time from the row before to the one in force.
    step: Span,
}

impl<'a> LoadCursor<'a> {
    /// Stands at the first row. `None` for a trace without rows.
    pub fn start(source: &'a mut dyn LoadSource, interpolation: Interpolation) -> Result<Option<Self>, SimError> {
        let width = source.columns().len();
        let mut first = vec![0.0; width];
        let Some(time) = source.next_row(&mut first).map_err(SimError::Load)? else { return Ok(None) };
        let mut next_values = vec![0.0; width];
        let next = source.next_row(&mut next_values).map_err(SimError::Load)?;
        let values = first.clone();
        Ok(Some(Self { source, interpolation, values, row: (time, first), next, next_values, step: Span::ZERO }))
    }

    /// The values at the instant of the last [`advance`](Self::advance).
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// Moves to an instant; says whether the values changed.
    pub fn advance(&mut self, now: SimTime) -> Result<bool, SimError> {
        let mut moved = false;
        while self.next.is_some_and(|time| time <= now) {
            self.take_row()?;
            moved = true;
        }
        let mut ahead = 0;
        while moved && ahead < MOST_ROWS_AHEAD && self.interpolation == Interpolation::Hold && self.is_same_again() {
            self.take_row()?;
            ahead += 1;
        }
        match (self.interpolation, self.next) {
            (Interpolation::Linear, Some(next)) => {
                let span = (next - self.row.0).seconds() as f64;
                let passed = (now - self.row.0).seconds() as f64;
                for (value, (from, to)) in self.values.iter_mut().zip(self.row.1.iter().zip(&self.next_values)) {
                    *value = from + (to - from) * (passed / span);
                }
                moved = true;
            }
            _ => {
                moved &= self.values != self.row.1;
                if moved {
                    self.values.copy_from_slice(&self.row.1);
                }
            }
        }
        Ok(moved)
    }

    fn take_row(&mut self) -> Result<(), SimError> {
        if let Some(time) = self.next {
            self.step = time - self.row.0;
            self.row.0 = time;
            std::mem::swap(&mut self.row.1, &mut self.next_values);
            self.next = self.source.next_row(&mut self.next_values).map_err(SimError::Load)?;
        }
        Ok(())
    }

    /// Whether there is another row, with the values of the one in force.
    fn is_same_again(&self) -> bool {
        self.next.is_some() && self.row.1 == self.next_values
    }

    /// When the values may change next; [`SimTime::MAX`] after the last row.
    pub fn next_change(&self, now: SimTime) -> SimTime {
        match (self.next, self.interpolation) {
            (None, _) => SimTime::MAX,
            (Some(next), Interpolation::Hold) => next,
            (Some(_), Interpolation::Linear) if self.row.1 != self.next_values => now + Span::from_seconds(1),
            (Some(next), Interpolation::Linear) => next,
        }
    }

    /// The end of the trace, once its last row is in force: the last row holds as long as the one before it.
    pub fn end(&self) -> Option<SimTime> {
        match (self.next, self.interpolation) {
            (Some(_), _) => None,
            (None, Interpolation::Hold) => Some(self.row.0 + self.step),
            (None, Interpolation::Linear) => Some(self.row.0),
        }
    }
}
