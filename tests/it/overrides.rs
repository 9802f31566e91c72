//! `--set`: what is changed before anything is simulated is checked like what stands in a file, and is said.

use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;

use crate::support::{hpasim, project, write};

const K8S: &str = "scenarios/rag-system/k8s";
const WORKDAY: &str = "scenarios/rag-system/traces/workday.csv";

fn simulated(more: &[&str]) -> Value {
    let args = ["simulate", "-f", K8S, "--load", WORKDAY, "--phases", "1", "--format", "json"];
    let output = hpasim(&args).args(more).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut json: Value = serde_json::from_slice(&output.stdout).unwrap();
    json["targets"][0].take()
}

/// An oracle: the same change made in the file, for each way to say it.
#[test]
fn a_changed_field_is_as_if_the_file_had_it() {
    let text = std::fs::read_to_string(project(K8S).join("backend-deployment.yaml")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let changes = [
        ("maxReplicas: 10", "maxReplicas: 14", vec!["hpa.maxReplicas=14"]),
        ("maxReplicas: 10", "maxReplicas: 14", vec!["HPA.rag-backend-hpa.spec.maxReplicas=14"]),
        ("maxReplicas: 10", "maxReplicas: 14", vec!["hpa.rag-system/rag-backend-hpa.maxReplicas=14"]),
        (
            "averageUtilization: 70",
            "averageUtilization: 45",
            vec!["hpa.metrics[cpu].resource.target.averageUtilization=45"],
        ),
        (
            "averageUtilization: 70",
            "averageUtilization: 45",
            vec!["hpa.metrics[0].resource.target={type: Utilization, averageUtilization: 45}"],
        ),
    ];
    for (old, new, sets) in changes {
        assert!(text.contains(old));
        let file = folder.path().join("all.yaml");
        write(&file, &text.replacen(old, new, 1));
        let sets: Vec<&str> = sets.iter().flat_map(|set| ["--set", *set]).collect();
        let mut changed = simulated(&sets);
        assert_eq!(changed["overrides"][0].as_str(), Some(sets[1]));
        changed["overrides"] = Value::Array(Vec::new());
        let args = ["simulate", "-f", file.to_str().unwrap(), "--load", WORKDAY, "--phases", "1", "--format", "json"];
        let output = hpasim(&args).output().unwrap();
        let written: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(changed, written["targets"][0], "{sets:?}");
        assert_ne!(changed["podHours"], simulated(&[])["podHours"], "{sets:?} changes nothing");
    }
}

/// The same as rows of a trace that are larger for that time.
#[test]
fn a_load_factor_is_as_if_the_trace_had_it() {
    let text = std::fs::read_to_string(project(WORKDAY)).unwrap();
    let from = jiff_epoch();
    let trace = |factor_from: i64, factor_to: i64| {
        let rows = text.lines().skip(1).map(|row| {
            let cells: Vec<&str> = row.split(',').collect();
            let at: i64 = cells[0].parse().unwrap();
            let factor = if (factor_from..factor_to).contains(&at) { 3.0 } else { 1.0 };
            let value = |cell: &str| cell.parse::<f64>().unwrap() * factor;
            // From six in the morning in a zone an hour east of Greenwich.
            format!("{},{:.3},{:.0}\n", from(at), value(cells[1]), value(cells[2]))
        });
        format!("time,cpu,memory\n{}", rows.collect::<String>())
    };
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        write(&path, text);
        path.display().to_string()
    };
    let (plain, larger) = (file("plain.csv", &trace(0, 0)), file("larger.csv", &trace(10_800, 14_400)));
    let run = |load: &str, more: &[&str]| -> Value {
        let args = ["simulate", "-f", K8S, "--load", load, "--phases", "1", "--format", "json"];
        let output = hpasim(&args).args(more).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice::<Value>(&output.stdout).unwrap()["targets"][0].take()
    };
    let expected = run(&larger, &[]);
    assert_eq!(expected["start"], "2026-11-02T06:00:00+01:00");
    for when in ["09:00+1h", "09:00-10:00", "3h+60m", "3h-10:00", "9:00:00-4h"] {
        let found = run(&plain, &["--set", &format!("load.factor=3@{when}")]);
        assert_eq!(found["events"], expected["events"], "{when}");
        assert_eq!(found["podHours"], expected["podHours"], "{when}");
    }
    assert_ne!(run(&plain, &[])["events"], expected["events"]);
}

fn jiff_epoch() -> impl Fn(i64) -> String {
    let start = hpasim::units::Clock::parse("2026-11-02T06:00:00+01:00").unwrap();
    move |at| start.rfc3339(hpasim::units::SimTime::from_seconds(at)).unwrap()
}

/// A scenario that is changed is as one whose files say so, its claims and its decisions too.
#[test]
fn a_changed_scenario_is_as_if_its_files_had_it() {
    let folder = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(project(K8S)).unwrap() {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).unwrap();
        let text = std::fs::read_to_string(path).unwrap();
        write(&folder.path().join("k8s").join(name), &text.replacen("maxReplicas: 10", "maxReplicas: 8", 1));
    }
    let scenario = std::fs::read_to_string(project("scenarios/rag-system/scenarios/3-very-high-load.yaml")).unwrap();
    let event = "events:\n  - at: 3m\n    loadFactor: {factor: 0.5, for: 2m}\n";
    let file = folder.path().join("scenarios/changed.yaml");
    write(&file, &(scenario + event));
    let json = |args: &[&str]| -> Value {
        let output = hpasim(args).args(["--phases", "20", "--format", "json"]).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
    };
    let sets = ["--set", "hpa.maxReplicas=8", "--set", "load.factor=0.5@3m+2m"];
    let name = ["--scenario", "3-very-high-load"];
    let mut changed = json(&[&["replay"], &name[..], &sets[..]].concat());
    let mut written = json(&["replay", file.to_str().unwrap()]);
    let runs = |json: &mut Value| {
        let runs = json["scenarios"][0]["runs"].take();
        let said = runs[0]["summary"]["overrides"].as_array().map_or(0, Vec::len);
        let claims = json["scenarios"][0]["claims"].as_array_mut().unwrap();
        claims.iter_mut().for_each(|claim| claim["place"] = Value::Null);
        (
            said,
            json["scenarios"][0]["claims"].take(),
            runs[0]["summary"]["events"].clone(),
            runs[0]["summary"]["podHours"].clone(),
        )
    };
    let (changed, written) = (runs(&mut changed), runs(&mut written));
    assert_eq!((changed.0, written.0), (2, 0));
    assert_eq!((&changed.1, &changed.2, &changed.3), (&written.1, &written.2, &written.3));
    let changed = json(&[&["explain"], &name[..], &sets[..]].concat());
    assert_eq!(changed, json(&["explain", file.to_str().unwrap()]));
    assert!(changed["syncs"].as_array().is_some_and(|syncs| !syncs.is_empty()));
    // Only what is asked for is changed; there it must be possible.
    let of_shop = ["replay", "scenarios/rag-system", "scenarios/shop", "--set", "hpa.search.maxReplicas=4"];
    hpasim(&of_shop).assert().code(2).stderr(contains("there is").or(contains("no field `spec.search")));
    hpasim(&[&of_shop[..], &["--scenario", "sale", "--phases", "1"]].concat())
        .assert()
        .stdout(contains("Changed by --set"));
}

/// Events of scenarios happen outside of them, too.
#[test]
fn an_event_is_as_in_a_scenario() {
    let strip = |mut one: Value| {
        one["overrides"] = Value::Null;
        one
    };
    let by_event = simulated(&["--event", "{at: 9h, loadFactor: {factor: 3, for: 1h}}"]);
    assert_eq!(strip(by_event), strip(simulated(&["--set", "load.factor=3@9h+1h"])));
    let scaled = simulated(&["--event", "[{at: 2h, scale: {replicas: 9}}, {at: 3h, killPods: {pods: 2}}]"]);
    assert!(
        scaled["occurrences"].to_string().contains("replicas=9") || scaled.to_string().contains("kubectl scale"),
        "{scaled}"
    );
    for (event, said) in [
        ("{at: 9h, rollot: {}}", "did you mean `rollout`?"),
        ("{at: 9h}", "nothing happens in it"),
        ("{at: 9h, loseNodes: {nodes: 1}}", "there are no nodes that could be lost"),
        ("{at: 9h, killPods: {pods: 0}}", "must be at least 1"),
        ("{at: soon, rollout: {}}", "is no time"),
        ("{at: 1h, rollback: {}}", "without a revision to go back to"),
        ("{", "--event {"),
    ] {
        let args = ["simulate", "-f", K8S, "--load", WORKDAY, "--event", event];
        hpasim(&args).assert().code(2).stderr(contains("error: ").and(contains(said)));
    }
    let shop = ["simulate", "-f", "scenarios/shop/k8s", "--constant", "cpu=1", "--duration", "10m", "--phases", "1"];
    let which = hpasim(&shop).args(["--event", "{at: 1m, rollout: {}}"]).assert().code(2);
    which.stderr(contains("there are several HPAs").and(contains("add target: ")));
    hpasim(&shop).args(["--event", "{at: 1m, target: search, killPods: {pods: 1}}"]).assert().success();
}

#[test]
fn what_cannot_be_changed_is_refused() {
    for (set, said) in [
        ("hpa.maxReplica=14", "did you mean `maxReplicas`?"),
        ("hpa.rag-backend-hp.maxReplicas=14", "did you mean `rag-backend-hpa`?"),
        ("hpa.maxReplicas=two", "error: --set hpa.maxReplicas=two: spec.maxReplicas: invalid type"),
        ("hpa.maxReplicas=2", "must be greater than or equal to minReplicas"),
        ("hpa.metrics[cp].resource.target.averageUtilization=5", "did you mean `cpu`?"),
        ("hpa.metrics[7].resource.target.averageUtilization=5", "there are 2"),
        ("hpa.minReplicas.x=5", "has no fields"),
        ("hpa.minReplicas[0]=5", "is no list"),
        ("hpa..x=1", "is no path"),
        ("hpa.metrics[=1", "is no path"),
        ("rs.maxReplicas=1", "there is no ReplicaSet"),
        ("job.parallelism=1", "`job` cannot be changed"),
        ("hpa.maxReplicas", "write PATH=VALUE"),
        ("hpa.maxReplicas={", "VALUE:"),
        ("load.rps=3", "has `factor`"),
        ("load.factor=-1", "from 0 to"),
        ("load.factor=nan", "from 0 to"),
        ("load.factor=2@25:00", "is no time"),
        ("load.factor=2@9h+0s", "at least 1s"),
        ("load.factor=2@10h-9h", "not after its beginning"),
        ("load.factor=2@2026-11-02T09:00:00Z", "no timestamps"),
        ("load.other.factor=2", "no HPA `other`"),
    ] {
        let args = ["simulate", "-f", K8S, "--load", WORKDAY, "--set", set];
        hpasim(&args).assert().code(2).stderr(contains("error: ").and(contains(said)));
    }
    for command in ["plan", "lint"] {
        hpasim(&[command, "-f", K8S, "--set", "load.factor=2"]).assert().code(2).stderr(contains("needs a load"));
    }
    hpasim(&["simulate", "-f", K8S, "--load", WORKDAY, "--phases", "1", "--set", "load.factor=2@3d"])
        .assert()
        .success()
        .stderr(contains("after the end, 1d"));
}

/// What is assumed of a time is said, whichever HPA it is of; and so is a change that comes too late.
#[test]
fn what_is_assumed_of_times_is_said() {
    let shop = ["simulate", "-f", "scenarios/shop/k8s", "--constant", "cpu=1", "--duration", "10m", "--phases", "1"];
    let with = |set: &str| hpasim(&shop).args(["--set", set]).assert().success();
    with("load.search.factor=2@00:05").stderr(contains("note: the load has no timestamps: 00:05 is taken as 5m after"));
    with("load.search.factor=2@20m").stderr(contains("warning: at 20m: 2 times the load, from now on: that is after"));
    let at = ["explain", "-f", K8S, "--load", WORKDAY, "--phases", "1", "--at", "09:00"];
    hpasim(&at).assert().success().stderr(contains("note: the load has no timestamps: 09:00 is taken as 9h after"));
    hpasim(&["plan", "-f", K8S, "--plot"]).assert().code(2).stderr(contains("--plot needs a load"));
    hpasim(&shop).args(["--plot", "--format", "json"]).assert().code(2).stderr(contains("--plot draws in the text"));
}

/// A reader of the report must know that it is not of the files alone.
#[test]
fn every_report_says_what_was_changed() {
    let set = "hpa.maxReplicas=14";
    let told = format!("Changed by --set: {set}.");
    for command in [
        &["simulate", "-f", K8S, "--load", WORKDAY, "--phases", "1"][..],
        &["simulate", "-f", "scenarios/shop/k8s", "--constant", "cpu=1", "--duration", "10m", "--phases", "1"],
        &["plan", "-f", K8S],
        &["lint", "-f", K8S],
        &["explain", "-f", K8S, "--load", WORKDAY, "--at", "09:00"],
        &["replay", "--scenario", "2-high-load"],
        &["explain", "--scenario", "2-high-load", "--at", "45s"],
    ] {
        for format in ["text", "markdown", "html", "csv"] {
            let run = hpasim(command).args(["--set", set, "--format", format]).output().unwrap();
            let text = String::from_utf8(run.stdout).unwrap();
            assert!(text.contains(&told), "{command:?} --format {format}: {text}");
        }
    }
}
