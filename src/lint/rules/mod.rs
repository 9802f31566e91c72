//! The rules: code, severity, reason, remedy and sources. How each is checked is in the files of `lint`.

mod objects;
mod scaling;

use super::{Context, Hit, Severity};

/// A rule.
#[derive(Debug)]
pub struct Rule {
    /// `HPA001`, ...; a code never changes its meaning.
    pub code: &'static str,
    /// A name in words and dashes.
    pub name: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in a sentence.
    pub summary: &'static str,
    /// What comes of it.
    pub why: &'static str,
    /// What to do.
    pub remedy: &'static str,
    /// Documentation or code of Kubernetes that says so.
    pub sources: &'static [&'static str],
    /// Finds where it is broken.
    pub(in crate::lint) check: fn(&Context<'_>) -> Vec<Hit>,
}

const HPA_DOCS: &str = "https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/";

/// All rules, by code.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    scaling::RULES.iter().chain(objects::RULES)
}
