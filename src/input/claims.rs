//! The figures of a document, to be compared with what the manifests add up to.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::manifests::raw::RawQuantity;
use super::names::{hint, nearest, typed};
use super::yaml::{Document, read_documents};
use super::{Diagnostic, InputError, Source};
use crate::model::{ClaimLevel, ClaimVerdict, FigureClaim, Figures, Inventory, Measure, PlanClaim, piece};
use crate::units::Quantity;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    /// The document, for the reader.
    #[serde(rename = "document")]
    _document: Option<String>,
    claims: Vec<RawClaim>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawClaim {
    says: String,
    section: Option<String>,
    workload: Option<String>,
    at: Option<String>,
    pods: Option<i32>,
    #[serde(default)]
    requests: BTreeMap<String, RawQuantity>,
    #[serde(default)]
    limits: BTreeMap<String, RawQuantity>,
    #[serde(default)]
    total: BTreeMap<String, RawQuantity>,
    storage: Option<RawQuantity>,
    #[serde(default)]
    objects: BTreeMap<String, RawQuantity>,
    expect: Option<String>,
    note: Option<String>,
}

/// What claims may name.
#[derive(Clone, Debug)]
struct Known<'a> {
    workloads: Vec<&'a str>,
    kinds: Vec<&'a str>,
    resources: Vec<&'a str>,
}

/// Kinds of Kubernetes that a document may count, though the manifests have none of them.
const KINDS: [&str; 30] = [
    "ClusterRole",
    "ClusterRoleBinding",
    "ConfigMap",
    "CronJob",
    "CustomResourceDefinition",
    "DaemonSet",
    "Deployment",
    "EndpointSlice",
    "Endpoints",
    "HorizontalPodAutoscaler",
    "Ingress",
    "IngressClass",
    "Job",
    "LimitRange",
    "Namespace",
    "NetworkPolicy",
    "Node",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Pod",
    "PodDisruptionBudget",
    "PriorityClass",
    "ReplicaSet",
    "ResourceQuota",
    "Role",
    "RoleBinding",
    "Secret",
    "Service",
    "ServiceAccount",
    "StatefulSet",
];

impl<'a> Known<'a> {
    fn of(inventory: &'a Inventory) -> Self {
        let workloads = inventory.workloads.iter().map(|placed| &placed.item);
        let containers = workloads
            .clone()
            .flat_map(|workload| workload.template.containers.iter().chain(&workload.template.init_containers));
        let asked = containers.flat_map(|container| container.requests.iter().chain(container.limits.iter()));
        let mut resources: Vec<&str> = ["cpu", "memory", "ephemeral-storage"].to_vec();
        resources.extend(asked.map(|(name, _)| name));
        resources.sort_unstable();
        resources.dedup();
        let mut kinds: Vec<&str> = inventory.kinds.keys().map(String::as_str).chain(KINDS).collect();
        kinds.sort_unstable();
        kinds.dedup();
        Self { workloads: workloads.map(|workload| workload.reference.name.as_str()).collect(), kinds, resources }
    }
}

/// Reads the claims of a file about these manifests.
pub fn read(source: &Source, inventory: &Inventory) -> Result<Vec<PlanClaim>, InputError> {
    let known = Known::of(inventory);
    let mut claims = Vec::new();
    let mut errors = Vec::new();
    for document in read_documents(source)? {
        let raw: RawFile = typed(&document)?;
        for (index, raw) in raw.claims.into_iter().enumerate() {
            match claim(raw, &format!("claims[{index}]"), &document, &known) {
                Ok(claim) => claims.push(claim),
                Err(diagnostic) => errors.push(diagnostic),
            }
        }
    }
    InputError::unless_empty(errors)?;
    if claims.is_empty() {
        return Err(Diagnostic::new(format!("{} has no claims", source.name)).hint("list them under `claims:`").into());
    }
    Ok(claims)
}

/// Refuses names that the manifests do not have.
fn names_known(raw: &RawClaim, path: &str, document: &Document, known: &Known<'_>) -> Result<(), Diagnostic> {
    let at = |field: &str| format!("{path}.{field}");
    let is_known = |field: String, name: &str, what: &str, known: &[&str]| {
        if known.contains(&name) {
            return Ok(());
        }
        let diagnostic = document.diagnostic(&field, format!("`{}` {what}", piece(name)));
        Err(diagnostic.hint(hint(name, known.iter().copied())))
    };
    if let Some(name) = &raw.workload {
        is_known(at("workload"), name, "is no workload of the manifests", &known.workloads)?;
    }
    for (field, list) in [("requests", &raw.requests), ("limits", &raw.limits), ("total", &raw.total)] {
        for name in list.keys() {
            is_known(at(&format!("{field}.{name}")), name, "is no resource of the manifests", &known.resources)?;
        }
    }
    for kind in raw.objects.keys() {
        is_known(at(&format!("objects.{kind}")), kind, "is no kind of object", &known.kinds)?;
    }
    Ok(())
}

fn claim(raw: RawClaim, path: &str, document: &Document, known: &Known<'_>) -> Result<PlanClaim, Diagnostic> {
    let at = |field: &str| format!("{path}.{field}");
    names_known(&raw, path, document, known)?;
    let level = match (raw.at.as_deref(), raw.pods) {
        (Some(_), Some(_)) => {
            return Err(document.diagnostic(&at("pods"), "must not be set together with at").hint("keep one of them"));
        }
        (None, Some(pods)) if pods < 0 => return Err(document.diagnostic(&at("pods"), "must not be negative")),
        (None, Some(pods)) => ClaimLevel::Pods(pods),
        (Some("pod"), None) => ClaimLevel::Pods(1),
        (None | Some("declared"), None) => ClaimLevel::Declared,
        (Some("minimum"), None) => ClaimLevel::Minimum,
        (Some("maximum"), None) => ClaimLevel::Maximum,
        (Some(other), None) => {
            let hint = match nearest(other, ["pod", "minimum", "declared", "maximum"].into_iter()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => "use pod, minimum, declared or maximum, or pods: N".to_owned(),
            };
            return Err(document.diagnostic(&at("at"), format!("`{other}` is not supported")).hint(hint));
        }
    };
    if matches!(level, ClaimLevel::Pods(_)) && raw.workload.is_none() {
        let message = "is required where the claim is about a number of pods";
        return Err(document.diagnostic(&at("workload"), message).hint("the workload's metadata.name"));
    }
    let expected = match raw.expect.as_deref() {
        None | Some("confirmed") => ClaimVerdict::Confirmed,
        Some("contradicted") => ClaimVerdict::Contradicted,
        Some("depends") => ClaimVerdict::Depends,
        Some(other) => {
            let message = format!("`{other}` is not supported");
            let hint = hint(other, ["confirmed", "contradicted", "depends"].into_iter());
            return Err(document.diagnostic(&at("expect"), message).hint(hint));
        }
    };
    let mut figures = Vec::new();
    for (field, list, measure) in [
        ("requests", &raw.requests, Measure::Requests),
        ("limits", &raw.limits, Measure::Limits),
        ("total", &raw.total, Measure::Either),
    ] {
        for (name, raw) in list {
            let figure = Figures::Resource { measure, name: name.clone() };
            figures.push(figure_claim(figure, raw, &at(&format!("{field}.{name}")), document)?);
        }
    }
    if let Some(raw) = &raw.storage {
        figures.push(figure_claim(Figures::Storage, raw, &at("storage"), document)?);
    }
    for (kind, raw) in &raw.objects {
        figures.push(figure_claim(Figures::Objects(kind.clone()), raw, &at(&format!("objects.{kind}")), document)?);
    }
    if figures.is_empty() {
        let hint = "give requests, limits, total, storage or objects";
        return Err(document.diagnostic(path, "has no figure").hint(hint));
    }
    Ok(PlanClaim {
        says: raw.says,
        section: raw.section,
        workload: raw.workload,
        level,
        figures,
        expected,
        note: raw.note,
        location: document.origin.locate(path),
    })
}

/// A quantity, with `~` before it if it is meant roughly.
fn figure_claim(
    figure: Figures,
    raw: &RawQuantity,
    path: &str,
    document: &Document,
) -> Result<FigureClaim, Diagnostic> {
    let (roughly, text) = match raw.0.strip_prefix('~') {
        Some(rest) => (true, rest.trim()),
        None => (false, raw.0.as_str()),
    };
    let says: Quantity = text.parse().map_err(|error: crate::units::ParseQuantityError| {
        document.diagnostic(path, error.to_string()).hint(error.hint())
    })?;
    Ok(FigureClaim { figure, says, roughly })
}
