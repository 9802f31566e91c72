//! Changing a user's own file: its comments, its order and its style stay.

use std::str::FromStr as _;

use serde_yaml::Value;
use yaml_edit::{Document, Mapping, Sequence, YamlFile};

use super::Source;
use crate::input::overrides::identity;

/// A file as it is, and as it is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edited {
    /// The index of the source.
    pub source: usize,
    /// The text that it is to have.
    pub text: String,
}

/// The source that has an object, changed so that the object becomes another one; none where it is not written there so that it could be.
pub(super) fn edited(sources: &[Source], namespace: &str, before: &Value, after: &Value) -> Option<Edited> {
    let wanted = identity(before, namespace);
    // The last of several counts.
    for (source, text) in sources.iter().map(|source| &source.text).enumerate().rev() {
        let Ok(file) = YamlFile::from_str(text) else { continue };
        let found = file.documents().filter_map(|document| document.as_mapping()).flat_map(|top| objects(&top));
        let is_it = |object: &Mapping| {
            let kind = object.get("kind").and_then(|kind| scalar(&kind));
            let metadata = object.get_mapping("metadata");
            let field = |name: &str| metadata.as_ref()?.get(name).and_then(|value| scalar(&value));
            let space = field("namespace").unwrap_or_else(|| namespace.to_owned());
            kind.as_deref() == before.get("kind").and_then(Value::as_str)
                && (space, field("name").unwrap_or_default()) == wanted
        };
        if let Some(object) = found.filter(is_it).last() {
            change(&object, before, after)?;
            return Some(Edited { source, text: file.to_string() });
        }
    }
    None
}

/// The objects of a document: itself, or those of a list.
fn objects(top: &Mapping) -> Vec<Mapping> {
    let items = top.get_sequence("items").filter(|_| top.get("spec").is_none());
    let Some(items) = items else { return vec![top.clone()] };
    items.values().filter_map(|item| item.as_mapping().cloned()).flat_map(|item| objects(&item)).collect()
}

fn scalar(node: &yaml_edit::YamlNode) -> Option<String> {
    node.as_scalar().map(yaml_edit::Scalar::as_string)
}

/// Makes of a mapping what it is to be: what is the same is not touched, and nothing is taken away.
fn change(node: &Mapping, before: &Value, after: &Value) -> Option<()> {
    let (before, after) = (before.as_mapping()?, after.as_mapping()?);
    for (key, value) in after {
        let key = key.as_str()?;
        match before.get(key) {
            Some(own) if own == value => {}
            Some(Value::Mapping(own)) if value.is_mapping() => {
                change(&node.get_mapping(key)?, &Value::Mapping(own.clone()), value)?;
            }
            Some(Value::Sequence(own)) => match value {
                Value::Sequence(items) if items.len() == own.len() => {
                    items_of(&node.get_sequence(key)?, own, items)?;
                }
                _ => set(node, key, value)?,
            },
            _ => set(node, key, value)?,
        }
    }
    Some(())
}

fn items_of(node: &Sequence, before: &[Value], after: &[Value]) -> Option<()> {
    for (index, (own, value)) in before.iter().zip(after).enumerate() {
        if own != value {
            change(node.get(index)?.as_mapping()?, own, value)?;
        }
    }
    Some(())
}

fn set(node: &Mapping, key: &str, value: &Value) -> Option<()> {
    match value {
        Value::Number(number) if number.is_i64() => node.set(key, number.as_i64()?),
        Value::String(text) => node.set(key, text.as_str()),
        Value::Bool(is_on) => node.set(key, *is_on),
        Value::Mapping(_) | Value::Sequence(_) => {
            let document = Document::from_str(&serde_yaml::to_string(value).ok()?).ok()?;
            match document.as_mapping() {
                Some(mapping) => node.set(key, mapping),
                None => node.set(key, document.as_sequence()?),
            }
        }
        _ => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# Ours.\nkind: Other\nspec: {a: 1}\n---\nkind: List\nitems:\n- kind: HPA\n  metadata: {name: web}   # one\n  spec:\n    \
                        # never fewer\n    min: 3   # three\n    metrics:\n    - {type: cpu, target: {value: 50}} # half\n    - type: \
                        memory\n      target:\n        value: '50'\n# end\n";

    fn read(text: &str) -> Value {
        serde_yaml::from_str(text).unwrap()
    }

    #[test]
    fn what_is_not_changed_stays_as_it_is_written() {
        let object = |least: u32, cpu: u32, more: &str| {
            read(&format!(
                "kind: HPA\nmetadata: {{name: web}}\nspec:\n  min: {least}\n  metrics: [{{type: cpu, target: {{value: {cpu}}}}}, {{type: \
                 memory, target: {{value: '50'}}}}]\n{more}"
            ))
        };
        let sources = [Source { name: "k8s.yaml".to_owned(), text: TEXT.to_owned() }];
        let after = object(2, 70, "  behavior: {down: {window: 60}}\n");
        let found = edited(&sources, "default", &object(3, 50, ""), &after).unwrap();
        let wanted = TEXT.replace("min: 3 ", "min: 2 ").replace("{value: 50}", "{value: 70}");
        let wanted = wanted.replace("'50'\n", "'50'\n    behavior:\n      down:\n        window: 60\n");
        assert_eq!(found.text, wanted);
        // What is not there cannot be changed.
        let other = read("kind: HPA\nmetadata: {name: web, namespace: other}\nspec: {}");
        assert_eq!(edited(&sources, "default", &other, &after), None);
    }
}
