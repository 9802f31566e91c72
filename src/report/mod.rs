//! Results as text, tables, CSV, JSON and pictures; one writer for each.

pub mod amounts;
pub mod arithmetic;
pub mod assumptions;
pub mod backtest;
pub mod calibrate;
pub mod checks;
pub mod cluster;
pub mod compare;
pub mod csv;
pub mod document;
pub mod draft;
pub mod explain;
pub mod json;
pub mod kubectl;
pub mod lint;
pub mod observed;
pub mod openmetrics;
pub mod phases;
pub mod plan;
pub mod plot;
pub mod reasons;
pub mod summary;
pub mod table;
pub mod trace;
pub mod tune;
pub mod world;

use self::explain::{Remembered, Sync};
use crate::hpa::Decision;
use crate::model::{ControllerConfig, HpaSpec, Target, Workload};
use crate::sim::{Setup, Summary};
use crate::study::phases::PhaseRuns;
use crate::units::{Clock, SimTime};

/// A finished simulation and what is needed to describe it.
#[derive(Clone, Debug)]
pub struct Run<'a> {
    /// What was simulated.
    pub setup: &'a Setup<'a>,
    /// Which of the targets this is about.
    pub index: usize,
    /// The names of the load's columns.
    pub columns: &'a [crate::model::Column],
    /// The numbers.
    pub summary: &'a Summary,
    /// What is shown, for pictures of several simulations.
    pub title: Option<String>,
    /// The same in other phases, where they were simulated.
    pub phases: Option<&'a PhaseRuns>,
    /// What the controller remembered after decisions, of those that it was kept of.
    pub remembered: &'a Remembered,
    /// What was changed in the manifests and the load before (`--set`).
    pub overrides: &'a [String],
    /// The instant of the simulation's start, if the load has timestamps.
    pub clock: Option<Clock>,
}

/// What was changed before, in words; none if nothing was.
pub fn changed(overrides: &[String]) -> Option<String> {
    (!overrides.is_empty()).then(|| format!("Changed by --set: {}.", overrides.join("; ")))
}

impl<'a> Run<'a> {
    /// The target.
    pub fn target(&self) -> &'a Target<'a> {
        &self.setup.targets[self.index]
    }

    /// The autoscaler.
    pub fn hpa(&self) -> &'a HpaSpec {
        self.target().hpa
    }

    /// The autoscaler at an instant: events may change it.
    pub fn hpa_at(&self, at: SimTime) -> &'a HpaSpec {
        self.setup.hpa_at(self.index, at)
    }

    /// The workload that it scales.
    pub fn workload(&self) -> &'a Workload {
        self.target().workload
    }

    /// A decision at an instant, to be explained.
    pub fn sync(&self, now: SimTime, decision: &'a Decision) -> Sync<'a> {
        let history = self.remembered.after(now);
        Sync { hpa: self.hpa_at(now), controller: self.controller(), now, decision, history }
    }

    /// The controller's settings.
    pub fn controller(&self) -> &'a ControllerConfig {
        &self.setup.world.controller
    }

    /// An instant of the simulation in RFC 3339, if the load has timestamps.
    pub fn timestamp(&self, at: SimTime) -> Option<String> {
        self.clock?.rfc3339(at)
    }
}
