//! `calibrate`: settings that a simulation had lie in the intervals that are found from what it did, or are said to be unknown.

use std::fmt::Write;
use std::path::Path;

use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;

use crate::support::{hpasim, project, write};

const K8S: &str = "scenarios/rag-system/k8s";

/// Requests in steps over so many minutes, one every five: up to twenty times as many.
fn requests(minutes: i64) -> String {
    let mut load = "time,rps,memory\n".to_owned();
    for minute in (0..minutes).step_by(5) {
        let rps = 20.0 + 90.0 * (1.0 + (minute as f64 * 0.11).sin()) + f64::from((minute * 7 % 13) as i32) * 9.0;
        let _ = writeln!(load, "{},{rps:.1},900000000", minute * 60);
    }
    load
}

/// A folder with the load of a simulation and what its HPA did, read every `step` seconds.
fn recorded(folder: &Path, load: &str, settings: &[&str], step: i64) -> String {
    let (file, out) = (folder.join("truth.csv"), folder.join("out"));
    write(&file, load);
    let args = ["simulate", "-f", K8S, "--load", file.to_str().unwrap(), "--phases", "1", "-o", out.to_str().unwrap()];
    hpasim(&args).args(settings).assert().success();
    let mut reader = csv::Reader::from_path(out.join("timeline.csv")).unwrap();
    let headers = reader.headers().unwrap().clone();
    let column = |name: &str| headers.iter().position(|header| header == name).unwrap();
    let (time, desired, current, cpu) =
        (column("time_seconds"), column("desired"), column("replicas"), column("cpu_percent"));
    let rows: Vec<csv::StringRecord> = reader.records().map(|record| record.unwrap()).collect();
    let seconds = |row: &csv::StringRecord| row[time].parse::<i64>().unwrap();
    let mut text = "time,desired,replicas,cpu_utilization\n".to_owned();
    for at in (0..=seconds(rows.last().unwrap())).step_by(step as usize) {
        if let Some(row) = rows.iter().take_while(|row| seconds(row) <= at).last() {
            let _ = writeln!(text, "{at},{},{},{}", &row[desired], &row[current], &row[cpu]);
        }
    }
    let observed = folder.join("observed");
    write(&observed.join("load.csv"), load);
    write(&observed.join("recorded.csv"), &text);
    observed.to_str().unwrap().to_owned()
}

fn calibrated(observed: &str, args: &[&str]) -> Value {
    let output = hpasim(&["calibrate", "-f", K8S, "--observed", observed, "--format", "json"]).args(args).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The interval of a setting, if it is known.
fn interval(found: &Value, setting: &str) -> Option<(f64, f64)> {
    let known = found["known"].as_array().unwrap().iter().find(|one| one["setting"] == setting)?;
    Some((known["low"].as_f64().unwrap(), known["high"].as_f64().unwrap_or(f64::INFINITY)))
}

#[test]
fn settings_that_a_simulation_had_lie_in_the_intervals() {
    // Start-up, CPU of a request, sync, scrape, sample.
    for (startup, cpu, phases) in [(40, 0.016, [11, 2, 1])] {
        let folder = tempfile::tempdir().unwrap();
        let [sync, scrape, sample] = phases.map(|seconds| format!("{seconds}s"));
        let (start, cost) = (format!("{startup}s"), format!("{}m", cpu * 1e3));
        let settings =
            ["--startup", &start, "--cpu-per-request", &cost, "--sync-offset", &sync, "--metric-offset", &scrape];
        let settings = [&settings[..], &["--housekeeping-offset", &sample]].concat();
        let observed = recorded(folder.path(), &requests(60), &settings, 5);
        let found = calibrated(&observed, &[]);
        let truth = [
            ("startup", f64::from(startup)),
            ("cpuPerRequest", cpu),
            ("syncOffset", f64::from(phases[0])),
            ("metricOffset", f64::from(phases[1])),
            ("housekeepingOffset", f64::from(phases[2])),
        ];
        for (setting, value) in truth {
            let inside = interval(&found, setting).is_none_or(|(low, high)| low <= value && value <= high);
            assert!(inside, "{setting} was {value}: {found:#}");
        }
        let (low, high) = interval(&found, "cpuPerRequest").unwrap_or_else(|| panic!("{found:#}"));
        assert!(high / low < 1.3, "{found:#}");
        let stated = calibrated(&observed, &["--cpu-per-request", &cost, "--simulations", "300"]);
        assert!(interval(&stated, "cpuPerRequest").is_none(), "it was stated: {stated}");
        let error = found["fitted"]["replicas"].as_f64().unwrap();
        assert!(error < 0.1 && error <= found["before"]["replicas"].as_f64().unwrap(), "{found:#}");
    }
}

/// The file is taken by what simulates, below what is typed, and its names and values are checked.
#[test]
fn what_is_calibrated_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("calibrated.yaml");
    let path = file.to_str().unwrap();
    let observed = project("scenarios/rag-system/recordings/monitoring.json");
    let args = ["calibrate", "-f", K8S, "--observed", observed.to_str().unwrap(), "-o", path, "--simulations", "200"];
    hpasim(&args).assert().success().stdout(contains("Not identifiable from this recording"));
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(
        text.contains("cluster:\n") && text.contains("\n  startup: ") && text.contains("# Not identifiable"),
        "{text}"
    );
    write(&file, "cluster:\n  startup: 90s\nload:\n  cpuPerRequest: 30m\n");
    let load = ["-f", K8S, "--constant", "rps=90", "--constant", "memory=1Gi", "--duration", "20m", "--phases", "1"];
    let out = |args: &[&str]| {
        let output = hpasim(&["simulate"]).args(load).args(args).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (taken, said) = out(&["--cluster", path]);
    assert_eq!(taken, out(&["--startup", "90s", "--cpu-per-request", "30m"]).0);
    assert!(said.contains("says --startup 90s, --cpu-per-request 30m"), "{said}");
    let (typed, _) = out(&["--cluster", path, "--startup", "5s"]);
    assert_eq!(typed, out(&["--startup", "5s", "--cpu-per-request", "30m"]).0);
    assert_ne!(typed, taken);
    // In place of what scenarios state.
    let replay = |args: &[&str]| {
        let output = hpasim(&["replay", "--scenario", "2-high-load", "--format", "json"]).args(args).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert_ne!(replay(&["--cluster", path]), replay(&[]));
    for (text, wrong) in [
        ("cluster: {startUp: 3s}", "did you mean `startup`?"),
        ("cluster: {startup: soon}", "is not a delay"),
        ("load: {trace: x.csv}", "is no setting of this file"),
        ("cluster: {nodes: {file: a, start: {a: 1}}}", "nodes are no setting"),
        ("hpa: x", "unknown field"),
    ] {
        write(&file, text);
        let assert = hpasim(&["simulate"]).args(load).args(["--cluster", path]).assert().code(2);
        assert.stderr(contains(wrong).and(contains("calibrated.yaml")));
    }
}

/// Where several columns could say what CPU is used, one is chosen.
#[test]
fn cpu_comes_from_the_column_that_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("load.csv");
    write(&file, "time,cpu,rps,clients,memory\n0,1,50,20,1e9\n600,1,50,20,1e9\n");
    let run = |args: &[&str]| {
        let all =
            ["simulate", "-f", K8S, "--load", file.to_str().unwrap(), "--phases", "1", "--cpu-per-request", "60m"];
        let output = hpasim(&all).args(args).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let demand = run(&[]);
    assert_eq!(run(&["--cpu-from", "cpu"]).1, demand.1);
    assert!(demand.2.contains("the column `rps` of the load is not used"), "{}", demand.2);
    let requests = run(&["--cpu-from", "rps"]);
    assert!(requests.1 != demand.1 && !requests.2.contains("is not used"), "{}", requests.2);
    assert_ne!(run(&["--cpu-from", "clients"]).1, requests.1);
    let missing = run(&["--cpu-from", "cpu_utilization"]);
    assert!(missing.0 == Some(2) && missing.2.contains("the load has no column `cpu_utilization`"), "{}", missing.2);
}
