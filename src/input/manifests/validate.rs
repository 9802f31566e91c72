//! What the API server refuses of workloads, with its own rules.
//!
//! Mirrors `pkg/apis/apps/validation/validation.go`, `pkg/apis/core/validation/validation.go` and
//! `k8s.io/apimachinery/pkg/util/validation`.

use std::collections::BTreeSet;

use super::problems::Problems;
use super::{brief, raw};
use crate::model::{LabelSelector, Labels};

/// The longest DNS label and DNS name.
const LONGEST_LABEL: usize = 63;
const LONGEST_NAME: usize = 253;

/// Whether a name is a DNS-1123 label.
pub(super) fn is_dns_label(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let edge = |byte: Option<&u8>| byte.is_some_and(|&byte| byte != b'-');
    let bytes = name.as_bytes();
    bytes.len() <= LONGEST_LABEL && bytes.iter().all(|&byte| inner(byte)) && edge(bytes.first()) && edge(bytes.last())
}

/// Whether a name is a DNS-1123 subdomain.
fn is_dns_name(name: &str) -> bool {
    name.len() <= LONGEST_NAME
        && name.split('.').all(|label| {
            // Labels of a subdomain have no length limit of their own.
            label.len() > LONGEST_LABEL || is_dns_label(label)
        })
}

/// Checks `metadata.name` and `metadata.namespace` of the kinds that are read.
pub(super) fn names(metadata: &raw::Metadata, problems: &mut Problems) {
    if let Some(name) = metadata.name.as_ref().filter(|name| !is_dns_name(name)) {
        problems.error("metadata.name", not_dns(name), "use lower case letters, digits, `-` and `.`, such as my-app");
    }
    if let Some(namespace) = metadata.namespace.as_ref().filter(|name| !is_dns_label(name)) {
        problems.error("metadata.namespace", not_dns(namespace), "use lower case letters, digits and `-`");
    }
}

fn not_dns(name: &str) -> String {
    if name.contains("{{") {
        return format!("`{}` is a template: render it first, as `helm template` does", brief(name));
    }
    format!("`{}` is not a DNS name", brief(name))
}

/// Checks the selector of a workload against the labels of its template.
pub(super) fn selector(kind: &str, selector: Option<&LabelSelector>, labels: &Labels, problems: &mut Problems) {
    if !matches!(kind, "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet") {
        return;
    }
    let Some(selector) = selector else {
        let hint = "such as `selector: {matchLabels: {app: web}}`, with the same labels in the template";
        return problems.error("spec.selector", "is required", hint);
    };
    if selector.match_labels.is_empty() && selector.match_expressions.is_empty() {
        problems.error("spec.selector", "must not be empty", "it would select every pod of the namespace");
    } else if !selector.matches(labels) {
        let labels: Vec<String> =
            labels.iter().map(|(key, value)| format!("{}: {}", brief(key), brief(value))).collect();
        let labels =
            if labels.is_empty() { "which has none".to_owned() } else { format!("which has {}", labels.join(", ")) };
        let message = format!("does not match the labels of the template, {labels}");
        problems.error("spec.selector", message, "the labels of the template must satisfy the selector");
    }
}

/// Checks what the API server demands of every container, and the restart policy of the pod.
pub(super) fn pod(raw: &raw::PodSpec, kind: &str, path: &str, problems: &mut Problems) {
    let mut names = BTreeSet::new();
    let lists = [("initContainers", &raw.init_containers), ("containers", &raw.containers)];
    for (field, list) in lists {
        for (index, container) in list.iter().flatten().enumerate() {
            let at = |name: &str| format!("{path}.{field}[{index}].{name}");
            if container.image.is_empty() {
                problems.error(at("image"), "is required", "such as registry.example.org/web:1.0");
            }
            if !container.name.is_empty() && !is_dns_label(&container.name) {
                let name = brief(&container.name);
                problems.error(
                    at("name"),
                    format!("`{name}` is not a DNS label"),
                    "use lower case letters, digits and `-`",
                );
            }
            if !container.name.is_empty() && !names.insert(container.name.as_str()) {
                let message = format!("`{}` is the name of another container", brief(&container.name));
                problems.error(at("name"), message, "names of containers are unique in a pod");
            }
        }
    }
    let policy = raw.restart_policy.as_deref();
    let allowed: &[&str] = match kind {
        "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "ReplicationController" => &["Always"],
        "Job" | "CronJob" => &["OnFailure", "Never"],
        _ => &["Always", "OnFailure", "Never"],
    };
    // A Job has no default: the API server's `Always` is refused.
    let given = policy.unwrap_or("Always");
    let custom = policy.is_none() && !matches!(kind, "Job" | "CronJob");
    if !custom && !allowed.contains(&given) {
        let message = match policy {
            Some(policy) => format!("`{}` is not supported for a {}", brief(policy), brief(kind)),
            None => format!("is required for a {kind}: the default `Always` is not supported"),
        };
        problems.error(format!("{path}.restartPolicy"), message, format!("use {}", allowed.join(" or ")));
    }
}
