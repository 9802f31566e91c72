//! A misspelling in anything that names something is refused, with the nearest name.

use predicates::str::contains;

use crate::support::{hpasim, project, write};

/// A scenario in which everything is named as it should be.
const SCENARIO: &str = "\
name: x
title: t
manifests: [MANIFESTS]
namespace: rag-system
hpa: rag-backend-hpa
cluster:
  queue: shared
  nodes: {file: NODES, start: {general-4x16: 3}, autoscaler: {minNodes: {general-4x16: 3}}}
start: {replicas: 3, before: {cpu_utilization: 50, memory_utilization: 40}}
load: {values: {cpu_utilization: 50, memory_utilization: 40}, readings: [held], interpolation: hold}
duration: 5m
events:
  - {at: 1m, dependencyDown: {for: 1m, initContainer: wait-for-qdrant}}
  - {at: 3m, metricsOutage: {for: 15s, api: custom}}
claims:
  - {says: a, check: {limitedBy: {reason: ScaleUpLimit}}, expect: contradicted}
  - {says: b, check: {reason: {metric: memory}}, expect: contradicted}
  - {says: c, check: {condition: {reason: ValidMetricFound}}, expect: confirmed}
  - {says: d, check: {triggers: {metric: memory}}, expect: contradicted}
  - {says: e, check: {getPods: {at: 1m, pods: {qdrant: 2}}}, expect: confirmed}
  - {says: f, check: {getHpa: {at: 1m, targets: 'cpu: 50%/70%, memory: 40%/80%', minPods: 3, maxPods: 10}}, expect: confirmed}
";

/// What is right, its only or first occurrence replaced by what is not.
const MISSPELT: [(&str, &str); 21] = [
    ("namespace: rag-system", "namespace: rag-sytem"),
    ("hpa: rag-backend-hpa", "hpa: rag-backend-hpaa"),
    ("cluster:", "clutser:"),
    ("queue: shared", "queue: shard"),
    ("start: {general-4x16: 3}", "start: {generl-4x16: 3}"),
    ("minNodes: {general-4x16: 3}", "minNodes: {generl-4x16: 3}"),
    ("minNodes:", "minNode:"),
    ("before: {cpu_utilization: 50", "before: {cpu_utilisation: 50"),
    ("values: {cpu_utilization: 50", "values: {cpu_utilisation: 50"),
    ("readings: [held]", "readings: [hold]"),
    ("interpolation: hold", "interpolation: held"),
    ("initContainer: wait-for-qdrant", "initContainer: wait-for-qdrnt"),
    ("api: custom", "api: costum"),
    ("limitedBy: {reason: ScaleUpLimit}", "limitedBy: {reason: ScaleUpLimits}"),
    ("reason: {metric: memory}", "reason: {metric: memry}"),
    ("condition: {reason: ValidMetricFound}", "condition: {reason: ValidMetricsFound}"),
    ("triggers: {metric: memory}", "triggers: {metric: memori}"),
    ("pods: {qdrant: 2}", "pods: {qdrnt: 2}"),
    ("targets: 'cpu: 50%/70%, memory:", "targets: 'cpu: 50%/70%, memmory:"),
    ("expect: contradicted", "expect: contradict"),
    ("check: {triggers:", "check: {trigers:"),
];

/// The name that is meant: what differs between the two.
fn meant<'a>(right: &'a str, wrong: &str) -> &'a str {
    let words = |text: &'a str| text.split(|c: char| !(c.is_alphanumeric() || "-_".contains(c)));
    let wrong: Vec<&str> = wrong.split(|c: char| !(c.is_alphanumeric() || "-_".contains(c))).collect();
    words(right).find(|word| !wrong.contains(word)).unwrap()
}

#[test]
fn in_a_scenario() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.yaml");
    let text = SCENARIO
        .replace("MANIFESTS", project("scenarios/rag-system/k8s").to_str().unwrap())
        .replace("NODES", project("scenarios/rag-system/nodes.yaml").to_str().unwrap());
    write(&path, &text);
    hpasim(&["replay", path.to_str().unwrap()]).assert().success();
    for (right, wrong) in MISSPELT {
        assert!(text.contains(right), "{right}");
        write(&path, &text.replacen(right, wrong, 1));
        let hint = format!("did you mean `{}`?", meant(right, wrong));
        hpasim(&["replay", path.to_str().unwrap()]).assert().code(2).stderr(contains(hint));
    }
}

#[test]
fn in_the_figures_of_a_document() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("claims.yaml");
    let text = "claims:\n  - {says: a, workload: qdrant, at: minimum, requests: {memory: 2Gi}, expect: confirmed}\n  \
                - {says: b, objects: {Deployment: 2, CronJob: 0}}\n";
    let plan = || hpasim(&["plan", "-f", "scenarios/rag-system/k8s", "--claims", path.to_str().unwrap()]);
    write(&path, text);
    plan().assert().success();
    for (right, wrong) in [
        ("workload: qdrant", "workload: qdrnt"),
        ("at: minimum", "at: minimun"),
        ("requests: {memory", "requests: {memori"),
        ("expect: confirmed", "expect: confirmd"),
        ("{Deployment: 2", "{Deploymnet: 2"),
        ("CronJob: 0", "CronJobs: 0"),
        ("objects:", "object:"),
    ] {
        write(&path, &text.replacen(right, wrong, 1));
        plan().assert().code(2).stderr(contains(format!("did you mean `{}`?", meant(right, wrong))));
    }
}

#[test]
fn in_an_option() {
    let load = ["--constant", "cpu=1", "--constant", "memory=1Gi", "--duration", "10m"];
    let k8s = ["-f", "scenarios/rag-system/k8s"];
    let nodes = ["--nodes", "scenarios/rag-system/nodes.yaml", "--node-count"];
    let cases: [(&[&str], &[&str], &str); 8] = [
        (&["simulate"], &["--hpa", "rag-backend-hap"], "rag-backend-hpa"),
        (&["simulate"], &["-n", "rag-sytem"], "rag-system"),
        (&["plan"], &["--hpa", "rag-backend-hap"], "rag-backend-hpa"),
        (&["lint"], &["--hpa", "rag-backend-hap"], "rag-backend-hpa"),
        (&["simulate"], &[nodes[0], nodes[1], nodes[2], "generl-4x16=1"], "general-4x16"),
        (&["simulate"], &["--queue", "per-pods"], "per-pod"),
        (&["simulate"], &["--interpolation", "lineer"], "linear"),
        (&["simulate"], &["--startupp", "20s"], "--startup"),
    ];
    for (command, wrong, right) in cases {
        hpasim(&[command, &k8s, &load, wrong].concat()).assert().code(2).stderr(contains(right));
    }
    let column = ["simulate", k8s[0], k8s[1], "--constant", "cpu_utilisation=50", "--constant", "memory=1Gi"];
    hpasim(&[&column[..], &load[4..]].concat()).assert().code(2).stderr(contains("did you mean `cpu_utilization`?"));
    for command in ["replay", "explain"] {
        let wrong = hpasim(&[command, "--scenario", "2-hihg-load"]).assert().code(2);
        wrong.stderr(contains("did you mean `2-high-load`?"));
    }
    hpasim(&["lint", "--explain", "memory-targets"]).assert().code(2).stderr(contains("did you mean `memory-target`?"));
}
