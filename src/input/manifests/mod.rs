//! Kubernetes manifests: HPAs, their scale targets and what else shapes pods.

pub(crate) mod hpa;
mod objects;
mod pod;
pub(crate) mod problems;
pub(crate) mod raw;
mod schema;
mod select;
mod v1;
mod workload;

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_yaml::Value;

use super::yaml::read_documents;
use super::{Diagnostic, InputError, Source};
use crate::model::{Inventory, KubernetesVersion, Location, ObjectReference, Origin, Placed};
use pod::Surroundings;
use problems::{Problem, Problems};

pub(crate) use pod::amounts;
pub use select::Selection;

/// Kinds that are read, or known to have no bearing on autoscaling and planning.
const KNOWN_KINDS: [&str; 23] = [
    "ClusterRole",
    "ClusterRoleBinding",
    "ConfigMap",
    "CustomResourceDefinition",
    "Ingress",
    "IngressClass",
    "LimitRange",
    "Namespace",
    "NetworkPolicy",
    "PersistentVolumeClaim",
    "PodDisruptionBudget",
    "PriorityClass",
    "ResourceQuota",
    "Role",
    "RoleBinding",
    "RuntimeClass",
    "ScaledObject",
    "Secret",
    "Service",
    "ServiceAccount",
    "ServiceMonitor",
    "StorageClass",
    "VerticalPodAutoscaler",
];

/// Kinds of Kubernetes' own that make pods; of any other kind, what has a pod template.
const WORKLOAD_KINDS: [&str; 8] =
    ["CronJob", "DaemonSet", "Deployment", "Job", "Pod", "ReplicaSet", "ReplicationController", "StatefulSet"];

/// Everything that the manifests contain.
#[derive(Clone, Debug, Default)]
pub struct Manifests {
    /// The objects that are read.
    pub inventory: Inventory,
    /// The number of documents of each kind that is neither read nor known.
    pub other_kinds: BTreeMap<String, usize>,
    /// Unknown fields and settings without effect.
    pub warnings: Vec<Diagnostic>,
}

/// One object of a stream: a document, or an item of a `List`.
struct Object<'a> {
    value: &'a Value,
    origin: Origin,
    header: raw::Header,
}

impl Object<'_> {
    fn name(&self) -> String {
        let metadata = &self.header.metadata;
        metadata.name.clone().or_else(|| metadata.generate_name.clone()).unwrap_or_default()
    }

    fn namespace(&self, default: &str) -> String {
        self.header.metadata.namespace.clone().unwrap_or_else(|| default.to_owned())
    }

    fn reference(&self) -> ObjectReference {
        ObjectReference {
            api_version: self.header.api_version.clone(),
            kind: self.header.kind.clone(),
            name: self.name(),
        }
    }

    fn wrong(&self, path: &str, message: impl Into<String>) -> Diagnostic {
        let at: Location = self.origin.locate(path);
        Diagnostic::new(message).at(at).field(self.origin.path(path).trim_end_matches('.'))
    }

    fn diagnostic(&self, problem: Problem) -> Diagnostic {
        let mut diagnostic = self.wrong(&problem.path, problem.message);
        diagnostic.hint = problem.hint;
        diagnostic
    }

    /// Reads the object as a type; a mismatch names the field.
    fn read<T: DeserializeOwned>(&self) -> Result<T, Diagnostic> {
        self.read_at("")
    }

    /// Reads a part of the object; an absent part is empty.
    fn read_at<T: DeserializeOwned>(&self, path: &str) -> Result<T, Diagnostic> {
        let nothing = Value::Mapping(serde_yaml::Mapping::new());
        let value = self.part(path).unwrap_or(&nothing);
        serde_path_to_error::deserialize(value).map_err(|error| {
            let inner = error.path().to_string();
            let full = match (path, inner.as_str()) {
                (path, ".") => path.to_owned(),
                ("", inner) => inner.to_owned(),
                (path, inner) => format!("{path}.{inner}"),
            };
            self.wrong(&full, plain_words(&error.into_inner().to_string()))
        })
    }

    fn part(&self, path: &str) -> Option<&Value> {
        path.split('.').filter(|name| !name.is_empty()).try_fold(self.value, |value, name| value.get(name))
    }

    fn makes_pods(&self) -> bool {
        let kind = self.header.kind.as_str();
        WORKLOAD_KINDS.contains(&kind)
            || (!KNOWN_KINDS.contains(&kind) && self.part("spec.template.spec.containers").is_some())
    }
}

/// serde's message without the names of our types.
pub(super) fn plain_words(message: &str) -> String {
    if let Some(name) = message.strip_prefix("data did not match any variant of untagged enum ") {
        return match name {
            "Duration" => "is not a duration such as 90s, 15m or 1h30m".to_owned(),
            _ => "is not a number or a quantity".to_owned(),
        };
    }
    match message.split_once(", expected ") {
        Some((found, "i32")) => format!("{found}, expected a whole number"),
        Some((found, expected)) if expected.starts_with("struct ") => format!("{found}, expected an object"),
        Some((found, "a sequence")) => format!("{found}, expected a list"),
        _ => message.to_owned(),
    }
}

/// Reads all manifests for a release; objects without a namespace belong to `default_namespace`.
pub fn read(sources: &[Source], version: KubernetesVersion, default_namespace: &str) -> Result<Manifests, InputError> {
    let mut errors = Vec::new();
    let mut documents = Vec::new();
    for source in sources {
        match read_documents(source) {
            Ok(more) => documents.extend(more),
            Err(error) => errors.extend(error.diagnostics().to_vec()),
        }
    }
    let mut objects = Vec::new();
    for document in &documents {
        if let Err(diagnostic) = flatten(&document.value, document.origin.clone(), &mut objects) {
            errors.push(diagnostic);
        }
    }
    let mut reader = Reader { version, default_namespace, out: Manifests::default(), errors };
    let around = reader.surroundings(&objects);
    for object in &objects {
        reader.object(object, &objects, &around);
    }
    InputError::unless_empty(reader.errors)?;
    Ok(reader.out)
}

/// The object itself, or the items of a `List`.
fn flatten<'a>(value: &'a Value, origin: Origin, objects: &mut Vec<Object<'a>>) -> Result<(), Diagnostic> {
    let mut object = Object { value, origin, header: raw::Header::default() };
    if !value.is_mapping() {
        return Err(object.wrong("", "is not a Kubernetes object").hint("an object has apiVersion, kind and metadata"));
    }
    object.header = object.read()?;
    for (field, missing) in
        [("kind", object.header.kind.is_empty()), ("apiVersion", object.header.api_version.is_empty())]
    {
        if missing {
            return Err(object.wrong(field, "is required").hint("every object has apiVersion and kind"));
        }
    }
    if object.header.kind.ends_with("List")
        && let Some(items) = value.get("items").and_then(Value::as_sequence)
    {
        for (index, item) in items.iter().enumerate() {
            flatten(item, object.origin.inside(&format!("items[{index}].")), objects)?;
        }
        return Ok(());
    }
    if object.name().is_empty() {
        return Err(object.wrong("metadata.name", "is required"));
    }
    objects.push(object);
    Ok(())
}

struct Reader<'a> {
    version: KubernetesVersion,
    default_namespace: &'a str,
    out: Manifests,
    errors: Vec<Diagnostic>,
}

impl Reader<'_> {
    /// What shapes pods from outside: LimitRanges and RuntimeClasses.
    fn surroundings(&mut self, objects: &[Object<'_>]) -> Surroundings {
        let mut around = Surroundings::default();
        for object in objects {
            match object.header.kind.as_str() {
                "LimitRange" => self.convert(object, |reader, raw, problems| {
                    let namespace = object.namespace(reader.default_namespace);
                    around.defaults.entry(namespace).or_default().add(&raw, &object.origin, problems);
                }),
                "RuntimeClass" => self.convert(object, |_, raw: raw::RuntimeClass, problems| {
                    let path = "overhead.podFixed";
                    let overhead = pod::amounts(&raw.overhead.pod_fixed, path, &object.origin, problems);
                    around.overheads.insert(object.name(), overhead);
                }),
                _ => {}
            }
        }
        around
    }

    /// Reads an object and hands it to its converter, with room for complaints.
    fn convert<T: DeserializeOwned>(&mut self, object: &Object<'_>, convert: impl FnOnce(&mut Self, T, &mut Problems)) {
        let mut problems = Problems::default();
        match object.read() {
            Ok(raw) => convert(self, raw, &mut problems),
            Err(diagnostic) => self.errors.push(diagnostic),
        }
        self.report(object, problems);
    }

    fn object(&mut self, object: &Object<'_>, objects: &[Object<'_>], around: &Surroundings) {
        let kind = object.header.kind.as_str();
        self.out.inventory.kinds.entry(kind.to_owned()).or_default().push(object.origin.locate(""));
        let (name, namespace) = (object.name(), object.namespace(self.default_namespace));
        let origin = object.origin.clone();
        match kind {
            "HorizontalPodAutoscaler" => self.hpa(object),
            "PersistentVolumeClaim" => self.convert(object, |reader, raw: raw::VolumeClaim, problems| {
                let item = objects::claim(&raw.spec, name, namespace, "", &origin, problems);
                reader.out.inventory.claims.push(Placed { item, origin });
            }),
            "ResourceQuota" => self.convert(object, |reader, raw, problems| {
                let item = objects::quota(&raw, name, namespace, &origin, problems);
                reader.out.inventory.quotas.push(Placed { item, origin });
            }),
            "PodDisruptionBudget" => self.convert(object, |reader, raw, problems| {
                let budget = objects::budget(&raw, name, namespace, problems);
                reader.out.inventory.budgets.extend(budget.map(|item| Placed { item, origin }));
            }),
            "VerticalPodAutoscaler" | "ScaledObject" => self.convert(object, |reader, raw, _| {
                let item = objects::other_scaler(raw, object.reference(), namespace);
                reader.out.inventory.other_scalers.push(Placed { item, origin });
            }),
            _ if object.makes_pods() && is_owned(object, objects) => {}
            _ if object.makes_pods() => self.workload(object, around),
            _ if !KNOWN_KINDS.contains(&kind) => {
                *self.out.other_kinds.entry(kind.to_owned()).or_default() += 1;
            }
            _ => {}
        }
    }

    fn hpa(&mut self, object: &Object<'_>) {
        let api_version = object.header.api_version.as_str();
        let schema = match api_version {
            "autoscaling/v2" => "Hpa",
            "autoscaling/v2beta2" => {
                if self.version.at_least(26) {
                    let message = format!("autoscaling/v2beta2 is no longer served by Kubernetes {}", self.version);
                    let warning = object.wrong("apiVersion", message);
                    self.out.warnings.push(warning.hint("use autoscaling/v2; the fields are the same"));
                }
                "Hpa"
            }
            "autoscaling/v1" => "HpaV1",
            other => {
                let message = format!("`{other}` is not supported for a HorizontalPodAutoscaler");
                let error = object.wrong("apiVersion", message);
                self.errors.push(error.hint("use autoscaling/v2 (v2beta2 and v1 are read as well)"));
                return;
            }
        };
        self.warn_unknown(object, object.value, schema, "");
        self.convert(object, |reader, raw, problems| {
            let item = hpa::convert(raw, api_version, reader.version, reader.default_namespace, problems);
            reader.out.inventory.hpas.push(Placed { item, origin: object.origin.clone() });
        });
    }

    fn workload(&mut self, object: &Object<'_>, around: &Surroundings) {
        let path = workload::template_path(&object.header.kind);
        if let Some(template) = object.part(path).filter(|_| !path.is_empty()) {
            self.warn_unknown(object, template, "Template", path);
        } else if let Some(spec) = object.part("spec").filter(|_| path.is_empty()) {
            self.warn_unknown(object, spec, "PodSpec", "spec");
        }
        let spec = if path.is_empty() { Ok(raw::WorkloadSpec::default()) } else { object.read_at("spec") };
        let (spec, template) = match (spec, object.read_at(path)) {
            (Ok(spec), Ok(template)) => (spec, template),
            (spec, template) => {
                self.errors.extend(spec.err().into_iter().chain(template.err()));
                return;
            }
        };
        let mut problems = Problems::default();
        let written = workload::Written {
            reference: object.reference(),
            namespace: object.namespace(self.default_namespace),
            spec,
            template,
        };
        let item = workload::convert(written, &object.origin, around, &mut problems);
        self.out.inventory.workloads.push(Placed { item, origin: object.origin.clone() });
        self.report(object, problems);
    }

    fn warn_unknown(&mut self, object: &Object<'_>, value: &Value, schema: &str, path: &str) {
        for unknown in schema::unknown_fields(value, schema, path) {
            let hint = unknown.nearest.map(|nearest| format!("did you mean `{nearest}`?"));
            let message = format!("unknown field `{}`; it has no effect", unknown.name);
            let problem = Problem { path: unknown.path, message, hint };
            self.out.warnings.push(object.diagnostic(problem));
        }
    }

    fn report(&mut self, object: &Object<'_>, problems: Problems) {
        self.errors.extend(problems.errors.into_iter().map(|problem| object.diagnostic(problem)));
        self.out.warnings.extend(problems.warnings.into_iter().map(|problem| object.diagnostic(problem)));
    }
}

/// Whether another object of the manifests makes this one, as a Deployment does its ReplicaSets and they their
/// pods in the output of `kubectl get all`.
fn is_owned(object: &Object<'_>, objects: &[Object<'_>]) -> bool {
    let owners = object.header.metadata.owner_references.iter().flatten().filter(|owner| owner.controller);
    owners.into_iter().any(|owner| {
        objects.iter().any(|other| {
            other.header.kind == owner.kind
                && other.name() == owner.name
                && other.header.metadata.namespace == object.header.metadata.namespace
        })
    })
}
