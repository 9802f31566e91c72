//! Findings of `hpasim lint` as text, JSON and SARIF.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::lint::{Finding, Rule, Severity, rules};

/// Sentences of the text are broken at this width.
const TEXT_WIDTH: usize = 110;

/// How many there are of each severity, from errors down.
fn counts(findings: &[Finding]) -> [usize; 3] {
    [Severity::Error, Severity::Warning, Severity::Note]
        .map(|severity| findings.iter().filter(|finding| finding.rule.severity == severity).count())
}

fn indented(label: &str, text: &str) -> String {
    let indent = format!("  {label}: ");
    let blanks = " ".repeat(indent.len());
    textwrap::fill(text, textwrap::Options::new(TEXT_WIDTH).initial_indent(&indent).subsequent_indent(&blanks)) + "\n"
}

/// One finding after the other, and how many there are.
pub fn text(findings: &[Finding]) -> String {
    let mut text = String::new();
    for Finding { rule, hit } in findings {
        let (location, severity) = (&hit.location, rule.severity.name());
        let _ = writeln!(text, "{location}: {severity}[{}] {}: {}: {}", rule.code, rule.name, hit.path, hit.message);
        text += &indented("why", rule.why);
        text += &indented("remedy", rule.remedy);
    }
    let [errors, warnings, notes] = counts(findings);
    let plural = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    if findings.is_empty() {
        return "no findings\n".to_owned();
    }
    let _ = writeln!(
        text,
        "{}, {}, {}; more about a rule: hpasim lint --explain CODE",
        plural(errors, "error"),
        plural(warnings, "warning"),
        plural(notes, "note")
    );
    text
}

/// Findings with everything that is known about their rules.
pub fn json(findings: &[Finding]) -> Value {
    let one = |Finding { rule, hit }: &Finding| {
        json!({
            "code": rule.code, "name": rule.name, "severity": rule.severity.name(),
            "file": *hit.location.file, "line": hit.location.line, "column": hit.location.column,
            "path": hit.path, "message": hit.message, "why": rule.why, "remedy": rule.remedy,
        })
    };
    let [errors, warnings, notes] = counts(findings);
    json!({
        "findings": findings.iter().map(one).collect::<Vec<_>>(),
        "summary": { "errors": errors, "warnings": warnings, "notes": notes },
    })
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
