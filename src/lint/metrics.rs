//! Rules about metrics, targets and the speed of scaling.

use super::targets::scaled;
use super::{Context, Hit};
use crate::model::{
    Container, MetricSource, MetricTarget, MissingRequest, PodTemplate, ResourceMetric, ResourceName, Startup,
};
use crate::plan::WorkloadPlan;
use crate::sim::{Lifecycle, typical_startup};
use crate::units::{Quantity, Span};

/// The path of a metric: absent metrics stand for CPU at 80%.
fn path(index: usize) -> String {
    format!("spec.metrics[{index}]")
}

pub(super) fn missing_request(context: &Context<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    for (workload, hpa) in scaled(context) {
        let template = &workload.workload.template;
        for (index, metric) in hpa.item.metrics.iter().enumerate() {
            let Some(ResourceMetric { container, name, target: MetricTarget::Utilization(_) }) = metric.resource()
            else {
                continue;
            };
            let request = template.hpa_request(container, name, context.controller.version);
            if request == Ok(0) {
                let message =
                    format!("the {name} requests of {} add up to 0: there is nothing to divide by", workload.label());
                hits.push(Hit::new(&hpa.origin, path(index), message));
            } else if let Err(missing) = request {
                let place = match missing {
                    MissingRequest::Container(name) => template.running().find(|c| c.name == name),
                    _ => None,
                };
                let place = place.map_or_else(|| workload.workload.pod_path.clone(), |c| c.path.clone());
                let at = workload.origin.locate(&place);
                let message = format!("{missing} ({at}) has no {name} request");
                hits.push(Hit::new(&hpa.origin, path(index), message));
            }
        }
    }
    hits
}

pub(super) fn container_not_found(context: &Context<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    for (workload, hpa) in scaled(context) {
        let names: Vec<&str> = workload.workload.template.running().map(|c| c.name.as_str()).collect();
        for (index, metric) in hpa.item.metrics.iter().enumerate() {
            let MetricSource::ContainerResource { container, .. } = metric else { continue };
            if !names.contains(&container.as_str()) {
                let message =
                    format!("{} has no container `{container}`; it has {}", workload.label(), names.join(", "));
                hits.push(Hit::new(&hpa.origin, format!("{}.containerResource.container", path(index)), message));
            }
        }
    }
    hits
}

pub(super) fn memory_target(context: &Context<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    for (workload, hpa) in scaled(context) {
        for (index, metric) in hpa.item.metrics.iter().enumerate() {
            if metric.resource().is_none_or(|metric| *metric.name != ResourceName::Memory) {
                continue;
            }
            let runtime = workload.workload.template.containers.iter().find_map(runtime);
            let message = match runtime {
                Some(runtime) => format!("targets memory of {}, which looks like {runtime}", workload.label()),
                None => format!("targets memory of {}: measure whether it gives memory back", workload.label()),
            };
            hits.push(Hit::new(&hpa.origin, path(index), message));
        }
    }
    hits
}

/// The runtime of a container as its image, command and environment give it away.
fn runtime(container: &Container) -> Option<&'static str> {
    const SIGNS: [(&str, &[&str]); 5] = [
        ("Python", &["python", "uvicorn", "gunicorn", "django", "flask", "fastapi"]),
        ("a JVM", &["openjdk", "temurin", "corretto", "java", "tomcat", "spring"]),
        ("Node.js", &["nodejs", "npm", "nestjs", "nextjs"]),
        ("Ruby", &["ruby", "puma", "rails"]),
        ("PHP", &["php"]),
    ];
    const VARIABLES: [(&str, &str); 4] =
        [("PYTHON", "Python"), ("JAVA_", "a JVM"), ("NODE_ENV", "Node.js"), ("NODE_OPTIONS", "Node.js")];
    // Of the image the last part of its name counts, without the tag.
    let image = container.image.rsplit('/').next().unwrap_or_default().split([':', '@']).next().unwrap_or_default();
    let words: Vec<String> = std::iter::once(image)
        .chain(container.command.iter().map(String::as_str))
        .flat_map(|text| text.split(|c: char| !c.is_ascii_alphabetic()))
        .map(str::to_ascii_lowercase)
        .collect();
    // `node` is a word of many other things: node-exporter, the name of a Kubernetes node.
    let program = container.command.first().map(|command| command.rsplit('/').next().unwrap_or_default());
    if image == "node" || program == Some("node") {
        return Some("Node.js");
    }
    let by_word = SIGNS.into_iter().find(|(_, signs)| signs.iter().any(|sign| words.iter().any(|word| word == sign)));
    let by_variable = || {
        let has = |prefix: &str| container.env.iter().any(|name| name.starts_with(prefix));
        VARIABLES.into_iter().find(|(prefix, _)| has(prefix)).map(|(_, runtime)| runtime)
    };
    by_word.map(|(runtime, _)| runtime).or_else(by_variable)
}

/// The limit of the pod, or of the container that a metric is of; none if use is not bounded.
fn limit(template: &PodTemplate, container: Option<&str>, resource: &str) -> Option<Quantity> {
    match container {
        Some(name) => template.running().find(|c| c.name == name)?.limit(resource),
        None => template.running_limit(resource),
    }
}

pub(super) fn unreachable_target(context: &Context<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    for (workload, hpa) in scaled(context) {
        let template = &workload.workload.template;
        let tolerance = hpa.item.tolerances(context.controller.tolerance).1;
        for (index, metric) in hpa.item.metrics.iter().enumerate() {
            let Some(ResourceMetric { container, name, target }) = metric.resource() else { continue };
            let Some(limit) = limit(template, container, name.as_str()) else { continue };
            let (most, needed, shown) = match target {
                MetricTarget::Utilization(percent) => {
                    let request = template.hpa_request(container, name, context.controller.version);
                    let Ok(request) = request else { continue };
                    if request <= 0 {
                        continue;
                    }
                    let most = (limit.milli_value() as f64 * 100.0 / request as f64).trunc();
                    (most, f64::from(percent), format!("{most}% of the request, the target is {percent}%"))
                }
                MetricTarget::AverageValue(milli) => {
                    let shown = format!("{limit} a pod, the target is {}", Quantity::from_milli(milli));
                    (limit.milli_value() as f64, milli as f64, shown)
                }
            };
            if most / needed <= 1.0 + tolerance {
                let tolerance = crate::units::Quantity::from_milli((tolerance * 1000.0).round() as i64).as_f64();
                let message = format!(
                    "{} of {} is at most {shown} with a tolerance of {}%",
                    name,
                    workload.label(),
                    tolerance * 100.0
                );
                hits.push(Hit::new(&hpa.origin, path(index), message));
            }
        }
    }
    hits
}

pub(super) fn slow_scale_up(context: &Context<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    for &(hpa, ref phases) in &context.held_back {
        let held = || phases.iter().flatten();
        let worst = held().max_by_key(|held| (held.wanted - held.got, held.total));
        let (Some(held), count, name) = (worst, held().count(), &hpa.item.name) else { continue };
        let over = match phases.len() {
            1 => String::new(),
            all if all == count => format!(" (the worst of {all} phases)"),
            all => format!(" (the worst of {all} phases, in {count} of which it is held back)"),
        };
        let message = format!(
            "at {} of the load {} pods are asked for and {} allowed; {name} is held back for {} in all{over}",
            held.at, held.wanted, held.got, held.total
        );
        let place = if hpa.item.behavior.is_some() { "spec.behavior.scaleUp" } else { "spec" };
        hits.push(Hit::new(&hpa.origin, place, message));
    }
    hits
}

pub(super) fn slow_readiness(context: &Context<'_>) -> Vec<Hit> {
    let period = context.controller.cpu_initialization_period;
    let on_cpu = |(_, hpa): &(&WorkloadPlan<'_>, &crate::model::Placed<crate::model::HpaSpec>)| {
        hpa.item.metrics.iter().any(|metric| metric.resource().is_some_and(|m| *m.name == ResourceName::Cpu))
    };
    let mut hits = Vec::new();
    for (workload, _) in scaled(context).filter(on_cpu) {
        let template = &workload.workload.template;
        let mut found = false;
        for container in template.running() {
            if let Some(probe) = container.readiness_probe.filter(|probe| probe.initial_delay > period) {
                let message = format!("is {}, the CPU initialization period is {period}", probe.initial_delay);
                let path = format!("{}.readinessProbe.initialDelaySeconds", container.path);
                hits.push(Hit::new(workload.origin, path, message));
                found = true;
            }
            let budget = container.startup_probe.map(|probe| {
                probe.initial_delay + Span::from_seconds(probe.period.seconds() * i64::from(probe.failure_threshold))
            });
            if let Some(budget) = budget.filter(|budget| *budget > period) {
                let message = format!("gives the start up to {budget}, the CPU initialization period is {period}");
                hits.push(Hit::new(workload.origin, format!("{}.startupProbe", container.path), message));
                found = true;
            }
        }
        let startup = typical_startup(context.startup, template);
        let ready = Lifecycle::of(template, Some(startup)).ready_after;
        if !found && ready.is_some_and(|ready| ready > period) {
            let message = format!(
                "with {} start-up of {startup} pods are ready after {}, the CPU initialization period is {period}",
                if matches!(context.startup, Startup::Assumed(_)) { "an assumed" } else { "a" },
                ready.unwrap_or(Span::ZERO)
            );
            hits.push(Hit::new(workload.origin, workload.workload.pod_path.clone(), message));
        }
    }
    hits
}

pub(super) fn version_dependent(context: &Context<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    for hpa in &context.inventory.hpas {
        let mut hit = |path: String, message: &str| hits.push(Hit::new(&hpa.origin, path, message));
        if hpa.item.min_replicas == 0 {
            hit("spec.minReplicas".into(), "is 0: refused before 1.37 unless the feature gate HPAScaleToZero is on");
        }
        for direction in ["scaleUp", "scaleDown"] {
            let path = format!("spec.behavior.{direction}.tolerance");
            if hpa.origin.has(&path) {
                hit(path, "is ignored before 1.35 (HPAConfigurableTolerance)");
            }
        }
        for (index, metric) in hpa.item.metrics.iter().enumerate() {
            if matches!(metric, MetricSource::ContainerResource { .. }) {
                hit(path(index), "is a ContainerResource metric: refused before 1.27 (HPAContainerMetrics)");
            }
        }
    }
    for (workload, hpa) in scaled(context) {
        let utilization = |metric: &MetricSource| {
            matches!(metric, MetricSource::Resource { target: MetricTarget::Utilization(_), .. })
        };
        if !hpa.item.metrics.iter().any(utilization) {
            continue;
        }
        let template = &workload.workload.template;
        if let Some(sidecar) = template.init_containers.iter().find(|container| container.sidecar) {
            let message =
                "is a sidecar: its requests count for utilization from 1.29 on, before that its use alone does";
            hits.push(Hit::new(workload.origin, sidecar.path.clone(), message));
        }
        if !template.pod_requests.is_empty() {
            let message = "are pod-level resources: utilization is relative to them from 1.34 on";
            hits.push(Hit::new(workload.origin, format!("{}.resources", workload.workload.pod_path), message));
        }
    }
    hits
}

pub(super) fn metric_over_sidecars(context: &Context<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    for (workload, hpa) in scaled(context) {
        let names: Vec<&str> = workload.workload.template.running().map(|c| c.name.as_str()).collect();
        for (index, metric) in hpa.item.metrics.iter().enumerate() {
            let MetricSource::Resource { name, .. } = metric else { continue };
            if names.len() > 1 {
                let message = format!("adds up the {name} of {}", names.join(", "));
                hits.push(Hit::new(&hpa.origin, path(index), message));
            }
        }
    }
    hits
}
