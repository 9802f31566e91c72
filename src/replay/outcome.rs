//! What a claim comes to: in one run, and over the phases.

use crate::report::amounts::decimal;
use crate::study::phases::Range;
use crate::units::{SimTime, Span};

/// What a claim came to in one run.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Whether it holds.
    pub holds: bool,
    /// What happens.
    pub instead: Vec<Part>,
    /// Why, in a line.
    pub why: String,
    /// What would make it hold; empty if it does, or if nothing is known.
    pub remedy: String,
}

impl Outcome {
    pub(super) fn new(holds: bool, instead: impl Into<Vec<Part>>, why: String) -> Self {
        Self { holds, instead: instead.into(), why, remedy: String::new() }
    }
}

/// A piece of what happens: words, and the value in them that may differ from phase to phase.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    before: String,
    value: Option<Value>,
    after: String,
}

/// A value that may differ from phase to phase.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Value {
    Time(SimTime),
    Span(Span),
    Count(i64),
    Decimal(f64),
}

impl Part {
    /// Words alone.
    pub fn words(words: impl Into<String>) -> Self {
        Self { before: words.into(), value: None, after: String::new() }
    }

    /// `3 -> 4 at 15s`.
    pub fn at(what: impl std::fmt::Display, at: SimTime) -> Self {
        Self { before: format!("{what} at "), value: Some(Value::Time(at)), after: String::new() }
    }

    /// `broken for 5m`.
    pub fn span(before: impl Into<String>, span: Span, after: impl Into<String>) -> Self {
        Self { before: before.into(), value: Some(Value::Span(span)), after: after.into() }
    }

    /// `up to 5 ready`.
    pub fn count(before: impl Into<String>, count: impl Into<i64>, after: impl Into<String>) -> Self {
        Self { before: before.into(), value: Some(Value::Count(count.into())), after: after.into() }
    }

    /// `0.25 pod-hours`.
    pub fn decimal(value: f64, after: impl Into<String>) -> Self {
        Self { before: String::new(), value: Some(Value::Decimal(value)), after: after.into() }
    }

    fn is_like(&self, other: &Self) -> bool {
        let kind = |part: &Self| part.value.as_ref().map(std::mem::discriminant);
        (&self.before, kind(self), &self.after) == (&other.before, kind(other), &other.after)
    }
}

impl From<Part> for Vec<Part> {
    fn from(part: Part) -> Self {
        vec![part]
    }
}

/// The same thing in several runs, with the values of each.
#[derive(Clone, Debug)]
struct Alike<'a> {
    parts: &'a [Part],
    values: Vec<&'a [Part]>,
}

/// What happens in some runs, from the most frequent on: how many of them, and the words with the range of each value.
pub fn variants<'a>(runs: impl Iterator<Item = &'a [Part]>) -> Vec<(usize, String)> {
    let mut all: Vec<Alike<'a>> = Vec::new();
    for parts in runs {
        let alike = |other: &&mut Alike<'a>| {
            other.parts.len() == parts.len() && other.parts.iter().zip(parts).all(|(a, b)| a.is_like(b))
        };
        match all.iter_mut().find(alike) {
            Some(same) => same.values.push(parts),
            None => all.push(Alike { parts, values: vec![parts] }),
        }
    }
    all.sort_by_key(|alike| std::cmp::Reverse(alike.values.len()));
    all.iter().map(|alike| (alike.values.len(), alike.text())).collect()
}

impl Alike<'_> {
    fn text(&self) -> String {
        let part = |(index, part): (usize, &Part)| {
            let values = self.values.iter().filter_map(|parts| parts[index].value);
            format!("{}{}{}", part.before, range(values), part.after)
        };
        self.parts.iter().enumerate().map(part).collect::<Vec<_>>().join(", ")
    }
}

/// A value, or the lowest and the highest of several of the same kind.
fn range(values: impl Iterator<Item = Value>) -> String {
    let Some(range) = Range::of(values) else { return String::new() };
    let told = |value: Value| match value {
        Value::Time(at) => at.to_string(),
        Value::Span(span) => span.to_string(),
        Value::Count(count) => count.to_string(),
        Value::Decimal(number) => decimal(number, 2),
    };
    let (low, high) = (told(range.low), told(range.high));
    if low == high { low } else { format!("{low} to {high}") }
}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        match (self, other) {
            (Self::Time(a), Self::Time(b)) => a.partial_cmp(b),
            (Self::Span(a), Self::Span(b)) => a.partial_cmp(b),
            (Self::Count(a), Self::Count(b)) => a.partial_cmp(b),
            (Self::Decimal(a), Self::Decimal(b)) => a.partial_cmp(b),
            (Self::Time(_) | Self::Span(_) | Self::Count(_) | Self::Decimal(_), _) => None,
        }
    }
}

/// A claim in one reading of the load, over the phases.
#[derive(Clone, Debug)]
pub struct OverPhases {
    /// The outcome in each phase.
    pub outcomes: Vec<Outcome>,
    /// The index of the phase that is shown.
    pub shown: usize,
}

/// So many ways in which things go are told.
const TOLD_VARIANTS: usize = 3;

impl OverPhases {
    /// In how many phases it holds.
    pub fn holding(&self) -> usize {
        self.outcomes.iter().filter(|outcome| outcome.holds).count()
    }

    /// The outcome in the phase that is shown.
    pub fn shown(&self) -> &Outcome {
        &self.outcomes[self.shown]
    }

    /// What happens, with the range over the phases; where it goes in different ways, with their shares.
    pub fn instead(&self) -> String {
        let all = variants(self.outcomes.iter().map(|outcome| outcome.instead.as_slice()));
        if let [(_, only)] = all.as_slice() {
            return only.clone();
        }
        let share = |count: usize| share(count, self.outcomes.len());
        let told = all.iter().take(TOLD_VARIANTS).map(|(count, text)| format!("{text} ({})", share(*count)));
        let rest: usize = all.iter().skip(TOLD_VARIANTS).map(|(count, _)| count).sum();
        let rest = (rest > 0).then(|| format!("otherwise in {}", share(rest)));
        told.chain(rest).collect::<Vec<_>>().join("; ")
    }
}

/// A share in percent that is 0% or 100% only if it is nothing or all.
pub fn share(count: usize, of: usize) -> String {
    let percent = count as f64 / of.max(1) as f64 * 100.0;
    match decimal(percent, if percent < 10.0 { 1 } else { 0 }).as_str() {
        "0" | "0.0" if count > 0 => "<0.1%".to_owned(),
        "100" if count < of => ">99%".to_owned(),
        text => format!("{text}%"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happens_is_told_with_its_range_and_its_shares() {
        let at = SimTime::from_seconds;
        let outcome = |parts: Vec<Part>| Outcome::new(true, parts, String::new());
        let outcomes = vec![
            outcome(vec![Part::at("3 -> 4", at(30)), Part::at("4 -> 5", at(60))]),
            outcome(vec![Part::at("3 -> 4", at(16)), Part::at("4 -> 5", at(75))]),
        ];
        let mut over = OverPhases { outcomes, shown: 0 };
        assert_eq!(over.instead(), "3 -> 4 at 16s to 30s, 4 -> 5 at 1m to 1m15s");
        over.outcomes.push(outcome(vec![Part::count("stays at ", 3, "")]));
        over.outcomes.push(outcome(vec![Part::count("stays at ", 4, "")]));
        over.outcomes.push(outcome(vec![Part::count("stays at ", 3, "")]));
        assert_eq!(over.instead(), "stays at 3 to 4 (60%); 3 -> 4 at 16s to 30s, 4 -> 5 at 1m to 1m15s (40%)");
    }

    #[test]
    fn a_share_is_all_or_nothing_only_if_it_is() {
        let told =
            [(0, 2250), (1, 2250), (25, 2250), (1125, 2250), (2249, 2250), (2250, 2250)].map(|(n, of)| share(n, of));
        assert_eq!(told, ["0%", "<0.1%", "1.1%", "50%", ">99%", "100%"]);
    }
}
