//! Names that are nearly those that were meant.

use super::Diagnostic;
use super::diagnostic::plain_words;
use super::yaml::Document;

/// How alike two names must be for one to be taken for a misspelling of the other.
const ALIKE: f64 = 0.75;
/// No more names than this are listed.
const MOST_LISTED: usize = 20;

/// The most similar of the names, if any is similar enough to have been meant.
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let lower = name.to_ascii_lowercase();
    let alike = |known: &'a str| (strsim::jaro_winkler(&lower, &known.to_ascii_lowercase()), known);
    let (score, best) = known.map(alike).max_by(|a, b| a.0.total_cmp(&b.0))?;
    (score > ALIKE).then_some(best)
}

/// What to say to somebody who wrote a name that there is not.
pub fn hint<'a>(name: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    match nearest(name, known.clone()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => {
            let listed: Vec<&str> = known.clone().take(MOST_LISTED).collect();
            let more = if known.count() > MOST_LISTED { ", ..." } else { "" };
            format!("there is {}{more}", listed.join(", "))
        }
    }
}

/// Reads one of our own documents, strictly: unknown names are errors with the nearest one.
pub(super) fn typed<T: serde::de::DeserializeOwned>(document: &Document) -> Result<T, Diagnostic> {
    serde_path_to_error::deserialize(&document.value).map_err(|error| {
        let path = error.path().to_string();
        let message = error.into_inner().to_string();
        let path = if path == "." { String::new() } else { path };
        let diagnostic = document.diagnostic(&path, plain_words(&message));
        match meant(&message) {
            Some(meant) => diagnostic.hint(format!("did you mean `{meant}`?")),
            None => diagnostic,
        }
    })
}

/// Of "unknown variant `a`, expected one of `b`, `c`": what of the latter is like the former.
fn meant(message: &str) -> Option<String> {
    let quoted = |text: &str| text.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let (found, expected) = message.strip_prefix("unknown ")?.split_once(", expected ")?;
    let (name, known) = (quoted(found).pop()?, quoted(expected));
    nearest(&name, known.iter().map(String::as_str)).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_of_what_serde_expects() {
        let message = "unknown variant `confirmd`, expected one of `confirmed`, `contradicted`, `depends`";
        assert_eq!(meant(message).as_deref(), Some("confirmed"));
        assert_eq!(meant("unknown field `zzz`, expected `at` or `pods`"), None);
        assert_eq!(meant("invalid type: string \"a\", expected a list"), None);
    }

    #[test]
    fn a_hint_is_the_nearest_name_or_a_list() {
        assert_eq!(hint("qdrnt", ["redis", "qdrant"].into_iter()), "did you mean `qdrant`?");
        assert_eq!(hint("x", ["redis", "qdrant"].into_iter()), "there is redis, qdrant");
    }
}
