//! Whether the quotas and limit ranges of a namespace let pods and claims be made.

use super::{
    Amounts, ByName, Container, Inventory, LimitItem, LimitKind, LimitRange, Origin, Placed, PodTemplate,
    ResourceQuota, VolumeClaim, Workload,
};
use crate::units::Quantity;

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

/// The quotas and LimitRanges of each namespace.
#[derive(Clone, Debug)]
pub struct Admission<'a> {
    quotas: ByName<'a, Placed<ResourceQuota>>,
    limit_ranges: ByName<'a, Placed<LimitRange>>,
}

impl<'a> Admission<'a> {
    /// Those of an inventory.
    pub fn new(inventory: &'a Inventory) -> Self {
        Self {
            quotas: ByName::new(&inventory.quotas, |quota| &quota.item.namespace),
            limit_ranges: ByName::new(&inventory.limit_ranges, |range| &range.item.namespace),
        }
    }

    /// The quotas of a namespace that count all pods.
    pub(super) fn quotas(&self, namespace: &str) -> impl Iterator<Item = &'a Placed<ResourceQuota>> {
        self.quotas.named(namespace).filter(|quota| !quota.item.scoped)
    }

    /// Those of a namespace that are about all its pods.
    pub(super) fn rules(&self, namespace: &str) -> Rules<'a> {
        let ranges = self.limit_ranges.named(namespace).collect();
        Rules { quotas: self.quotas(namespace).collect(), ranges }
    }

    /// Why they let no pod of a workload be made.
    pub fn refusals(&self, workload: &Workload) -> Vec<Refusal> {
        refusals(&self.rules(&workload.namespace), workload)
    }

    /// Why the LimitRanges do not let a claim be made.
    pub fn claim_refusals(&self, claim: &VolumeClaim) -> Vec<Refusal> {
        claim_refusals(self, claim)
    }
}

/// The quotas that count all pods, and the LimitRanges, of a namespace.
#[derive(Clone, Debug, Default)]
pub(super) struct Rules<'a> {
    /// The quotas.
    pub quotas: Vec<&'a Placed<ResourceQuota>>,
    ranges: Vec<&'a Placed<LimitRange>>,
}

impl Rules<'_> {
    /// Why they let no pod of a workload be made.
    pub fn refusals(&self, workload: &Workload) -> Vec<Refusal> {
        refusals(self, workload)
    }
}

fn refusals(rules: &Rules<'_>, workload: &Workload) -> Vec<Refusal> {
    let template = &workload.template;
    let mut all = Vec::new();
    for quota in &rules.quotas {
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
    for range in &rules.ranges {
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

fn claim_refusals(admission: &Admission<'_>, claim: &VolumeClaim) -> Vec<Refusal> {
    let request = claim.request.quantity;
    let mut all = Vec::new();
    for range in admission.limit_ranges.named(&claim.namespace) {
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

pub(super) fn hard_path(resource: &str) -> String {
    if resource.contains('.') { format!("spec.hard[{resource:?}]") } else { format!("spec.hard.{resource}") }
}
