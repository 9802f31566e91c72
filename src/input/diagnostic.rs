//! Errors and warnings about the user's input.

use std::fmt;

use crate::model::{LONGEST_PIECE, Location, escaped, piece};

/// One thing that is wrong, or odd, with the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Where; absent where no single place is to blame.
    pub location: Option<Location>,
    /// The field, such as `spec.metrics[0].type`; may be empty.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub hint: Option<String>,
}

impl Diagnostic {
    /// A diagnostic without a place.
    pub fn new(message: impl Into<String>) -> Self {
        Self { location: None, path: String::new(), message: message.into(), hint: None }
    }

    /// The same at a place.
    #[must_use]
    pub fn at(mut self, location: Location) -> Self {
        self.location = Some(location);
        self
    }

    /// The same about a field.
    #[must_use]
    pub fn field(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// The same with advice.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Diagnostic {
    /// `file:line:column: field.path: what is wrong`, then a `hint:` line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(location) = &self.location {
            write!(f, "{}: ", escaped(&location.to_string()))?;
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", bounded(&self.path))?;
        }
        // A message may be several complaints, each on a line of its own.
        for (index, line) in self.message.split('\n').enumerate() {
            f.write_str(if index > 0 { "\n" } else { "" })?;
            f.write_str(&bounded(line))?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n  hint: {}", bounded(hint))?;
        }
        Ok(())
    }
}

/// The most complaints that are printed one by one.
const MOST_COMPLAINTS: usize = 50;

/// A message of serde's without the values in it that are long or of many lines: only their kind is left.
pub(crate) fn without_long_values(message: &str) -> String {
    let quoted = message.find('"').zip(message.rfind('"')).filter(|(first, last)| first < last);
    match quoted {
        Some((first, last)) if last - first > LONGEST_PIECE || message[first..last].contains(['\n', '\\']) => {
            let (before, after) = (message[..first].trim_end(), &message[last + 1..]);
            escaped(&format!("{before}{after}")).into_owned()
        }
        _ => piece(message).into_owned(),
    }
}

/// The longest line of a message, in characters.
const LONGEST_LINE: usize = 600;

/// A line of a message with what it quotes of the user's text cut short, and without control characters.
fn bounded(line: &str) -> String {
    let quoted = |(index, part): (usize, &str)| {
        if index % 2 == 1 { piece(part).into_owned() } else { escaped(part).into_owned() }
    };
    let line = line.split('`').enumerate().map(quoted).collect::<Vec<_>>().join("`");
    if line.chars().count() <= LONGEST_LINE {
        return line;
    }
    line.chars().take(LONGEST_LINE).chain("...".chars()).collect()
}

/// Everything that is wrong with the input; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputError(Vec<Diagnostic>);

impl InputError {
    /// An error of these complaints, of which there is one at least.
    pub(crate) fn of(diagnostics: Vec<Diagnostic>) -> Self {
        Self(diagnostics)
    }

    /// An error if there is anything to complain about.
    pub fn unless_empty(diagnostics: Vec<Diagnostic>) -> Result<(), Self> {
        if diagnostics.is_empty() { Ok(()) } else { Err(Self(diagnostics)) }
    }

    /// The same, with a place for the complaints about fields that have none.
    #[must_use]
    pub fn located(mut self, location: &Location) -> Self {
        for diagnostic in self.0.iter_mut().filter(|diagnostic| !diagnostic.path.is_empty()) {
            diagnostic.location.get_or_insert_with(|| location.clone());
        }
        self
    }

    /// The complaints, in the order of the input.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.0
    }

    /// The complaints that are worth printing, and how many more there are.
    pub fn shown(&self) -> (&[Diagnostic], usize) {
        let shown = self.0.len().min(MOST_COMPLAINTS);
        (&self.0[..shown], self.0.len() - shown)
    }
}

impl From<Diagnostic> for InputError {
    fn from(diagnostic: Diagnostic) -> Self {
        Self(vec![diagnostic])
    }
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (shown, more) = self.shown();
        for (index, diagnostic) in shown.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            diagnostic.fmt(f)?;
        }
        if more > 0 { write!(f, "\n... and {more} more") } else { Ok(()) }
    }
}

impl std::error::Error for InputError {}

/// serde's message without the names of our types and without long or many-lined values.
pub(super) fn plain_words(message: &str) -> String {
    if message.starts_with("data did not match any variant of untagged enum ") {
        return "is not a number or a quantity".to_owned();
    }
    let Some((found, expected)) = message.split_once(", expected ") else {
        // What reads a value says itself what is wrong with it, and quotes it; other texts may be the user's.
        return if message.contains('`') { message.to_owned() } else { crate::model::piece(message).into_owned() };
    };
    let found = without_long_values(found);
    match expected {
        "i32" => format!("{found}, expected a whole number"),
        expected if expected.starts_with("struct ") => format!("{found}, expected an object"),
        "a sequence" => format!("{found}, expected a list"),
        expected => format!("{found}, expected {expected}"),
    }
}
