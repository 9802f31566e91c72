//! What the namespace makes of a workload's pods: whether quotas and limit ranges let them be made, and whose pods its
//! selector selects besides.

use super::{
    Amounts, Container, Inventory, LimitItem, LimitKind, Location, ObjectId, Origin, Placed, PodTemplate, VolumeClaim,
    Workload, WorkloadController,
};
use crate::units::{Quantity, Replicas};

/// What else is in the namespace of a target that bears on it.
#[derive(Clone, Debug, Default)]
pub struct Neighbours {
    /// Other HPAs whose targets select some of the pods, too: with one of them neither HPA scales.
    pub ambiguous_with: Vec<String>,
    /// Pods of other workloads that the target's selector selects as well.
    pub foreign: Vec<ForeignPods>,
    /// How many pods quotas and limit ranges let there be, if they limit them.
    pub allowance: Option<Allowance>,
}

/// Pods of another workload under a selector.
#[derive(Clone, Debug)]
pub struct ForeignPods {
    /// The workload.
    pub workload: ObjectId,
    /// Its template.
    pub template: PodTemplate,
    /// How many there are, as declared.
    pub pods: Replicas,
}

/// How many pods of a workload there may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// So many.
    pub pods: Replicas,
    /// Why.
    pub reason: String,
    /// Where that is written.
    pub location: Location,
}

/// A resource of a ResourceQuota that several targets use up.
#[derive(Clone, Debug, PartialEq)]
pub struct SharedQuota {
    /// The ResourceQuota, the resource, and where that is written.
    pub name: String,
    /// See `name`.
    pub resource: String,
    /// See `name`.
    pub location: Location,
    /// What is left of it beside the workloads that are not targets, as they are declared.
    pub left: Quantity,
    /// What a pod of each target takes, in the order of the targets; those of other namespaces nothing.
    pub each: Vec<Quantity>,
}

/// Why no pod of a template, or no claim, can be made.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// Its kind and name.
    pub object: String,
    /// The document of the quota or the LimitRange.
    pub origin: Origin,
    /// The field there.
    pub path: String,
    /// What is refused and why.
    pub message: String,
}

/// What a pod uses up of a quota's resource, if it is one that pods use.
///
/// The names are those of `pkg/quota/v1/evaluator/core/pods.go`.
pub fn quota_use(requests: &Amounts, limits: &Amounts, resource: &str) -> Option<Quantity> {
    match resource {
        "pods" | "count/pods" => Some(Quantity::from_units(1)),
        "cpu" | "memory" | "ephemeral-storage" => Some(requests.quantity(resource)),
        _ => match resource.split_once('.') {
            Some(("requests", name)) => Some(requests.quantity(name)),
            Some(("limits", name)) => Some(limits.quantity(name)),
            _ => None,
        },
    }
}

/// What every container must say under a quota on a resource: whether requests or limits, and of what.
fn demanded(resource: &str) -> Option<(bool, &str)> {
    match resource {
        "cpu" | "memory" => Some((false, resource)),
        "requests.cpu" => Some((false, "cpu")),
        "requests.memory" => Some((false, "memory")),
        "limits.cpu" => Some((true, "cpu")),
        "limits.memory" => Some((true, "memory")),
        _ => None,
    }
}

/// The containers that lack what a quota on a resource demands of each, init containers included, unless it is set for
/// the pod as a whole. Mirrors `podEvaluator.Constraints`.
pub fn lacking<'a>(template: &'a PodTemplate, resource: &str) -> Vec<&'a Container> {
    let Some((limits, name)) = demanded(resource) else { return Vec::new() };
    let whole = if limits { &template.pod_limits } else { &template.pod_requests };
    if whole.get(name).is_some() {
        return Vec::new();
    }
    let has = |container: &Container| if limits { container.limit(name) } else { container.request(name) };
    template.all_containers().filter(|container| has(container).is_none()).collect()
}

/// Why the quotas and LimitRanges of its namespace let no pod of a workload be made.
pub fn refusals(inventory: &Inventory, workload: &Workload) -> Vec<Refusal> {
    let (template, namespace) = (&workload.template, &workload.namespace);
    let mut all = Vec::new();
    for quota in inventory.quotas.iter().filter(|quota| quota.item.namespace == *namespace && !quota.item.scoped) {
        for (resource, _) in quota.item.hard.iter() {
            let names: Vec<&str> =
                lacking(template, resource).iter().map(|container| container.name.as_str()).collect();
            if let (false, Some((limits, name))) = (names.is_empty(), demanded(resource)) {
                let what = if limits { "limit" } else { "request" };
                let message = format!(
                    "demands a {name} {what} of every container: pods of {} are refused, {} has none",
                    workload.reference,
                    names.join(" and ")
                );
                all.push(Refusal {
                    object: format!("ResourceQuota {}", quota.item.name),
                    origin: quota.origin.clone(),
                    path: hard_path(resource),
                    message,
                });
            }
        }
    }
    for range in inventory.limit_ranges.iter().filter(|range| range.item.namespace == *namespace) {
        for item in &range.item.limits {
            let mut add = |what: String, why: String, field: &str, resource: &str| {
                let path = format!("{}.{field}.{resource}", item.path);
                let message = format!("pods of {} are refused: {what} {why}", workload.reference);
                all.push(Refusal {
                    object: format!("LimitRange {}", range.item.name),
                    origin: range.origin.clone(),
                    path,
                    message,
                });
            };
            match item.kind {
                LimitKind::Container => {
                    for container in template.all_containers() {
                        for (request, name, limit) in over_default(item, container) {
                            let why = format!("requests {request} of {name}, its limit is {limit} by default");
                            add(format!("container {}", container.name), why, "default", name);
                        }
                        for violation in violations(item, &container.requests, &container.limits) {
                            add(format!("container {}", container.name), violation.0, violation.1, violation.2);
                        }
                    }
                }
                LimitKind::Pod => {
                    for violation in violations(item, &template.own_requests(), &template.own_limits()) {
                        add("a pod".to_owned(), violation.0, violation.1, violation.2);
                    }
                }
                LimitKind::Claim => {}
            }
        }
    }
    all
}

/// What a container requests over a limit that it has by default, and that is no maximum.
fn over_default<'a>(item: &'a LimitItem, container: &'a Container) -> Vec<(Quantity, &'a str, Quantity)> {
    let over = |(name, default): (&'a str, &'a super::Amount)| {
        let (request, limit) = (container.request(name)?, container.limit(name)?);
        (limit == default.quantity && request > limit).then_some((request, name, limit))
    };
    item.default.iter().filter_map(over).collect()
}

/// Why the LimitRanges of its namespace do not let a claim be made.
pub fn claim_refusals(inventory: &Inventory, claim: &VolumeClaim) -> Vec<Refusal> {
    let request = claim.request.quantity;
    let mut all = Vec::new();
    for range in inventory.limit_ranges.iter().filter(|range| range.item.namespace == claim.namespace) {
        for item in range.item.limits.iter().filter(|item| item.kind == LimitKind::Claim) {
            let bounds = [("min", &item.min, "minimum"), ("max", &item.max, "maximum")];
            for (field, amounts, word) in bounds {
                let Some(bound) = amounts.get("storage") else { continue };
                if (field == "min" && request < bound) || (field == "max" && request > bound) {
                    let name = &claim.name;
                    all.push(Refusal {
                        object: format!("LimitRange {}", range.item.name),
                        origin: range.origin.clone(),
                        path: format!("{}.{field}.storage", item.path),
                        message: format!(
                            "PersistentVolumeClaim {name} is refused: it requests {request}, the {word} is {bound}"
                        ),
                    });
                }
            }
        }
    }
    all
}

/// How requests and limits break an entry of a LimitRange: what is wrong, the field, the resource.
///
/// Mirrors `minConstraint`, `maxConstraint` and `limitRequestRatioConstraint` in
/// `plugin/pkg/admission/limitranger/admission.go`.
fn violations<'a>(item: &'a LimitItem, requests: &Amounts, limits: &Amounts) -> Vec<(String, &'static str, &'a str)> {
    let mut found = Vec::new();
    for (name, min) in item.min.iter() {
        let min = min.quantity;
        match (requests.get(name), limits.get(name)) {
            (None, _) => found.push((format!("has no {name} request, the minimum is {min}"), "min", name)),
            (Some(request), _) if request < min => {
                found.push((format!("requests {request} of {name}, the minimum is {min}"), "min", name));
            }
            (_, Some(limit)) if limit < min => {
                found.push((format!("has a {name} limit of {limit}, the minimum is {min}"), "min", name));
            }
            _ => {}
        }
    }
    for (name, max) in item.max.iter() {
        let max = max.quantity;
        match (requests.get(name), limits.get(name)) {
            (_, None) => found.push((format!("has no {name} limit, the maximum is {max}"), "max", name)),
            (_, Some(limit)) if limit > max => {
                found.push((format!("has a {name} limit of {limit}, the maximum is {max}"), "max", name));
            }
            (Some(request), _) if request > max => {
                found.push((format!("requests {request} of {name}, the maximum is {max}"), "max", name));
            }
            _ => {}
        }
    }
    for (name, ratio) in item.max_ratio.iter() {
        let none = Quantity::ZERO;
        let (request, limit) = (requests.get(name).unwrap_or(none), limits.get(name).unwrap_or(none));
        let field = "maxLimitRequestRatio";
        if request == none || limit == none {
            found.push((
                format!("has no {name} request or limit, their ratio must be at most {}", ratio.quantity),
                field,
                name,
            ));
        } else if limit.ratio(request) > ratio.quantity.as_f64() {
            let message = format!(
                "has a {name} limit of {limit} and a request of {request}, the ratio must be at most {}",
                ratio.quantity
            );
            found.push((message, field, name));
        }
    }
    found
}

fn hard_path(resource: &str) -> String {
    if resource.contains('.') { format!("spec.hard[{resource:?}]") } else { format!("spec.hard.{resource}") }
}

/// The pods of a workload as it is declared; those of a DaemonSet and of Jobs depend on other things.
fn declared(workload: &Workload) -> Replicas {
    match workload.controller {
        WorkloadController::Pod => 1,
        _ if workload.is_scalable() => workload.replicas.unwrap_or(1),
        _ => 0,
    }
}

/// What the workloads of a namespace take of a quota's resource as they are declared, but for these.
fn used_by_others(inventory: &Inventory, namespace: &str, resource: &str, but: &[ObjectId]) -> Quantity {
    let others = inventory.workloads.iter().map(|other| &other.item);
    let others = others.filter(|other| other.namespace == namespace && !but.iter().any(|id| other.is(id)));
    others.fold(Quantity::ZERO, |sum, other| {
        let (requests, limits) = (other.template.requests(), other.template.limits());
        let each = quota_use(&requests, &limits, resource).unwrap_or(Quantity::ZERO);
        sum + each.times(declared(other).into())
    })
}

/// How many pods of a workload quotas and LimitRanges let there be, beside the other workloads as they are declared; `simulated`
/// are not among those.
fn allowance(inventory: &Inventory, workload: &Workload, simulated: &[ObjectId]) -> Option<Allowance> {
    if let Some(refusal) = refusals(inventory, workload).into_iter().next() {
        let location = refusal.origin.locate(&refusal.path);
        let reason = format!("{}: {}", refusal.object, refusal.message);
        return Some(Allowance { pods: 0, reason, location });
    }
    let mut but = simulated.to_vec();
    but.push(workload.id());
    let (requests, limits) = (workload.template.requests(), workload.template.limits());
    let mut least: Option<Allowance> = None;
    for quota in inventory.quotas.iter().filter(|q| q.item.namespace == workload.namespace && !q.item.scoped) {
        for (resource, hard) in quota.item.hard.iter() {
            let Some(each) = quota_use(&requests, &limits, resource).filter(|each| each.signum() > 0) else { continue };
            let used = used_by_others(inventory, &workload.namespace, resource, &but);
            let room = hard.quantity.minus(used);
            // Rounded down: what does not fit whole is refused.
            let fits = room.div_floor(each).clamp(0, i64::from(Replicas::MAX)) as Replicas;
            if least.as_ref().is_none_or(|least| fits < least.pods) {
                let name = &quota.item.name;
                let beside = if used == Quantity::ZERO { String::new() } else { format!(", others use {used}") };
                least = Some(Allowance {
                    pods: fits,
                    reason: format!(
                        "ResourceQuota {name} allows {} of {resource}{beside}, a pod takes {each}",
                        hard.quantity
                    ),
                    location: quota.origin.locate(&hard_path(resource)),
                });
            }
        }
    }
    least
}

impl Inventory {
    /// The quotas that several of these workloads use up.
    pub fn shared_quotas(&self, targets: &[&Workload]) -> Vec<SharedQuota> {
        let ids: Vec<ObjectId> = targets.iter().map(|target| target.id()).collect();
        let mut shared = Vec::new();
        for placed in self.quotas.iter().filter(|quota| !quota.item.scoped) {
            let quota = &placed.item;
            for (resource, hard) in quota.hard.iter() {
                let of = |target: &&Workload| {
                    let (requests, limits) = (target.template.requests(), target.template.limits());
                    let each = quota_use(&requests, &limits, resource).filter(|_| target.namespace == quota.namespace);
                    each.unwrap_or(Quantity::ZERO)
                };
                let each: Vec<Quantity> = targets.iter().map(of).collect();
                if each.iter().filter(|each| each.signum() > 0).count() > 1 {
                    let left = hard.quantity.minus(used_by_others(self, &quota.namespace, resource, &ids));
                    let (name, resource) = (quota.name.clone(), resource.to_owned());
                    let location = placed.origin.locate(&hard_path(&resource));
                    shared.push(SharedQuota { name, resource, location, left, each });
                }
            }
        }
        shared
    }

    /// What else is in the namespace that bears on an HPA's target; `simulated` are workloads that are simulated with it.
    pub fn neighbours(&self, hpa: &super::HpaSpec, target: &Workload, simulated: &[&Workload]) -> Neighbours {
        let simulated: Vec<ObjectId> = simulated.iter().map(|other| other.id()).collect();
        let id = target.id();
        let others = self.workloads.iter().filter(|other| !other.item.is(&id));
        let under: Vec<&Placed<Workload>> = others
            .filter(|other| target.selects(&other.item.namespace, &other.item.template.labels))
            .filter(|other| !matches!(other.item.controller, WorkloadController::CronJob { .. }))
            .collect();
        // Of all pods under the selector, those that another HPA's target selects, too.
        let selected = || {
            let labels = under.iter().filter(|w| declared(&w.item) > 0).map(|w| &w.item.template.labels);
            std::iter::once(&target.template.labels).chain(labels)
        };
        let selecting =
            self.workloads.iter().map(|other| &other.item).filter(|other| {
                other.is_scalable() && selected().any(|labels| other.selects(&target.namespace, labels))
            });
        let selecting: Vec<ObjectId> = selecting.map(Workload::id).collect();
        let ambiguous = |other: &&Placed<super::HpaSpec>| {
            let is_itself = other.item.name == hpa.name && other.item.namespace == hpa.namespace;
            !is_itself && (other.item.scales(&id) || selecting.iter().any(|id| other.item.scales(id)))
        };
        Neighbours {
            ambiguous_with: self
                .hpas
                .iter()
                .filter(ambiguous)
                .map(|hpa| format!("{}/{} ({})", hpa.item.namespace, hpa.item.name, hpa.location()))
                .collect(),
            foreign: under
                .into_iter()
                .filter(|other| declared(&other.item) > 0)
                .map(|other| ForeignPods {
                    workload: other.item.id(),
                    template: other.item.template.clone(),
                    pods: declared(&other.item),
                })
                .collect(),
            allowance: allowance(self, target, &simulated),
        }
    }
}
