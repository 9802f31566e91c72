//! Rules about room: quotas, nodes, volumes, budgets.

use super::targets::scaled;
use super::{Context, Hit};
use crate::model::{AccessMode, Admission, NodeShape, VolumeSource};
use crate::plan::Pool;
use crate::plan::{self, Level, total};
use crate::units::Quantity;

pub(super) fn over_quota(context: &Context<'_>) -> Vec<Hit> {
    let findings = plan::quotas(context.inventory, context.workloads, context.storage);
    let mut hits = Vec::new();
    for finding in &findings {
        let (Some(level), Some(used)) = (finding.exceeded_at(), finding.used) else { continue };
        let what = match level {
            Level::Minimum | Level::Declared => "even the fewest pods need",
            Level::Maximum => "all pods at maxReplicas need",
            Level::Surge => "all pods at maxReplicas and a rolling update need",
        };
        let message = format!("is {}, {what} {}", finding.hard.quantity, used[level.index()]);
        let name = &finding.resource;
        let path = if name.contains('.') { format!("spec.hard[{name:?}]") } else { format!("spec.hard.{name}") };
        hits.push(Hit::new(&finding.quota.origin, path, message));
    }
    hits
}

pub(super) fn over_nodes(context: &Context<'_>) -> Vec<Hit> {
    if context.nodes.is_empty() {
        return Vec::new();
    }
    let namespaces = &context.inventory.namespace_labels;
    let pools = Pool::all(context.nodes, context.workloads, namespaces);
    let mut hits = Vec::new();
    for (index, workload) in context.workloads.iter().enumerate().filter(|(_, w)| !w.is_per_node()) {
        let refused =
            |pool: &Pool<'_>| Some(format!("{}: {}", pool.shape.name, pool.refuses(context.workloads, index)?));
        let refusals: Vec<String> = pools.iter().filter_map(refused).collect();
        if refusals.len() == pools.len() {
            let message = format!("pods of {} run on none of the nodes ({})", workload.label(), refusals.join("; "));
            hits.push(Hit::new(workload.origin, workload.workload.pod_path.clone(), message));
        }
    }
    if let Some((what, needed, there)) = short_of(context, &pools) {
        let place = scaled(context).next().map(|(_, hpa)| &hpa.origin);
        let origin = place.or(context.workloads.first().map(|workload| workload.origin));
        let message = format!("all pods at their maximum need {needed} {what}, there {there}");
        hits.extend(origin.map(|origin| Hit::new(origin, "spec.maxReplicas", message)));
    }
    hits
}

/// What all nodes together are short of at the maximum, or may be: nodes, or a resource if there are several shapes. How much of it
/// is needed, and what there is.
fn short_of(context: &Context<'_>, pools: &[Pool<'_>]) -> Option<(String, String, String)> {
    let limits: Option<Vec<i64>> = pools.iter().map(|pool| pool.shape.max_nodes).collect();
    let limits = limits?;
    if let [pool] = pools {
        let packing = pool.pack_level(context.workloads, Level::Maximum);
        let name = format!("nodes of {}", pool.shape.name);
        let (needed, most) = (packing.nodes, limits[0]);
        if !packing.is_packed && needed <= most {
            let there = format!("are at most {most}: there are too many pods to say whether these suffice");
            return Some((name, format!("{needed} or more"), there));
        }
        return (needed > most).then(|| (name, needed.to_string(), format!("are at most {most}")));
    }
    let total = total(context.workloads, Level::Maximum);
    total.requests.iter().find_map(|(name, asked)| {
        let of = |(pool, nodes): (&Pool<'_>, &i64)| pool.allocatable.quantity(name).times(*nodes);
        let there = pools.iter().zip(&limits).map(of).fold(Quantity::ZERO, |sum, more| sum + more);
        let shapes: Vec<&NodeShape> = pools.iter().map(|pool| pool.shape).collect();
        let names: Vec<&str> = shapes.iter().map(|shape| shape.name.as_str()).collect();
        (asked.quantity > there).then(|| {
            (format!("{name} on {}", names.join(" and ")), asked.quantity.to_string(), format!("are at most {there}"))
        })
    })
}

pub(super) fn single_node_volume(context: &Context<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    let claims = context.inventory.volume_claims_by_name();
    for (workload, hpa) in scaled(context).filter(|(_, hpa)| hpa.item.max_replicas > 1) {
        if workload.workload.template.placement.pins_to_one_node() {
            // One node can mount it for all of them, unless a single pod must.
            continue;
        }
        for volume in &workload.workload.template.volumes {
            let VolumeSource::Claim(name) = &volume.source else { continue };
            let claim = claims.get(&(workload.workload.namespace.as_str(), name.as_str())).copied();
            let Some(claim) = claim.filter(|claim| !claim.item.access_modes.iter().any(|mode| mode.is_shared())) else {
                continue;
            };
            let modes: Vec<&str> = claim.item.access_modes.iter().copied().map(AccessMode::name).collect();
            let message = format!(
                "{name} is {} ({}), and {} lets up to {} pods mount it",
                modes.join(", "),
                claim.location(),
                hpa.item.name,
                hpa.item.max_replicas
            );
            let path = format!("{}.persistentVolumeClaim", volume.path);
            hits.push(Hit::new(workload.origin, path, message));
        }
    }
    hits
}

pub(super) fn blocking_budget(context: &Context<'_>) -> Vec<Hit> {
    let findings = plan::budgets(context.inventory, context.workloads);
    findings
        .iter()
        .filter(|finding| finding.allowed == 0 && finding.pods > 0)
        .map(|finding| {
            let pods = if finding.pods == 1 { "1 pod".to_owned() } else { format!("{} pods", finding.pods) };
            let message = format!("allows no disruption of {} with {pods}", finding.workloads.join(" and "));
            Hit::new(&finding.budget.origin, "spec", message)
        })
        .collect()
}

pub(super) fn quota_demands(context: &Context<'_>) -> Vec<Hit> {
    refusals(context, |path| path.starts_with("spec.hard"))
}

pub(super) fn limit_range_violated(context: &Context<'_>) -> Vec<Hit> {
    let mut hits = refusals(context, |path| !path.starts_with("spec.hard"));
    let admission = Admission::new(context.inventory);
    for claim in &context.inventory.volume_claims {
        let refused = admission.claim_refusals(&claim.item);
        hits.extend(refused.into_iter().map(|refusal| Hit::new(&refusal.origin, refusal.path, refusal.message)));
    }
    hits
}

/// Why pods are refused outright, of the fields that are asked for.
fn refusals(context: &Context<'_>, of: fn(&str) -> bool) -> Vec<Hit> {
    let admission = Admission::new(context.inventory);
    let all = context.workloads.iter().flat_map(|w| admission.refusals(w.workload));
    let wanted = all.filter(|refusal| of(&refusal.path));
    wanted.map(|refusal| Hit::new(&refusal.origin, refusal.path, refusal.message)).collect()
}

pub(super) fn surge_on_single_node_volume(context: &Context<'_>) -> Vec<Hit> {
    let claims = context.inventory.volume_claims_by_name();
    let mut hits = Vec::new();
    for workload in context.workloads {
        let template = &workload.workload.template;
        // Pods of a Deployment with one replica: with more the volume is a problem of its own.
        if workload.workload.surge(1) == 0 || template.placement.pins_to_one_node() {
            continue;
        }
        for volume in &template.volumes {
            let VolumeSource::Claim(name) = &volume.source else { continue };
            let Some(claim) = claims.get(&(workload.workload.namespace.as_str(), name.as_str())) else { continue };
            if claim.item.access_modes.iter().any(|mode| mode.is_shared()) {
                continue;
            }
            let modes: Vec<&str> = claim.item.access_modes.iter().copied().map(AccessMode::name).collect();
            let message = format!(
                "{name} is {} ({}): the pod that a rolling update adds waits for it",
                modes.join(", "),
                claim.location()
            );
            hits.push(Hit::new(workload.origin, format!("{}.persistentVolumeClaim", volume.path), message));
        }
    }
    hits
}
