//! `backtest`: a recording of the simulator's own is predicted; its errors are what they are said to be.

use std::fmt::Write;
use std::path::Path;

use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;

use crate::support::{hpasim, project, write};

const K8S: &str = "scenarios/rag-system/k8s";
const RECORDED: &str = "scenarios/rag-system/recordings/monitoring.json";

/// Two hours with a rise and a fall, simulated: the demand, and sync by sync what the HPA wants and sees.
fn simulated(folder: &Path) -> (String, Vec<Vec<String>>) {
    let mut load = "time,cpu,memory\n".to_owned();
    for minute in 0..120_i32 {
        let cpu = 0.7 + 2.0 * f64::from((minute - 20).clamp(0, 30) - (minute - 70).clamp(0, 30)) / 30.0;
        let _ = writeln!(load, "{},{cpu:.4},900000000", minute * 60);
    }
    write(&folder.join("load.csv"), &load);
    let (file, out) = (folder.join("load.csv"), folder.join("out"));
    let args = ["simulate", "-f", K8S, "--load", file.to_str().unwrap(), "--phases", "1", "-o", out.to_str().unwrap()];
    hpasim(&args).assert().success();
    let mut reader = csv::Reader::from_path(out.join("timeline.csv")).unwrap();
    let wanted = ["time_seconds", "desired", "replicas", "cpu_percent", "load_cpu"];
    let headers = reader.headers().unwrap().clone();
    let columns = wanted.map(|name| headers.iter().position(|header| header == name).unwrap());
    let rows = reader.records().map(|record| {
        let record = record.unwrap();
        columns.iter().map(|column| record[*column].to_owned()).collect()
    });
    (load, rows.collect())
}

fn backtest(args: &[&str], code: i32) -> Value {
    let output = hpasim(&["backtest", "-f", K8S]).args(args).args(["--format", "json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(code), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The circle: what was simulated is predicted exactly in the phase that it was in, and nearly so in the others.
#[test]
fn what_was_simulated_is_predicted() {
    let folder = tempfile::tempdir().unwrap();
    let (load, rows) = simulated(folder.path());
    let observed = folder.path().join("observed");
    write(&observed.join("load.csv"), &load);
    let mut recorded = "time,desired,replicas\n".to_owned();
    rows.iter().for_each(|row| {
        let _ = writeln!(recorded, "{},{},{}", row[0], row[1], row[2]);
    });
    write(&observed.join("recorded.csv"), &recorded);
    let observed = observed.to_str().unwrap();
    let one = backtest(&["--observed", observed, "--phases", "1"], 0);
    assert_eq!((&one["parts"][0]["predicted"]["replicas"], &one["phases"]), (&0.0.into(), &1.into()), "{one}");
    assert_eq!(one["parts"][0]["predicted"]["changeSeconds"], 0.0);
    assert_eq!(one["parts"][0]["predicted"]["missedChanges"], 0);
    let many = backtest(&["--observed", observed, "--split", "40%"], 0);
    let error = |part: usize, by: &str| many["parts"][part][by]["replicas"].as_f64().unwrap();
    assert_eq!(many["parts"][1]["fromSeconds"], 2880);
    for part in [0, 1] {
        assert!(error(part, "predicted") < 0.1, "{many}");
        assert!(error(part, "textbook") > 2.0 * error(part, "predicted"), "{many}");
    }
    assert_eq!(many["changes"].as_array().unwrap().len(), one["changes"].as_array().unwrap().len());
    // Another target is not what was recorded: that shows, and can be a check.
    let wrong = [
        "--observed",
        observed,
        "--set",
        "hpa.metrics[cpu].resource.target.averageUtilization=45",
        "--max-error",
        "0.5",
    ];
    let off = backtest(&wrong, 1);
    assert!(off["parts"][0]["predicted"]["bias"].as_f64().unwrap() > 0.5 && off["passed"] == false, "{off}");
    let junit = hpasim(&["backtest", "-f", K8S]).args(wrong).args(["--format", "junit"]).output().unwrap();
    assert!(String::from_utf8(junit.stdout).unwrap().contains("<failure"));
    let out = folder.path().join("backtest");
    let files = ["--observed", observed, "-o", out.to_str().unwrap()];
    hpasim(&["backtest", "-f", K8S]).args(files).assert().success().stdout(contains("over 100 phases"));
    for name in ["backtest.json", "backtest.png", "report.html", "report.md"] {
        assert!(out.join(name).is_file(), "{name}");
    }
}

/// What the HPA saw is older than what was demanded: put back by its age it predicts better.
#[test]
fn recorded_utilization_has_an_age() {
    let folder = tempfile::tempdir().unwrap();
    let (_, rows) = simulated(folder.path());
    let mut recorded = "time,cpu_utilization,memory_utilization,replicas,desired\n".to_owned();
    rows.iter().filter(|row| !row[3].is_empty()).for_each(|row| {
        let _ = writeln!(recorded, "{},{},40,{},{}", row[0], row[3], row[2], row[1]);
    });
    let file = folder.path().join("recorded.csv");
    write(&file, &recorded);
    let error = |age: &str| {
        let found = backtest(&["--observed", file.to_str().unwrap(), "--recorded-age", age, "--phases", "1"], 0);
        found["parts"][0]["predicted"]["replicas"].as_f64().unwrap()
    };
    let (none, right, far) = (error("0s"), error("20s"), error("3m"));
    assert!(right < none && right < far, "{none} {right} {far}");
}

/// Of several recordings of one load it is told how far they are apart, and the prediction from each.
#[test]
fn recordings_differ_among_themselves() {
    let folder = tempfile::tempdir().unwrap();
    let recording = |name: &str, replicas: [i32; 3]| {
        let path = folder.path().join(name);
        let mut text = "time,cpu,memory,desired\n".to_owned();
        for (index, count) in (0..60).map(|index| (index, replicas[index / 20])) {
            let _ = writeln!(text, "{},0.72,9e8,{count}", index * 10);
        }
        write(&path, &text);
        path.to_str().unwrap().to_owned()
    };
    let (one, two, three) =
        (recording("a.csv", [3, 3, 3]), recording("b.csv", [3, 4, 4]), recording("c.csv", [3, 4, 6]));
    let found = backtest(&["--observed", &one, "--also", &two, "--also", &three], 0);
    // Of three, a and b are a replica apart for two thirds of the time, b and c two for a third, a and c one and three.
    let told = &found["repeatability"];
    let number = |name: &str| (told[name].as_f64().unwrap() * 3.0).round();
    assert_eq!((told["recordings"].as_u64(), number("least"), number("most")), (Some(3), 2.0, 4.0), "{told}");
    assert_eq!((number("mean") * 3.0).round(), 9.0, "{told}");
    assert!(number("predicted") >= 1.0, "{told}");
    assert!(backtest(&["--observed", &one], 0)["repeatability"].is_null());
    let text = hpasim(&["backtest", "-f", K8S, "--observed", &one, "--also", &two]).output().unwrap();
    assert!(String::from_utf8(text.stdout).unwrap().contains("2 recordings of this load are 0.67 replicas apart"));
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("load.csv");
    write(&file, "Time,cpu,memory\n0,1,1e9\n60,1,1e9\n120,1,1e9\n");
    let file = file.to_str().unwrap();
    hpasim(&["backtest", "-f", K8S, "--observed", file]).assert().code(2).stderr(contains("has no replicas"));
    hpasim(&["backtest", "-f", K8S]).assert().code(2).stderr(contains("--observed"));
    hpasim(&["backtest", "-f", K8S, "--observed", file, "--split", "0%"])
        .assert()
        .code(2)
        .stderr(contains("is no part"));
    let shop = ["backtest", "-f", "scenarios/shop/k8s", "--observed", file, "--constant", "rps=1"];
    hpasim(&shop).assert().code(2).stderr(contains("choose it with --hpa").or(contains("error:")));
    // The recording itself, in which everything is.
    let whole = ["backtest", "-f", K8S, "--observed", RECORDED, "--startup", "22s"];
    hpasim(&whole).assert().success().stdout(contains("3 -> 4").and(contains("textbook's formula")));
    assert!(project(RECORDED).is_file());
}
