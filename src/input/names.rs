//! Names that are nearly those that were meant.

/// How alike two names must be for one to be taken for a misspelling of the other.
const ALIKE: f64 = 0.75;

/// The most similar of the names, if any is similar enough to have been meant.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let lower = name.to_ascii_lowercase();
    let alike = |known: &'a str| (strsim::jaro_winkler(&lower, &known.to_ascii_lowercase()), known);
    let (score, best) = known.map(alike).max_by(|a, b| a.0.total_cmp(&b.0))?;
    (score > ALIKE).then_some(best)
}
