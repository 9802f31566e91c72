//! Rules about what keeps pods available: budgets, hooks, probes, Services.

use super::targets::scaled;
use super::{Context, Hit};
use crate::model::{DisruptionBudget, Service, Startup, VolumeSource, WorkloadController};
use crate::sim::Patience;

pub(super) fn no_disruption_budget(context: &Context<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    for (workload, hpa) in scaled(context).filter(|(_, hpa)| hpa.item.max_replicas > 1) {
        if context.neighbourhood.budgets_of(workload.workload).next().is_none() {
            let message =
                format!("{} scales it to {} pods, and no budget selects them", hpa.item.name, hpa.item.max_replicas);
            hits.push(Hit::new(workload.origin, "metadata.name", message));
        }
    }
    hits
}

pub(super) fn single_replica(context: &Context<'_>) -> Vec<Hit> {
    let hpas = context.inventory.hpas.iter().filter(|hpa| hpa.item.min_replicas == 1);
    hpas.map(|hpa| {
        let message = if hpa.origin.has("spec.minReplicas") { "is 1" } else { "is 1 by default" };
        Hit::new(&hpa.origin, "spec.minReplicas", message)
    })
    .collect()
}

pub(super) fn no_pre_stop(context: &Context<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    for (workload, hpa) in scaled(context) {
        let template = &workload.workload.template;
        let Some(service) = context.neighbourhood.services_of(workload.workload).next() else { continue };
        if template.containers.iter().all(|container| container.pre_stop.is_none()) {
            let message = format!(
                "has no preStop hook; Service {} sends it requests, and {} takes pods away",
                service.item.name, hpa.item.name
            );
            let path = template.containers.first().map_or("", |container| container.path.as_str());
            hits.push(Hit::new(workload.origin, path, message));
        }
    }
    hits
}

pub(super) fn pre_stop_takes_the_grace(context: &Context<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    for workload in context.workloads {
        let template = &workload.workload.template;
        for container in template.running() {
            let Some(hook) = container.pre_stop.filter(|hook| *hook >= template.grace_period) else { continue };
            let message = format!("takes {hook}, terminationGracePeriodSeconds is {}", template.grace_period);
            hits.push(Hit::new(workload.origin, format!("{}.lifecycle.preStop", container.path), message));
        }
    }
    hits
}

pub(super) fn liveness_is_readiness(context: &Context<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    for workload in context.workloads {
        for container in workload.workload.template.running().filter(|c| c.liveness_is_readiness) {
            let path = format!("{}.livenessProbe", container.path);
            hits.push(Hit::new(workload.origin, path, "is the readinessProbe once more"));
        }
    }
    hits
}

pub(super) fn keeps_nodes(context: &Context<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    for (workload, hpa) in scaled(context) {
        let template = &workload.workload.template;
        let metadata = workload.workload.pod_path.trim_end_matches("spec").to_owned() + "metadata.annotations";
        if template.safe_to_evict == Some(false) {
            let message = format!("safe-to-evict is false: nodes with pods that {} added stay", hpa.item.name);
            hits.push(Hit::new(workload.origin, metadata, message));
        } else if template.safe_to_evict.is_none() {
            let local = template
                .volumes
                .iter()
                .find(|volume| matches!(volume.source, VolumeSource::EmptyDir { memory: false, .. }));
            if let Some(volume) = local {
                let message =
                    format!("{} is local storage: nodes with pods that {} added stay", volume.name, hpa.item.name);
                hits.push(Hit::new(workload.origin, volume.path.clone(), message));
            }
        }
    }
    hits
}

pub(super) fn hasty_probe(context: &Context<'_>) -> Vec<Hit> {
    let startup = context.startup.delay().typical();
    let mut hits = Vec::new();
    for (workload, _) in scaled(context) {
        let patience = Patience::of(&workload.workload.template).filter(|patience| patience.startup < startup);
        if let Some(patience) = patience {
            let taken = match context.startup {
                Startup::Assumed(_) => format!("a start-up of {startup} is assumed, and is shortened to that"),
                Startup::Stated(_) => format!("the start-up takes {startup}: new pods never serve"),
            };
            let message = format!("gives up {} after the start of the container; {taken}", patience.startup);
            hits.push(Hit::new(workload.origin, format!("{}.{}", patience.container.path, patience.probe()), message));
        }
    }
    hits
}

pub(super) fn ordered_stateful_set(context: &Context<'_>) -> Vec<Hit> {
    let ordered = scaled(context).filter(|(workload, _)| {
        matches!(workload.workload.controller, WorkloadController::StatefulSet { parallel: false, .. })
    });
    ordered
        .map(|(workload, hpa)| {
            let message = format!("is OrderedReady, and {} scales it up to {}", hpa.item.name, hpa.item.max_replicas);
            Hit::new(workload.origin, "spec.podManagementPolicy", message)
        })
        .collect()
}

pub(super) fn service_selects_nothing(context: &Context<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    for service in &context.inventory.services {
        let Service { namespace, selector, .. } = &service.item;
        // Without any workload of its namespace the pods are somewhere else.
        let idle = !selector.is_empty() && !context.neighbourhood.has_others(namespace);
        let mut places = context.neighbourhood.candidates(namespace, selector).iter();
        if idle && !places.any(|&place| service.item.selects(context.workloads[place].workload)) {
            let labels: Vec<String> =
                service.item.selector.match_labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
            let message = format!("{} selects no pods of the manifests", labels.join(","));
            hits.push(Hit::new(&service.origin, "spec.selector", message));
        }
    }
    hits
}

pub(super) fn budget_selects_nothing(context: &Context<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    for budget in &context.inventory.budgets {
        let DisruptionBudget { namespace, selector, .. } = &budget.item;
        let candidates = |selector| context.neighbourhood.candidates(namespace, selector);
        let mut places = selector.as_ref().map_or(&[][..], candidates).iter();
        let selects = places.any(|&place| budget.item.selects(context.workloads[place].workload));
        if !selects && !context.neighbourhood.has_others(namespace) {
            let message = format!("{} selects no pods of the manifests", budget.item.name);
            hits.push(Hit::new(&budget.origin, "spec.selector", message));
        }
    }
    hits
}

pub(super) fn two_budgets(context: &Context<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    for workload in context.workloads {
        let budgets: Vec<_> = context.neighbourhood.budgets_of(workload.workload).collect();
        if let [first, others @ ..] = budgets.as_slice() {
            for other in others {
                let message = format!(
                    "{} selects the pods of {}, and so does {} ({})",
                    other.item.name,
                    workload.label(),
                    first.item.name,
                    first.location()
                );
                hits.push(Hit::new(&other.origin, "spec.selector", message));
            }
        }
    }
    hits
}
