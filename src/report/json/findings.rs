//! What `lint` finds.

use schemars::JsonSchema;
use serde::Serialize;

use super::Kind;
use crate::lint::{Finding, Severity};

/// What will go wrong with autoscaling.
#[derive(Serialize, JsonSchema)]
pub struct Findings {
    findings: Vec<One>,
    summary: Counts,
}

impl Kind for Findings {
    const KIND: &'static str = "Findings";
}

/// A rule that is broken.
#[derive(Serialize, JsonSchema)]
struct One {
    /// Such as HPA001.
    code: &'static str,
    name: &'static str,
    /// error, warning or note.
    severity: &'static str,
    file: String,
    line: usize,
    column: usize,
    /// The field, such as spec.maxReplicas.
    path: String,
    message: String,
    why: &'static str,
    remedy: &'static str,
}

#[derive(Serialize, JsonSchema)]
struct Counts {
    errors: usize,
    warnings: usize,
    notes: usize,
}

impl Findings {
    /// Of the findings, in their order.
    pub fn new(findings: &[Finding]) -> Self {
        let one = |Finding { rule, hit }: &Finding| One {
            code: rule.code,
            name: rule.name,
            severity: rule.severity.name(),
            file: hit.location.file.to_string(),
            line: hit.location.line,
            column: hit.location.column,
            path: hit.path.clone(),
            message: hit.message.clone(),
            why: rule.why,
            remedy: rule.remedy,
        };
        let count = |severity: Severity| findings.iter().filter(|finding| finding.rule.severity == severity).count();
        Self {
            findings: findings.iter().map(one).collect(),
            summary: Counts {
                errors: count(Severity::Error),
                warnings: count(Severity::Warning),
                notes: count(Severity::Note),
            },
        }
    }
}
