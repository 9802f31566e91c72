//! The recorded decisions of the real controller, all of them, from the library and from the command line.

use hpasim::conformance::replay;
use hpasim::input::conformance::read;
use predicates::str::contains;

use crate::support::{hpasim, project};

fn recorded(name: &str) -> (usize, Vec<String>) {
    let mut decisions = 0;
    let mut wrong = Vec::new();
    read(&project("tests/data").join(name), |case| {
        decisions += case.steps.len();
        for mismatch in replay(&case) {
            wrong.push(format!("{} step {}: {:?}", case.name, mismatch.step, mismatch.differences));
        }
    })
    .unwrap();
    (decisions, wrong)
}

#[test]
fn kubernetes_1_37() {
    assert_eq!(recorded("hpa-v1.37.jsonl.gz"), (7200, vec![]));
}

#[test]
fn kubernetes_1_28() {
    assert_eq!(recorded("hpa-v1.28.jsonl.gz"), (2400, vec![]));
}

/// One case with one decision changed: the command must find it and say what it saw.
#[test]
fn a_wrong_decision_is_reported() {
    use std::io::{BufRead, BufReader, Write};
    let file = std::fs::File::open(project("tests/data/hpa-v1.37.jsonl.gz")).unwrap();
    let first = BufReader::new(flate2::read::GzDecoder::new(file)).lines().next().unwrap().unwrap();
    let mut case: serde_json::Value = serde_json::from_str(&first).unwrap();
    case["steps"][0]["want"]["replicas"] = 5.into();
    let mut changed = tempfile::Builder::new().suffix(".jsonl").tempfile().unwrap();
    writeln!(changed, "{case}").unwrap();
    hpasim(&["conformance", changed.path().to_str().unwrap()])
        .assert()
        .code(1)
        .stdout(contains("step 0"))
        .stdout(contains("replicas: recorded 5, ours 2"))
        .stdout(contains("queue_9: ceil(12.19/10) = 2"))
        .stdout(contains("60 decisions compared in 1 cases, 59 agree, 1 differ"));
}

#[test]
fn the_command_passes_on_both_files() {
    hpasim(&["conformance", "tests/data/hpa-v1.37.jsonl.gz", "tests/data/hpa-v1.28.jsonl.gz"])
        .assert()
        .success()
        .stdout(contains("7200 decisions compared in 120 cases, 7200 agree, 0 differ"))
        .stdout(contains("2400 decisions compared in 40 cases, 2400 agree, 0 differ"));
}
