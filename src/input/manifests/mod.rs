//! Kubernetes manifests: HPAs, their scale targets and what else shapes pods.

pub(crate) mod hpa;
pub(crate) mod problems;
pub(crate) mod raw;
mod schema;
mod select;
mod v1;
mod workload;

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_yaml::Value;

use super::yaml::{Document, read_documents};
use super::{Diagnostic, InputError, Location, Source};
use crate::model::{HpaSpec, KubernetesVersion, ObjectReference, Workload};
use problems::{Problem, Problems};
use workload::ContainerDefaults;

pub use select::Selection;

/// Kinds that are read, or known to have no bearing on autoscaling.
const KNOWN_KINDS: [&str; 8] = [
    "ConfigMap",
    "Ingress",
    "LimitRange",
    "Namespace",
    "PersistentVolumeClaim",
    "PodDisruptionBudget",
    "Secret",
    "Service",
];

/// Kinds with a pod template that nothing scales by replicas.
const UNSCALABLE_KINDS: [&str; 3] = ["DaemonSet", "Job", "PodTemplate"];

/// Something read from a manifest and where it stands.
#[derive(Clone, Debug)]
pub struct Placed<T> {
    /// What was read.
    pub item: T,
    /// The start of its document.
    pub location: Location,
}

/// Everything that the manifests contain.
#[derive(Clone, Debug, Default)]
pub struct Manifests {
    /// The HorizontalPodAutoscalers.
    pub hpas: Vec<Placed<HpaSpec>>,
    /// Whatever can be scaled.
    pub workloads: Vec<Placed<Workload>>,
    /// The number of documents of each kind that is neither read nor known.
    pub other_kinds: BTreeMap<String, usize>,
    /// Unknown fields and settings without effect.
    pub warnings: Vec<Diagnostic>,
}

/// One object of a stream: a document, or an item of a `List`.
struct Object<'a> {
    document: &'a Document<'a>,
    value: &'a Value,
    /// What comes before the object's own paths, such as `items[2].`.
    prefix: String,
    header: raw::Header,
}

impl Object<'_> {
    fn path(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }

    fn location(&self) -> Location {
        let at = self.document.diagnostic(self.prefix.trim_end_matches('.'), "");
        at.location.unwrap_or(Location { file: String::new(), line: 0, column: 0 })
    }

    fn namespace(&self, default: &str) -> String {
        self.header.metadata.namespace.clone().unwrap_or_else(|| default.to_owned())
    }

    fn diagnostic(&self, problem: Problem) -> Diagnostic {
        let mut diagnostic = self.document.diagnostic(&self.path(&problem.path), problem.message);
        diagnostic.hint = problem.hint;
        diagnostic
    }

    /// Reads the object as a type; a mismatch names the field.
    fn read<T: DeserializeOwned>(&self) -> Result<T, Diagnostic> {
        serde_path_to_error::deserialize(self.value).map_err(|error| {
            let path = error.path().to_string();
            let path = if path == "." { String::new() } else { path };
            self.document.diagnostic(&self.path(&path), plain_words(&error.into_inner().to_string()))
        })
    }

    fn has_pod_template(&self) -> bool {
        self.value.get("spec").and_then(|spec| spec.get("template")).and_then(|template| template.get("spec")).is_some()
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
        if let Err(diagnostic) = flatten(document, &document.value, String::new(), &mut objects) {
            errors.push(diagnostic);
        }
    }
    let mut reader = Reader { version, default_namespace, out: Manifests::default(), errors };
    let defaults = reader.limit_ranges(&objects);
    for object in &objects {
        reader.object(object, &defaults);
    }
    InputError::unless_empty(reader.errors)?;
    Ok(reader.out)
}

/// The object itself, or the items of a `List`.
fn flatten<'a>(
    document: &'a Document<'a>,
    value: &'a Value,
    prefix: String,
    objects: &mut Vec<Object<'a>>,
) -> Result<(), Diagnostic> {
    let mut object = Object { document, value, prefix, header: raw::Header::default() };
    if !value.is_mapping() {
        let here = object.prefix.trim_end_matches('.');
        return Err(document
            .diagnostic(here, "is not a Kubernetes object")
            .hint("an object has apiVersion, kind and metadata"));
    }
    object.header = object.read()?;
    for (field, missing) in
        [("kind", object.header.kind.is_empty()), ("apiVersion", object.header.api_version.is_empty())]
    {
        if missing {
            return Err(document
                .diagnostic(&object.path(field), "is required")
                .hint("every object has apiVersion and kind"));
        }
    }
    if object.header.kind.ends_with("List")
        && let Some(items) = value.get("items").and_then(Value::as_sequence)
    {
        for (index, item) in items.iter().enumerate() {
            let prefix = format!("{}items[{index}].", object.prefix);
            flatten(document, item, prefix, objects)?;
        }
        return Ok(());
    }
    if object.header.metadata.name.is_none() && object.header.metadata.generate_name.is_none() {
        return Err(document.diagnostic(&object.path("metadata.name"), "is required"));
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
    /// The container defaults of every namespace.
    fn limit_ranges(&mut self, objects: &[Object<'_>]) -> BTreeMap<String, ContainerDefaults> {
        let mut all: BTreeMap<String, ContainerDefaults> = BTreeMap::new();
        for object in objects.iter().filter(|object| object.header.kind == "LimitRange") {
            let mut problems = Problems::default();
            match object.read() {
                Ok(raw) => {
                    all.entry(object.namespace(self.default_namespace)).or_default().add(&raw, &mut problems);
                }
                Err(diagnostic) => self.errors.push(diagnostic),
            }
            self.report(object, problems);
        }
        all
    }

    fn object(&mut self, object: &Object<'_>, defaults: &BTreeMap<String, ContainerDefaults>) {
        let kind = object.header.kind.as_str();
        if kind == "HorizontalPodAutoscaler" {
            self.hpa(object);
        } else if UNSCALABLE_KINDS.contains(&kind) || !object.has_pod_template() {
            if !KNOWN_KINDS.contains(&kind) {
                *self.out.other_kinds.entry(kind.to_owned()).or_default() += 1;
            }
        } else {
            self.workload(object, defaults);
        }
    }

    fn hpa(&mut self, object: &Object<'_>) {
        let api_version = object.header.api_version.as_str();
        let schema = match api_version {
            "autoscaling/v2" => "Hpa",
            "autoscaling/v2beta2" => {
                if self.version.at_least(26) {
                    let message = format!("autoscaling/v2beta2 is no longer served by Kubernetes {}", self.version);
                    let problem = Problem {
                        path: "apiVersion".into(),
                        message,
                        hint: Some("use autoscaling/v2; the fields are the same".into()),
                    };
                    self.out.warnings.push(object.diagnostic(problem));
                }
                "Hpa"
            }
            "autoscaling/v1" => "HpaV1",
            other => {
                let message = format!("`{other}` is not supported for a HorizontalPodAutoscaler");
                let hint = "use autoscaling/v2 (v2beta2 and v1 are read as well)".to_owned();
                let problem = Problem { path: "apiVersion".into(), message, hint: Some(hint) };
                self.errors.push(object.diagnostic(problem));
                return;
            }
        };
        self.warn_unknown(object, object.value, schema, "");
        let mut problems = Problems::default();
        match object.read() {
            Ok(raw) => {
                let spec = hpa::convert(raw, api_version, self.version, self.default_namespace, &mut problems);
                self.out.hpas.push(Placed { item: spec, location: object.location() });
            }
            Err(diagnostic) => self.errors.push(diagnostic),
        }
        self.report(object, problems);
    }

    fn workload(&mut self, object: &Object<'_>, defaults: &BTreeMap<String, ContainerDefaults>) {
        if let Some(template) = object.value.get("spec").and_then(|spec| spec.get("template")) {
            self.warn_unknown(object, template, "Template", "spec.template");
        }
        let namespace = object.namespace(self.default_namespace);
        let container_defaults = defaults.get(&namespace).cloned().unwrap_or_default();
        let reference = ObjectReference {
            api_version: object.header.api_version.clone(),
            kind: object.header.kind.clone(),
            name: object.header.metadata.name.clone().unwrap_or_default(),
        };
        let mut problems = Problems::default();
        match object.read() {
            Ok(raw) => {
                let workload = workload::convert(raw, reference, namespace, &container_defaults, &mut problems);
                self.out.workloads.push(Placed { item: workload, location: object.location() });
            }
            Err(diagnostic) => self.errors.push(diagnostic),
        }
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
