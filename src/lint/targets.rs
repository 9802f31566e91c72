//! Rules about what is scaled, and by whom.

use super::{Context, Hit};
use crate::model::{HpaSpec, Placed, ResourceName, ScalerKind, SelectPolicy};
use crate::plan::WorkloadPlan;

/// Every workload that an HPA of the manifests scales, with the HPA.
pub(super) fn scaled<'a>(
    context: &'a Context<'a>,
) -> impl Iterator<Item = (&'a WorkloadPlan<'a>, &'a Placed<HpaSpec>)> {
    context.workloads.iter().filter_map(|workload| Some((workload, workload.hpa?)))
}

pub(super) fn replicas_beside_hpa(context: &Context<'_>) -> Vec<Hit> {
    let set = scaled(context).filter(|(workload, _)| workload.workload.replicas.is_some());
    set.map(|(workload, hpa)| {
        let replicas = workload.workload.replicas.unwrap_or_default();
        let message = format!("is {replicas} beside {}, which scales it", hpa.item.name);
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
    let missing = |hpa: &&Placed<HpaSpec>| context.inventory.target(&hpa.item.target_id()).is_none();
    let hit = |hpa: &Placed<HpaSpec>| {
        let message = format!("no {} in namespace {} among the manifests", hpa.item.target, hpa.item.namespace);
        Hit::new(&hpa.origin, "spec.scaleTargetRef", message)
    };
    context.inventory.hpas.iter().filter(missing).map(hit).collect()
}

pub(super) fn two_hpas(context: &Context<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    let hpas = &context.inventory.hpas;
    for (index, hpa) in hpas.iter().enumerate() {
        let id = hpa.item.target_id();
        let same = |other: &&Placed<HpaSpec>| other.item.target_id() == id;
        if let Some(first) = hpas[..index].iter().find(same) {
            let message =
                format!("{} is also the target of {} ({})", hpa.item.target, first.item.name, first.location());
            hits.push(Hit::new(&hpa.origin, "spec.scaleTargetRef", message));
        }
    }
    hits
}

pub(super) fn other_autoscaler(context: &Context<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    for scaler in context.inventory.other_scalers.iter().filter(|scaler| !scaler.item.passive) {
        let item = &scaler.item;
        for hpa in context.inventory.hpas.iter().filter(|hpa| hpa.item.target_id() == item.target_id()) {
            let targeted = |name: &&String| {
                hpa.item.metrics.iter().any(|metric| {
                    matches!(metric, crate::model::MetricSource::Resource { name: resource, .. }
                        | crate::model::MetricSource::ContainerResource { name: resource, .. }
                        if *resource == ResourceName::from(name.as_str()))
                })
            };
            let (path, message) = if let ScalerKind::Requests { resources } = &item.kind {
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

pub(super) fn odd_field(context: &Context<'_>) -> Vec<Hit> {
    let hit = |(location, path, message): &(crate::model::Location, String, String)| Hit {
        location: location.clone(),
        path: path.clone(),
        message: message.clone(),
    };
    context.odd.iter().map(hit).collect()
}
