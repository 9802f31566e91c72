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
pub use json::json;
pub use sections::sections;

use super::{markdown, table};
use crate::model::{Inventory, Location};
use crate::plan::Pool;
use crate::plan::claims::ClaimFinding;
use crate::plan::{AutoscalerRow, BudgetFinding, Level, Packing, QuotaFinding, StorageRow, WorkloadPlan};
use crate::study::growth::{Growth, Month};
use crate::study::montecarlo::{RunResult, Uncertainty};
use crate::study::phases::FleetPhases;
use crate::study::{Fleet, Pattern, fleet::Course};

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

/// A part of the report: a table and what must be said about it.
#[derive(Clone, Debug, Default)]
pub struct Section {
    /// Its heading.
    pub title: String,
    /// The table's headers.
    pub headers: Vec<&'static str>,
    /// The table's rows.
    pub rows: Vec<Vec<String>>,
    /// Sentences below the table.
    pub notes: Vec<String>,
}

/// Sentences of the text are broken at this width.
const TEXT_WIDTH: usize = 110;

/// The report as text.
pub fn text(report: &PlanReport<'_>) -> String {
    let mut text = String::new();
    for section in sections(report) {
        if !text.is_empty() {
            text.push('\n');
        }
        text += &format!("{}\n", section.title);
        if !section.rows.is_empty() {
            text += &table::plain(&section.headers, section.rows);
        }
        for note in section.notes {
            let options = textwrap::Options::new(TEXT_WIDTH).initial_indent("  - ").subsequent_indent("    ");
            text += &textwrap::fill(&note, options);
            text.push('\n');
        }
    }
    text
}

/// The report as Markdown.
pub fn markdown(report: &PlanReport<'_>) -> String {
    let mut text = "# Capacity plan\n\n![Requests against the nodes' allocatable](capacity.png)\n".to_owned();
    let cells = |row: &[String]| {
        let escaped: Vec<String> = row.iter().map(|cell| markdown::text(cell)).collect();
        markdown::row(&escaped)
    };
    for section in sections(report) {
        text += &format!("\n## {}\n\n", section.title);
        if !section.rows.is_empty() {
            let headers: Vec<String> = section.headers.iter().map(|header| header.to_lowercase()).collect();
            text += &cells(&headers);
            text += &markdown::row(&vec!["---".to_owned(); headers.len()]);
            for row in &section.rows {
                text += &cells(row);
            }
            if !section.notes.is_empty() {
                text.push('\n');
            }
        }
        for note in &section.notes {
            text += &format!("- {}\n", markdown::text(note));
        }
    }
    text
}
