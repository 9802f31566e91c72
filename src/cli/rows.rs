//! What `hpasim simulate` keeps of the syncs: rows of `timeline.csv`, curves of the picture, the lines of `--watch`.

use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::{Scope, ScopedJoinHandle};

use anyhow::Context;

use super::output::{Contents, Spool};
use crate::model::Column;
use crate::report::csv::TimelineWriter;
use crate::report::explain::Remembered;
use crate::report::kubectl::Watch;
use crate::report::plot::Curves;
use crate::sim::{Listen, Setup, SyncRecord, TimelineRow};
use crate::units::Clock;

/// Makes rows of `timeline.csv` and curves of a picture.
pub(super) struct RowWriter<'s> {
    /// None where no file is written.
    timeline: Option<TimelineWriter<'s, Spool>>,
    curves: Curves,
    /// Why no more could be written.
    failed: Option<csv::Error>,
}

impl<'s> RowWriter<'s> {
    /// For a target by its index, with the columns of its load and the instant of the start.
    pub fn new(
        setup: &'s Setup<'s>,
        about: (usize, &[Column], Option<Clock>),
        spool: Option<Spool>,
    ) -> anyhow::Result<Self> {
        let curves = Curves::new(setup.targets[about.0].hpa);
        let timeline = spool.map(|spool| TimelineWriter::new(setup, about, spool)).transpose()?;
        Ok(Self { timeline, curves, failed: None })
    }

    fn write(&mut self, row: &TimelineRow) {
        if self.failed.is_none() {
            self.failed = self.timeline.as_mut().and_then(|timeline| timeline.write(row).err());
            self.curves.push(row);
        }
    }

    fn finish(self) -> anyhow::Result<(Option<Contents>, Curves)> {
        let finished =
            self.failed.map_or(Ok(()), Err).and_then(|()| self.timeline.map(TimelineWriter::finish).transpose());
        Ok((finished.context("cannot write timeline.csv")?.map(Contents::Spooled), self.curves))
    }
}

/// Where rows are written.
enum Rows<'scope, 's> {
    /// In the thread that simulates: others simulate, too.
    Here(Box<(RowWriter<'s>, TimelineRow)>),
    /// In a thread of their own.
    Behind(Handover, ScopedJoinHandle<'scope, RowWriter<'s>>),
}

/// Rows that are handed over at once, mostly so many.
type Batch = Vec<TimelineRow>;
const BATCH: usize = 512;

/// Hands rows to another thread, and gets their memory back.
struct Handover {
    batch: Batch,
    filled: usize,
    full: SyncSender<Batch>,
    empty: Receiver<Batch>,
}

impl Handover {
    /// With what the other thread needs: where full batches come from, and where empty ones go.
    fn new() -> (Self, (Receiver<Batch>, Sender<Batch>)) {
        let ((full, rows), (back, empty)) = (sync_channel(2), channel());
        (Self { batch: vec![TimelineRow::default(); BATCH], filled: 0, full, empty }, (rows, back))
    }

    fn take(&mut self, record: &SyncRecord<'_>) {
        self.batch[self.filled].take(record);
        self.filled += 1;
        if self.filled == BATCH {
            let next = self.empty.try_recv().unwrap_or_else(|_| vec![TimelineRow::default(); BATCH]);
            self.send(next);
        }
    }

    /// A thread that has come to its end says why when it is joined.
    fn send(&mut self, next: Batch) {
        self.filled = 0;
        let _ended = self.full.send(std::mem::replace(&mut self.batch, next));
    }

    fn finish(mut self) {
        self.batch.truncate(self.filled);
        self.send(Vec::new());
    }
}

impl<'scope, 's: 'scope> Rows<'scope, 's> {
    fn behind(scope: &'scope Scope<'scope, '_>, mut writer: RowWriter<'s>) -> Self {
        let (handover, (rows, back)) = Handover::new();
        let thread = scope.spawn(move || {
            for batch in rows {
                batch.iter().for_each(|row| writer.write(row));
                let _ended = back.send(batch);
            }
            writer
        });
        Self::Behind(handover, thread)
    }
}

impl Rows<'_, '_> {
    fn take(&mut self, record: &SyncRecord<'_>) {
        match self {
            Self::Here(here) => {
                let (writer, row) = here.as_mut();
                row.take(record);
                writer.write(row);
            }
            Self::Behind(handover, _) => handover.take(record),
        }
    }

    fn finish(self) -> anyhow::Result<(Option<Contents>, Curves)> {
        let writer = match self {
            Self::Here(here) => here.0,
            Self::Behind(handover, thread) => {
                handover.finish();
                thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            }
        };
        writer.finish()
    }
}

/// So many decisions are explained in a report, the first ones.
const MOST_REMEMBERED: usize = 2000;

/// What is kept of the syncs of a target, while it is simulated.
pub(super) struct Keeper<'scope, 's, 'a> {
    rows: Option<Rows<'scope, 's>>,
    /// Of decisions that are drawn.
    remembered: Remembered,
    watch: Option<Watch<'a>>,
}

impl<'scope, 's: 'scope, 'a> Keeper<'scope, 's, 'a> {
    /// Rows are written in a thread of a scope, if one is given.
    pub fn new(
        writer: Option<RowWriter<'s>>,
        watch: Option<Watch<'a>>,
        scope: Option<&'scope Scope<'scope, '_>>,
    ) -> Self {
        let rows = writer.map(|writer| match scope {
            Some(scope) => Rows::behind(scope, writer),
            None => Rows::Here(Box::new((writer, TimelineRow::default()))),
        });
        Self { rows, remembered: Remembered::default(), watch }
    }

    /// What was kept.
    pub fn finish(self) -> anyhow::Result<Kept<'a>> {
        let (timeline, curves) = self.rows.map(Rows::finish).transpose()?.unzip();
        Ok(Kept { timeline: timeline.flatten(), curves, remembered: self.remembered, watch: self.watch })
    }
}

impl Listen for Keeper<'_, '_, '_> {
    fn listens(&self) -> bool {
        self.rows.is_some() || self.watch.is_some()
    }

    fn hear(&mut self, record: &SyncRecord<'_>) {
        if let Some(rows) = &mut self.rows {
            rows.take(record);
            if record.decision.rescaled && self.remembered.len() < MOST_REMEMBERED {
                self.remembered.push(record.now, record.history);
            }
        }
        if let Some(watch) = &mut self.watch {
            watch.sync(record);
        }
    }
}

/// What was kept of the syncs of a target.
pub(super) struct Kept<'a> {
    pub timeline: Option<Contents>,
    pub curves: Option<Curves>,
    pub remembered: Remembered,
    watch: Option<Watch<'a>>,
}

impl Kept<'_> {
    /// The lines of `--watch`.
    pub fn table(&self) -> String {
        self.watch.as_ref().map(Watch::table).unwrap_or_default()
    }
}
