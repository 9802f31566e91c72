//! A corpus of bad inputs, each with its message. A file that is dropped into the folder is a test.

use std::path::PathBuf;

use crate::support::{hpasim, project};

/// The files of a folder, in the order of their names.
fn files(folder: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(project(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

/// Runs `simulate` on a bad manifest or a bad trace; the exit code and what it says.
fn outcome(folder: &str, name: &str) -> (i32, String) {
    let file = format!("{folder}/{name}");
    let mut args = vec!["simulate", "-f"];
    if name.ends_with(".csv") {
        args.extend(["scenarios/rag-system/k8s/backend-deployment.yaml", "--load", &file]);
    } else {
        args.extend([&file, "--constant", "cpu=1", "--constant", "memory=1Gi", "--duration", "1m"]);
    }
    let output = hpasim(&args).output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn every_bad_input_is_refused_with_its_place_and_a_remedy() {
    let folder = "tests/data/invalid";
    let mut all = String::new();
    for file in files(folder) {
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        let (code, stderr) = outcome(folder, &name);
        assert_eq!(code, 2, "{name}: {stderr}");
        assert!(stderr.contains("error: "), "{name}: {stderr}");
        all += &format!("== {name}\n{stderr}\n");
    }
    insta::assert_snapshot!(all);
}

#[test]
fn odd_but_valid_inputs_are_warned_about() {
    let folder = "tests/data/warnings";
    let mut all = String::new();
    for file in files(folder) {
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        let (code, stderr) = outcome(folder, &name);
        assert_eq!(code, 0, "{name}: {stderr}");
        all += &format!("== {name}\n{stderr}\n");
    }
    insta::assert_snapshot!(all);
}

#[test]
fn a_version_without_a_feature_says_so() {
    let yaml = "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: h}\nspec:\n  \
                scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: d}\n  minReplicas: 0\n  maxReplicas: 3\n";
    let output = hpasim(&["simulate", "-f", "-", "--constant", "cpu=1", "--kubernetes-version", "1.36"])
        .write_stdin(yaml)
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr.contains("-:6:3: spec.minReplicas: is 0"), "{stderr}");
    assert!(stderr.contains("use --kubernetes-version 1.37"), "{stderr}");
}

/// An older HPA is converted as the API server does: annotations first, then the CPU target.
#[test]
fn autoscaling_v1_is_converted() {
    let yaml = r#"apiVersion: autoscaling/v1
kind: HorizontalPodAutoscaler
metadata:
  name: h
  annotations:
    autoscaling.alpha.kubernetes.io/metrics: '[{"type": "Resource", "resource": {"name": "memory", "targetAverageUtilization": 60}}]'
    autoscaling.alpha.kubernetes.io/behavior: '{"ScaleUp": {"StabilizationWindowSeconds": 30, "Policies": [{"Type": "Pods", "Value": 1, "PeriodSeconds": 60}]}}'
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: d}
  maxReplicas: 5
  targetCPUUtilizationPercentage: 50
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: d}
spec:
  selector: {matchLabels: {app: d}}
  template:
    metadata: {labels: {app: d}}
    spec:
      containers:
        - name: c
          image: c
          resources:
            limits: {cpu: 1, memory: 1Gi}
          readinessProbe:
"#;
    let deployment = crate::support::Deployment::from_yaml(yaml);
    let labels: Vec<String> = deployment.hpa.metrics.iter().map(hpasim::model::MetricSource::label).collect();
    assert_eq!(labels, ["memory", "cpu"]);
    let up = deployment.hpa.behavior.unwrap().scale_up;
    assert_eq!(up.stabilization_window.unwrap().seconds(), 30);
    assert_eq!(up.policies[0].to_string(), "1 pod per 1m");
    assert_eq!(deployment.workload.template.cpu_request().get(), 1000, "requests default to limits");
}
