//! From a manifest of something that makes pods to [`Workload`].

use super::amounts::int_or_percent;
use super::problems::Problems;
use super::surroundings::Surroundings;
use super::{hpa, objects, pod, raw, validate};
use crate::model::{IntOrPercent, LabelSelector, ObjectReference, Origin, Workload, WorkloadController};
use crate::units::{Replicas, Span};

/// The API server's default of `maxSurge` and `maxUnavailable`.
const DEFAULT_ROLLING_UPDATE: IntOrPercent = IntOrPercent::Percent(25);

/// The API server's default of `progressDeadlineSeconds`.
const DEFAULT_PROGRESS_DEADLINE_SECONDS: i32 = 600;

/// The path of the pod template in an object of a kind; empty for a bare pod.
pub(super) fn template_path(kind: &str) -> &'static str {
    match kind {
        "Pod" => "",
        "CronJob" => "spec.jobTemplate.spec.template",
        _ => "spec.template",
    }
}

/// An object's parts as they are written.
pub(super) struct Written {
    pub reference: ObjectReference,
    /// Whether the kind is Kubernetes' own.
    pub builtin: bool,
    pub live: bool,
    pub namespace: String,
    pub spec: raw::WorkloadSpec,
    pub template: raw::Template,
}

/// Converts and validates a workload.
pub(super) fn convert(written: Written, origin: &Origin, around: &Surroundings, problems: &mut Problems) -> Workload {
    let Written { reference, builtin, live, namespace, spec, template } = written;
    let kind = if builtin { reference.kind.clone() } else { String::new() };
    let kind = kind.as_str();
    let path = template_path(kind);
    let pod_path = if path.is_empty() { "spec".to_owned() } else { format!("{path}.spec") };
    let controller = controller(kind, &spec, problems);
    let selector = selector(kind, &spec, problems);
    validate::selector(kind, selector.as_ref(), &template.metadata.labels.clone().unwrap_or_default(), problems);
    if let Some(replicas) = spec.replicas.filter(|&replicas| replicas < 0) {
        problems.error("spec.replicas", format!("is {replicas} and must be greater than or equal to 0"), "");
    }
    let mut seconds = |field: &str, value: Option<i32>, default: i32| {
        let value = value.unwrap_or(default);
        if value < 0 {
            problems.error(format!("spec.{field}"), format!("is {value} and must be greater than or equal to 0"), "");
        }
        Span::from_seconds(value.max(0).into())
    };
    let min_ready = seconds("minReadySeconds", spec.min_ready_seconds, 0);
    let progress_deadline =
        seconds("progressDeadlineSeconds", spec.progress_deadline_seconds, DEFAULT_PROGRESS_DEADLINE_SECONDS);
    let mut volume_claim_templates = Vec::new();
    for (index, raw) in spec.volume_claim_templates.iter().flatten().enumerate() {
        let path = format!("spec.volumeClaimTemplates[{index}]");
        let name = raw.metadata.name.clone().unwrap_or_default();
        volume_claim_templates.push(objects::claim(&raw.spec, name, namespace.clone(), &path, origin, problems));
    }
    let template = pod::convert(template, kind, &pod_path, &namespace, origin, around, problems);
    Workload {
        reference,
        namespace,
        replicas: spec.replicas,
        controller,
        volume_claim_templates,
        min_ready,
        progress_deadline,
        paused: spec.paused,
        volume_claims_deleted_with_pods: spec
            .claim_retention
            .is_some_and(|r| r.when_scaled.as_deref() == Some("Delete")),
        // A ReplicationController's selector defaults to the labels of its template.
        selector: selector.or_else(|| {
            let match_labels = template.labels.clone().into_iter().collect();
            (kind == "ReplicationController").then(|| LabelSelector { match_labels, match_expressions: Vec::new() })
        }),
        live,
        template,
        pod_path,
    }
}

/// The selector of a workload, if it has one: a map of labels in a ReplicationController.
pub(super) fn selector(kind: &str, spec: &raw::WorkloadSpec, problems: &mut Problems) -> Option<LabelSelector> {
    let value = spec.selector.as_ref()?;
    let raw: Result<raw::Selector, _> = if kind == "ReplicationController" {
        serde_yaml::from_value(value.clone())
            .map(|labels| raw::Selector { match_labels: Some(labels), match_expressions: None })
    } else {
        serde_yaml::from_value(value.clone())
    };
    match raw {
        Ok(raw) => Some(hpa::selector(&raw)),
        Err(error) => {
            problems.error(
                "spec.selector",
                crate::input::diagnostic::plain_words(&error.to_string()),
                "use matchLabels",
            );
            None
        }
    }
}

fn controller(kind: &str, spec: &raw::WorkloadSpec, problems: &mut Problems) -> WorkloadController {
    match kind {
        "Deployment" => deployment(spec.strategy.as_ref(), problems),
        "StatefulSet" => stateful_set(spec, problems),
        "DaemonSet" => WorkloadController::DaemonSet,
        "Job" => WorkloadController::Job {
            parallelism: if spec.suspend { 0 } else { parallelism(spec.parallelism, spec.completions) },
        },
        "CronJob" => {
            let job = spec.job_template.clone().unwrap_or_default().spec;
            let policy = spec.concurrency_policy.as_deref().unwrap_or("Allow");
            if !["Allow", "Forbid", "Replace"].contains(&policy) {
                let message = format!("`{policy}` is not supported");
                problems.error("spec.concurrencyPolicy", message, "use Allow, Forbid or Replace");
            }
            WorkloadController::CronJob {
                parallelism: if spec.suspend || job.suspend {
                    0
                } else {
                    parallelism(job.parallelism, job.completions)
                },
                overlapping: policy == "Allow",
            }
        }
        "Pod" => WorkloadController::Pod,
        "" if spec.replicas.is_none() => WorkloadController::Unknown,
        _ => WorkloadController::Replicas,
    }
}

fn stateful_set(spec: &raw::WorkloadSpec, problems: &mut Problems) -> WorkloadController {
    let policy = spec.pod_management_policy.as_deref().unwrap_or("OrderedReady");
    if !["OrderedReady", "Parallel"].contains(&policy) {
        let message = format!("`{policy}` is not supported");
        problems.error("spec.podManagementPolicy", message, "use OrderedReady or Parallel");
    }
    let strategy = spec.update_strategy.clone().unwrap_or_default();
    let partition = match strategy.kind.as_deref() {
        Some("OnDelete") => Replicas::MAX,
        None | Some("RollingUpdate") => strategy.rolling_update.and_then(|rolling| rolling.partition).unwrap_or(0),
        Some(other) => {
            let message = format!("`{other}` is not supported");
            problems.error("spec.updateStrategy.type", message, "use RollingUpdate or OnDelete");
            0
        }
    };
    if partition < 0 {
        let message = format!("is {partition} and must be greater than or equal to 0");
        problems.error("spec.updateStrategy.rollingUpdate.partition", message, "");
    }
    WorkloadController::StatefulSet { parallel: policy == "Parallel", partition: partition.max(0) }
}

/// The pods of a Job that run at once: never more than are to be completed.
fn parallelism(parallelism: Option<i32>, completions: Option<i32>) -> Replicas {
    let parallelism = parallelism.unwrap_or(1).max(0);
    completions.map_or(parallelism, |completions| parallelism.min(completions.max(0)))
}

fn deployment(strategy: Option<&raw::Strategy>, problems: &mut Problems) -> WorkloadController {
    let path = "spec.strategy";
    match strategy.and_then(|strategy| strategy.kind.as_deref()) {
        None | Some("RollingUpdate") => {}
        Some("Recreate") => return WorkloadController::RecreatingDeployment,
        Some(other) => {
            let message = format!("`{other}` is not supported");
            problems.error(format!("{path}.type"), message, "use RollingUpdate or Recreate");
        }
    }
    let rolling = strategy.and_then(|strategy| strategy.rolling_update.clone()).unwrap_or_default();
    let mut read = |raw: &Option<raw::IntOrString>, field: &str| {
        let path = format!("{path}.rollingUpdate.{field}");
        raw.as_ref().and_then(|raw| int_or_percent(raw, &path, problems)).unwrap_or(DEFAULT_ROLLING_UPDATE)
    };
    let max_surge = read(&rolling.max_surge, "maxSurge");
    let max_unavailable = read(&rolling.max_unavailable, "maxUnavailable");
    let zero = |bound: IntOrPercent| matches!(bound, IntOrPercent::Count(0) | IntOrPercent::Percent(0));
    if zero(max_surge) && zero(max_unavailable) {
        let message = "must not be 0 when maxSurge is 0";
        problems.error(format!("{path}.rollingUpdate.maxUnavailable"), message, "an update could never proceed");
    }
    WorkloadController::RollingDeployment { max_surge, max_unavailable }
}
