//! The capacity plan: what it consists of, and a writer for each format.

mod csv;
mod json;
mod nodes;
mod outlook;
mod sections;
mod verdicts;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

pub use csv::{plan_csv, storage_csv};
pub use json::Plan;
pub use verdicts::checks;

use super::document::{Block, Document, Picture, Section};
use super::{amounts, changed, plot};
use crate::model::{ClaimVerdict, Inventory, Location};
use crate::plan::claims::ClaimFinding;
use crate::plan::{self, Pool};
use crate::plan::{AutoscalerRow, BudgetFinding, Level, Packing, QuotaFinding, StorageRow, WorkloadPlan};
use crate::study::growth::{Growth, Month};
use crate::study::montecarlo::{RunResult, Uncertainty};
use crate::study::phases::FleetPhases;
use crate::study::{Fleet, Pattern, fleet::Course};
use crate::units::Clock;

/// Everything that a capacity plan says.
#[derive(Debug)]
pub struct PlanReport<'a> {
    /// The manifests.
    pub inventory: &'a Inventory,
    /// Its workloads.
    pub workloads: &'a [WorkloadPlan<'a>],
    /// Every autoscaler.
    pub autoscalers: Vec<AutoscalerRow>,
    /// Its storage.
    pub storage: &'a [StorageRow],
    /// What is wrong with the storage.
    pub remarks: Vec<(Location, String)>,
    /// Its quotas.
    pub quotas: Vec<QuotaFinding<'a>>,
    /// Its disruption budgets.
    pub budgets: Vec<BudgetFinding<'a>>,
    /// The nodes to choose from.
    pub pools: Vec<Pool<'a>>,
    /// All workloads under their load.
    pub fleet: Option<Fleet>,
    /// The workloads that were simulated, each with its course and the file of its load.
    pub courses: Vec<(usize, Course, String)>,
    /// What was changed in the manifests and the load before (`--set`).
    pub overrides: Vec<String>,
    /// The instant that the loads begin at, if it is known and the same for all.
    pub clock: Option<Clock>,
    /// The same in other phases.
    pub phases: Option<PhaseReport>,
    /// The same many times.
    pub uncertainty: Option<UncertaintyReport>,
    /// The same in the months to come.
    pub growth: Option<(Growth, Vec<Month>)>,
    /// The figures of a document.
    pub claims: Vec<ClaimFinding<'a>>,
    /// Packings that were asked for before, by shape and pods.
    pub packed: Mutex<BTreeMap<(String, Pattern), Packing>>,
}

/// Phases of the simulation.
#[derive(Debug)]
pub struct PhaseReport {
    /// The runs.
    pub phases: FleetPhases,
    /// Whether there is one only because the load is long.
    pub too_long: bool,
}

/// Many runs.
#[derive(Debug)]
pub struct UncertaintyReport {
    /// What was uncertain.
    pub uncertainty: Uncertainty,
    /// The seed.
    pub seed: u64,
    /// The runs.
    pub runs: Vec<RunResult>,
}

impl<'a> PlanReport<'a> {
    /// How so many pods of each workload are packed.
    pub fn packing_of(&self, pool: &Pool<'_>, pattern: &Pattern) -> Packing {
        let key = (pool.shape.name.clone(), pattern.clone());
        if let Some(packing) = self.packed().get(&key) {
            return packing.clone();
        }
        let packing = pool.pack(self.workloads, pattern);
        self.packed().insert(key, packing.clone());
        packing
    }

    fn packed(&self) -> MutexGuard<'_, BTreeMap<(String, Pattern), Packing>> {
        self.packed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The nodes in pictures and over time: the first shape that all pods can run on, or just the first; none where there are so
    /// many pods that they are not packed.
    pub fn main_pool(&self) -> Option<&Pool<'a>> {
        let pods: Pattern = self.workloads.iter().map(|w| w.count(Level::Surge).pods).collect();
        let holds_all = |pool: &&Pool<'a>| self.packing_of(pool, &pods).holds_all();
        let is_packed = |pool: &&Pool<'a>| self.packing_of(pool, &pods).is_packed;
        self.pools.iter().find(holds_all).or(self.pools.first().filter(is_packed))
    }

    /// The nodes for so many pods of each workload; no fewer, if there are too many to pack.
    pub fn nodes_of(&self, pool: &Pool<'_>, pattern: &Pattern) -> i64 {
        self.packing_of(pool, pattern).nodes
    }
}

/// What it comes to: all pods at the maximum, the nodes that they take, what does not hold.
fn verdict(report: &PlanReport<'_>) -> Vec<String> {
    let total = plan::total(report.workloads, Level::Maximum);
    let of =
        |name: &str| total.requests.get(name).map(|quantity| format!("{} {name}", amounts::amount(name, quantity)));
    let requests: Vec<String> = ["cpu", "memory"].into_iter().filter_map(of).collect();
    let requests = if requests.is_empty() { "nothing".to_owned() } else { requests.join(" and ") };
    let pods = if total.pods == 1 { "1 pod requests".to_owned() } else { format!("{} pods request", total.pods) };
    let mut all = vec![format!("At the maximum {pods} {requests}.")];
    if let Some(pool) = report.main_pool() {
        let pods = |level: Level| report.workloads.iter().map(|w| w.count(level).pods).collect::<Pattern>();
        let at = |level: Level| report.packing_of(pool, &pods(level));
        let (least, most) = (at(Level::Minimum), at(Level::Maximum));
        let name = &pool.shape.name;
        let bound = if most.is_packed { "" } else { "at least " };
        let mut told =
            format!("Nodes of {name}: {bound}{} at the minimum, {bound}{} at the maximum", least.nodes, most.nodes);
        if most.is_packed {
            told += &format!(", {} so that one may be lost", Pool::with_node_lost(most.nodes));
        }
        let unplaced: i64 = most.unplaced.iter().map(|unplaced| unplaced.pods).sum();
        if unplaced > 0 {
            told += &format!("; {unplaced} pods cannot run on them");
        }
        all.push(told + ".");
    }
    let exceeded = report.quotas.iter().filter_map(|quota| {
        quota
            .exceeded_at()
            .map(|level| format!("{} ({}) at the {}", quota.quota.item.name, quota.resource, level.name()))
    });
    let exceeded: Vec<String> = exceeded.collect();
    if !exceeded.is_empty() {
        all.push(format!("Quotas that do not suffice: {}.", exceeded.join(", ")));
    }
    let wrong = report.claims.iter().filter(|claim| claim.verdict == ClaimVerdict::Contradicted).count();
    if !report.claims.is_empty() {
        all.push(format!("{wrong} of {} claims of the document are contradicted.", report.claims.len()));
    }
    all
}

/// The report as a document, with its picture.
pub fn document(report: &PlanReport<'_>) -> Document {
    let shows = "Requests against the nodes' allocatable".to_owned();
    let chart = plot::capacity_chart(report);
    let picture = Picture { file: "capacity.png".to_owned(), shows, chart: Some(chart) };
    let picture = Section { blocks: vec![Block::Picture(picture)], ..Section::default() };
    let sections = std::iter::once(picture).chain(sections::sections(report)).collect();
    let verdict = verdict(report).into_iter().chain(changed(&report.overrides)).collect();
    Document { title: "Capacity plan".to_owned(), verdict, sections }
}
