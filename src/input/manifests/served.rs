//! Which API versions a release serves, of the kinds that Kubernetes itself has.
//!
//! From the "Deprecated API Migration Guide" (kubernetes.io/docs/reference/using-api/deprecation-guide/).

use super::problems::Problem;
use crate::model::KubernetesVersion;

/// A version that is no longer served: the kinds (none: all of the group), the release from which on it is not, and
/// what has changed since.
struct Removed {
    api_version: &'static str,
    kinds: &'static [&'static str],
    since: u8,
    successor: &'static str,
}

const fn removed(
    api_version: &'static str,
    kinds: &'static [&'static str],
    since: u8,
    successor: &'static str,
) -> Removed {
    Removed { api_version, kinds, since, successor }
}

const APPS: &str = "use apps/v1: spec.selector is required there and must match the template's labels";
const V2BETA1: &str = "use autoscaling/v2, where a metric has a target: `resource: {name: cpu, targetAverageUtilization: 70}` \
                       becomes `resource: {name: cpu, target: {type: Utilization, averageUtilization: 70}}`, `metricName` \
                       becomes `metric.name`, and an Object metric's `target` becomes `describedObject`";

const REMOVED: [Removed; 22] = [
    removed("extensions/v1beta1", &["Ingress"], 22, "use networking.k8s.io/v1"),
    removed("extensions/v1beta1", &["NetworkPolicy"], 16, "use networking.k8s.io/v1"),
    removed("extensions/v1beta1", &["PodSecurityPolicy"], 16, "PodSecurityPolicy is gone since 1.25"),
    removed("extensions/v1beta1", &["Deployment", "DaemonSet", "ReplicaSet"], 16, APPS),
    removed("apps/v1beta1", &[], 16, APPS),
    removed("apps/v1beta2", &[], 16, APPS),
    removed("autoscaling/v2beta1", &[], 25, V2BETA1),
    removed("autoscaling/v2beta2", &[], 26, "use autoscaling/v2: the fields are the same"),
    removed("batch/v1beta1", &[], 25, "use batch/v1: the fields are the same"),
    removed("batch/v2alpha1", &[], 21, "use batch/v1"),
    removed("policy/v1beta1", &["PodDisruptionBudget"], 25, "use policy/v1, where an empty selector selects all pods"),
    removed("policy/v1beta1", &[], 25, "PodSecurityPolicy is gone since 1.25"),
    removed("node.k8s.io/v1beta1", &[], 25, "use node.k8s.io/v1"),
    removed("networking.k8s.io/v1beta1", &["Ingress", "IngressClass"], 22, "use networking.k8s.io/v1"),
    removed("rbac.authorization.k8s.io/v1beta1", &[], 22, "use rbac.authorization.k8s.io/v1"),
    removed("scheduling.k8s.io/v1beta1", &[], 22, "use scheduling.k8s.io/v1"),
    removed(
        "storage.k8s.io/v1beta1",
        &["StorageClass", "CSIDriver", "CSINode", "VolumeAttachment"],
        22,
        "use storage.k8s.io/v1",
    ),
    removed("apiextensions.k8s.io/v1beta1", &[], 22, "use apiextensions.k8s.io/v1"),
    removed("apiregistration.k8s.io/v1beta1", &[], 22, "use apiregistration.k8s.io/v1"),
    removed(
        "admissionregistration.k8s.io/v1beta1",
        &["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"],
        22,
        "use admissionregistration.k8s.io/v1",
    ),
    removed("discovery.k8s.io/v1beta1", &[], 25, "use discovery.k8s.io/v1"),
    removed("events.k8s.io/v1beta1", &[], 25, "use events.k8s.io/v1"),
];

/// The versions in which the kinds that are read here are served.
const SERVED: [(&str, &[&str]); 17] = [
    ("Deployment", &["apps/v1"]),
    ("StatefulSet", &["apps/v1"]),
    ("DaemonSet", &["apps/v1"]),
    ("ReplicaSet", &["apps/v1"]),
    ("ReplicationController", &["v1"]),
    ("Pod", &["v1"]),
    ("Job", &["batch/v1"]),
    ("CronJob", &["batch/v1"]),
    ("HorizontalPodAutoscaler", &["autoscaling/v2", "autoscaling/v1"]),
    ("PersistentVolumeClaim", &["v1"]),
    ("ResourceQuota", &["v1"]),
    ("LimitRange", &["v1"]),
    ("PodDisruptionBudget", &["policy/v1"]),
    ("RuntimeClass", &["node.k8s.io/v1"]),
    ("Service", &["v1"]),
    ("ConfigMap", &["v1"]),
    ("Secret", &["v1"]),
];

/// API groups of Kubernetes itself.
pub(super) fn is_builtin_group(group: &str) -> bool {
    matches!(group, "" | "apps" | "batch" | "autoscaling" | "policy" | "extensions")
        || ["networking", "rbac.authorization", "storage", "node", "scheduling", "apiextensions", "apiregistration"]
            .iter()
            .chain(&["admissionregistration", "discovery", "events", "certificates", "coordination", "resource"])
            .chain(&["flowcontrol.apiserver", "authentication", "authorization", "internal.apiserver"])
            .any(|name| group.strip_suffix(".k8s.io") == Some(name))
}

/// What the API server of a release says of an object's version, if it does not serve it.
pub(super) fn refusal(api_version: &str, kind: &str, version: KubernetesVersion) -> Option<Problem> {
    let of_kind = |removed: &&Removed| {
        removed.api_version == api_version && (removed.kinds.is_empty() || removed.kinds.contains(&kind))
    };
    if let Some(removed) = REMOVED.iter().find(of_kind) {
        let since = format!("{kind} in {api_version} is not served since Kubernetes 1.{}", removed.since);
        let older = if removed.since > 23 {
            format!(" (--kubernetes-version 1.{} reads it)", removed.since - 1)
        } else {
            String::new()
        };
        return version.at_least(removed.since).then(|| Problem {
            path: "apiVersion".into(),
            message: since,
            hint: Some(format!("{}{older}", removed.successor)),
        });
    }
    let (_, served) = SERVED.iter().find(|(name, _)| *name == kind)?;
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    let misplaced = is_builtin_group(group) && !served.contains(&api_version);
    misplaced.then(|| Problem {
        path: "apiVersion".into(),
        message: format!("no kind {kind} in `{}`", super::brief(api_version)),
        hint: Some(format!("use {}", served.join(" or "))),
    })
}
