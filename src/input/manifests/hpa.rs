//! From a HorizontalPodAutoscaler manifest to [`HpaSpec`]: conversion between API versions,
//! defaults and validation as the API server does them.
//!
//! Mirrors `pkg/apis/autoscaling/{v1,v2}/{defaults,conversion}.go` and
//! `pkg/apis/autoscaling/validation/validation.go`.

use super::problems::Problems;
use super::{older, raw};
use crate::model::{
    Behavior, HpaSpec, KubernetesVersion, LabelSelector, MetricIdentifier, MetricSource, MetricTarget, ObjectReference,
    PolicyKind, ReferenceProblem, ResourceName, ScalingPolicy, ScalingRules, SelectPolicy, SelectorRequirement,
    ValueTarget,
};
use crate::units::Span;

/// Validation's bounds.
const MAX_PERIOD_SECONDS: i32 = 1800;
const MAX_STABILIZATION_WINDOW_SECONDS: i32 = 3600;
/// What the API server measures when nothing is said.
const DEFAULT_CPU_UTILIZATION: i32 = 80;

/// Converts, fills in defaults and validates. Complaints go to `problems`; with errors among
/// them the result is not to be used.
pub(crate) fn convert(
    mut raw: raw::Hpa,
    api_version: &str,
    version: KubernetesVersion,
    default_namespace: &str,
    live: bool,
    problems: &mut Problems,
) -> HpaSpec {
    if api_version == "autoscaling/v1" {
        older::upgrade(&mut raw, problems);
    } else if raw.spec.target_cpu_utilization_percentage.is_some() {
        problems.warn(
            "spec.targetCPUUtilizationPercentage",
            format!("is a field of autoscaling/v1 and is ignored in {api_version}"),
            "use spec.metrics, or apiVersion: autoscaling/v1",
        );
    }
    let spec = raw.spec;
    let min_replicas = spec.min_replicas.unwrap_or(1);
    check_bounds(&spec, min_replicas, version, problems);
    let target = reference(&spec.scale_target_ref, "spec.scaleTargetRef", problems);
    check_api_version(&target, "spec.scaleTargetRef", version, live, problems);
    let metrics = metrics(spec.metrics.as_deref().unwrap_or_default(), version, live, problems);
    let scales_from_zero =
        metrics.iter().any(|m| matches!(m, MetricSource::Object { .. } | MetricSource::External { .. }));
    if min_replicas == 0 && version.at_least(37) && !scales_from_zero {
        problems.error(
            "spec.metrics",
            "must specify at least one Object or External metric to support scaling to zero replicas",
            "Resource and Pods metrics cannot be measured without pods: add such a metric, or set minReplicas to 1",
        );
    }
    let behavior = spec.behavior.map(|behavior| Behavior {
        scale_up: rules(
            behavior.scale_up,
            ScalingRules::default_scale_up(),
            "spec.behavior.scaleUp",
            version,
            problems,
        ),
        scale_down: rules(
            behavior.scale_down,
            ScalingRules::default_scale_down(),
            "spec.behavior.scaleDown",
            version,
            problems,
        ),
    });
    HpaSpec {
        name: raw.metadata.name.unwrap_or_default(),
        namespace: raw.metadata.namespace.unwrap_or_else(|| default_namespace.to_owned()),
        target,
        min_replicas,
        max_replicas: spec.max_replicas.unwrap_or_default(),
        metrics,
        behavior,
    }
}

fn check_bounds(spec: &raw::HpaSpec, min_replicas: i32, version: KubernetesVersion, problems: &mut Problems) {
    let lowest = i32::from(!version.at_least(37));
    if min_replicas < lowest {
        let hint = if min_replicas == 0 {
            "scaling to zero needs Kubernetes 1.37 (older releases: the alpha feature gate HPAScaleToZero, not \
             simulated): use --kubernetes-version 1.37, or minReplicas 1"
        } else {
            ""
        };
        problems.error(
            "spec.minReplicas",
            format!("is {min_replicas} and must be greater than or equal to {lowest}"),
            hint,
        );
    }
    match spec.max_replicas {
        None => problems.error("spec.maxReplicas", "is required", "set the largest number of pods that may run"),
        Some(max) if max < 1 => problems.error("spec.maxReplicas", format!("is {max} and must be greater than 0"), ""),
        Some(max) if max < min_replicas => problems.error(
            "spec.maxReplicas",
            format!("is {max} and must be greater than or equal to minReplicas, which is {min_replicas}"),
            "",
        ),
        Some(_) => {}
    }
}

fn reference(raw: &raw::Reference, path: &str, problems: &mut Problems) -> ObjectReference {
    for (field, value) in [("kind", &raw.kind), ("name", &raw.name)] {
        if value.is_empty() {
            problems.error(format!("{path}.{field}"), "is required", "");
        } else if value == "." || value == ".." || value.contains(['/', '%']) {
            problems.error(format!("{path}.{field}"), format!("`{value}` is not a valid name"), "");
        }
    }
    ObjectReference { api_version: raw.api_version.clone(), kind: raw.kind.clone(), name: raw.name.clone() }
}

/// An `apiVersion` that names no API group and version, or none where the kind is not of the core group. From 1.34 on
/// the API server refuses it (#132537), but for what was stored before; older ones take it, and the controller cannot
/// find the object.
fn check_api_version(
    reference: &ObjectReference,
    path: &str,
    version: KubernetesVersion,
    live: bool,
    problems: &mut Problems,
) {
    let is_target = path == "spec.scaleTargetRef";
    let version_name = super::brief(&reference.api_version).into_owned();
    let message = match reference.resolves() {
        Ok(()) => return,
        Err(ReferenceProblem::Malformed) => format!("`{version_name}` is not an API group and version"),
        Err(ReferenceProblem::Missing) => "is required: without it the core group (v1) is meant".to_owned(),
        Err(ReferenceProblem::NotInGroup) => {
            format!("`{version_name}` has no kind {}", super::brief(&reference.kind))
        }
    };
    let refused = version.at_least(34)
        && !live
        && match reference.resolves() {
            Err(ReferenceProblem::Malformed) => true,
            Err(ReferenceProblem::Missing) => is_target,
            _ => false,
        };
    let right = reference.builtin_api_version().unwrap_or("apps/v1");
    let path = format!("{path}.apiVersion");
    if refused {
        problems.error(path, message, format!("such as {right}"));
    } else if is_target {
        let hint = format!("use {right}; until then nothing scales (FailedGetScale)");
        problems.warn(path, message, hint);
    } else {
        problems.warn(
            path,
            message,
            format!("use {right}; until then the metric is not found (FailedGetObjectMetric)"),
        );
    }
}

fn metrics(raw: &[raw::Metric], version: KubernetesVersion, live: bool, problems: &mut Problems) -> Vec<MetricSource> {
    if raw.is_empty() {
        let target = MetricTarget::Utilization(DEFAULT_CPU_UTILIZATION);
        return vec![MetricSource::Resource { name: ResourceName::Cpu, target }];
    }
    let sources = raw
        .iter()
        .enumerate()
        .map(|(index, metric)| metric_source(metric, &format!("spec.metrics[{index}]"), version, live, problems));
    sources.collect::<Vec<_>>().into_iter().flatten().collect()
}

fn metric_source(
    raw: &raw::Metric,
    path: &str,
    version: KubernetesVersion,
    live: bool,
    problems: &mut Problems,
) -> Option<MetricSource> {
    let present = [
        ("resource", "Resource", raw.resource.is_some()),
        ("containerResource", "ContainerResource", raw.container_resource.is_some()),
        ("pods", "Pods", raw.pods.is_some()),
        ("object", "Object", raw.object.is_some()),
        ("external", "External", raw.external.is_some()),
    ];
    let Some(&(expected, _, populated)) = present.iter().find(|&&(_, kind, _)| kind == raw.kind) else {
        let known = "Resource, ContainerResource, Pods, Object or External";
        let message = if raw.kind.is_empty() {
            "is required: a metric source type".to_owned()
        } else {
            format!("`{}` is not supported", raw.kind)
        };
        problems.error(format!("{path}.type"), message, format!("use {known}"));
        return None;
    };
    for &(field, kind, there) in &present {
        if there && field != expected {
            problems.error(
                format!("{path}.{field}"),
                format!("must not be set for a metric of type {}", raw.kind),
                format!("use `type: {kind}`, or remove it"),
            );
        }
    }
    let path = format!("{path}.{expected}");
    if !populated {
        problems.error(&path, format!("is required for a metric of type {}", raw.kind), "");
        return None;
    }
    if let Some(resource) = &raw.resource {
        resource_source(resource, false, &path, problems)
    } else if let Some(resource) = &raw.container_resource {
        if !version.at_least(27) {
            problems.error(
                &path,
                format!("needs the feature gate HPAContainerMetrics, off by default in Kubernetes {version}"),
                "use --kubernetes-version 1.27 or later, or a Resource metric",
            );
        }
        resource_source(resource, true, &path, problems)
    } else if let Some(pods) = &raw.pods {
        let target = checked_target(&pods.target, &path, problems);
        let metric = identifier(&pods.metric, &path, problems);
        if pods.target.average_value.is_none() {
            problems.error(format!("{path}.target.averageValue"), "is required for a Pods metric", "");
        }
        Some(MetricSource::Pods { metric, average_value: target.average_value? })
    } else if let Some(object) = &raw.object {
        let described_path = format!("{path}.describedObject");
        let described = reference(&object.described_object, &described_path, problems);
        check_api_version(&described, &described_path, version, live, problems);
        let metric = identifier(&object.metric, &path, problems);
        let target = object_target(&object.target, &path, problems)?;
        Some(MetricSource::Object { metric, described, target })
    } else {
        let external = raw.external.as_ref()?;
        let metric = identifier(&external.metric, &path, problems);
        let target = external_target(&external.target, &path, problems)?;
        Some(MetricSource::External { metric, target })
    }
}

fn resource_source(
    raw: &raw::ResourceMetric,
    container: bool,
    path: &str,
    problems: &mut Problems,
) -> Option<MetricSource> {
    if raw.name.is_empty() {
        problems.error(format!("{path}.name"), "is required: a resource name", "use `cpu` or `memory`");
    }
    if container && raw.container.is_empty() {
        problems.error(format!("{path}.container"), "is required: a container of the pod template", "");
    }
    let values = checked_target(&raw.target, path, problems);
    let target = match (raw.target.average_utilization, &raw.target.average_value) {
        (Some(_), Some(_)) => {
            let message = "must not be set together with averageUtilization";
            problems.error(format!("{path}.target.averageValue"), message, "keep one of them");
            return None;
        }
        (Some(percent), None) => MetricTarget::Utilization(percent),
        (None, Some(_)) => MetricTarget::AverageValue(values.average_value?),
        (None, None) => {
            let message = "is required, or averageValue in its place";
            problems.error(format!("{path}.target.averageUtilization"), message, "");
            return None;
        }
    };
    let name = ResourceName::from(raw.name.as_str());
    Some(if container {
        MetricSource::ContainerResource { container: raw.container.clone(), name, target }
    } else {
        MetricSource::Resource { name, target }
    })
}

/// The values of a target that could be read, in thousandths.
struct TargetValues {
    value: Option<i64>,
    average_value: Option<i64>,
}

/// `validateMetricTarget`.
fn checked_target(raw: &raw::Target, path: &str, problems: &mut Problems) -> TargetValues {
    let path = format!("{path}.target");
    if raw.kind.is_empty() {
        problems.error(format!("{path}.type"), "is required", "use Utilization, Value or AverageValue");
    } else if !matches!(raw.kind.as_str(), "Utilization" | "Value" | "AverageValue") {
        let message = format!("`{}` is not supported", raw.kind);
        problems.error(format!("{path}.type"), message, "use Utilization, Value or AverageValue");
    }
    if let Some(percent) = raw.average_utilization.filter(|&percent| percent < 1) {
        let message = format!("is {percent} and must be greater than 0");
        problems.error(format!("{path}.averageUtilization"), message, "");
    }
    let mut positive = |field: &str, raw: &Option<raw::RawQuantity>| {
        let path = format!("{path}.{field}");
        let quantity = problems.quantity(&path, raw.as_ref()?)?;
        if quantity.signum() != 1 {
            problems.error(&path, format!("is {quantity} and must be positive"), "");
            return None;
        }
        Some(quantity.milli_value())
    };
    TargetValues { value: positive("value", &raw.value), average_value: positive("averageValue", &raw.average_value) }
}

/// The controller goes by `type` for Object metrics.
fn object_target(raw: &raw::Target, path: &str, problems: &mut Problems) -> Option<ValueTarget> {
    let values = checked_target(raw, path, problems);
    if raw.value.is_none() && raw.average_value.is_none() {
        problems.error(format!("{path}.target.averageValue"), "is required, or value in its place", "");
        return None;
    }
    let missing = |field: &str, problems: &mut Problems| {
        let message = format!("is required when target.type is {}", raw.kind);
        problems.error(format!("{path}.target.{field}"), message, "or change the type");
    };
    match raw.kind.as_str() {
        "Value" if raw.value.is_none() => missing("value", problems),
        "Value" => return values.value.map(ValueTarget::Value),
        "AverageValue" if raw.average_value.is_none() => missing("averageValue", problems),
        "AverageValue" => return values.average_value.map(ValueTarget::AverageValue),
        "Utilization" => {
            let message = "Utilization cannot be used with an Object metric";
            problems.error(format!("{path}.target.type"), message, "use Value or AverageValue");
        }
        _ => {}
    }
    None
}

/// The controller goes by the field that is set for External metrics.
fn external_target(raw: &raw::Target, path: &str, problems: &mut Problems) -> Option<ValueTarget> {
    let values = checked_target(raw, path, problems);
    match (&raw.value, &raw.average_value) {
        (Some(_), Some(_)) => {
            let message = "must not be set together with averageValue";
            problems.error(format!("{path}.target.value"), message, "keep one of them");
            None
        }
        (None, None) => {
            problems.error(format!("{path}.target.averageValue"), "is required, or value in its place", "");
            None
        }
        (Some(_), None) => values.value.map(ValueTarget::Value),
        (None, Some(_)) => values.average_value.map(ValueTarget::AverageValue),
    }
}

fn identifier(raw: &raw::Identifier, path: &str, problems: &mut Problems) -> MetricIdentifier {
    let name = &raw.name;
    if name.is_empty() {
        problems.error(format!("{path}.metric.name"), "is required: a metric name", "");
    } else if name == "." || name == ".." || name.contains(['/', '%']) {
        problems.error(format!("{path}.metric.name"), format!("`{name}` is not a valid metric name"), "");
    }
    MetricIdentifier { name: name.clone(), selector: raw.selector.as_ref().map(selector) }
}

pub(super) fn selector(raw: &raw::Selector) -> LabelSelector {
    LabelSelector {
        match_labels: raw.match_labels.clone().unwrap_or_default().into_iter().collect(),
        match_expressions: raw.match_expressions.iter().flatten().cloned().map(requirement).collect(),
    }
}

pub(super) fn requirement(raw: raw::Requirement) -> SelectorRequirement {
    SelectorRequirement { key: raw.key, operator: raw.operator, values: raw.values.unwrap_or_default() }
}

/// One direction of `behavior`: what is written over what the API server fills in, validated.
fn rules(
    raw: Option<raw::Rules>,
    defaults: ScalingRules,
    path: &str,
    version: KubernetesVersion,
    problems: &mut Problems,
) -> ScalingRules {
    let Some(raw) = raw else { return defaults };
    let mut rules = defaults;
    if let Some(seconds) = raw.stabilization_window_seconds {
        if !(0..=MAX_STABILIZATION_WINDOW_SECONDS).contains(&seconds) {
            let message = format!("is {seconds} and must be from 0 to {MAX_STABILIZATION_WINDOW_SECONDS}");
            problems.error(format!("{path}.stabilizationWindowSeconds"), message, "");
        }
        rules.stabilization_window = Some(Span::from_seconds(seconds.into()));
    }
    match raw.select_policy.as_deref() {
        None => {}
        Some("Max") => rules.select_policy = SelectPolicy::Max,
        Some("Min") => rules.select_policy = SelectPolicy::Min,
        Some("Disabled") => rules.select_policy = SelectPolicy::Disabled,
        Some(other) => {
            let message = format!("`{other}` is not supported");
            problems.error(format!("{path}.selectPolicy"), message, "use Max, Min or Disabled");
        }
    }
    if let Some(policies) = raw.policies {
        if policies.is_empty() {
            let hint = "remove `policies` to get the defaults, or use selectPolicy: Disabled to forbid scaling";
            problems.error(format!("{path}.policies"), "must specify at least one policy", hint);
        }
        rules.policies = policies
            .iter()
            .enumerate()
            .map(|(index, raw)| policy(raw, &format!("{path}.policies[{index}]"), problems))
            .collect();
    }
    if let Some(raw) = &raw.tolerance {
        rules.tolerance = tolerance(raw, &format!("{path}.tolerance"), version, problems);
    }
    rules
}

fn tolerance(raw: &raw::RawQuantity, path: &str, version: KubernetesVersion, problems: &mut Problems) -> Option<f64> {
    let quantity = problems.quantity(path, raw)?;
    if quantity.signum() < 0 {
        problems.error(path, format!("is {quantity} and must be greater than or equal to zero"), "");
    }
    if !version.at_least(35) {
        problems.warn(
            path,
            format!("is ignored: HPAConfigurableTolerance is off by default in Kubernetes {version}"),
            "it takes effect from 1.35 on",
        );
        return None;
    }
    Some(quantity.as_f64())
}

fn policy(raw: &raw::Policy, path: &str, problems: &mut Problems) -> ScalingPolicy {
    let kind = match raw.kind.as_str() {
        "Pods" => PolicyKind::Pods,
        "Percent" => PolicyKind::Percent,
        other => {
            let message =
                if other.is_empty() { "is required".to_owned() } else { format!("`{other}` is not supported") };
            problems.error(format!("{path}.type"), message, "use Pods or Percent");
            PolicyKind::Pods
        }
    };
    if raw.value < 1 {
        let message = format!("is {} and must be greater than zero", raw.value);
        problems.error(format!("{path}.value"), message, "use selectPolicy: Disabled to forbid scaling");
    }
    if !(1..=MAX_PERIOD_SECONDS).contains(&raw.period_seconds) {
        let message = format!("is {} and must be from 1 to {MAX_PERIOD_SECONDS}", raw.period_seconds);
        problems.error(format!("{path}.periodSeconds"), message, "");
    }
    ScalingPolicy { kind, value: raw.value, period: Span::from_seconds(raw.period_seconds.into()) }
}
