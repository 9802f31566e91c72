//! A load that is opened: a trace that is read as far as it is needed, or constants alone.

use std::path::Path;

use super::trace::TraceReader;
use crate::input::{Diagnostic, InputError};
use crate::model::{Column, LoadError, LoadSource, LoadTable};
use crate::units::{Clock, SimTime, Span};

/// A load: a trace, which is read as far as it is needed, or constants alone.
pub struct Load {
    /// What was read ahead.
    head: LoadTable,
    trace: Option<Box<TraceReader>>,
}

impl Load {
    /// Opens a trace with constant columns besides, or the constants alone, which last for `duration`.
    pub fn open(
        path: Option<&Path>,
        constants: &[(Column, f64)],
        repair: bool,
        duration: Option<Span>,
    ) -> Result<Self, InputError> {
        if let Some(path) = path {
            let mut reader = TraceReader::open(path, constants, repair)?;
            let mut head = LoadTable::new(reader.columns().to_vec());
            // The first row says when the trace begins.
            let mut values = vec![0.0; reader.columns().len()];
            if let Some(at) = reader.next_row(&mut values).map_err(as_input_error)? {
                head.push(at, &values);
            }
            return Ok(Self { head: head.from_instant(reader.clock()), trace: Some(Box::new(reader)) });
        }
        if constants.is_empty() || duration.is_none() {
            let hint = "give a trace with --load FILE, or --constant cpu=2.5 with --duration 1h";
            return Err(Diagnostic::new("there is no load").hint(hint).into());
        }
        let (columns, values): (Vec<Column>, Vec<f64>) = constants.iter().cloned().unzip();
        let mut head = LoadTable::new(columns);
        head.push(SimTime::ZERO, &values);
        Ok(Self { head, trace: None })
    }

    /// All that is needed of the load to simulate it for `duration`, or to its end; none if that is longer than `longest`,
    /// the rest being left to be read on the way.
    pub fn table(&mut self, duration: Option<Span>, longest: Span) -> Result<Option<LoadTable>, InputError> {
        if duration.is_some_and(|duration| duration > longest) {
            return Ok(None);
        }
        let Some(trace) = &mut self.trace else { return Ok(Some(self.head.clone())) };
        let until = SimTime::ZERO + duration.unwrap_or(longest);
        let mut values = vec![0.0; self.head.columns().len()];
        while let Some(at) = trace.next_row(&mut values).map_err(as_input_error)? {
            self.head.push(at, &values);
            if at > until {
                return Ok(duration.map(|_| self.head.clone()));
            }
        }
        Ok(Some(self.head.clone()))
    }

    /// How the trace was read, where it could have been meant otherwise, and what was mended.
    pub fn remarks(&self) -> Vec<String> {
        let Some(reader) = &self.trace else { return Vec::new() };
        let milliseconds = "the times of the load trace are read as milliseconds since 1970".to_owned();
        let repaired = reader.repairs().describe().map(|repairs| format!("the load trace was repaired: {repairs}"));
        reader.in_milliseconds().then_some(milliseconds).into_iter().chain(repaired).collect()
    }
}

impl LoadSource for Load {
    fn clock(&self) -> Option<Clock> {
        self.head.clock()
    }

    fn columns(&self) -> &[Column] {
        self.head.columns()
    }

    fn next_row(&mut self, values: &mut [f64]) -> Result<Option<SimTime>, LoadError> {
        if let Some(at) = self.head.next_row(values)? {
            return Ok(Some(at));
        }
        self.trace.as_mut().map_or(Ok(None), |trace| trace.next_row(values))
    }
}

/// An error of a load as one of the input.
pub fn as_input_error(error: LoadError) -> InputError {
    match error.downcast::<InputError>() {
        Ok(input) => *input,
        Err(other) => Diagnostic::new(other.to_string()).into(),
    }
}
