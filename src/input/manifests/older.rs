//! autoscaling/v1 and v2beta1 manifests, converted as the API server does (`pkg/apis/autoscaling/{v1,v2beta1}/conversion.go`).

use super::problems::Problems;
use super::raw;

const METRICS_ANNOTATION: &str = "autoscaling.alpha.kubernetes.io/metrics";
const BEHAVIOR_ANNOTATION: &str = "autoscaling.alpha.kubernetes.io/behavior";

/// autoscaling/v1 keeps all but the CPU target in annotations.
pub(super) fn upgrade(raw: &mut raw::Hpa, problems: &mut Problems) {
    for (field, there) in [("metrics", raw.spec.metrics.is_some()), ("behavior", raw.spec.behavior.is_some())] {
        if there {
            problems.warn(
                format!("spec.{field}"),
                "is not a field of autoscaling/v1 and is ignored",
                "use apiVersion: autoscaling/v2",
            );
        }
    }
    (raw.spec.metrics, raw.spec.behavior) = (None, None);
    let annotation = |name: &str| raw.metadata.annotations.as_ref().and_then(|all| all.get(name)).cloned();
    let mut metrics = Vec::new();
    if let Some(text) = annotation(METRICS_ANNOTATION) {
        match serde_json::from_str::<Vec<raw::V1Metric>>(&text) {
            Ok(list) => metrics.extend(list.into_iter().map(upgrade_v1_metric)),
            Err(error) => {
                problems.error(
                    annotation_path(METRICS_ANNOTATION),
                    format!("is not a JSON list of metrics: {error}"),
                    "",
                );
            }
        }
    }
    if let Some(percent) = raw.spec.target_cpu_utilization_percentage {
        if percent < 1 {
            let message = format!("is {percent} and must be greater than 0");
            problems.error("spec.targetCPUUtilizationPercentage", message, "");
        }
        let target =
            raw::Target { kind: "Utilization".into(), average_utilization: Some(percent), ..Default::default() };
        let resource = raw::ResourceMetric { name: "cpu".into(), target, ..Default::default() };
        metrics.push(raw::Metric { kind: "Resource".into(), resource: Some(resource), ..Default::default() });
    }
    if let Some(text) = annotation(BEHAVIOR_ANNOTATION) {
        match serde_json::from_str(&text).and_then(|json| serde_json::from_value(with_field_names(json))) {
            Ok(behavior) => raw.spec.behavior = Some(behavior),
            Err(error) => {
                problems.error(annotation_path(BEHAVIOR_ANNOTATION), format!("is not a JSON object: {error}"), "");
            }
        }
    }
    raw.spec.metrics = Some(metrics);
}

/// autoscaling/v2beta1 spells its metrics as the annotation of autoscaling/v1 does.
pub(super) fn upgrade_v2beta1(old: raw::HpaV2Beta1) -> raw::Hpa {
    let spec = old.spec;
    raw::Hpa {
        metadata: old.metadata,
        spec: raw::HpaSpec {
            scale_target_ref: spec.scale_target_ref,
            min_replicas: spec.min_replicas,
            max_replicas: spec.max_replicas,
            metrics: spec.metrics.map(|metrics| metrics.into_iter().map(upgrade_v1_metric).collect()),
            behavior: None,
            target_cpu_utilization_percentage: None,
        },
    }
}

/// The API server writes this annotation with the names of Go's fields (`ScaleUp`) and reads either case.
fn with_field_names(json: serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match json {
        Value::Array(items) => items.into_iter().map(with_field_names).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, value)| {
                let mut letters = name.chars();
                let name = letters.next().map(|first| first.to_ascii_lowercase().to_string() + letters.as_str());
                (name.unwrap_or_default(), with_field_names(value))
            })
            .collect(),
        other => other,
    }
}

fn annotation_path(name: &str) -> String {
    format!("metadata.annotations[{name:?}]")
}

fn upgrade_v1_metric(old: raw::V1Metric) -> raw::Metric {
    let resource = |s: raw::V1Source| raw::ResourceMetric {
        name: s.name,
        container: s.container,
        target: raw::Target {
            kind: if s.target_average_utilization.is_some() { "Utilization" } else { "AverageValue" }.into(),
            average_utilization: s.target_average_utilization,
            average_value: s.target_average_value,
            value: None,
        },
    };
    let custom = |s: raw::V1Source, is_object: bool| {
        let average_value = if is_object { s.average_value } else { s.target_average_value };
        let by_value = if is_object { average_value.is_none() } else { s.target_value.is_some() };
        raw::CustomMetric {
            metric: raw::Identifier { name: s.metric_name, selector: s.selector.or(s.metric_selector) },
            described_object: s.target,
            target: raw::Target {
                kind: if by_value { "Value" } else { "AverageValue" }.into(),
                value: s.target_value,
                average_value,
                average_utilization: None,
            },
        }
    };
    raw::Metric {
        kind: old.kind,
        resource: old.resource.map(resource),
        container_resource: old.container_resource.map(resource),
        pods: old.pods.map(|source| custom(source, false)),
        object: old.object.map(|source| custom(source, true)),
        external: old.external.map(|source| custom(source, false)),
    }
}
