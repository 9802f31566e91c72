//! Findings of `hpasim lint`: as a document, as what was checked, and as SARIF.

use std::fmt::Write;

use serde_json::{Value, json};

use super::changed;
use super::checks::{Check, Level};
use super::document::{self, Block, Document, Section};
use crate::lint::{Finding, Rule, Severity, rules};

/// The text about a rule is broken at this width.
const TEXT_WIDTH: usize = 110;

/// One finding after the other, and how many there are.
pub fn document(findings: &[Finding], overrides: &[String]) -> Document {
    let one = |Finding { rule, hit }: &Finding| document::Finding {
        severity: rule.severity.name(),
        rule: (rule.code, rule.name),
        place: (hit.location.to_string(), hit.path.clone()),
        message: hit.message.clone(),
        why: rule.why,
        remedy: rule.remedy,
    };
    let count = |severity: Severity, word: &str| {
        let count = findings.iter().filter(|finding| finding.rule.severity == severity).count();
        format!("{count} {word}{}", if count == 1 { "" } else { "s" })
    };
    let verdict = match findings.is_empty() {
        true => "no findings".to_owned(),
        false => format!(
            "{}, {}, {}; more about a rule: hpasim lint --explain CODE",
            count(Severity::Error, "error"),
            count(Severity::Warning, "warning"),
            count(Severity::Note, "note")
        ),
    };
    let found = (!findings.is_empty()).then(|| Block::Findings(findings.iter().map(one).collect()));
    let section = Section { title: String::new(), blocks: found.into_iter().collect() };
    Document {
        title: "What will go wrong with autoscaling".to_owned(),
        verdict: [verdict].into_iter().chain(changed(overrides)).collect(),
        sections: vec![section],
    }
}

/// The findings as what was checked.
pub fn checks(findings: &[Finding]) -> Vec<Check> {
    let check = |Finding { rule, hit }: &Finding| Check {
        suite: format!("{} {}", rule.code, rule.name),
        name: hit.path.clone(),
        location: Some(hit.location.clone()),
        found: format!("{}. {}", hit.message, rule.remedy),
        level: match rule.severity {
            Severity::Note => Level::Notice,
            Severity::Warning => Level::Warning,
            Severity::Error => Level::Error,
        },
    };
    findings.iter().map(check).collect()
}

/// SARIF 2.1.0 (OASIS), as code hosts read it.
pub fn sarif(findings: &[Finding]) -> Value {
    let rule = |rule: &Rule| {
        let help = format!("{} Sources: {}", rule.remedy, rule.sources.join("; "));
        json!({
            "id": rule.code,
            "name": rule.name,
            "shortDescription": { "text": rule.summary },
            "fullDescription": { "text": rule.why },
            "help": { "text": help },
            "defaultConfiguration": { "level": rule.severity.name() },
        })
    };
    let result = |Finding { rule, hit }: &Finding| {
        let location = &hit.location;
        // Standard input has no place that a viewer could open.
        let uri = location.file.replace('\\', "/").replace(' ', "%20");
        let region = json!({ "startLine": location.line.max(1), "startColumn": location.column.max(1) });
        json!({
            "ruleId": rule.code,
            "ruleIndex": rules().position(|known| known.code == rule.code),
            "level": rule.severity.name(),
            "message": { "text": format!("{}: {}. {}", hit.path, hit.message, rule.remedy) },
            "locations": [{
                "physicalLocation": { "artifactLocation": { "uri": uri }, "region": region },
                "logicalLocations": [{ "fullyQualifiedName": hit.path }],
            }],
        })
    };
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "hpasim",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules().map(rule).collect::<Vec<_>>(),
            } },
            "columnKind": "unicodeCodePoints",
            "results": findings.iter().map(result).collect::<Vec<_>>(),
        }],
    })
}

/// A rule at length.
pub fn explain(rule: &Rule) -> String {
    let mut text = format!("{} {} ({})\n\n{}\n\n", rule.code, rule.name, rule.severity.name(), rule.summary);
    for (label, words) in [("Why", rule.why), ("Remedy", rule.remedy)] {
        text += &textwrap::fill(&format!("{label}: {words}"), TEXT_WIDTH);
        text += "\n\n";
    }
    text += "Sources:\n";
    for source in rule.sources {
        let _ = writeln!(text, "  {source}");
    }
    text
}
