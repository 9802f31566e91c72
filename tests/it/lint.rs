//! Every rule has manifests that break it and manifests that do not: tests/data/lint/CODE/{bad,good}.yaml. Where a rule
//! needs nodes or a load, they lie beside them.

use hpasim::lint::rules;
use serde_json::Value;

use crate::support::{hpasim, project};

/// Runs `lint` on a rule's manifests; the exit code and what it prints.
fn lint(code: &str, name: &str, more: &[&str]) -> (i32, String) {
    let folder = format!("tests/data/lint/{code}");
    let (manifests, nodes, load) =
        (format!("{folder}/{name}.yaml"), format!("{folder}/nodes.yaml"), format!("{folder}/load.csv"));
    let mut args = vec!["lint", "-f", &manifests];
    for (option, file) in [("--nodes", &nodes), ("--load", &load)] {
        if project(file).exists() {
            args.extend([option, file]);
        }
    }
    args.extend(more);
    let output = hpasim(&args).output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

fn codes(json: &str) -> Vec<String> {
    let value: Value = serde_json::from_str(json).unwrap();
    let findings = value["findings"].as_array().unwrap();
    findings.iter().map(|finding| finding["code"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_rule_is_broken_by_its_bad_manifest_and_not_by_its_good_one() {
    let mut all = String::new();
    for rule in rules() {
        let (status, bad) = lint(rule.code, "bad", &["--format", "json", "--fail-on", rule.severity.name()]);
        assert!(codes(&bad).contains(&rule.code.to_owned()), "{} is not found: {bad}", rule.code);
        assert_eq!(status, 1, "{}", rule.code);
        let (_, good) = lint(rule.code, "good", &["--format", "json"]);
        assert!(!codes(&good).contains(&rule.code.to_owned()), "{} is found: {good}", rule.code);
        let (_, text) = lint(rule.code, "bad", &["--fail-on", "never"]);
        let own = format!("[{}]", rule.code);
        for line in text.lines().filter(|line| line.contains(&own)) {
            all += &format!("{line}\n");
        }
    }
    insta::assert_snapshot!(all);
}

#[test]
fn every_folder_belongs_to_a_rule_and_codes_are_in_order() {
    let mut folders: Vec<String> = std::fs::read_dir(project("tests/data/lint"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    folders.sort();
    let codes: Vec<&str> = rules().map(|rule| rule.code).collect();
    assert_eq!(folders, codes);
    for rule in rules() {
        assert!(!rule.sources.is_empty() && !rule.why.is_empty() && !rule.remedy.is_empty(), "{}", rule.code);
    }
}

#[test]
fn the_severity_decides_the_exit_code() {
    // HPA002 is a warning.
    assert_eq!(lint("HPA002", "bad", &[]).0, 0);
    assert_eq!(lint("HPA002", "bad", &["--fail-on", "warning"]).0, 1);
    assert_eq!(lint("HPA001", "bad", &[]).0, 1);
    assert_eq!(lint("HPA001", "bad", &["--fail-on", "never"]).0, 0);
    assert_eq!(lint("HPA001", "good", &["--fail-on", "note"]), (0, "no findings\n".to_owned()));
}

/// What code hosts need of SARIF: the version, the rules, and for each result a rule, a level and a place.
#[test]
fn sarif_names_rules_and_places() {
    let (_, text) = lint("HPA009", "bad", &["--format", "sarif", "--fail-on", "never"]);
    let log: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    assert_eq!(rules.len(), hpasim::lint::rules().count());
    let results = run["results"].as_array().unwrap();
    assert!(!results.is_empty());
    for result in results {
        let index = result["ruleIndex"].as_u64().unwrap() as usize;
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert!(["error", "warning", "note"].contains(&result["level"].as_str().unwrap()));
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "tests/data/lint/HPA009/bad.yaml");
        assert!(place["region"]["startLine"].as_u64().unwrap() > 1, "{place}");
    }
}

#[test]
fn rules_are_explained_by_code() {
    let output = hpasim(&["lint", "--explain", "hpa014"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("HPA014 unreachable-target (error)") && text.contains("Sources:"), "{text}");
    let output = hpasim(&["lint", "--explain", "HPA999"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("there is HPA001, HPA002"));
}
