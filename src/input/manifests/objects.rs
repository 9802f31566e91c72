//! From manifests of claims, quotas, budgets and other autoscalers to their models.

use super::amounts::{amounts, int_or_percent};
use super::problems::Problems;
use super::{hpa, raw};
use crate::model::{
    AccessMode, Amount, BudgetBound, DisruptionBudget, LimitItem, LimitKind, LimitRange, ObjectReference, Origin,
    OtherScaler, ResourceQuota, ScalerKind, VolumeClaim,
};
use crate::units::Replicas;

/// KEDA's defaults of `minReplicaCount` and `maxReplicaCount` (`apis/keda/v1alpha1/scaledobject_types.go`).
const KEDA_LEAST: Replicas = 0;
const KEDA_MOST: Replicas = 100;

/// Converts the spec of a PersistentVolumeClaim that stands at `path` (empty for the object itself).
pub(super) fn claim(
    raw: &raw::VolumeClaimSpec,
    name: String,
    namespace: String,
    path: &str,
    origin: &Origin,
    problems: &mut Problems,
) -> VolumeClaim {
    let at = |field: &str| if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") };
    let mut access_modes = Vec::new();
    for (index, mode) in raw.access_modes.iter().flatten().enumerate() {
        match AccessMode::ALL.into_iter().find(|known| known.name() == mode) {
            Some(mode) => access_modes.push(mode),
            None => {
                let known = AccessMode::ALL.map(AccessMode::name).join(", ");
                let path = at(&format!("spec.accessModes[{index}]"));
                problems.error(path, format!("`{mode}` is not supported"), format!("use one of {known}"));
            }
        }
    }
    if access_modes.is_empty() && raw.access_modes.as_ref().is_none_or(Vec::is_empty) {
        problems.error(at("spec.accessModes"), "is required: at least one access mode", "such as ReadWriteOnce");
    }
    let requests_path = at("spec.resources.requests");
    let none = raw::ResourceList::new();
    let requests = raw.resources.requests.as_ref().unwrap_or(&none);
    let request = match amounts(requests, &requests_path, origin, problems).amount("storage") {
        Some(amount) => amount.clone(),
        None => {
            if !requests.contains_key("storage") {
                problems.error(format!("{requests_path}.storage"), "is required", "such as 10Gi");
            }
            Amount::none()
        }
    };
    VolumeClaim {
        name,
        namespace,
        storage_class: raw.storage_class_name.clone(),
        access_modes,
        request,
        path: path.to_owned(),
    }
}

/// Converts a ResourceQuota.
pub(super) fn quota(
    raw: &raw::ResourceQuota,
    name: String,
    namespace: String,
    origin: &Origin,
    problems: &mut Problems,
) -> ResourceQuota {
    ResourceQuota {
        name,
        namespace,
        hard: amounts(&raw.spec.hard, "spec.hard", origin, problems),
        scoped: raw.spec.scopes.as_ref().is_some_and(|scopes| !scopes.is_empty()) || raw.spec.scope_selector.is_some(),
    }
}

/// Converts a LimitRange; what its defaults make of containers is read elsewhere.
pub(super) fn limit_range(
    raw: &raw::LimitRange,
    name: String,
    namespace: String,
    origin: &Origin,
    problems: &mut Problems,
) -> LimitRange {
    let mut limits = Vec::new();
    for (index, item) in raw.spec.limits.iter().enumerate() {
        let path = format!("spec.limits[{index}]");
        let kind = match item.kind.as_str() {
            "Container" => LimitKind::Container,
            "Pod" => LimitKind::Pod,
            "PersistentVolumeClaim" => LimitKind::Claim,
            other => {
                // The API server takes any qualified name.
                let message = format!("`{}` limits nothing that hpasim knows", super::brief(other));
                problems.warn(format!("{path}.type"), message, "use Container, Pod or PersistentVolumeClaim");
                continue;
            }
        };
        // What is wrong with an amount is said where the defaults are read.
        let silent = &mut Problems::default();
        let complaints = if kind == LimitKind::Container { silent } else { &mut *problems };
        let mut read =
            |list: &raw::ResourceList, field: &str| amounts(list, &format!("{path}.{field}"), origin, complaints);
        let (default, min, max) = (read(&item.default, "default"), read(&item.min, "min"), read(&item.max, "max"));
        let max_ratio =
            amounts(&item.max_limit_request_ratio, &format!("{path}.maxLimitRequestRatio"), origin, problems);
        limits.push(LimitItem { kind, path, default, min, max, max_ratio });
    }
    LimitRange { name, namespace, limits }
}

/// Converts a PodDisruptionBudget. In policy/v1beta1 an empty selector selects nothing.
pub(super) fn budget(
    raw: &raw::DisruptionBudget,
    name: String,
    namespace: String,
    beta: bool,
    problems: &mut Problems,
) -> Option<DisruptionBudget> {
    let spec = &raw.spec;
    let mut read = |raw: &Option<raw::IntOrString>, field: &str| {
        raw.as_ref().and_then(|raw| int_or_percent(raw, &format!("spec.{field}"), problems))
    };
    let available = read(&spec.min_available, "minAvailable");
    let unavailable = read(&spec.max_unavailable, "maxUnavailable");
    if spec.min_available.is_some() && spec.max_unavailable.is_some() {
        problems.error("spec.maxUnavailable", "must not be set together with minAvailable", "keep one of them");
    }
    let bound = match (available, unavailable) {
        (Some(bound), _) => BudgetBound::MinAvailable(bound),
        (None, Some(bound)) => BudgetBound::MaxUnavailable(bound),
        (None, None) => {
            if spec.min_available.is_none() && spec.max_unavailable.is_none() {
                problems.warn(
                    "spec",
                    "has neither minAvailable nor maxUnavailable, and is left out",
                    "set one of them",
                );
            }
            return None;
        }
    };
    let selector = spec.selector.as_ref().map(hpa::selector);
    let selector = selector.filter(|selector| !beta || !selector.is_empty());
    Some(DisruptionBudget { name, namespace, selector, bound })
}

/// Converts a VerticalPodAutoscaler or a ScaledObject.
pub(super) fn other_scaler(
    raw: &raw::OtherScaler,
    reference: ObjectReference,
    namespace: String,
    problems: &mut Problems,
) -> OtherScaler {
    let vertical = reference.kind == "VerticalPodAutoscaler";
    let spec = &raw.spec;
    let target = if vertical { spec.target_ref.clone() } else { spec.scale_target_ref.clone() }.unwrap_or_default();
    let or = |text: String, default: &str| if text.is_empty() { default.to_owned() } else { text };
    let target = ObjectReference {
        api_version: or(target.api_version, "apps/v1"),
        kind: or(target.kind, "Deployment"),
        name: target.name,
    };
    if target.name.is_empty() {
        let field = if vertical { "spec.targetRef.name" } else { "spec.scaleTargetRef.name" };
        problems.error(field, "is required", "");
    }
    let (kind, passive) = if vertical { requests_scaler(spec) } else { replicas_scaler(raw, problems) };
    OtherScaler { reference, namespace, target, kind, passive }
}

/// What a VerticalPodAutoscaler changes, and whether it only recommends. A policy for all containers (`*`) holds for
/// those that have none of their own.
fn requests_scaler(spec: &raw::OtherScalerSpec) -> (ScalerKind, bool) {
    let controlled = |policy: &raw::ContainerPolicy| {
        let off = policy.mode.as_deref() == Some("Off");
        let both = || vec!["cpu".to_owned(), "memory".to_owned()];
        if off { Vec::new() } else { policy.controlled_resources.clone().unwrap_or_else(both) }
    };
    let (for_all, own): (Vec<_>, Vec<_>) =
        spec.resource_policy.container_policies.iter().partition(|policy| policy.container_name == "*");
    let others = controlled(for_all.first().copied().unwrap_or(&raw::ContainerPolicy::default()));
    let containers = own.iter().map(|policy| (policy.container_name.clone(), controlled(policy))).collect();
    (ScalerKind::Requests { containers, others }, spec.update_policy.update_mode.as_deref() == Some("Off"))
}

/// How many pods a ScaledObject allows, and whether it is paused.
fn replicas_scaler(raw: &raw::OtherScaler, problems: &mut Problems) -> (ScalerKind, bool) {
    let spec = &raw.spec;
    let mut count = |field: &str, value: Option<i32>, default: Replicas| {
        if let Some(value) = value.filter(|&value| value < 0) {
            problems.error(format!("spec.{field}"), format!("is {value} and must not be negative"), "");
        }
        value.unwrap_or(default).max(0)
    };
    let least = count("minReplicaCount", spec.min_replica_count, KEDA_LEAST);
    let most = count("maxReplicaCount", spec.max_replica_count, KEDA_MOST);
    let idle = count("idleReplicaCount", spec.idle_replica_count, least);
    if least > most {
        let message = format!("is {most} and must be at least minReplicaCount, which is {least}");
        problems.error("spec.maxReplicaCount", message, "");
    }
    let paused = raw.metadata.annotations.iter().flatten().any(|(key, value)| match key.as_str() {
        "autoscaling.keda.sh/paused" => value != "false",
        key => key == "autoscaling.keda.sh/paused-replicas",
    });
    (ScalerKind::Replicas { least: idle.min(least), most }, paused)
}
