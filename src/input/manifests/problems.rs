//! Complaints about one document, gathered while it is converted.

use crate::units::Quantity;

use super::raw::RawQuantity;

/// One complaint: field path, what is wrong, what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub path: String,
    pub message: String,
    pub hint: Option<String>,
}

/// All complaints about a document.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    pub errors: Vec<Problem>,
    pub warnings: Vec<Problem>,
}

impl Problems {
    pub fn error(&mut self, path: impl Into<String>, message: impl Into<String>, hint: impl Into<String>) {
        self.errors.push(problem(path.into(), message.into(), hint.into()));
    }

    pub fn warn(&mut self, path: impl Into<String>, message: impl Into<String>, hint: impl Into<String>) {
        self.warnings.push(problem(path.into(), message.into(), hint.into()));
    }

    /// A quantity, or a complaint about it.
    pub fn quantity(&mut self, path: &str, raw: &RawQuantity) -> Option<Quantity> {
        match raw.parse() {
            Ok(quantity) => Some(quantity),
            Err(error) => {
                self.error(path, error.to_string(), error.hint());
                None
            }
        }
    }
}

fn problem(path: String, message: String, hint: String) -> Problem {
    Problem { path, message, hint: (!hint.is_empty()).then_some(hint) }
}
