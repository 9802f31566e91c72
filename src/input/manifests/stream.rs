//! From documents to objects: what kubectl would send to the API server, and what it would not.

use serde::de::DeserializeOwned;
use serde_yaml::Value;

use super::problems::Problem;
use super::{brief, raw, served};
use crate::input::Diagnostic;
use crate::input::yaml::Document;
use crate::model::{Location, ObjectId, ObjectReference, Origin, api_group};

/// One object of a stream: a document, or an item of a list.
pub(super) struct Object<'a> {
    pub value: &'a Value,
    pub origin: Origin,
    pub header: raw::Header,
    default_namespace: &'a str,
}

/// Kinds of Kubernetes' own that belong to no namespace.
const CLUSTER_SCOPED: [&str; 14] = [
    "APIService",
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "IngressClass",
    "MutatingWebhookConfiguration",
    "Namespace",
    "Node",
    "PersistentVolume",
    "PodSecurityPolicy",
    "PriorityClass",
    "RuntimeClass",
    "StorageClass",
    "ValidatingWebhookConfiguration",
];

impl Object<'_> {
    pub fn name(&self) -> String {
        let metadata = &self.header.metadata;
        metadata.name.clone().or_else(|| metadata.generate_name.clone()).unwrap_or_default()
    }

    pub fn kind(&self) -> &str {
        &self.header.kind
    }

    pub fn group(&self) -> &str {
        api_group(&self.header.api_version)
    }

    /// The namespace; empty for kinds that have none.
    pub fn namespace(&self) -> String {
        if CLUSTER_SCOPED.contains(&self.kind()) && served::is_builtin_group(self.group()) {
            return String::new();
        }
        self.header.metadata.namespace.clone().unwrap_or_else(|| self.default_namespace.to_owned())
    }

    /// Which object it is; none if the API server gives it a name.
    pub fn id(&self) -> Option<ObjectId> {
        self.header.metadata.name.as_ref().map(|name| ObjectId {
            kind: self.header.kind.clone(),
            group: self.group().to_owned(),
            namespace: self.namespace(),
            name: name.clone(),
        })
    }

    pub fn reference(&self) -> ObjectReference {
        ObjectReference {
            api_version: self.header.api_version.clone(),
            kind: self.header.kind.clone(),
            name: self.name(),
        }
    }

    /// Whether it was read from a cluster: the API server has given it an identity.
    pub fn is_live(&self) -> bool {
        ["uid", "resourceVersion"].iter().any(|field| self.part(&format!("metadata.{field}")).is_some())
    }

    pub fn wrong(&self, path: &str, message: impl Into<String>) -> Diagnostic {
        let at: Location = self.origin.locate(path);
        Diagnostic::new(message).at(at).field(self.origin.path(path).trim_end_matches('.'))
    }

    pub fn diagnostic(&self, problem: Problem) -> Diagnostic {
        let mut diagnostic = self.wrong(&problem.path, problem.message);
        diagnostic.hint = problem.hint;
        diagnostic
    }

    /// Reads the object as a type; a mismatch names the field.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Diagnostic> {
        self.read_at("")
    }

    /// Reads a part of the object; an absent part is empty.
    pub fn read_at<T: DeserializeOwned>(&self, path: &str) -> Result<T, Diagnostic> {
        let nothing = Value::Mapping(serde_yaml::Mapping::new());
        let value = self.part(path).unwrap_or(&nothing);
        serde_path_to_error::deserialize(value).map_err(|error| {
            let inner = error.path().to_string();
            let full = match (path, inner.as_str()) {
                (path, ".") => path.to_owned(),
                ("", inner) => inner.to_owned(),
                (path, inner) => format!("{path}.{inner}"),
            };
            let message = crate::input::diagnostic::plain_words(&error.into_inner().to_string());
            // The header may not have been read yet.
            let secret = self.value.get("kind").and_then(Value::as_str) == Some("Secret");
            self.wrong(&full, if secret { "is of the wrong type".to_owned() } else { message })
        })
    }

    pub fn part(&self, path: &str) -> Option<&Value> {
        path.split('.').filter(|name| !name.is_empty()).try_fold(self.value, |value, name| value.get(name))
    }

    /// Whether it has a pod template where custom resources have theirs.
    pub fn has_pod_template(&self) -> bool {
        self.part("spec.template.spec.containers").is_some()
    }
}

/// What a stream of documents consists of.
#[derive(Default)]
pub(super) struct Stream<'a> {
    pub objects: Vec<Object<'a>>,
    /// Documents that are no objects.
    pub notes: Vec<Diagnostic>,
    /// What no API server would take.
    pub refused: Vec<Diagnostic>,
    /// Folders and files that a tool renders before anything is applied.
    pub renders: Vec<Renders>,
}

/// A kustomization among the documents.
pub(super) struct Renders {
    pub at: Location,
    /// The fields by which it changes what the plain files say.
    pub changes: Vec<String>,
}

/// The fields of a kustomization that only gather files.
const GATHERING: [&str; 6] = ["apiVersion", "kind", "metadata", "resources", "crds", "openapi"];

impl<'a> Stream<'a> {
    pub fn add(&mut self, document: &'a Document, default_namespace: &'a str) {
        let start = Object {
            value: &document.value,
            origin: document.origin.clone(),
            header: raw::Header::default(),
            default_namespace,
        };
        self.flatten(start, None);
    }

    fn note(&mut self, object: &Object<'_>, why: &str) {
        let note = object.wrong("", format!("is no Kubernetes object: {why}"));
        self.notes.push(note.field(""));
    }

    /// The object itself, or the items of a list. Items of a typed list (`DeploymentList`) need no kind.
    fn flatten(&mut self, mut object: Object<'a>, of_list: Option<(&str, &str)>) {
        if !object.value.is_mapping() {
            return self.note(&object, "it is no mapping with apiVersion, kind and metadata");
        }
        let has = |field: &str| object.value.get(field).is_some();
        let listed = of_list.is_some();
        if self.is_of_a_tool(&object) {
            return;
        }
        if !listed && !has("metadata") && (!has("kind") || !has("apiVersion")) {
            let missing = if has("kind") { "apiVersion" } else { "kind" };
            let both = !has("kind") && !has("apiVersion");
            let why =
                if both { "it has neither apiVersion nor kind".to_owned() } else { format!("it has no {missing}") };
            return self.note(&object, &why);
        }
        match object.read() {
            Ok(header) => object.header = header,
            Err(diagnostic) => return self.refused.push(diagnostic),
        }
        if let Some((api_version, kind)) = of_list {
            let header = &mut object.header;
            for (field, default) in [(&mut header.api_version, api_version), (&mut header.kind, kind)] {
                if field.is_empty() {
                    default.clone_into(field);
                }
            }
        }
        for (field, missing) in
            [("kind", object.kind().is_empty()), ("apiVersion", object.header.api_version.is_empty())]
        {
            if missing {
                let error = object.wrong(field, "is required").hint("every object has apiVersion and kind");
                return self.refused.push(error);
            }
        }
        if object.kind().ends_with("List") && (has("items") || !has("spec")) {
            return self.items(&object);
        }
        if object.name().is_empty() {
            return if served::is_builtin_group(object.group()) {
                self.refused.push(object.wrong("metadata.name", "is required"));
            } else {
                let kind = brief(object.kind());
                self.note(
                    &object,
                    &format!("it is a {kind} of {} without metadata.name", brief(&object.header.api_version)),
                );
            };
        }
        self.objects.push(object);
    }

    fn items(&mut self, list: &Object<'a>) {
        let Some(items) = list.value.get("items") else { return };
        let Some(items) = items.as_sequence() else {
            return self.refused.push(list.wrong("items", "must be a list"));
        };
        let kind = list.kind().strip_suffix("List").unwrap_or_default().to_owned();
        let api_version = if kind.is_empty() { String::new() } else { list.header.api_version.clone() };
        for (index, item) in items.iter().enumerate() {
            let object = Object {
                value: item,
                origin: list.origin.inside(&format!("items[{index}].")),
                header: raw::Header::default(),
                default_namespace: list.default_namespace,
            };
            self.flatten(object, Some((&api_version, &kind)));
        }
    }

    /// Kustomizations and the descriptions of Helm charts; says whether it was one.
    fn is_of_a_tool(&mut self, object: &Object<'_>) -> bool {
        let text = |field: &str| object.value.get(field).and_then(Value::as_str).unwrap_or_default();
        let location = object.origin.locate("");
        let file = location.file.rsplit(['/', '\\']).next().unwrap_or_default();
        let named = ["kustomization.yaml", "kustomization.yml"].contains(&file) && object.value.get("spec").is_none();
        let group = api_group(text("apiVersion"));
        if group == "kustomize.config.k8s.io" || (named && text("kind").is_empty()) {
            let fields = object.value.as_mapping().into_iter().flatten().filter_map(|(key, _)| key.as_str());
            let changes: Vec<String> =
                fields.filter(|field| !GATHERING.contains(field)).map(|field| brief(field).into_owned()).collect();
            self.note(object, "it is a kustomization");
            self.renders.push(Renders { at: location, changes });
            return true;
        }
        if file == "Chart.yaml" && text("kind").is_empty() {
            self.note(object, "it describes a Helm chart; `helm template DIR | hpasim ... -f -` reads the chart");
            return true;
        }
        false
    }
}
