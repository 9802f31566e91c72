//! A load that is opened: a trace that is read as far as it is needed, a recording, or constants alone.

use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use super::trace::{TraceReader, is_trace};
use crate::input::recording::{self, Options, Subject, observed};
use crate::input::source::unreadable;
use crate::input::{self, Diagnostic, InputError};
use crate::model::{Column, HpaSpec, LoadError, LoadSource, LoadTable, Observed};
use crate::units::{Clock, SimTime, Span};

/// A load: a trace, which is read as far as it is needed, a recording, or constants alone.
pub struct Load {
    /// What was read ahead.
    head: LoadTable,
    trace: Option<Box<TraceReader>>,
    /// How a recording was read.
    remarks: Vec<String>,
}

/// How a load is to be read.
#[derive(Clone, Debug, Default)]
pub struct How<'a> {
    /// Columns that do not change.
    pub constants: &'a [(Column, f64)],
    /// Whether a trace is mended.
    pub repair: bool,
    /// How recordings are read.
    pub options: Options,
    /// Whose they are.
    pub subject: Subject,
    /// How old a recorded utilization was.
    pub recorded_age: Span,
}

/// Whether a load has what was measured of pods, which may be old: CPU and memory, or utilization with the replicas.
pub fn has_recorded(columns: &[Column]) -> bool {
    let observed = |column: &Column| matches!(column, Column::CpuUtilization | Column::MemoryUtilization);
    let used = |column: &Column| matches!(column, Column::Cpu | Column::Memory);
    columns.iter().any(used) || (columns.contains(&Column::Replicas) && columns.iter().any(observed))
}

/// The file of a folder that a recording was imported into.
pub const FOLDER_LOAD: &str = "load.csv";
/// So much of a file says what it is.
const HEAD: u64 = 1 << 16;

/// The folder of an HPA where several were imported into one.
pub fn folder_of_hpa(hpa: &HpaSpec) -> String {
    format!("{}.{}", hpa.namespace, hpa.name)
}

/// The folder that a recording was imported into: that of its HPA, where there are several in one.
pub fn folder_of(path: &Path, subject: &Subject) -> PathBuf {
    let own = subject.namespace.as_ref().zip(subject.hpa.as_ref()).map(|(namespace, hpa)| format!("{namespace}.{hpa}"));
    match own.map(|own| path.join(own)) {
        Some(own) if !path.join(FOLDER_LOAD).is_file() && own.is_dir() => own,
        _ => path.to_owned(),
    }
}

impl Load {
    /// Opens a trace or a recording with constant columns besides, or the constants alone, which last for `duration`.
    pub fn open(path: Option<&Path>, how: &How<'_>, duration: Option<Span>) -> Result<Self, InputError> {
        if let Some(path) = path {
            if path.is_dir() {
                let inner = folder_of(path, &how.subject).join(FOLDER_LOAD);
                if !inner.is_file() {
                    let hint = format!("`hpasim import FILE... -o {}` makes one", path.display());
                    let diagnostic = Diagnostic::new(format!("{}: the folder has no {FOLDER_LOAD}", path.display()));
                    return Err(diagnostic.hint(hint).into());
                }
                return Self::open(Some(&inner), how, duration);
            }
            return Self::new(&path.display().to_string(), input::open(path)?, how);
        }
        if how.constants.is_empty() || duration.is_none() {
            let hint = "give a trace with --load FILE, or --constant cpu=2.5 with --duration 1h";
            return Err(Diagnostic::new("there is no load").hint(hint).into());
        }
        let (columns, values): (Vec<Column>, Vec<f64>) = how.constants.iter().cloned().unzip();
        let mut head = LoadTable::new(columns);
        head.push(SimTime::ZERO, &values);
        Ok(Self { head, trace: None, remarks: Vec::new() })
    }

    /// The same from anything that can be read: what is in it says what it is.
    pub fn new(name: &str, mut input: Box<dyn Read + Send>, how: &How<'_>) -> Result<Self, InputError> {
        let mut head = Vec::new();
        let read = (&mut input).take(HEAD).read_to_end(&mut head);
        read.map_err(|error| unreadable(Path::new(name), &error))?;
        let text = String::from_utf8_lossy(&head);
        // Who says what the series are does not mean a trace of ours, whose columns say it.
        let is_recording = (how.options.meaning.is_some() || !is_trace(&text)) && recording::is_known(&text);
        let input: Box<dyn Read + Send> = Box::new(Cursor::new(head).chain(input));
        let load = if is_recording { Self::recorded(name, input, how) } else { Self::traced(name, input, how) }?;
        let is_aged = how.recorded_age > Span::ZERO && has_recorded(load.columns());
        if is_aged { load.earlier(how.recorded_age) } else { Ok(load) }
    }

    /// The same with what was recorded so much earlier; all of it is read.
    fn earlier(mut self, age: Span) -> Result<Self, InputError> {
        let columns = self.columns().to_vec();
        let mut row = vec![0.0; columns.len()];
        let mut head = LoadTable::new(columns).from_instant(self.clock());
        while let Some(at) = self.next_row(&mut row).map_err(as_input_error)? {
            head.push(at, &row);
        }
        let mut remarks = self.remarks();
        let head = head.earlier(age);
        remarks.push(format!("what was recorded is put {age} earlier (--recorded-age)"));
        Ok(Self { head, trace: None, remarks })
    }

    fn traced(name: &str, input: Box<dyn Read + Send>, how: &How<'_>) -> Result<Self, InputError> {
        let mut reader = TraceReader::new(name.to_owned(), input, how.constants, how.repair)?;
        let mut head = LoadTable::new(reader.columns().to_vec());
        // The first row says when the trace begins.
        let mut values = vec![0.0; reader.columns().len()];
        if let Some(at) = reader.next_row(&mut values).map_err(as_input_error)? {
            head.push(at, &values);
        }
        Ok(Self { head: head.from_instant(reader.clock()), trace: Some(Box::new(reader)), remarks: Vec::new() })
    }

    fn recorded(name: &str, input: Box<dyn Read + Send>, how: &How<'_>) -> Result<Self, InputError> {
        let recording = recording::read(name, input, &how.options)?;
        let mut remarks = vec![format!("{name} is read as a recording ({})", recording.format)];
        remarks.extend(recording.notes.iter().map(|note| format!("{name}: {note}")));
        let observed = observed(&[(name.to_owned(), recording)], &how.subject, how.options.step)?;
        remarks.extend(said(&observed));
        Ok(Self { head: observed.table(how.constants), trace: None, remarks })
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

    /// How it was read, where it could have been meant otherwise, and what was mended.
    pub fn remarks(&self) -> Vec<String> {
        let Some(reader) = &self.trace else { return self.remarks.clone() };
        let repaired = reader.repairs().describe().map(|repairs| format!("the load trace was repaired: {repairs}"));
        reader.times_note().into_iter().chain(repaired).collect()
    }
}

/// What is to be known of a recording.
pub fn said(observed: &Observed) -> Vec<String> {
    let mut notes = observed.notes.clone();
    if observed.resets > 0 {
        let times = if observed.resets == 1 { "once" } else { "several times" };
        notes.push(format!("counters began anew {times} ({}), as after restarts", observed.resets));
    }
    if !observed.gaps.is_empty() {
        let all: i64 = observed.gaps.iter().map(|gap| gap.to - gap.from).sum();
        let longest = observed.gaps.iter().map(|gap| gap.to - gap.from).max().unwrap_or(0);
        notes.push(format!(
            "samples are missing {} times, for {} together and {} at most; there the load is taken to go on as it was",
            observed.gaps.len(),
            Span::from_seconds(all),
            Span::from_seconds(longest)
        ));
    }
    notes
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
