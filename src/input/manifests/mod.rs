//! Kubernetes manifests: HPAs, their scale targets and what else shapes pods.

mod amounts;
mod edit;
pub(crate) mod hpa;
mod objects;
mod older;
mod owners;
mod placement;
mod pod;
pub(crate) mod problems;
pub(crate) mod raw;
mod reader;
mod schema;
mod select;
mod served;
mod stream;
mod surroundings;
mod validate;
mod workload;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde_yaml::Value;

use super::overrides::{self, Override};
use super::yaml::{Document, read_as_kubectl_does};
use super::{Diagnostic, InputError, Source};
use crate::model::{Duplicate, Inventory, KubernetesVersion, ObjectId, Placed};
use reader::Reader;
use stream::{Object, Renders, Stream};

pub(crate) use amounts::amounts;
pub use edit::Edited;
pub(super) use schema::{definition, unknown_paths};
pub use select::{Selection, StatedPods, Targets};

/// Everything that the manifests contain.
#[derive(Clone, Debug, Default)]
pub struct Manifests {
    /// The objects that are read.
    pub inventory: Inventory,
    /// Documents that are passed over.
    pub notes: Vec<Diagnostic>,
    /// Unknown fields and settings without effect.
    pub warnings: Vec<Diagnostic>,
    /// What the API server refuses.
    pub refused: Vec<Diagnostic>,
    /// Objects whose API version the release does not serve, and whether they bear on autoscaling and planning.
    pub removed: Vec<(Diagnostic, bool)>,
    /// The release that they are read for.
    pub version: KubernetesVersion,
}

/// How manifests are read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Context<'a> {
    /// The release whose API server they are meant for.
    pub version: KubernetesVersion,
    /// The namespace of objects that name none [default: `default`].
    pub namespace: Option<&'a str>,
    /// Whether objects of other namespaces than `namespace` are left out.
    pub only_namespace: bool,
    /// What is changed in them.
    pub overrides: &'a [Override],
}

impl<'a> Context<'a> {
    /// For a release and the namespace of objects that name none.
    pub fn new(version: KubernetesVersion, namespace: Option<&'a str>) -> Self {
        Self { version, namespace, only_namespace: false, overrides: &[] }
    }

    fn default_namespace(&self) -> &'a str {
        self.namespace.unwrap_or("default")
    }
}

impl Manifests {
    /// The same, if the API server refuses none of it.
    pub fn accepted(self) -> Result<Self, InputError> {
        let removed = self.removed.iter().filter(|(_, bears)| *bears).map(|(diagnostic, _)| diagnostic.clone());
        InputError::unless_empty(removed.chain(self.refused.clone()).collect())?;
        Ok(self)
    }

    /// What is odd about what is read, for people: fields, versions without bearing, objects that stand there twice.
    pub fn oddities(&self) -> Vec<Diagnostic> {
        let twice = self.inventory.duplicates.iter().map(|duplicate| {
            let id = &duplicate.object.item;
            let message = format!("{id} stands there twice, also at {}: this one counts", duplicate.earlier);
            let warning = Diagnostic::new(message).at(duplicate.object.location());
            warning.hint("kubectl apply would apply both, one after the other")
        });
        let removed = self.removed.iter().filter(|(_, bears)| !bears).map(|(diagnostic, _)| diagnostic.clone());
        self.warnings.iter().cloned().chain(removed).chain(twice).collect()
    }

    /// The same, if every document is an object.
    pub fn strict(self) -> Result<Self, InputError> {
        InputError::unless_empty(self.notes.clone())?;
        Ok(self)
    }
}

/// At most a short piece of a user's text, without control characters.
pub(crate) fn brief(text: &str) -> Cow<'_, str> {
    crate::model::piece(text)
}

/// Reads all manifests; what the API server refuses is in [`Manifests::refused`]. An error if there is no object at all.
pub fn read(sources: &[Source], context: Context<'_>) -> Result<Manifests, InputError> {
    let mut refused = Vec::new();
    let mut warnings = Vec::new();
    let mut documents = Vec::new();
    for source in sources {
        match read_as_kubectl_does(source) {
            Ok(more) => documents.extend(more),
            Err(_) if source.text.contains("{{") => refused.push(is_a_template(source)),
            Err(error) => refused.extend(error.diagnostics().to_vec()),
        }
    }
    overrides::apply(context.overrides, &mut documents, context.default_namespace())?;
    let mut stream = Stream::default();
    for document in &documents {
        stream.add(document, context.default_namespace());
        let of_an_object = stream.objects.last().is_some_and(|object| object.origin.same_document(&document.origin));
        if of_an_object {
            let last_wins = |duplicate: &Diagnostic| duplicate.clone().hint("the last one counts; remove the others");
            warnings.extend(document.duplicates.iter().map(last_wins));
        }
    }
    let Stream { objects, mut notes, refused: more, renders } = stream;
    refused.extend(more);
    notes.extend(renders.iter().filter_map(rendered_note));
    if objects.is_empty() {
        return Err(nothing(refused, notes, &renders));
    }
    let objects = in_namespace(objects, context, &mut notes)?;
    let (objects, duplicates) = last_of_each(objects);
    let inventory = Inventory { duplicates, ..Inventory::default() };
    let out = Manifests { notes, warnings, refused, removed: Vec::new(), inventory, version: context.version };
    let mut reader = Reader::new(context.version, context.default_namespace(), out);
    reader.read(&objects);
    Ok(reader.finish())
}

/// A change of objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patch {
    /// As strategic merge patches, a document for each: of lists whose items have names those that change, other lists as a whole.
    pub patch: String,
    /// The files that have them, if they are written there so that they can be changed.
    pub edited: Vec<Edited>,
}

/// An object as YAML.
pub fn to_yaml(object: &serde_json::Value) -> Result<String, serde_yaml::Error> {
    serde_yaml::to_string(object)
}

/// What the overrides change of the specs of objects; none if nothing does.
pub fn patch(sources: &[Source], context: Context<'_>, objects: &[ObjectId]) -> Result<Option<Patch>, InputError> {
    let mut documents = Vec::new();
    for source in sources {
        documents.extend(read_as_kubectl_does(source)?);
    }
    let namespace = context.default_namespace();
    let all = |documents: &[Document]| -> Vec<Option<Value>> {
        objects.iter().map(|id| overrides::object(documents, namespace, id)).collect()
    };
    let before = all(&documents);
    overrides::apply(context.overrides, &mut documents, namespace)?;
    let both = before.into_iter().zip(all(&documents)).filter_map(|(before, after)| before.zip(after));
    let changes: Vec<(Value, Value)> = both.filter(|(before, after)| before != after).collect();
    let patches = changes.iter().map(|(before, after)| serde_yaml::to_string(&overrides::changed(before, after)).ok());
    let Some(patches) = patches.collect::<Option<Vec<String>>>().filter(|patches| !patches.is_empty()) else {
        return Ok(None);
    };
    // One file may have several of them.
    let (mut texts, mut edited) = (sources.to_vec(), Some(BTreeSet::new()));
    for (before, after) in &changes {
        let found = edit::edited(&texts, namespace, before, after);
        edited = edited.zip(found).map(|(mut edited, found)| {
            edited.insert(found.source);
            texts[found.source].text = found.text;
            edited
        });
    }
    let of = |source: usize| Edited { source, text: texts[source].text.clone() };
    let edited = edited.into_iter().flatten().map(of).collect();
    Ok(Some(Patch { patch: patches.join("---\n"), edited }))
}

fn is_a_template(source: &Source) -> Diagnostic {
    let line = 1 + source.text.split("{{").next().unwrap_or_default().matches('\n').count();
    Diagnostic::new("is a template (`{{`), not a manifest")
        .at(source.location(line, 0))
        .hint("render the chart first: helm template CHART | hpasim ... -f -")
}

/// What to say of a kustomization that changes the files beside it.
fn rendered_note(renders: &Renders) -> Option<Diagnostic> {
    let folder = renders.at.file.rsplit_once('/').map_or(".", |(folder, _)| folder);
    (!renders.changes.is_empty()).then(|| {
        let fields = renders.changes.join(", ");
        let message = format!("it changes what is applied ({fields}): the plain files are not what it renders");
        let hint = format!("-k {folder} reads what `kubectl apply -k` applies");
        Diagnostic::new(message).at(renders.at.clone()).hint(hint)
    })
}

/// The error where there is no object.
fn nothing(mut refused: Vec<Diagnostic>, notes: Vec<Diagnostic>, renders: &[Renders]) -> InputError {
    if refused.is_empty() {
        let hint = match renders.first() {
            Some(_) => "a kustomization is rendered with -k DIR, or: kubectl kustomize DIR | hpasim ... -f -",
            None => {
                "an object has apiVersion, kind and metadata; for a Helm chart: helm template DIR | hpasim ... -f -"
            }
        };
        refused.push(Diagnostic::new("there is no Kubernetes object in the input").hint(hint));
        refused.splice(0..0, notes);
    }
    InputError::of(refused)
}

/// Leaves out what is not of the namespace, if that is asked for.
fn in_namespace<'a>(
    objects: Vec<Object<'a>>,
    context: Context<'_>,
    notes: &mut Vec<Diagnostic>,
) -> Result<Vec<Object<'a>>, InputError> {
    let Some(wanted) = context.namespace.filter(|_| context.only_namespace) else { return Ok(objects) };
    let mut others: BTreeMap<String, usize> = BTreeMap::new();
    let mut kept = Vec::new();
    for object in objects {
        let namespace = object.namespace();
        if namespace.is_empty() || namespace == wanted {
            kept.push(object);
        } else {
            *others.entry(namespace).or_default() += 1;
        }
    }
    let list: Vec<String> = others.iter().map(|(name, count)| format!("{} ({count})", brief(name))).collect();
    if kept.iter().all(|object| object.namespace().is_empty()) && !others.is_empty() {
        let message = format!("no object of namespace `{}`", brief(wanted));
        return Err(Diagnostic::new(message).hint(format!("there is {}", list.join(", "))).into());
    }
    if !list.is_empty() {
        notes.push(Diagnostic::new(format!("objects of other namespaces are left out: {}", list.join(", "))));
    }
    Ok(kept)
}

/// Of an object that stands there twice the last one, as `kubectl apply` would leave it.
fn last_of_each(objects: Vec<Object<'_>>) -> (Vec<Object<'_>>, Vec<Duplicate>) {
    let mut last: BTreeMap<ObjectId, usize> = BTreeMap::new();
    let mut earlier: Vec<(usize, usize, ObjectId)> = Vec::new();
    for (index, object) in objects.iter().enumerate() {
        let Some(id) = object.id() else { continue };
        if let Some(before) = last.insert(id.clone(), index) {
            earlier.push((before, index, id));
        }
    }
    let duplicates = earlier
        .iter()
        .map(|(before, index, id)| Duplicate {
            object: Placed { item: id.clone(), origin: objects[*index].origin.clone() },
            earlier: objects[*before].origin.locate(""),
        })
        .collect();
    let superseded: Vec<usize> = earlier.iter().map(|(before, ..)| *before).collect();
    let kept = objects.into_iter().enumerate().filter(|(index, _)| !superseded.contains(index));
    (kept.map(|(_, object)| object).collect(), duplicates)
}
