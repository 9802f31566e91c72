//! Every autoscaler of the manifests, and whether its pods are among those that are counted.

use super::WorkloadPlan;
use crate::model::{ByName, Inventory, Location, ObjectId, ObjectReference, Placed, ScalerKind, Workload};
use crate::units::Replicas;

/// An autoscaler.
#[derive(Clone, Debug)]
pub struct AutoscalerRow {
    /// Its kind and name.
    pub reference: ObjectReference,
    /// Its namespace.
    pub namespace: String,
    /// What it scales, as far as that is known.
    pub target: Option<ObjectReference>,
    /// The fewest and the most pods, if it changes their number.
    pub pods: Option<(Replicas, Replicas)>,
    /// Whether they are counted.
    pub counted: Counted,
    /// Where it stands.
    pub location: Location,
}

/// Whether an autoscaler's pods are among those that are counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Counted {
    /// From its fewest to its most.
    Yes,
    /// It changes no number of pods, or does nothing; why.
    NothingToCount(String),
    /// They are missing from all sums, or are counted as declared; why.
    No(String),
}

/// Whether a kind that is not read makes pods come and go, by its name.
fn looks_like_an_autoscaler(id: &ObjectId) -> bool {
    id.kind.ends_with("Autoscaler") || id.group == "keda.sh"
}

/// What autoscalers can scale.
fn scalable<'a, 'b>(workloads: &'a [WorkloadPlan<'b>]) -> ByName<'a, WorkloadPlan<'b>> {
    let scalable = workloads.iter().filter(|workload| workload.workload.is_scalable());
    ByName::new(scalable, |workload| &workload.workload.reference.name)
}

/// All of them, in the order of their kinds.
pub fn autoscalers(inventory: &Inventory, workloads: &[WorkloadPlan<'_>]) -> Vec<AutoscalerRow> {
    let mut rows = Vec::new();
    let targets = scalable(workloads);
    let target_of = |id: &ObjectId| targets.named(&id.name).find(|w| w.workload.is(id));
    let missing = MissingTargets::new(inventory);
    for hpa in &inventory.hpas {
        let (item, location) = (&hpa.item, hpa.location());
        let counted = match target_of(&item.target_id()) {
            _ if item.target.resolves().is_err() => {
                Counted::No("the controller does not find its target (FailedGetScale)".to_owned())
            }
            Some(workload) => match workload.hpa {
                Some(first) if first.location() != location => {
                    Counted::No(format!("{} scales the same, and is counted", first.item.name))
                }
                _ => Counted::Yes,
            },
            None => Counted::No(missing.why(&item.target_id())),
        };
        rows.push(AutoscalerRow {
            reference: ObjectReference {
                api_version: "autoscaling/v2".into(),
                kind: "HorizontalPodAutoscaler".into(),
                name: item.name.clone(),
            },
            namespace: item.namespace.clone(),
            target: Some(item.target.clone()),
            pods: Some((item.min_replicas, item.max_replicas)),
            counted,
            location,
        });
    }
    for scaler in &inventory.other_scalers {
        let item = &scaler.item;
        let id = item.target_id();
        let counted = match (&item.kind, target_of(&id)) {
            (_, None) => Counted::No(missing.why(&id)),
            (ScalerKind::Requests { .. }, _) if item.passive => {
                Counted::NothingToCount("it only recommends".to_owned())
            }
            (ScalerKind::Requests { .. }, target) => {
                let resources = item.requests_changed(target.map(|target| target.workload)).join(" and ");
                Counted::NothingToCount(if resources.is_empty() {
                    "it changes no requests".to_owned()
                } else {
                    format!("it changes {resources} requests, which are counted as written")
                })
            }
            (ScalerKind::Replicas { .. }, _) if item.passive => {
                Counted::NothingToCount("it is paused: pods are counted as declared".to_owned())
            }
            (ScalerKind::Replicas { .. }, Some(workload)) => match workload.hpa {
                Some(hpa) => Counted::No(format!("HorizontalPodAutoscaler/{} is counted", hpa.item.name)),
                None => Counted::Yes,
            },
        };
        rows.push(AutoscalerRow {
            reference: item.reference.clone(),
            namespace: item.namespace.clone(),
            target: Some(item.target.clone()),
            pods: item.pods(),
            counted,
            location: scaler.location(),
        });
    }
    let unknown = inventory.unread.iter().filter(|object| looks_like_an_autoscaler(&object.item));
    rows.extend(unknown.map(of_unknown_kind));
    rows
}

/// One that cannot be counted, for its kind is not read.
fn of_unknown_kind(object: &Placed<ObjectId>) -> AutoscalerRow {
    let id = &object.item;
    AutoscalerRow {
        reference: ObjectReference { api_version: id.group.clone(), kind: id.kind.clone(), name: id.name.clone() },
        namespace: id.namespace.clone(),
        target: None,
        pods: None,
        counted: Counted::No("hpasim does not know the kind".to_owned()),
        location: object.location(),
    }
}

/// Why targets of autoscalers are not there.
#[derive(Debug)]
pub struct MissingTargets<'a> {
    unread: ByName<'a, Placed<ObjectId>>,
    workloads: ByName<'a, Placed<Workload>>,
}

impl<'a> MissingTargets<'a> {
    /// Among the manifests.
    pub fn new(inventory: &'a Inventory) -> Self {
        let unread = ByName::new(&inventory.unread, |object| &object.item.name);
        Self { unread, workloads: inventory.workloads_by_name() }
    }

    /// Why one is not there.
    pub fn why(&self, id: &ObjectId) -> String {
        if let Some(object) = self.unread.named(&id.name).find(|object| object.item == *id) {
            let location = object.location();
            return format!("{}/{} ({location}) is of a kind whose pods hpasim cannot see", id.kind, id.name);
        }
        let other = |w: &&Placed<Workload>| w.item.reference.kind == id.kind && w.item.namespace == id.namespace;
        match self.workloads.named(&id.name).find(other) {
            Some(other) => {
                format!("{}/{} is of {} ({})", id.kind, id.name, other.item.reference.api_version, other.location())
            }
            None => format!("no {}/{} in namespace {} among the manifests", id.kind, id.name, id.namespace),
        }
    }
}
