//! The loop: one clock for all targets, and what they share.
//!
//! Each target is simulated up to the last second at which something happened to it, by itself or by another's doing; in
//! between nothing of it changes.

mod autoscaler;
mod calls;
mod nodes;
mod preempt;
mod quotas;
mod settle;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rayon::prelude::*;
use thiserror::Error;

use super::draw::Draws;
use super::record::{Occurrence, Summary};
use super::target::TargetState;
use super::{Listen, Listener, Setup, SyncRecord, World};
use crate::model::{Action, LoadError, LoadSource, Workload};
use crate::units::{Replicas, SimTime, Span};
use nodes::Nodes;
use quotas::Quotas;

/// Why a simulation could not be run to its end.
#[derive(Debug, Error)]
pub enum SimError {
    /// The load source failed.
    #[error("{0}")]
    Load(LoadError),
    /// The load has no rows.
    #[error("the load trace has no rows")]
    NoLoad,
    /// The load covers no time and no duration was given.
    #[error("the load trace covers no time: it has a single row, and no duration is given")]
    NoDuration,
    /// The replica count changed before the start.
    #[error("the state before the start is not steady: {before} before it the HPA goes from {from} to {to} replicas")]
    NotSteady {
        /// How long before the start.
        before: Span,
        /// The replicas that were to be kept.
        from: Replicas,
        /// What the HPA made of them.
        to: Replicas,
    },
}

/// Simulates some of the targets together: their indices, each with its load. The summaries are in the order of the targets.
/// Without a listener it takes less time.
// What it costs is counted by its name (tests/it/instructions.rs).
#[inline(never)]
pub fn simulate<'a>(
    setup: &'a Setup<'a>,
    loads: Vec<(usize, &'a mut dyn LoadSource)>,
    listener: Option<&mut Listener<'_>>,
) -> Result<Vec<Summary>, SimError> {
    let mut engine = Engine::new(setup, loads)?;
    engine.run(listener)?;
    let callees: Vec<_> = (0..engine.targets.len()).map(|caller| engine.callees(caller)).collect();
    let finished = engine.targets.into_iter().map(TargetState::finish);
    Ok(finished.zip(callees).map(|(summary, callees)| Summary { callees, ..summary }).collect())
}

/// Simulates all targets, each with its load and its listener: those that bear on each other together, the others each by itself,
/// on all threads. The summaries are in the order of the targets; an error is the first in that order.
pub fn simulate_all<L: LoadSource + Send, N: Listen>(
    setup: &Setup<'_>,
    loads: &mut [L],
    listeners: &mut [N],
) -> Result<Vec<Summary>, SimError> {
    let mut each: Vec<_> = loads.iter_mut().zip(listeners).map(Some).collect();
    let parts: Vec<_> = setup
        .parts()
        .into_iter()
        .map(|part| {
            let its: Vec<_> = part.iter().filter_map(|&index| each[index].take()).collect();
            (part, its)
        })
        .collect();
    let one = |(part, its): (Vec<usize>, Vec<(&mut L, &mut N)>)| {
        let (loads, mut listeners): (Vec<_>, Vec<_>) = its.into_iter().unzip();
        let listen = listeners.iter().any(|listener| listener.listens());
        let loads = part.iter().zip(loads).map(|(&index, load)| (index, load as &mut dyn LoadSource)).collect();
        let mut hear = |index: usize, record: &SyncRecord<'_>| {
            if let Some(listener) = part.binary_search(&index).ok().map(|place| &mut listeners[place]) {
                listener.hear(record);
            }
        };
        let summaries = simulate(setup, loads, if listen { Some(&mut hear) } else { None })?;
        Ok(part.into_iter().zip(summaries).collect::<Vec<_>>())
    };
    let done: Vec<Result<Vec<(usize, Summary)>, SimError>> = parts.into_par_iter().map(one).collect();
    let mut all: Vec<(usize, Summary)> =
        done.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
    all.sort_by_key(|(index, _)| *index);
    Ok(all.into_iter().map(|(_, summary)| summary).collect())
}

/// Simulates one target as if there were no others.
pub fn simulate_one<'a>(
    setup: &'a Setup<'a>,
    target: usize,
    load: &'a mut dyn LoadSource,
    listener: Option<&mut dyn FnMut(&SyncRecord<'_>)>,
) -> Result<Summary, SimError> {
    let summaries = match listener {
        Some(listener) => simulate(setup, vec![(target, load)], Some(&mut |_, record| listener(record)))?,
        None => simulate(setup, vec![(target, load)], None)?,
    };
    Ok(summaries.into_iter().next().unwrap_or_default())
}

struct Engine<'a> {
    world: &'a World<'a>,
    now: SimTime,
    targets: Vec<TargetState<'a>>,
    workloads: Vec<&'a Workload>,
    nodes: Option<Nodes<'a>>,
    draws: Draws,
    /// Who calls whom.
    calls: Vec<calls::Call>,
    quotas: Quotas,
    next_event: usize,
    /// The targets that something happens to now, in their order.
    active: Vec<usize>,
    /// When each target is due next, and all of that in the order of time; entries that are no longer true are passed over.
    due: Vec<SimTime>,
    alarms: BinaryHeap<Reverse<(SimTime, usize)>>,
}

impl<'a> Engine<'a> {
    fn new(setup: &'a Setup<'a>, loads: Vec<(usize, &'a mut dyn LoadSource)>) -> Result<Self, SimError> {
        let world = &setup.world;
        let start = SimTime::ZERO - world.lead_in;
        let workloads: Vec<&Workload> = loads.iter().map(|(index, _)| setup.targets[*index].workload).collect();
        let mut nodes = world.nodes.as_ref().map(|config| Nodes::new(config, &workloads, start));
        let places: Vec<usize> = loads.iter().map(|(index, _)| *index).collect();
        let calls = calls::calls(&setup.targets, &places);
        let mut quotas = Quotas::new(&world.quotas, &places);
        let mut targets = Vec::with_capacity(loads.len());
        for (kind, (index, load)) in loads.into_iter().enumerate() {
            let mut place = |count: Replicas| nodes.as_mut().map(|nodes| nodes.schedule(kind, count));
            let is_chained = calls.iter().any(|call| call.caller == kind || call.callee == kind);
            // Those before it have their pods already.
            let (most, target) = (quotas.most(kind), &setup.targets[index]);
            let state = TargetState::new(world, target, (index, is_chained), most, load, &mut place)?;
            quotas.note(kind, state.all_pods());
            targets.push(state);
        }
        let mut engine = Self {
            world,
            now: start,
            workloads,
            nodes,
            draws: Draws::new(world.seed, 0),
            calls,
            quotas,
            next_event: 0,
            active: (0..targets.len()).collect(),
            due: vec![start; targets.len()],
            alarms: BinaryHeap::new(),
            targets,
        };
        engine.begin_steady();
        engine.targets.iter_mut().for_each(TargetState::begin);
        engine.count_nodes()?;
        Ok(engine)
    }

    fn run(&mut self, mut listener: Option<&mut Listener<'_>>) -> Result<(), SimError> {
        let limit = self.world.duration.map(|duration| SimTime::ZERO + duration);
        loop {
            for &index in &self.active {
                self.targets[index].wake(self.now)?;
            }
            let end = limit.or_else(|| self.active.iter().filter_map(|&index| self.targets[index].load_end()).min());
            if end.is_some_and(|end| end <= self.now) {
                for target in &mut self.targets {
                    target.wake(self.now)?;
                }
                return if self.now > SimTime::ZERO { Ok(()) } else { Err(SimError::NoDuration) };
            }
            self.happen()?;
            self.settle()?;
            if self.sync(&mut listener)? {
                self.settle()?;
            }
            self.go_on(limit, &mut listener)?;
        }
    }

    /// Something happens to a target now that is not its own doing.
    fn touch(&mut self, index: usize) -> Result<(), SimError> {
        if let Err(place) = self.active.binary_search(&index) {
            self.active.insert(place, index);
            self.targets[index].wake(self.now)?;
        }
        Ok(())
    }

    fn touch_all(&mut self) -> Result<(), SimError> {
        (0..self.targets.len()).try_for_each(|index| self.touch(index))
    }

    /// The scenario's events.
    fn happen(&mut self) -> Result<(), SimError> {
        let world = self.world;
        while let Some(event) = world.events.get(self.next_event).filter(|event| event.at <= self.now) {
            self.next_event += 1;
            let what = Occurrence::Action(self.next_event - 1);
            let of_all = matches!(event.action, Action::LoseNodes(_) | Action::MetricsOutage { .. });
            if let Action::LoseNodes(count) = event.action {
                self.lose_nodes(event.target, count)?;
            }
            for index in 0..self.targets.len() {
                if of_all || self.targets[index].index == event.target {
                    self.touch(index)?;
                    self.targets[index].happened(what);
                    self.targets[index].act(&event.action);
                }
            }
        }
        Ok(())
    }

    /// The HPAs that are due sync; says whether anything comes of it now.
    fn sync(&mut self, listener: &mut Option<&mut Listener<'_>>) -> Result<bool, SimError> {
        let mut synced = false;
        for &index in &self.active {
            synced |= self.targets[index].sync(listener.as_deref_mut())?;
        }
        Ok(synced)
    }

    /// To the next second at which something happens.
    fn go_on(&mut self, limit: Option<SimTime>, listener: &mut Option<&mut Listener<'_>>) -> Result<(), SimError> {
        let soon = self.now + Span::from_seconds(1);
        let of_world = self.next_of_world(limit);
        if let ([target], [_]) = (self.targets.as_mut_slice(), self.active.as_slice()) {
            target.end_second();
            if self.nodes.is_none() && !self.world.is_stepped() {
                let is_alone = self.quotas.is_empty() && self.calls.is_empty();
                let has_to_settle = target.keep_syncing(of_world, is_alone, listener.as_deref_mut())?;
                self.now = target.now();
                if has_to_settle {
                    return Ok(());
                }
            }
            let soon = self.now + Span::from_seconds(1);
            let due = if self.world.is_stepped() { soon } else { target.next() };
            self.due[0] = due;
            self.now = of_world.min(due).max(soon);
            if self.now < due {
                self.alarms.push(Reverse((due, 0)));
                self.active.clear();
            }
            return Ok(());
        }
        for &index in &self.active {
            let target = &mut self.targets[index];
            target.end_second();
            let due = if self.world.is_stepped() { soon } else { target.next() };
            self.due[index] = due;
            self.alarms.push(Reverse((due, index)));
        }
        self.answer();
        let mut next = of_world;
        self.active.clear();
        if let Some(at) = self.next_alarm() {
            next = next.min(at);
        }
        self.now = next.max(soon);
        while self.next_alarm() == Some(self.now) {
            self.active.extend(self.alarms.pop().map(|Reverse((_, index))| index));
        }
        self.active.sort_unstable();
        self.active.dedup();
        Ok(())
    }

    /// When something happens that is no target's own doing.
    fn next_of_world(&self, limit: Option<SimTime>) -> SimTime {
        let mut next = limit.unwrap_or(SimTime::MAX);
        if let Some(event) = self.world.events.get(self.next_event) {
            next = next.min(event.at);
        }
        if let Some(nodes) = &self.nodes {
            next = next.min(nodes.next());
        }
        next
    }

    /// When the next target is due; alarms that were put off are forgotten.
    fn next_alarm(&mut self) -> Option<SimTime> {
        while let Some(&Reverse((at, index))) = self.alarms.peek() {
            if self.due[index] == at {
                return Some(at);
            }
            self.alarms.pop();
        }
        None
    }
}
