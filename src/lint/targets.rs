//! Rules about what is scaled, and by whom.

use super::{Context, Hit};
use crate::model::{
    ByLabels, ByName, BySelector, HpaSpec, MetricSource, ObjectReference, OtherScaler, Placed, ReferenceProblem,
    ResourceName, ScalerKind, SelectPolicy, Workload,
};
use crate::plan::{AutoscalerRow, MissingTargets, WorkloadPlan, autoscalers};

/// Every workload that an HPA of the manifests scales, with the HPA.
pub(super) fn scaled<'a>(
    context: &'a Context<'a>,
) -> impl Iterator<Item = (&'a WorkloadPlan<'a>, &'a Placed<HpaSpec>)> {
    context.workloads.iter().filter_map(|workload| Some((workload, workload.hpa?)))
}

pub(super) fn replicas_beside_hpa(context: &Context<'_>) -> Vec<Hit> {
    // In what was read from a cluster the number is the HPA's own, or the API server's.
    let set = scaled(context).filter(|(workload, _)| workload.workload.replicas.is_some() && !workload.workload.live);
    set.map(|(workload, hpa)| {
        let replicas = workload.workload.replicas.unwrap_or_default();
        let message = match replicas {
            0 => format!("is 0: {} is disabled until somebody scales it up by hand", hpa.item.name),
            _ => format!("is {replicas} beside {}, which scales it", hpa.item.name),
        };
        Hit::new(workload.origin, "spec.replicas", message)
    })
    .collect()
}

pub(super) fn min_equals_max(context: &Context<'_>) -> Vec<Hit> {
    let equal = context.inventory.hpas.iter().filter(|hpa| hpa.item.min_replicas == hpa.item.max_replicas);
    equal
        .map(|hpa| {
            let message = format!("is {}, and so is minReplicas", hpa.item.max_replicas);
            Hit::new(&hpa.origin, "spec.maxReplicas", message)
        })
        .collect()
}

pub(super) fn target_not_found(context: &Context<'_>) -> Vec<Hit> {
    // What the controller cannot find at all has a rule of its own.
    let scalable = context.inventory.workloads.iter().filter(|workload| workload.item.is_scalable());
    let targets = ByName::new(scalable, |workload| &workload.item.reference.name);
    let reasons = MissingTargets::new(context.inventory);
    let missing = |hpa: &&Placed<HpaSpec>| {
        let id = hpa.item.target_id();
        !targets.named(&id.name).any(|workload| workload.item.is(&id)) && hpa.item.target.resolves().is_ok()
    };
    let hit = |hpa: &Placed<HpaSpec>| {
        let message = reasons.why(&hpa.item.target_id());
        Hit::new(&hpa.origin, "spec.scaleTargetRef", message)
    };
    context.inventory.hpas.iter().filter(missing).map(hit).collect()
}

pub(super) fn two_hpas(context: &Context<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    let hpas = &context.inventory.hpas;
    let by_target = ByName::new(hpas, |hpa| &hpa.item.target.name);
    for hpa in hpas.iter().filter(|hpa| !hpa.item.target.name.is_empty()) {
        let id = hpa.item.target_id();
        let first = by_target.named(&id.name).find(|other| other.item.scales(&id));
        if let Some(first) = first.filter(|first| !std::ptr::eq(*first, hpa)) {
            let message =
                format!("{} is also the target of {} ({})", hpa.item.target, first.item.name, first.location());
            hits.push(Hit::new(&hpa.origin, "spec.scaleTargetRef", message));
        }
    }
    hits
}

/// The resources whose requests another autoscaler changes.
fn requests_changed(scaler: &OtherScaler, workloads: &ByName<'_, Placed<Workload>>) -> Vec<String> {
    let id = scaler.target_id();
    let target = workloads.named(&id.name).find(|workload| workload.item.is(&id));
    scaler.requests_changed(target.map(|target| &target.item))
}

pub(super) fn other_autoscaler(context: &Context<'_>) -> Vec<Hit> {
    let workloads = context.inventory.workloads_by_name();
    let by_target = ByName::new(&context.inventory.hpas, |hpa| &hpa.item.target.name);
    let mut hits = Vec::new();
    for scaler in context.inventory.other_scalers.iter().filter(|scaler| !scaler.item.passive) {
        let item = &scaler.item;
        let id = item.target_id();
        for hpa in by_target.named(&id.name).filter(|hpa| hpa.item.scales(&id)) {
            let targeted = |name: &&String| {
                let name = ResourceName::from(name.as_str());
                hpa.item.metrics.iter().filter_map(MetricSource::resource).any(|metric| *metric.name == name)
            };
            let (path, message) = if matches!(item.kind, ScalerKind::Requests { .. }) {
                let resources = requests_changed(item, &workloads);
                let shared: Vec<&String> = resources.iter().filter(targeted).collect();
                if shared.is_empty() {
                    continue;
                }
                let names: Vec<&str> = shared.into_iter().map(String::as_str).collect();
                let names = names.join(" and ");
                (
                    "spec.targetRef",
                    format!("changes the {names} requests of {}, which {} scales on", item.target, hpa.item.name),
                )
            } else {
                (
                    "spec.scaleTargetRef",
                    format!("scales {}, and so does {} ({})", item.target, hpa.item.name, hpa.location()),
                )
            };
            hits.push(Hit::new(&scaler.origin, path, message));
        }
    }
    hits
}

pub(super) fn missing_probes(context: &Context<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    for (workload, hpa) in scaled(context) {
        for container in &workload.workload.template.containers {
            // One container with a probe is enough to hold the pod back.
            let any = workload.workload.template.running().any(|container| container.readiness_probe.is_some());
            if !any {
                let more = if container.liveness_probe.is_none() { ", nor a livenessProbe" } else { "" };
                let message = format!("has no readinessProbe{more}, and {} scales it", hpa.item.name);
                hits.push(Hit::new(workload.origin, container.path.clone(), message));
            }
        }
    }
    hits
}

pub(super) fn scaling_disabled(context: &Context<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    for hpa in &context.inventory.hpas {
        let Some(behavior) = &hpa.item.behavior else { continue };
        for (field, rules, text) in [
            ("scaleUp", &behavior.scale_up, "never scales up"),
            ("scaleDown", &behavior.scale_down, "never scales down"),
        ] {
            if rules.select_policy == SelectPolicy::Disabled {
                let path = format!("spec.behavior.{field}.selectPolicy");
                hits.push(Hit::new(&hpa.origin, path, format!("is Disabled: {} {text}", hpa.item.name)));
            }
        }
    }
    hits
}

pub(super) fn overlapping_selectors(context: &Context<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    let workloads: Vec<&WorkloadPlan<'_>> =
        context.workloads.iter().filter(|w| w.workload.selector.is_some()).collect();
    let all = || workloads.iter().map(|plan| plan.workload);
    let labelled = ByLabels::new(all().map(|w| (w.namespace.as_str(), &w.template.labels)));
    let selectors: Vec<_> = all().map(|w| (w.namespace.as_str(), w.selector.as_ref())).collect();
    let by_selector = BySelector::new(&selectors);
    for (index, workload) in workloads.iter().enumerate() {
        let own = workload.workload;
        let selected = own.selector.as_ref().map_or(&[][..], |s| labelled.candidates(&own.namespace, s));
        let is_selected = |other: &&usize| {
            let other = workloads[**other].workload;
            own.selects(&other.namespace, &other.template.labels)
        };
        let first_selected = selected.iter().take_while(|other| **other < index).find(is_selected);
        let selecting = by_selector.candidates(&own.namespace, &own.template.labels);
        let selects = |other: &&usize| workloads[**other].workload.selects(&own.namespace, &own.template.labels);
        let first_selecting = selecting.iter().take_while(|other| **other < index).find(selects);
        if let Some(other) = first_selected.into_iter().chain(first_selecting).min().map(|&other| workloads[other]) {
            let effect = match (workload.hpa, other.hpa) {
                (Some(_), Some(_)) => "neither HPA scales on its metrics",
                (None, None) => "each takes the other's pods for its own",
                _ => "the HPA counts the pods of both",
            };
            let message = format!(
                "and that of {} ({}) select the same pods: {effect}",
                other.label(),
                other.origin.locate("spec.selector")
            );
            hits.push(Hit::new(workload.origin, "spec.selector", message));
        }
    }
    hits
}

pub(super) fn not_simulated(context: &Context<'_>) -> Vec<Hit> {
    let workloads = context.inventory.workloads_by_name();
    let mut hits = Vec::new();
    for scaler in &context.inventory.other_scalers {
        let item = &scaler.item;
        let message = match &item.kind {
            ScalerKind::Replicas { least, most } => format!("scales {} from {least} to {most} pods", item.target),
            ScalerKind::Requests { .. } => {
                let resources = requests_changed(item, &workloads).join(" and ");
                if resources.is_empty() {
                    continue;
                }
                let (does, of) = if item.passive { ("recommends", "for") } else { ("changes", "of") };
                format!("{does} {resources} requests {of} {}", item.target)
            }
        };
        hits.push(Hit::new(&scaler.origin, "kind", format!("{} {message}", item.reference)));
    }
    let known = |row: &&AutoscalerRow| row.target.is_none();
    for row in autoscalers(context.inventory, context.workloads).iter().filter(known) {
        let message = format!("{} is of a kind that hpasim does not know", row.reference);
        hits.push(Hit { location: row.location.clone(), path: "kind".into(), message });
    }
    hits
}

pub(super) fn target_kind_not_found(context: &Context<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    for hpa in &context.inventory.hpas {
        let item = &hpa.item;
        let mut check = |reference: &ObjectReference, path: String, reason: &str| {
            // One that names nothing, as in a patch, has an error of its own.
            let named = !reference.kind.is_empty() && !reference.name.is_empty();
            if let Some(problem) = reference.resolves().err().filter(|_| named) {
                let why = match problem {
                    ReferenceProblem::Malformed => "is malformed",
                    ReferenceProblem::Missing => "is missing",
                    ReferenceProblem::NotInGroup => "names a group that does not have the kind",
                };
                let right = reference.builtin_api_version().map_or_else(String::new, |v| format!("; {v} has it"));
                hits.push(Hit::new(&hpa.origin, path, format!("of {reference} {why}: {reason}{right}")));
            }
        };
        check(&item.target, "spec.scaleTargetRef.apiVersion".into(), "nothing scales (FailedGetScale)");
        for (index, metric) in item.metrics.iter().enumerate() {
            if let MetricSource::Object { described, .. } = metric {
                let path = format!("spec.metrics[{index}].object.describedObject.apiVersion");
                check(described, path, "the metric is never found (FailedGetObjectMetric)");
            }
        }
    }
    hits
}
