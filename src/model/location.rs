//! Where things stand in the user's files.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// A place in a file; line and column start at 1.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location {
    /// The file as the user named it; `-` for standard input.
    pub file: Arc<str>,
    /// The line; 0 where only the file is known.
    pub line: usize,
    /// The column; 0 where only the line is known.
    pub column: usize,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        for part in [self.line, self.column] {
            if part == 0 {
                break;
            }
            write!(f, ":{part}")?;
        }
        Ok(())
    }
}

/// Line and column of every field of a document, by path.
pub type Positions = BTreeMap<String, (usize, usize)>;

/// The document that an object was read from, and where its fields stand in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    file: Arc<str>,
    positions: Arc<Positions>,
    /// Fields that were changed, each with what changed it.
    overridden: Arc<[(String, Arc<str>)]>,
    /// What comes before the object's own paths, such as `items[2].`.
    prefix: String,
}

impl Origin {
    /// A document of a file.
    pub fn new(file: &str, positions: Positions) -> Self {
        Self { file: file.into(), positions: Arc::new(positions), ..Self::default() }
    }

    /// The same document with a field changed by something else than the file.
    #[must_use]
    pub fn overridden(&self, path: &str, by: &str) -> Self {
        let all = self.overridden.iter().cloned().chain([(path.to_owned(), by.into())]);
        Self { overridden: all.collect(), ..self.clone() }
    }

    /// The same document, for an object whose paths start with `prefix`.
    #[must_use]
    pub fn inside(&self, prefix: &str) -> Self {
        Self { prefix: format!("{}{prefix}", self.prefix), ..self.clone() }
    }

    /// Whether both stand in the same document.
    pub fn same_document(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.positions, &other.positions)
    }

    /// The path of a field in the document.
    pub fn path(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }

    /// Where a field stands, or the closest field around it that is written down.
    pub fn locate(&self, path: &str) -> Location {
        let full = self.path(path);
        let mut known = full.trim_end_matches('.');
        let is_within =
            |path: &str| known.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']));
        if let Some((_, by)) = self.overridden.iter().rev().find(|(path, _)| is_within(path)) {
            return Location { file: by.clone(), line: 0, column: 0 };
        }
        let (line, column) = loop {
            if let Some(&position) = self.positions.get(known) {
                break position;
            }
            match known.rfind(['.', '[']) {
                Some(end) => known = &known[..end],
                None => break self.positions.get("").copied().unwrap_or((1, 1)),
            }
        };
        Location { file: self.file.clone(), line, column }
    }

    /// Whether a field is written down.
    pub fn has(&self, path: &str) -> bool {
        self.positions.contains_key(&self.path(path))
    }
}

/// An object and where it was read from.
#[derive(Clone, Debug)]
pub struct Placed<T> {
    /// What was read.
    pub item: T,
    /// Where.
    pub origin: Origin,
}

impl<T> Placed<T> {
    /// The start of the object.
    pub fn location(&self) -> Location {
        self.origin.locate("")
    }
}
