//! What nobody knows: phases and start-up times. Verdicts and figures over them.

use hpasim::input::scenario::{Choice, Files, read};
use hpasim::model::{Check, Phase};
use hpasim::replay::replay;
use hpasim::study::sample::{Count, Sampled};
use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;

use crate::support::{Deployment, hpasim, project, run, seconds, table, write};

const K8S: &str = "scenarios/rag-system/k8s";

fn json(out: &tempfile::TempDir, name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(out.path().join(name)).unwrap()).unwrap()
}

/// Where syncs are at multiples of 15 s after the load there are 150 pairs of scrapes and samples: counted one by one in a
/// review of the first replay, which had tried one of them.
#[test]
fn the_shares_are_those_that_were_counted() {
    let folder = tempfile::tempdir().unwrap();
    let k8s = project(K8S);
    let fixed = |name: &str| {
        let text = std::fs::read_to_string(project(&format!("scenarios/rag-system/scenarios/{name}.yaml"))).unwrap();
        let text = text.replace("../k8s", k8s.to_str().unwrap());
        let text = text.replacen("\nload:", "\ncluster: {syncOffset: 0s}\nload:", 1);
        let path = folder.path().join(format!("{name}.yaml"));
        write(&path, &text);
        read(Files::Disk, &path, Choice::default(), &mut Vec::new()).unwrap().remove(0)
    };
    let high = fixed("2-high-load");
    let replayed = replay(&high, None).unwrap();
    let first = replayed.findings.iter().find(|finding| finding.claim.says.contains("first reaction")).unwrap();
    for over in &first.readings {
        assert_eq!((over.holding(), over.outcomes.len()), (1, 150));
    }
    // The first change is at 15 s in 1 of them, at 30 s in 118, at 45 s in 31.
    for (by, expected) in [(15, 1), (30, 119), (45, 150)] {
        let mut high = high.clone();
        for claim in &mut high.claims {
            if let Check::FirstChange { within, .. } = &mut claim.check {
                within.to = hpasim::units::SimTime::from_seconds(by);
            }
        }
        let replayed = replay(&high, None).unwrap();
        let first = replayed.findings.iter().find(|finding| finding.claim.says.contains("first reaction")).unwrap();
        assert!(first.readings.iter().all(|over| over.holding() == expected), "{by}");
    }
    let very_high = fixed("3-very-high-load");
    let replayed = replay(&very_high, None).unwrap();
    let eight = replayed.findings.iter().find(|finding| finding.claim.says.contains("6 -> 8 in one cycle")).unwrap();
    assert!(eight.readings.iter().all(|over| over.holding() == 25), "6 -> 8 by 15 s");
}

/// Every phase is in the ranges over all of them, and the one that is shown is one of them.
#[test]
fn ranges_hold_every_phase() {
    let load = ["--constant", "cpu=2", "--constant", "memory=1Gi", "--duration", "20m"];
    let summary = |options: &[&str]| {
        let out = tempfile::tempdir().unwrap();
        let args = [&["simulate", "-f", K8S, "-o", out.path().to_str().unwrap()], &load[..], options].concat();
        let output = hpasim(&args).output().unwrap();
        (json(&out, "summary.json"), String::from_utf8(output.stdout).unwrap())
    };
    let (all, text) = summary(&["--phases", "2250"]);
    assert!(text.contains("Ranges over all 2250 phases"), "{text}");
    assert_eq!((&all["phases"]["simulated"], &all["phases"]["possible"]), (&2250.into(), &2250.into()));
    let range = |name: &str| {
        let range = &all["phases"]["ranges"][name];
        range["min"].as_f64().unwrap()..=range["max"].as_f64().unwrap()
    };
    let first = &all["events"][0];
    let times = first["overPhases"]["earliestSeconds"].as_i64().unwrap()
        ..=first["overPhases"]["latestSeconds"].as_i64().unwrap();
    for (sync, scrape, sample) in [("0s", "0s", "0s"), ("14s", "14s", "9s"), ("7s", "3s", "8s"), ("1s", "12s", "5s")] {
        let (one, text) = summary(&["--sync-offset", sync, "--metric-offset", scrape, "--housekeeping-offset", sample]);
        assert!(text.contains("One phase, as given") && !text.contains("OVER"), "{text}");
        assert!(range("podHours").contains(&one["podHours"].as_f64().unwrap()), "{one}");
        assert!(range("maxReplicas").contains(&one["replicas"]["max"].as_f64().unwrap()), "{one}");
        assert!(times.contains(&one["events"][0]["timeSeconds"].as_i64().unwrap()), "{one}");
    }
    let shown = &all["phases"]["shown"];
    let offset = |name: &str| format!("{}s", shown[name]);
    let fixed = [
        "--sync-offset",
        &offset("syncOffsetSeconds"),
        "--metric-offset",
        &offset("metricOffsetSeconds"),
        "--housekeeping-offset",
        &offset("housekeepingOffsetSeconds"),
    ];
    assert_eq!(summary(&fixed).0["podHours"], all["podHours"]);
}

/// The first sync comes when it does; what it sees is the steady state before.
#[test]
fn the_first_sync_sees_a_steady_state_in_every_phase() {
    let deployment = Deployment::rag();
    let load = table(&["cpu", "memory"], &[(0, &[0.9, 3e8]), (60, &[0.9, 3e8])]);
    for (sync, scrape, kubelet) in [(0, 0, 0), (12, 3, 9), (14, 14, 0), (1, 13, 7)] {
        let mut setup = deployment.setup(&load);
        setup.targets[0].phase = Phase { sync: seconds(sync), scrape: seconds(scrape), kubelet: seconds(kubelet) };
        let (summary, rows) = run(&setup, &load);
        assert_eq!((rows[0].now.seconds(), rows[1].now.seconds()), (sync, sync + 15));
        for row in &rows {
            assert_eq!(row.resources.cpu_used.get(), 900_000_000, "{:?}", setup.targets[0].phase);
            assert_eq!(row.metrics[0].unwrap().average_utilization, Some(60), "{:?}", setup.targets[0].phase);
        }
        assert_eq!(summary.pod_seconds(), 3 * 120);
    }
}

/// Where the first phase shows that all would take too long there are fewer, or that one alone; the first is the same in any case.
#[test]
fn there_are_fewer_phases_where_the_first_takes_long() {
    let deployment = Deployment::rag();
    let load = table(&["cpu", "memory"], &[(0, &[0.9, 3e8]), (60, &[0.9, 3e8])]);
    let setup = deployment.setup(&load);
    let sampled = |count, looks| {
        let sampled = Sampled::run(&setup, count, |setup| Ok((setup.targets[0].phase, looks))).unwrap();
        (sampled.runs, sampled.is_cut)
    };
    let (all, is_cut) = sampled(Count::AtMost(100), 1000);
    assert!(all.len() == 100 && !is_cut);
    let (some, is_cut) = sampled(Count::AtMost(100), 3_000_000);
    assert!(some.len() == 20 && is_cut && some[0] == all[0]);
    assert_eq!(sampled(Count::AtMost(100), 10_000_000), (vec![all[0]], true));
    assert_eq!(sampled(Count::AtMost(5), 10_000_000).0.len(), 5);
    let (asked, is_cut) = sampled(Count::Exactly(100), 10_000_000);
    assert!(asked == all && !is_cut);
}

/// For a load that is too long there is one phase, which is said; N phases are N phases all the same.
#[test]
fn a_long_load_has_one_phase_unless_more_are_asked_for() {
    let load =
        |duration| ["simulate", "-f", K8S, "--constant", "cpu=1", "--constant", "memory=1Gi", "--duration", duration];
    hpasim(&load("10d")).assert().success().stdout(contains("OVER 10 PHASES"));
    let long = hpasim(&load("11d")).assert().success();
    long.stdout(contains("it takes too long; --phases N").and(contains("OVER").not()));
    let asked = hpasim(&[&load("11d")[..], &["--phases", "3"]].concat()).assert().success();
    asked.stdout(contains("OVER 3 PHASES").and(contains("3 of 2250 phases (seed 0)")));
    let one = hpasim(&[&load("1h")[..], &["--phases", "1"]].concat()).assert().success();
    one.stdout(contains(
        "One phase of those that there are: first sync at 7s, scrapes 7s and kubelet samples 5s after it",
    ));
    hpasim(&[&load("1h")[..], &["--phases", "0"]].concat()).assert().code(2);
    hpasim(&[&load("1h")[..], &["--sync-offset", "15s"]].concat())
        .assert()
        .code(2)
        .stderr(contains("--sync-offset is 15s and must be less than the sync period, which is 15s"));
}

#[test]
fn phases_do_not_depend_on_threads() {
    let simulate = ["simulate", "-f", K8S, "--load", "scenarios/rag-system/traces/workday.csv"];
    // Of several errors it is the same one.
    let fails = ["replay", "tests/data/invalid-scenarios/not-steady.yaml"];
    for args in [&["replay", "--scenario", "2-high-load"][..], &simulate, &fails] {
        let run = |threads: &str| {
            let output = hpasim(args).env("RAYON_NUM_THREADS", threads).output().unwrap();
            (output.stdout, output.stderr)
        };
        assert_eq!(run("1"), run("3"), "{args:?}");
    }
}

const SERVICES: [&str; 11] = [
    "web",
    "cart",
    "cart-store",
    "catalogue",
    "currency",
    "payment",
    "delivery",
    "mail",
    "checkout",
    "suggestions",
    "adverts",
];
/// Those whose probes give up before the 20 s that are assumed.
const HASTY: [&str; 3] = ["cart-store", "mail", "suggestions"];

/// A start-up that nobody states never makes a pod fail its own probes, and every command that simulates names the probe.
#[test]
fn no_pod_fails_its_probes_by_a_guess() {
    let folder = "scenarios/eleven-services/k8s";
    let out = tempfile::tempdir().unwrap();
    let rise = ["--load", "scenarios/eleven-services/rise.csv"];
    let simulate = |options: &[&str]| {
        let few = ["--phases", "20"];
        let args = [&["simulate", "-f", folder, "-o", out.path().to_str().unwrap()], &rise[..], &few, options].concat();
        let output = hpasim(&args).output().unwrap();
        assert!(output.status.success());
        let restarts = SERVICES.map(|service| {
            let file = out.path().join(format!("default.{service}/summary.json"));
            let summary: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
            assert!(summary["pods"]["created"].as_i64().unwrap() > 0, "{service}");
            summary["pods"]["restarts"].as_i64().unwrap()
        });
        (restarts, String::from_utf8(output.stderr).unwrap())
    };
    let named = |service: &str| {
        format!(
            "Deployment/{service} is taken to serve 10s after its containers start, not 20s: the livenessProbe of \
             container server gives up then"
        )
    };
    let (restarts, notes) = simulate(&[]);
    assert_eq!(restarts, [0; 11]);
    for service in SERVICES {
        assert!(notes.contains(&format!("Deployment/{service} is taken to serve")), "{service}: {notes}");
        assert_eq!(notes.contains(&named(service)), HASTY.contains(&service), "{service}: {notes}");
    }
    // Stated, it is as stated.
    let (restarts, notes) = simulate(&["--startup", "20s"]);
    for (service, restarts) in SERVICES.iter().zip(restarts) {
        assert_eq!(restarts > 0, HASTY.contains(service), "{service}: {restarts}");
    }
    assert!(!notes.contains("is taken to serve"), "{notes}");
    // The plan counts the pods that do come up: the guess used to leave 24 out.
    let loads: Vec<String> = SERVICES.iter().map(|service| format!("{service}={}", rise[1])).collect();
    let plan = |options: &[&str]| {
        let mut args = vec!["plan", "-f", folder, "-o", out.path().to_str().unwrap(), "--phases", "20"];
        loads.iter().for_each(|load| args.extend(["--load", load]));
        args.extend(options);
        let output = hpasim(&args).output().unwrap();
        let plan = json(&out, "plan.json");
        let peak = plan["phases"]["figures"].as_array().unwrap().iter().find(|figure| figure["name"] == "Peak pods");
        (peak.unwrap()["typical"].as_f64().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (assumed, notes) = plan(&[]);
    assert_eq!((assumed, plan(&["--startup", "20s"]).0), (110.0, 86.0));
    assert!(HASTY.iter().all(|service| notes.contains(&named(service))), "{notes}");
    let lint = hpasim(&["lint", "-f", folder]).output().unwrap();
    let found = String::from_utf8(lint.stdout).unwrap();
    let hasty = found.lines().filter(|line| line.contains("HPA040") && line.contains("livenessProbe: gives up 10s"));
    assert_eq!(hasty.count(), HASTY.len(), "{found}");
}
