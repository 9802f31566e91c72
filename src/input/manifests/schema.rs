//! The field names of the kinds that are read, to find misspelt ones.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_yaml::Value;

use crate::input::names::nearest;

/// Definitions of the published OpenAPI, one a line; made by tools/fields.py. Status is not looked into.
const DEFINITIONS: &str = include_str!("fields.txt");

/// Fields of another version of autoscaling, which have a warning or an error of their own.
const OTHER_VERSIONS: [(&str, &[&str]); 2] = [
    ("V1HorizontalPodAutoscalerSpec", &["metrics", "behavior"]),
    ("V2HorizontalPodAutoscalerSpec", &["targetCPUUtilizationPercentage"]),
];

/// A field that no release knows, and the known one that looks most like it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unknown {
    pub path: String,
    pub name: String,
    pub nearest: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    One,
    List,
    Map,
}

#[derive(Clone, Copy, Debug)]
struct Field {
    shape: Shape,
    /// The definition that it is of; none for what is not looked into.
    of: Option<&'static str>,
}

type Fields = BTreeMap<&'static str, Field>;

static FIELDS: LazyLock<BTreeMap<&'static str, Fields>> = LazyLock::new(|| {
    let lines = DEFINITIONS.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once(' ')).map(|(name, fields)| (name, fields_of(name, fields))).collect()
});

fn fields_of(definition: &str, text: &'static str) -> Fields {
    let field = |text: &'static str| {
        let (name, of) = text.split_once('=').map_or((text, None), |(name, of)| (name, Some(of)));
        let (name, shape) = match name.as_bytes().last() {
            Some(b'*') => (&name[..name.len() - 1], Shape::List),
            Some(b'%') => (&name[..name.len() - 1], Shape::Map),
            _ => (name, Shape::One),
        };
        (name, Field { shape, of })
    };
    let others = OTHER_VERSIONS.iter().filter(|(name, _)| *name == definition).flat_map(|(_, names)| names.iter());
    let others = others.map(|&name| (name, Field { shape: Shape::One, of: None }));
    text.split(' ').map(field).chain(others).collect()
}

/// The definition of an object's kind, if its fields are known.
pub(in crate::input) fn definition(api_version: &str, kind: &str) -> Option<&'static str> {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let version = match (group, version) {
        ("autoscaling", "v2" | "v2beta2") => "V2",
        (_, "v1") => "V1",
        _ => return None,
    };
    let builtin = matches!(group, "" | "apps" | "batch" | "autoscaling" | "policy" | "node.k8s.io");
    let name = format!("{version}{kind}");
    FIELDS.get_key_value(name.as_str()).map(|(name, _)| *name).filter(|_| builtin)
}

/// The definition of a pod template, for kinds that are not known themselves.
pub(super) const POD_TEMPLATE: &str = "V1PodTemplateSpec";

/// The paths of the unknown fields of an object, each with the known field that looks most like it.
pub(in crate::input) fn unknown_paths(object: &Value, definition: &str) -> Vec<(String, Option<String>)> {
    unknown_fields(object, definition, "").into_iter().map(|unknown| (unknown.path, unknown.nearest)).collect()
}

/// Finds the unknown fields of `value`, which is of a definition and stands at `path`.
pub(super) fn unknown_fields(value: &Value, definition: &str, path: &str) -> Vec<Unknown> {
    let mut found = Vec::new();
    check(value, definition, path, &mut found);
    found
}

fn check(value: &Value, definition: &str, path: &str, found: &mut Vec<Unknown>) {
    let (Some(mapping), Some(fields)) = (value.as_mapping(), FIELDS.get(definition)) else { return };
    for (key, child) in mapping {
        let Some(name) = key.as_str() else { continue };
        let child_path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        let Some(field) = fields.get(name) else {
            found.push(Unknown {
                path: child_path,
                name: name.to_owned(),
                nearest: nearest(name, fields.keys().copied()).map(str::to_owned),
            });
            continue;
        };
        let Some(of) = field.of else { continue };
        match field.shape {
            Shape::One => check(child, of, &child_path, found),
            Shape::List => {
                for (index, item) in child.as_sequence().into_iter().flatten().enumerate() {
                    check(item, of, &format!("{child_path}[{index}]"), found);
                }
            }
            Shape::Map => {
                for (key, item) in child.as_mapping().into_iter().flatten() {
                    let key = key.as_str().unwrap_or_default();
                    check(item, of, &super::amounts::key_path(&child_path, key), found);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_definition_that_is_named_is_there() {
        assert!(FIELDS.len() > 150);
        for field in FIELDS.values().flat_map(BTreeMap::values) {
            assert!(field.of.is_none_or(|of| FIELDS.contains_key(of)), "{field:?}");
        }
        for (definition, _) in OTHER_VERSIONS {
            assert!(FIELDS.contains_key(definition), "{definition}");
        }
        assert!(FIELDS.contains_key(POD_TEMPLATE));
    }

    /// Every field of every definition, with a letter doubled, is found; as it is, it is not.
    #[test]
    fn each_field_is_known_and_its_misspelling_is_not() {
        for (definition, fields) in FIELDS.iter() {
            for name in fields.keys() {
                let object = |name: &str| Value::Mapping([(Value::from(name), Value::from(1))].into_iter().collect());
                assert_eq!(unknown_fields(&object(name), definition, ""), []);
                let misspelt = format!("{name}{}", &name[name.len() - 1..]);
                let found = unknown_fields(&object(&misspelt), definition, "");
                assert_eq!(found.len(), 1, "{definition}.{misspelt}");
                assert!(found[0].nearest.is_some(), "{definition}.{misspelt}");
            }
        }
    }

    #[test]
    fn misspelt_fields_are_found_at_any_depth() {
        let value: Value = serde_yaml::from_str(
            "spec: {minReplica: 1, maxReplicas: 2, behavior: {scaleUp: {policies: [{type: Pods, periodSecond: 15}]}}, xyzzy: 1}",
        )
        .unwrap();
        let found = unknown_fields(&value, "V2HorizontalPodAutoscaler", "");
        let shown: Vec<_> = found.iter().map(|u| (u.path.as_str(), u.nearest.as_deref())).collect();
        assert_eq!(
            shown,
            [
                ("spec.minReplica", Some("minReplicas")),
                ("spec.behavior.scaleUp.policies[0].periodSecond", Some("periodSeconds")),
                ("spec.xyzzy", None),
            ]
        );
    }
}
