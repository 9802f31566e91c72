//! YAML and JSON documents with the position of every field.
//!
//! A first pass over the parser's events splits the stream into documents, indexes where every field
//! stands and finds duplicate keys; each document is then read by `serde_yaml`.

use std::ops::Range;

use granit_parser::{Event, Options, Parser};
use serde_yaml::Value;

use super::{Diagnostic, InputError, Source};
use crate::model::{Origin, Positions};

/// Deeper nesting than any manifest has; refused before it can overflow a stack.
const MAX_DEPTH: usize = 128;

/// One document of a stream.
#[derive(Debug)]
pub(super) struct Document {
    /// Where its fields stand.
    pub origin: Origin,
    /// The contents.
    pub value: Value,
}

impl Document {
    /// A diagnostic at a field, or at the closest field around it that is written down.
    pub fn diagnostic(&self, path: &str, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(message).at(self.origin.locate(path)).field(path)
    }
}

/// Reads every document of a stream; empty ones are left out.
pub(super) fn read_documents(source: &Source) -> Result<Vec<Document>, InputError> {
    let mut documents = Vec::new();
    for Indexed { range, positions } in index(source)? {
        let text = &source.text[range.clone()];
        let mut value: Value = serde_yaml::from_str(text).map_err(|error| {
            // Positions of an error count from the start of the document.
            let first = 1 + source.text[..range.start].matches('\n').count();
            let (line, column) = error.location().map_or((first, 0), |at| (first + at.line() - 1, at.column()));
            InputError::from(Diagnostic::new(plain(&error.to_string())).at(source.location(line, column)))
        })?;
        value.apply_merge().map_err(|error| {
            let (line, column) = positions.get("").copied().unwrap_or((1, 1));
            Diagnostic::new(format!("merge key `<<`: {error}")).at(source.location(line, column))
        })?;
        drop_nulls(&mut value);
        if !value.is_null() {
            documents.push(Document { origin: Origin::new(&source.name, positions), value });
        }
    }
    Ok(documents)
}

/// A field without a value (`resources:`) counts as absent, as with the API server.
fn drop_nulls(value: &mut Value) {
    match value {
        Value::Mapping(fields) => {
            fields.retain(|_, field| !field.is_null());
            fields.iter_mut().for_each(|(_, field)| drop_nulls(field));
        }
        Value::Sequence(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

/// The message without the position that serde_yaml appends; ours is the one in the file.
fn plain(message: &str) -> String {
    message.split(" at line ").next().unwrap_or(message).to_owned()
}

struct Indexed {
    range: Range<usize>,
    positions: Positions,
}

/// An open collection during indexing.
enum Open {
    Mapping { path: String, key: Option<String> },
    Sequence { path: String, next: usize },
}

fn index(source: &Source) -> Result<Vec<Indexed>, InputError> {
    let mut options = Options::default();
    options.set_emit_comments(false);
    let mut parser = Parser::new_from_str_with_options(&source.text, options);
    let mut documents: Vec<Indexed> = Vec::new();
    let mut open: Vec<Open> = Vec::new();
    let mut problems = Vec::new();
    while let Some(item) = parser.next_event() {
        let (event, span) = item.map_err(|error| {
            let (line, column) = (error.marker().line(), error.marker().col() + 1);
            Diagnostic::new(format!("not valid YAML: {}", error.info())).at(source.location(line, column))
        })?;
        let position = (span.start.line(), span.start.col() + 1);
        let bytes = span.byte_range().unwrap_or(0..0);
        let is_collection = matches!(event, Event::MappingStart(..) | Event::SequenceStart(..));
        match &event {
            Event::DocumentStart(..) => {
                documents.push(Indexed { range: bytes.start..source.text.len(), positions: Positions::new() });
                open.clear();
            }
            Event::DocumentEnd => {
                if let Some(document) = documents.last_mut() {
                    document.range.end = bytes.end.max(document.range.start);
                }
            }
            Event::MappingEnd | Event::SequenceEnd => {
                open.pop();
            }
            Event::Scalar(..) | Event::Alias(..) | Event::MappingStart(..) | Event::SequenceStart(..) => {
                let Some(document) = documents.last_mut() else { continue };
                let scalar = if let Event::Scalar(text, ..) = &event { Some(text.as_ref()) } else { None };
                let (path, is_key) = place(&mut open, scalar);
                if is_collection && open.len() >= MAX_DEPTH {
                    let message = format!("nested deeper than {MAX_DEPTH} levels");
                    return Err(Diagnostic::new(message).at(source.location(position.0, position.1)).into());
                }
                if is_key && document.positions.contains_key(&path) {
                    let first = document.positions[&path].0;
                    problems.push(
                        Diagnostic::new(format!("duplicate key; the first is on line {first}"))
                            .at(source.location(position.0, position.1))
                            .field(path.clone())
                            .hint("remove one of them"),
                    );
                } else {
                    document.positions.entry(path.clone()).or_insert(position);
                }
                match event {
                    Event::MappingStart(..) => open.push(Open::Mapping { path, key: None }),
                    Event::SequenceStart(..) => open.push(Open::Sequence { path, next: 0 }),
                    _ => {}
                }
            }
            _ => {}
        }
    }
    InputError::unless_empty(problems)?;
    Ok(documents)
}

/// The path of the next node, and whether it is a mapping's key.
fn place(open: &mut [Open], scalar: Option<&str>) -> (String, bool) {
    match open.last_mut() {
        None => (String::new(), false),
        Some(Open::Sequence { path, next }) => {
            *next += 1;
            (format!("{path}[{}]", *next - 1), false)
        }
        Some(Open::Mapping { path, key }) => match key.take() {
            Some(path) => (path, false),
            None => {
                let full = match scalar {
                    // A key such as `app.kubernetes.io/name` must not look like a nested field.
                    Some(name) if name.contains(['.', '[']) => format!("{path}[{name:?}]"),
                    Some(name) if path.is_empty() => name.to_owned(),
                    Some(name) => format!("{path}.{name}"),
                    None => format!("{path}.?"),
                };
                *key = Some(full.clone());
                (full, scalar.is_some())
            }
        },
    }
}
