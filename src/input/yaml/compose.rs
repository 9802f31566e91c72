//! From a parser's events to documents.

use std::collections::BTreeMap;

use granit_parser::{Event, Options, Parser, ScalarStyle};
use serde_yaml::{Mapping, Value};

use super::{Document, scalar};
use crate::input::{Diagnostic, InputError, Source};
use crate::model::{Origin, Positions};

/// Deeper nesting than any manifest has; refused before it can overflow a stack.
const MAX_DEPTH: usize = 128;

/// What aliases may add to a file, in bytes of text and values.
const MOST_FROM_ALIASES: usize = 16 << 20;

/// The bytes that a value without text counts for.
const VALUE_SIZE: usize = 64;

/// The documents of a part of a source; positions count from its line `first_line` (from 0) on.
pub(super) fn compose(source: &Source, text: &str, first_line: usize) -> Result<Vec<Document>, InputError> {
    let mut options = Options::default();
    options.set_emit_comments(false);
    let mut parser = Parser::new_from_str_with_options(text, options);
    let mut composer = Composer { source, documents: Vec::new(), state: State::default() };
    while let Some(item) = parser.next_event() {
        let (event, span) = item.map_err(|error| {
            let (line, column) = (first_line + error.marker().line(), error.marker().col() + 1);
            Diagnostic::new(format!("not valid YAML: {}", error.info())).at(source.location(line, column))
        })?;
        composer.event(&event, (first_line + span.start.line(), span.start.col() + 1))?;
    }
    Ok(composer.documents)
}

/// An open collection.
enum Open {
    Mapping { path: String, fields: Mapping, merged: Vec<Value>, key: Option<Key>, anchor: usize },
    Sequence { path: String, items: Vec<Value>, anchor: usize },
}

/// A key whose value comes next.
enum Key {
    Name(String),
    Merge,
}

/// The document that is being read.
#[derive(Default)]
struct State {
    open: Vec<Open>,
    root: Option<Value>,
    positions: Positions,
    duplicates: Vec<Diagnostic>,
    anchors: BTreeMap<usize, (Value, usize)>,
    from_aliases: usize,
}

struct Composer<'a> {
    source: &'a Source,
    documents: Vec<Document>,
    state: State,
}

impl Composer<'_> {
    fn event(&mut self, event: &Event<'_>, at: (usize, usize)) -> Result<(), InputError> {
        match event {
            Event::DocumentStart(..) => self.state = State::default(),
            Event::DocumentEnd => {
                let state = std::mem::take(&mut self.state);
                self.documents.push(Document {
                    origin: Origin::new(&self.source.name, state.positions),
                    value: state.root.unwrap_or(Value::Null),
                    duplicates: state.duplicates,
                });
            }
            Event::Scalar(text, style, anchor, tag) => {
                let plain = *style == ScalarStyle::Plain;
                if self.is_key() {
                    return self.key(text, plain && tag.is_none(), at);
                }
                let as_text = !plain || tag.as_ref().is_some_and(|tag| tag.core_suffix() == Some("str"));
                let value = if as_text { Value::String(text.to_string()) } else { scalar::plain(text) };
                self.note(at);
                self.finish(value, *anchor);
            }
            Event::Alias(anchor) => {
                if self.is_key() {
                    return Err(self.wrong(at, "a key must be text, and is an alias"));
                }
                let (value, size) = self.state.anchors.get(anchor).cloned().unwrap_or((Value::Null, 0));
                self.state.from_aliases += size + VALUE_SIZE;
                if self.state.from_aliases > MOST_FROM_ALIASES {
                    let message = format!("aliases make more than {} MiB of this file", MOST_FROM_ALIASES >> 20);
                    return Err(self.wrong(at, message));
                }
                self.note(at);
                self.finish(value, 0);
            }
            Event::MappingStart(_, anchor, _) => {
                let path = self.begin(at)?;
                let (fields, merged) = (Mapping::new(), Vec::new());
                self.state.open.push(Open::Mapping { path, fields, merged, key: None, anchor: *anchor });
            }
            Event::SequenceStart(_, anchor, _) => {
                let path = self.begin(at)?;
                self.state.open.push(Open::Sequence { path, items: Vec::new(), anchor: *anchor });
            }
            Event::MappingEnd | Event::SequenceEnd => match self.state.open.pop() {
                Some(Open::Mapping { mut fields, merged, anchor, .. }) => {
                    merge(&mut fields, merged);
                    self.finish(Value::Mapping(fields), anchor);
                }
                Some(Open::Sequence { items, anchor, .. }) => self.finish(Value::Sequence(items), anchor),
                None => {}
            },
            _ => {}
        }
        Ok(())
    }

    fn wrong(&self, at: (usize, usize), message: impl Into<String>) -> InputError {
        Diagnostic::new(message).at(self.source.location(at.0, at.1)).into()
    }

    /// Whether the next node is a mapping's key.
    fn is_key(&self) -> bool {
        matches!(self.state.open.last(), Some(Open::Mapping { key: None, .. }))
    }

    fn key(&mut self, text: &str, plain: bool, at: (usize, usize)) -> Result<(), InputError> {
        let Some(Open::Mapping { path, fields, key, .. }) = self.state.open.last_mut() else { return Ok(()) };
        if plain && text == "<<" {
            *key = Some(Key::Merge);
            return Ok(());
        }
        let name = if plain { scalar::key(text) } else { text.to_owned() };
        let full = child(path, &name);
        if fields.contains_key(name.as_str()) {
            let first = self.state.positions.get(&full).map_or(0, |position| position.0);
            self.state.duplicates.push(
                Diagnostic::new(format!("duplicate key; the first is on line {first}"))
                    .at(self.source.location(at.0, at.1))
                    .field(full.clone())
                    .hint("remove one of them"),
            );
            let inside = |other: &str| other.strip_prefix(&full).is_some_and(|rest| rest.starts_with(['.', '[']));
            self.state.positions.retain(|other, _| !inside(other));
        }
        self.state.positions.insert(full, at);
        *key = Some(Key::Name(name));
        Ok(())
    }

    /// The path of the node that comes next.
    fn path(&self) -> String {
        match self.state.open.last() {
            None => String::new(),
            Some(Open::Sequence { path, items, .. }) => format!("{path}[{}]", items.len()),
            Some(Open::Mapping { path, key: Some(Key::Name(name)), .. }) => child(path, name),
            Some(Open::Mapping { path, .. }) => child(path, "<<"),
        }
    }

    /// Remembers where the node stands that comes next, unless its key says so.
    fn note(&mut self, at: (usize, usize)) {
        self.state.positions.entry(self.path()).or_insert(at);
    }

    /// The path of a collection that begins.
    fn begin(&mut self, at: (usize, usize)) -> Result<String, InputError> {
        if self.is_key() {
            return Err(self.wrong(at, "a key must be text, and is a collection"));
        }
        if self.state.open.len() >= MAX_DEPTH {
            return Err(self.wrong(at, format!("nested deeper than {MAX_DEPTH} levels")));
        }
        self.note(at);
        Ok(self.path())
    }

    /// Puts a finished node where it belongs.
    fn finish(&mut self, value: Value, anchor: usize) {
        if anchor > 0 {
            let size = size(&value);
            self.state.anchors.insert(anchor, (value.clone(), size));
        }
        match self.state.open.last_mut() {
            None => self.state.root = Some(value),
            Some(Open::Sequence { items, .. }) => items.push(value),
            Some(Open::Mapping { fields, merged, key, .. }) => match key.take() {
                Some(Key::Name(name)) => {
                    fields.insert(Value::String(name), value);
                }
                Some(Key::Merge) => merged.push(value),
                None => {}
            },
        }
    }
}

/// The path of a field. A key such as `app.kubernetes.io/name` must not look like a nested field.
fn child(path: &str, name: &str) -> String {
    match (path, name.contains(['.', '['])) {
        (path, true) => format!("{path}[{name:?}]"),
        ("", false) => name.to_owned(),
        (path, false) => format!("{path}.{name}"),
    }
}

/// Adds what `<<` brings: fields that are there already win, earlier mappings over later ones.
fn merge(fields: &mut Mapping, merged: Vec<Value>) {
    for value in merged {
        match value {
            Value::Mapping(more) => {
                for (key, value) in more {
                    if !fields.contains_key(&key) {
                        fields.insert(key, value);
                    }
                }
            }
            Value::Sequence(items) => merge(fields, items),
            _ => {}
        }
    }
}

/// How much of the memory a copy takes, in bytes.
fn size(value: &Value) -> usize {
    VALUE_SIZE
        + match value {
            Value::String(text) => text.len(),
            Value::Sequence(items) => items.iter().map(size).sum(),
            Value::Mapping(fields) => fields.iter().map(|(key, value)| size(key) + size(value)).sum(),
            _ => 0,
        }
}
