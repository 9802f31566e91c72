//! From manifests of claims, quotas, budgets and other autoscalers to their models.

use super::problems::Problems;
use super::workload::int_or_percent;
use super::{hpa, pod, raw};
use crate::model::{
    AccessMode, Amount, BudgetBound, DisruptionBudget, ObjectReference, Origin, OtherScaler, ResourceQuota, VolumeClaim,
};
use crate::units::Quantity;

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
    let request = match pod::amounts(requests, &requests_path, origin, problems).amount("storage") {
        Some(amount) => amount.clone(),
        None => {
            if !requests.contains_key("storage") {
                problems.error(format!("{requests_path}.storage"), "is required", "such as 10Gi");
            }
            Amount { quantity: Quantity::ZERO, sources: Vec::new() }
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
        hard: pod::amounts(&raw.spec.hard, "spec.hard", origin, problems),
        scoped: raw.spec.scopes.as_ref().is_some_and(|scopes| !scopes.is_empty()) || raw.spec.scope_selector.is_some(),
    }
}

/// Converts a PodDisruptionBudget.
pub(super) fn budget(
    raw: &raw::DisruptionBudget,
    name: String,
    namespace: String,
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
    Some(DisruptionBudget { name, namespace, selector: spec.selector.as_ref().map(hpa::selector), bound })
}

/// Converts a VerticalPodAutoscaler or a ScaledObject.
pub(super) fn other_scaler(raw: raw::OtherScaler, reference: ObjectReference, namespace: String) -> OtherScaler {
    let vertical = reference.kind == "VerticalPodAutoscaler";
    let spec = raw.spec;
    let target = if vertical { spec.target_ref } else { spec.scale_target_ref }.unwrap_or_default();
    let kind = if target.kind.is_empty() { "Deployment".to_owned() } else { target.kind };
    let mode = spec.update_policy.update_mode;
    let policies = &spec.resource_policy.container_policies;
    let off = mode.as_deref() == Some("Off")
        || (!policies.is_empty() && policies.iter().all(|policy| policy.mode.as_deref() == Some("Off")));
    let mut resizes: Vec<String> = policies
        .iter()
        .filter(|policy| policy.mode.as_deref() != Some("Off"))
        .flat_map(|policy| match &policy.controlled_resources {
            Some(resources) => resources.clone(),
            None => vec!["cpu".into(), "memory".into()],
        })
        .collect();
    if vertical && policies.is_empty() {
        resizes = vec!["cpu".into(), "memory".into()];
    }
    resizes.sort();
    resizes.dedup();
    let annotations = raw.metadata.annotations.unwrap_or_default();
    let paused = annotations.keys().any(|key| key == "autoscaling.keda.sh/paused");
    OtherScaler {
        reference,
        namespace,
        target: ObjectReference { api_version: String::new(), kind, name: target.name },
        resizes: if vertical { resizes } else { Vec::new() },
        passive: if vertical { off } else { paused },
    }
}
