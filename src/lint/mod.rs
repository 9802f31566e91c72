//! What will go wrong with autoscaling: rules over the manifests, each with its reason, its remedy and its sources.

mod availability;
mod capacity;
mod metrics;
mod objects;
mod rules;
mod targets;

pub use rules::{Rule, rules};

use crate::model::{
    ControllerConfig, HpaSpec, Inventory, LoadSource, Location, Neighbourhood, NodeShape, Origin, Placed, Startup,
};
use crate::plan::{StorageRow, WorkloadPlan};
use crate::sim::{Setup, SimError, SyncRecord, simulate_one};
use crate::units::{Replicas, SimTime, Span};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Something to know.
    Note,
    /// Something that will surprise.
    Warning,
    /// Something that does not work.
    Error,
}

impl Severity {
    /// The name, also SARIF's level.
    pub fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// What the rules look at.
#[derive(Clone, Debug)]
pub struct Context<'a> {
    /// The manifests.
    pub inventory: &'a Inventory,
    /// Its workloads.
    pub workloads: &'a [WorkloadPlan<'a>],
    /// Who is beside whom there.
    pub neighbourhood: &'a Neighbourhood<'a>,
    /// Its storage.
    pub storage: &'a [StorageRow],
    /// The controller's settings and the release.
    pub controller: ControllerConfig,
    /// The time that the application in a new pod needs.
    pub startup: Startup,
    /// The nodes, if they are known.
    pub nodes: &'a [NodeShape],
    /// For each HPA that was simulated under a load: its name, and in each phase how it was held back if it was.
    pub held_back: Vec<(&'a Placed<HpaSpec>, Vec<Option<HeldBack>>)>,
    /// What the reader of the manifests found odd.
    pub odd: Vec<Complaint>,
    /// What the API server refuses.
    pub refused: Vec<Complaint>,
    /// API versions that the release does not serve.
    pub removed: Vec<Complaint>,
}

/// What the reader of the manifests says of a field.
#[derive(Clone, Debug)]
pub struct Complaint {
    /// Where it stands.
    pub location: Location,
    /// The field.
    pub path: String,
    /// What is wrong, in a sentence.
    pub message: String,
}

/// A scale-up that was slower than the load's rise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldBack {
    /// When it was furthest behind.
    pub at: SimTime,
    /// The pods that were asked for, within maxReplicas.
    pub wanted: Replicas,
    /// The pods that it was let have.
    pub got: Replicas,
    /// How long it was behind in all.
    pub total: Span,
}

/// Where a rule is broken, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Where.
    pub location: Location,
    /// The field.
    pub path: String,
    /// What is wrong.
    pub message: String,
}

impl Hit {
    fn new(origin: &Origin, path: impl Into<String>, message: impl Into<String>) -> Self {
        let path = path.into();
        Self { location: origin.locate(&path), path: origin.path(&path), message: message.into() }
    }
}

/// A broken rule.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The rule.
    pub rule: &'static Rule,
    /// Where and how.
    pub hit: Hit,
}

/// Everything that is found, in the order of the files.
pub fn lint(context: &Context<'_>) -> Vec<Finding> {
    let mut findings: Vec<Finding> =
        rules().flat_map(|rule| (rule.check)(context).into_iter().map(move |hit| Finding { rule, hit })).collect();
    findings
        .sort_by(|a, b| (&a.hit.location, a.rule.code, &a.hit.path).cmp(&(&b.hit.location, b.rule.code, &b.hit.path)));
    findings
}

/// When policies or windows kept the HPA below what its metrics asked for, for more than one sync on end: a single
/// step that is too small is made up for at the next. With it how often groups of pods were looked at.
pub fn held_back(setup: &Setup<'_>, load: &mut dyn LoadSource) -> Result<(Option<HeldBack>, u64), SimError> {
    let mut worst: Option<HeldBack> = None;
    let (mut total, mut on_end, mut longest) = (Span::ZERO, Span::ZERO, Span::ZERO);
    let (max, period) = (setup.targets[0].hpa.max_replicas, setup.world.controller.sync_period);
    let mut note = |record: &SyncRecord<'_>| {
        let wanted = record.decision.proposed.unwrap_or_default().min(max);
        let got = record.decision.desired;
        if wanted > got {
            total = total + period;
            on_end = on_end + period;
            longest = longest.max(on_end);
            if worst.is_none_or(|worst| wanted - got > worst.wanted - worst.got) {
                worst = Some(HeldBack { at: record.now, wanted, got, total });
            }
        } else {
            on_end = Span::ZERO;
        }
    };
    let looks = simulate_one(setup, 0, load, Some(&mut note))?.looks;
    Ok((worst.filter(|_| longest > period).map(|worst| HeldBack { total, ..worst }), looks))
}
