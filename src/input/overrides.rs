//! `--set PATH=VALUE`: what is changed in manifests and in the load before anything is simulated.
//!
//! Manifests are changed as documents, before they are read, so that a value is checked like one of the file.

use std::fmt;
use std::str::FromStr;

use serde_yaml::{Mapping, Value};

use super::names::hint;
use super::yaml::{Document, drop_nulls, read_documents};
use super::{Diagnostic, InputError, Source};
use crate::model::{ObjectId, piece};
use crate::units::{Span, When};

/// One change.
#[derive(Clone, Debug, PartialEq)]
pub enum Override {
    /// A field of objects.
    Field(FieldOverride),
    /// The load is so many times what it says.
    LoadFactor(LoadFactor),
}

/// A field of an object's `spec`, or of all objects of a kind.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldOverride {
    /// As it was written.
    text: String,
    kind: &'static str,
    /// What comes after the kind: an object's name or none, and the path.
    rest: String,
    value: Value,
}

/// How many times the load, for a while.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadFactor {
    /// As it was written.
    text: String,
    /// The HPA, or NAMESPACE/NAME; all without it.
    pub hpa: Option<String>,
    /// How many times.
    pub factor: f64,
    /// From when on; the start without it.
    pub from: Option<When>,
    /// For how long, or until when; to the end without it.
    pub until: Option<Until>,
}

/// When something ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// So long after its beginning.
    For(Span),
    /// At a time.
    At(When),
}

impl fmt::Display for Override {
    /// As it was written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(field) => f.write_str(&field.text),
            Self::LoadFactor(factor) => f.write_str(&factor.text),
        }
    }
}

/// What kubectl calls the kinds whose fields can be changed.
const KINDS: [(&str, &[&str]); 7] = [
    ("HorizontalPodAutoscaler", &["hpa", "horizontalpodautoscaler", "horizontalpodautoscalers"]),
    ("Deployment", &["deploy", "deployment", "deployments"]),
    ("StatefulSet", &["sts", "statefulset", "statefulsets"]),
    ("ReplicaSet", &["rs", "replicaset", "replicasets"]),
    ("DaemonSet", &["ds", "daemonset", "daemonsets"]),
    ("ResourceQuota", &["quota", "resourcequota", "resourcequotas"]),
    ("PodDisruptionBudget", &["pdb", "poddisruptionbudget", "poddisruptionbudgets"]),
];

/// No load grows by more at once.
pub(super) const LARGEST_FACTOR: f64 = 10_000.0;

impl FromStr for Override {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let usage = "write PATH=VALUE, such as hpa.web.maxReplicas=14 or load.factor=3@09:00+1h";
        let (path, value) = text.split_once('=').ok_or(usage)?;
        let (kind, rest) = path.split_once('.').ok_or(usage)?;
        if kind == "load" {
            return load_factor(rest, value).map(Self::LoadFactor);
        }
        let lower = kind.to_ascii_lowercase();
        let found = KINDS.iter().find(|(_, names)| names.contains(&lower.as_str()));
        let Some((kind, _)) = found else {
            let known = KINDS.iter().map(|(_, names)| names[0]).chain(["load"]);
            return Err(format!("`{kind}` cannot be changed; {}", hint(kind, known)));
        };
        let source = Source { name: "VALUE".into(), text: value.into() };
        let documents = read_documents(&source).map_err(|error| error.to_string())?;
        let value = match documents.as_slice() {
            [] => Value::Null,
            [only] => only.value.clone(),
            _ => return Err(usage.to_owned()),
        };
        Ok(Self::Field(FieldOverride { text: text.to_owned(), kind, rest: rest.to_owned(), value }))
    }
}

/// `factor=3`, `NAME.factor=3@09:00+1h`, `factor=3@09:00-10:30`.
fn load_factor(path: &str, value: &str) -> Result<LoadFactor, String> {
    let (hpa, field) = path.rsplit_once('.').map_or((None, path), |(hpa, field)| (Some(hpa.to_owned()), field));
    if field != "factor" {
        return Err(format!(
            "the load has `factor`, and no `{field}`; what requests cost are options: --cpu-per-request"
        ));
    }
    let (factor, when) = value.split_once('@').map_or((value, None), |(factor, when)| (factor, Some(when)));
    let number: f64 = factor.parse().map_err(|_| format!("`{factor}` is not a number"))?;
    if !(0.0..=LARGEST_FACTOR).contains(&number) {
        return Err(format!("the factor must be from 0 to {LARGEST_FACTOR}"));
    }
    let text = format!("load.{path}={value}");
    let mut found = LoadFactor { text, hpa, factor: number, from: None, until: None };
    let Some(when) = when else { return Ok(found) };
    // An instant has dashes and a plus of its own: it stands alone.
    if let Ok(from) = when.parse() {
        found.from = Some(from);
    } else if let Some((from, span)) = when.split_once('+') {
        found.from = Some(from.parse()?);
        found.until = Some(Until::For(span.parse().map_err(|error| format!("{error}"))?));
    } else if let Some((from, to)) = when.split_once('-') {
        found.from = Some(from.parse()?);
        found.until = Some(Until::At(to.parse()?));
    } else {
        return Err(format!("`{when}` is no time: write 09:00, 09:00+1h, 09:00-10:30, or 9h30m"));
    }
    if matches!(found.until, Some(Until::For(Span::ZERO))) {
        return Err("it must last at least 1s".into());
    }
    Ok(found)
}

/// Changes documents. An error if there is nothing of the name, or no such field.
pub(super) fn apply(overrides: &[Override], documents: &mut [Document], namespace: &str) -> Result<(), InputError> {
    let mut wrong = Vec::new();
    for one in overrides {
        let Override::Field(field) = one else { continue };
        wrong.extend(field.apply(documents, namespace).err());
    }
    InputError::unless_empty(wrong)
}

/// A step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step<'a> {
    Field(&'a str),
    /// `[0]`.
    Index(usize),
    /// `[cpu]`: the item of that name.
    Named(&'a str),
}

impl FieldOverride {
    fn wrong(&self, message: &str) -> Diagnostic {
        Diagnostic::new(format!("--set {}: {message}", piece(&self.text)))
    }

    fn apply(&self, documents: &mut [Document], namespace: &str) -> Result<(), Diagnostic> {
        let mut names: Vec<String> = Vec::new();
        for document in documents.iter() {
            objects(&document.value, |_, object| {
                if self.is_of_kind(object) {
                    let (space, name) = identity(object, namespace);
                    names.extend([name.clone(), format!("{space}/{name}")]);
                }
            });
        }
        if names.is_empty() {
            return Err(self.wrong(&format!("there is no {} in the manifests", self.kind)));
        }
        let chosen = names.iter().filter(|name| self.rest.strip_prefix(name.as_str()).is_some_and(begins_a_path));
        let chosen = chosen.max_by_key(|name| name.len()).cloned();
        let path = chosen.as_ref().map_or(self.rest.as_str(), |name| &self.rest[name.len() + 1..]);
        let path = path.strip_prefix("spec.").unwrap_or(path);
        let steps = steps(path).ok_or_else(|| self.wrong(&format!("`{}` is no path of a field", piece(path))))?;
        let mut problem = None;
        for document in documents {
            let mut places = Vec::new();
            objects(&document.value, |prefix, object| {
                let (space, name) = identity(object, namespace);
                let is_meant = chosen.as_ref().is_none_or(|one| *one == name || *one == format!("{space}/{name}"));
                if self.is_of_kind(object) && is_meant {
                    places.push(prefix.to_vec());
                }
            });
            for place in places {
                let object = place.iter().try_fold(&mut document.value, |value, index| {
                    value.get_mut("items").and_then(|items| items.get_mut(*index))
                });
                let Some(object) = object else { continue };
                match self.change(object, &steps) {
                    Ok(path) => {
                        let prefix = place.iter().map(|index| format!("items[{index}].")).collect::<String>();
                        document.origin = document.origin.overridden(&format!("{prefix}{path}"), &self.place());
                    }
                    Err(message) => problem = Some(self.unknown(&message, chosen.is_none(), &names)),
                }
            }
        }
        problem.map_or(Ok(()), Err)
    }

    /// What is told as the place of the value.
    fn place(&self) -> String {
        format!("--set {}", self.text)
    }

    /// A path may be wrong because the name is.
    fn unknown(&self, message: &str, is_of_all: bool, names: &[String]) -> Diagnostic {
        let wrong = self.wrong(message);
        let first = self.rest.split(['.', '[']).next().unwrap_or_default();
        let known = names.iter().map(String::as_str).filter(|name| !name.contains('/'));
        if is_of_all { wrong.hint(format!("or is it an object? {}", hint(first, known))) } else { wrong }
    }

    fn is_of_kind(&self, object: &Value) -> bool {
        object.get("kind").and_then(Value::as_str) == Some(self.kind)
    }

    /// Sets the field of an object; its whole path.
    fn change(&self, object: &mut Value, steps: &[Step<'_>]) -> Result<String, String> {
        let definition = object
            .get("apiVersion")
            .and_then(Value::as_str)
            .and_then(|version| super::manifests::definition(version, self.kind));
        let unknown = |object: &Value| {
            definition.map_or_else(Vec::new, |definition| super::manifests::unknown_paths(object, definition))
        };
        let before = unknown(object);
        let mut path = "spec".to_owned();
        let mut value = object.as_mapping_mut().ok_or("it has no fields")?.entry("spec".into()).or_insert_with(empty);
        for step in steps {
            value = enter(value, step, &mut path)?;
        }
        *value = self.value.clone();
        // A field without a value is absent.
        drop_nulls(object);
        match unknown(object).into_iter().find(|path| !before.contains(path)) {
            None => Ok(path),
            Some((path, nearest)) => {
                let nearest = nearest.map_or_else(String::new, |name| format!("; did you mean `{name}`?"));
                Err(format!("there is no field `{path}`{nearest}"))
            }
        }
    }
}

fn empty() -> Value {
    Value::Mapping(Mapping::new())
}

/// Whether a name is followed by a path.
fn begins_a_path(rest: &str) -> bool {
    rest.starts_with('.') && rest.len() > 1
}

/// Each object of a document with where it is in lists.
fn objects(value: &Value, mut each: impl FnMut(&[usize], &Value)) {
    fn inner(value: &Value, place: &mut Vec<usize>, each: &mut dyn FnMut(&[usize], &Value)) {
        match value.get("items").and_then(Value::as_sequence) {
            // Lists within lists are deep enough at a few.
            Some(items) if place.len() < 4 && value.get("spec").is_none() => {
                for (index, item) in items.iter().enumerate() {
                    place.push(index);
                    inner(item, place, each);
                    place.pop();
                }
            }
            _ => each(place, value),
        }
    }
    inner(value, &mut Vec::new(), &mut each);
}

/// An object of documents.
pub(super) fn object(documents: &[Document], namespace: &str, id: &ObjectId) -> Option<Value> {
    let mut found = None;
    for document in documents {
        objects(&document.value, |_, object| {
            let is_of_kind = object.get("kind").and_then(Value::as_str) == Some(id.kind.as_str());
            if is_of_kind && identity(object, namespace) == (id.namespace.clone(), id.name.clone()) {
                found = Some(object.clone());
            }
        });
    }
    found
}

/// What is not the same in an object: what says which it is, and of its mappings the fields that differ.
pub(super) fn changed(before: &Value, after: &Value) -> Value {
    let mut patch = Mapping::new();
    for field in ["apiVersion", "kind", "metadata"] {
        let value = after.get(field).cloned().unwrap_or_default();
        let identity = |metadata: &Value| {
            let named = ["name", "namespace"].into_iter();
            let fields = named.filter_map(|name| Some((Value::from(name), metadata.get(name)?.clone())));
            Value::Mapping(fields.collect())
        };
        patch.insert(field.into(), if field == "metadata" { identity(&value) } else { value });
    }
    let empty = empty();
    let spec = |object: &Value| object.get("spec").cloned().unwrap_or_else(|| empty.clone());
    patch.insert("spec".into(), difference(&spec(before), &spec(after)));
    Value::Mapping(patch)
}

fn difference(before: &Value, after: &Value) -> Value {
    if let (Some(before), Some(after)) = (before.as_sequence(), after.as_sequence()) {
        return items_that_differ(before, after).unwrap_or_else(|| Value::Sequence(after.clone()));
    }
    let (Some(before), Some(after)) = (before.as_mapping(), after.as_mapping()) else { return after.clone() };
    let differs = |(name, value): (&Value, &Value)| match before.get(name) {
        Some(own) if own == value => None,
        Some(own) => Some((name.clone(), difference(own, value))),
        None => Some((name.clone(), value.clone())),
    };
    Value::Mapping(after.iter().filter_map(differs).collect())
}

/// Of lists whose items have names, such as containers, those that differ, by their names: a strategic merge patch goes by them.
fn items_that_differ(before: &[Value], after: &[Value]) -> Option<Value> {
    let name = |item: &Value| item.get("name").and_then(Value::as_str).map(str::to_owned);
    let names = |items: &[Value]| items.iter().map(name).collect::<Option<Vec<String>>>();
    let (own, other) = (names(before)?, names(after)?);
    if own != other {
        return None;
    }
    let differ = before.iter().zip(after).zip(own).filter(|((before, after), _)| before != after);
    let one = |((before, after), name): ((&Value, &Value), String)| {
        let mut item = Mapping::from_iter([(Value::from("name"), Value::from(name))]);
        if let Value::Mapping(fields) = difference(before, after) {
            item.extend(fields);
        }
        Value::Mapping(item)
    };
    Some(Value::Sequence(differ.map(one).collect()))
}

/// Namespace and name.
pub(super) fn identity(object: &Value, namespace: &str) -> (String, String) {
    let field = |name: &str| object.get("metadata").and_then(|metadata| metadata.get(name)).and_then(Value::as_str);
    (field("namespace").unwrap_or(namespace).to_owned(), field("name").unwrap_or_default().to_owned())
}

/// The steps of `metrics[0].resource.target` or `containers[app].resources`.
fn steps(path: &str) -> Option<Vec<Step<'_>>> {
    let mut steps = Vec::new();
    for part in path.split('.') {
        let (field, mut rest) = part.split_at(part.find('[').unwrap_or(part.len()));
        if field.is_empty() {
            return None;
        }
        steps.push(Step::Field(field));
        while let Some(inner) = rest.strip_prefix('[') {
            let (name, after) = inner.split_once(']').filter(|(name, _)| !name.is_empty())?;
            steps.push(name.parse().map_or(Step::Named(name), Step::Index));
            rest = after;
        }
        if !rest.is_empty() {
            return None;
        }
    }
    Some(steps)
}

/// Where a step leads; fields that are not there are made.
fn enter<'v>(value: &'v mut Value, step: &Step<'_>, path: &mut String) -> Result<&'v mut Value, String> {
    match step {
        Step::Field(name) => {
            let here = path.clone();
            *path += &format!(".{name}");
            let fields = value.as_mapping_mut().ok_or_else(|| format!("`{here}` has no fields"))?;
            Ok(fields.entry((*name).into()).or_insert_with(empty))
        }
        Step::Index(index) => {
            let items = list(value, path)?;
            let known = items.len();
            *path += &format!("[{index}]");
            items.get_mut(*index).ok_or_else(|| format!("`{path}` is not there: there are {known}"))
        }
        Step::Named(name) => {
            let items = list(value, path)?;
            let names: Vec<String> = items.iter().filter_map(name_of).collect();
            let index = items.iter().position(|item| name_of(item).as_deref() == Some(*name));
            let index = index.ok_or_else(|| {
                format!("`{path}` has no item `{name}`; {}", hint(name, names.iter().map(String::as_str)))
            })?;
            *path += &format!("[{index}]");
            items.get_mut(index).ok_or_else(|| format!("`{path}` is not there"))
        }
    }
}

fn list<'v>(value: &'v mut Value, path: &str) -> Result<&'v mut Vec<Value>, String> {
    match value {
        Value::Sequence(items) => Ok(items),
        _ => Err(format!("`{path}` is no list in the manifest")),
    }
}

/// What an item of a list is called: by its name, or a metric by that of what it looks at.
fn name_of(item: &Value) -> Option<String> {
    let name = |value: &Value| value.get("name").and_then(Value::as_str).map(str::to_owned);
    let parts = || item.as_mapping().into_iter().flat_map(Mapping::values);
    name(item).or_else(|| parts().find_map(|part| part.get("metric").and_then(name).or_else(|| name(part))))
}
