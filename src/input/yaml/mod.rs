//! YAML and JSON documents with the position of every field, as kubectl reads them.
//!
//! A parser's events are put together here, and not by `serde_yaml`, since kubectl's reader (`sigs.k8s.io/yaml`, YAML 1.1)
//! differs in what counts: plain `yes` and `off` are booleans, `010` is eight, the last of two equal keys wins, and
//! JSON documents may follow each other without a separator. Values that come from aliases are counted, so that a
//! small file cannot fill the memory.

mod compose;
mod scalar;

use serde_yaml::Value;

use super::{Diagnostic, InputError, Source};
use crate::model::Origin;
use compose::compose;

/// One document of a stream.
#[derive(Debug)]
pub(super) struct Document {
    /// Where its fields stand.
    pub origin: Origin,
    /// The contents.
    pub value: Value,
    /// The keys that stand there twice; the last one wins.
    pub duplicates: Vec<Diagnostic>,
}

impl Document {
    /// A diagnostic at a field, or at the closest field around it that is written down.
    pub fn diagnostic(&self, path: &str, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(message).at(self.origin.locate(path)).field(path)
    }
}

/// Reads every document of a stream; empty ones are left out. A key that stands there twice is an error.
pub(super) fn read_documents(source: &Source) -> Result<Vec<Document>, InputError> {
    let documents = read_as_kubectl_does(source)?;
    InputError::unless_empty(documents.iter().flat_map(|document| document.duplicates.clone()).collect())?;
    Ok(documents)
}

/// The same with kubectl's leniency: of two equal keys the last one wins.
pub(super) fn read_as_kubectl_does(source: &Source) -> Result<Vec<Document>, InputError> {
    let mut documents = Vec::new();
    let whole = 0..source.text.len();
    for part in json_documents(&source.text).unwrap_or_else(|| std::iter::once(whole).collect()) {
        let first_line = source.text[..part.start].matches('\n').count();
        for mut document in compose(source, &source.text[part], first_line)? {
            drop_nulls(&mut document.value);
            if !document.value.is_null() {
                documents.push(document);
            }
        }
    }
    Ok(documents)
}

/// Where the documents of a text stand that is JSON throughout; `None` if it is not.
fn json_documents(text: &str) -> Option<Vec<std::ops::Range<usize>>> {
    if !text.trim_start().starts_with('{') {
        return None;
    }
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<serde::de::IgnoredAny>();
    let (mut parts, mut start) = (Vec::new(), 0);
    while let Some(document) = stream.next() {
        document.ok()?;
        parts.push(start..stream.byte_offset());
        start = stream.byte_offset();
    }
    (parts.len() > 1).then_some(parts)
}

/// A field without a value (`resources:`) counts as absent, as with the API server.
pub(super) fn drop_nulls(value: &mut Value) {
    match value {
        Value::Mapping(fields) => {
            fields.retain(|_, field| !field.is_null());
            fields.iter_mut().for_each(|(_, field)| drop_nulls(field));
        }
        Value::Sequence(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<Document> {
        read_as_kubectl_does(&Source { name: "t.yaml".into(), text: text.into() }).unwrap()
    }

    fn json(text: &str) -> Vec<String> {
        read(text).iter().map(|document| serde_json::to_string(&document.value).unwrap()).collect()
    }

    #[test]
    fn documents_are_split_as_kubectl_splits_them() {
        assert_eq!(json("a: 1\n---\n# nothing\n---\nb: 2\n...\n---\nnull\n"), [r#"{"a":1}"#, r#"{"b":2}"#]);
        assert_eq!(
            json("{\"a\": 1}\n{\"b\": [2]}{\"c\": \"\\ud83d\\ude00\"}\n"),
            [r#"{"a":1}"#, r#"{"b":[2]}"#, "{\"c\":\"\u{1f600}\"}"]
        );
        assert_eq!(json("{a: 1, b: yes}"), [r#"{"a":1,"b":true}"#]);
        let second = read("{\"a\": 1}\n{\"b\":\n  2}");
        assert_eq!(second[1].origin.locate("b").to_string(), "t.yaml:2:2");
    }

    #[test]
    fn the_last_of_equal_keys_wins() {
        let documents = read("a: {b: 1, c: 2}\nd: 3\na:\n  e: 4\n");
        assert_eq!(serde_json::to_string(&documents[0].value).unwrap(), r#"{"a":{"e":4},"d":3}"#);
        assert_eq!(documents[0].duplicates.len(), 1);
        assert!(documents[0].origin.has("a.e") && !documents[0].origin.has("a.b"));
    }

    #[test]
    fn aliases_and_merge_keys() {
        let text = "base: &b {x: 1, w: 2}\none: {<<: *b, w: 3}\nmany: {<<: [{w: 7}, *b], z: 5}\nlist: [*b]\n";
        let expected =
            r#"{"base":{"x":1,"w":2},"one":{"w":3,"x":1},"many":{"z":5,"w":7,"x":1},"list":[{"x":1,"w":2}]}"#;
        assert_eq!(json(text), [expected]);
    }

    /// A megabyte that would become gigabytes.
    #[test]
    fn aliases_do_not_fill_the_memory() {
        let long = "x".repeat(100_000);
        let aliases = "- *a\n".repeat(200_000);
        let text = format!("a: &a {long}\nb:\n{aliases}");
        let error = read_as_kubectl_does(&Source { name: "t.yaml".into(), text }).unwrap_err().to_string();
        assert!(error.contains("aliases"), "{error}");
    }
}
