//! What commands print for programs: every form of every command.

use serde_json::Value;

use crate::support::hpasim;

const K8S: &str = "scenarios/rag-system/k8s";
const WORKDAY: &str = "scenarios/rag-system/traces/workday.csv";

/// A run of each command, with as much in it as there can be; the kind of its schema; how it ends.
const RUNS: [(&str, &str, i32, &[&str]); 14] = [
    ("simulate", "Simulation", 0, &["simulate", "-f", K8S, "--load", WORKDAY]),
    (
        "simulate",
        "Simulation",
        1,
        &[
            "simulate",
            "-f",
            "scenarios/shop/k8s",
            "-n",
            "shop",
            "--constant",
            "rps=120",
            "--duration",
            "30m",
            "--cpu-per-request",
            "20m",
            "--slo",
            "p95<300ms",
            "--fail-on",
            "slo",
            "--fail-on",
            "replicas>100",
            "--nodes",
            "scenarios/shop/nodes.yaml",
            "--node-count",
            "general-4x16=6",
            "--phases",
            "3",
        ],
    ),
    (
        "plan",
        "Plan",
        0,
        &[
            "plan",
            "-f",
            K8S,
            "--load",
            WORKDAY,
            "--nodes",
            "scenarios/rag-system/nodes.yaml",
            "--runs",
            "3",
            "--growth",
            "20%/year",
            "--horizon",
            "3mo",
            "--claims",
            "scenarios/rag-system/claims.yaml",
        ],
    ),
    ("replay", "Replay", 0, &["replay", "--scenario", "2-high-load", "--scenario", "6-rollback-restart"]),
    ("explain", "Explanation", 0, &["explain", "--scenario", "2-high-load"]),
    ("explain", "Explanation", 0, &["explain", "-f", K8S, "--load", WORKDAY, "--changes"]),
    ("explain", "Explanation", 0, &["explain", "-f", K8S, "--load", WORKDAY, "--at", "9h"]),
    ("lint", "Findings", 1, &["lint", "-f", "tests/data/lint", "-R"]),
    (
        "backtest",
        "Backtest",
        0,
        &["backtest", "-f", K8S, "--observed", "scenarios/rag-system/recordings/monitoring.json"],
    ),
    ("load", "LoadDescription", 0, &["trace", "describe", WORKDAY]),
    ("load", "LoadDescription", 0, &["import", WORKDAY]),
    (
        "calibrate",
        "Calibration",
        0,
        &[
            "calibrate",
            "-f",
            K8S,
            "--observed",
            "scenarios/rag-system/recordings/monitoring.json",
            "--simulations",
            "300",
        ],
    ),
    (
        "compare",
        "Comparison",
        1,
        &[
            "compare",
            "--base",
            K8S,
            "--head",
            K8S,
            "--head",
            "scenarios/rag-system/changes/target-60.yaml",
            "--load",
            WORKDAY,
            "--phases",
            "3",
            "--fail-on",
            "cost>+5%",
        ],
    ),
    ("tune", "Tuning", 0, &["tune", "-f", K8S, "--load", WORKDAY, "--candidates", "200", "--phases", "2"]),
];

fn printed(args: &[&str], format: &str, code: i32) -> String {
    let output = hpasim(args).args(["--format", format]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{args:?} --format {format}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// Nothing but what is written down may be there.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if fields.contains_key("properties") {
                fields.entry("unevaluatedProperties").or_insert(false.into());
            }
            // What is added to other fields is not all that there is.
            let added = ["allOf", "anyOf", "oneOf"];
            fields.iter_mut().filter(|(name, _)| !added.contains(&name.as_str())).for_each(|(_, inner)| close(inner));
        }
        Value::Array(all) => all.iter_mut().for_each(close),
        _ => {}
    }
}

#[test]
fn json_is_what_its_schema_says() {
    for (command, kind, code, args) in RUNS {
        let json: Value = serde_json::from_str(&printed(args, "json", code)).unwrap();
        assert_eq!((json["apiVersion"].as_str(), json["kind"].as_str()), (Some("hpasim/v1"), Some(kind)));
        let schema = String::from_utf8(hpasim(&["schema", command]).output().unwrap().stdout).unwrap();
        let mut schema: Value = serde_json::from_str(&schema).unwrap();
        close(&mut schema);
        let validator = jsonschema::validator_for(&schema).unwrap();
        let wrong: Vec<String> = validator.iter_errors(&json).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert!(wrong.is_empty(), "{args:?}: {:?}", &wrong[..wrong.len().min(5)]);
        let mut other = json.clone();
        other["more"] = 1.into();
        assert!(!validator.is_valid(&other), "{kind}: a field that is not written down");
        other = json;
        other.as_object_mut().unwrap().remove("kind");
        assert!(!validator.is_valid(&other), "{kind}: a field that is missing");
    }
}

/// What is written with -o is what is printed.
#[test]
fn files_are_what_is_printed() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    for (name, run) in [("world.json", 1), ("plan.json", 2)] {
        let (.., code, args) = RUNS[run];
        hpasim(args).args(["-o", out]).assert().code(code);
        assert_eq!(std::fs::read_to_string(folder.path().join(name)).unwrap(), printed(args, "json", code));
    }
}

#[test]
fn every_form_tells_all_of_it() {
    for (_, _, code, args) in RUNS {
        let [markdown, html, table] = ["markdown", "html", "csv"].map(|format| printed(args, format, code));
        assert!(markdown.starts_with("# "), "{args:?}");
        assert!(html.starts_with("<!DOCTYPE html>") && html.ends_with("</html>\n"), "{args:?}");
        assert!(table.lines().filter(|line| line.starts_with("section,")).count() >= 1, "{args:?}");
        // Each of the tables is one by itself.
        for block in table.split("\n\n") {
            let mut reader = csv::Reader::from_reader(block.as_bytes());
            let columns = reader.headers().unwrap().len();
            assert!(reader.records().all(|record| record.unwrap().len() == columns), "{args:?}: {block}");
        }
    }
    let (.., args) = RUNS[0];
    assert!(printed(args, "html", 0).contains("<figure"), "the page has its diagrams without -o");
}

#[test]
fn what_is_checked_is_told_to_pipelines() {
    let (.., code, args) = RUNS[1];
    let xml = printed(args, "junit", code);
    assert!(xml.contains("<testsuites name=\"hpasim simulate\""), "{xml}");
    let annotations = printed(args, "github", code);
    let broken = xml.matches("<failure").count();
    assert!(broken > 0 && annotations.lines().filter(|line| line.starts_with("::error ")).count() == broken);
    assert!(xml.matches("<testcase").count() > broken, "what is kept is told, too");
    // A finding of lint stands at its line.
    let (.., code, args) = RUNS[7];
    let annotations = printed(args, "github", code);
    assert!(annotations.lines().all(|line| line.contains("file=tests/data/lint/") && line.contains(",line=")));
    assert_eq!(printed(args, "junit", code).matches("<failure").count(), annotations.matches("::error ").count());
    // Verdicts as on record are passed tests.
    let (.., code, args) = RUNS[3];
    assert!(!printed(args, "junit", code).contains("<failure"));
    assert_eq!(printed(args, "github", code), "");
    hpasim(&["explain", "--scenario", "2-high-load", "--format", "junit"]).assert().code(2);
}

/// What a scenario has of its own is not taken from the command line, and not without a word.
#[test]
fn options_for_manifests_are_not_passed_over() {
    for option in [["--load", WORKDAY], ["--slo", "p95<1s"], ["--horizontal-pod-autoscaler-sync-period", "30s"]] {
        let run = hpasim(&["explain", "--scenario", "2-high-load"]).args(option).assert().code(2);
        let said = String::from_utf8_lossy(&run.get_output().stderr).into_owned();
        assert!(said.contains(option[0]), "{said}");
    }
}

/// A decision is explained alike in a scenario and from manifests under a load.
#[test]
fn decisions_under_a_load_are_explained() {
    let (.., args) = RUNS[5];
    let changes: Value = serde_json::from_str(&printed(args, "json", 0)).unwrap();
    let changes = changes["syncs"].as_array().unwrap();
    let (.., args) = RUNS[0];
    let summary: Value = serde_json::from_str(&printed(args, "json", 0)).unwrap();
    let events = summary["targets"][0]["events"].as_array().unwrap();
    assert_eq!(changes.len(), events.len());
    for (sync, event) in changes.iter().zip(events) {
        assert_eq!(sync["timeSeconds"], event["timeSeconds"]);
        assert_eq!((&sync["currentReplicas"], &sync["desiredReplicas"]), (&event["from"], &event["to"]));
        assert_eq!(sync["limitedBy"], event["limitedBy"]);
        assert!(!sync["policies"].as_array().unwrap().is_empty());
    }
}
