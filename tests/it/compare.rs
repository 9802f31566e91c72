//! `hpasim compare`: what differs is what was changed, and as much as two simulations say.

use std::path::Path;

use predicates::str::contains;
use serde_json::Value;

use crate::support::{hpasim, project, write};

const LOAD: [&str; 4] = ["--load", "scenarios/rag-system/traces/workday.csv", "--phases", "8"];
const K8S: &str = "scenarios/rag-system/k8s";

/// A copy of the manifests in which something is another.
fn changed(folder: &Path, name: &str, from: &str, to: &str) -> String {
    let mut is_changed = false;
    for entry in std::fs::read_dir(project(K8S)).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        is_changed |= text.contains(from);
        write(&folder.join(name).join(path.file_name().unwrap()), &text.replace(from, to));
    }
    assert!(is_changed || from.is_empty(), "{from}");
    folder.join(name).display().to_string()
}

fn json(args: &[&str], code: i32) -> Value {
    let output = hpasim(args).args(LOAD).args(["--format", "json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(code), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn figure<'a>(found: &'a Value, name: &str) -> &'a Value {
    found["hpas"][0]["figures"].as_array().unwrap().iter().find(|one| one["figure"] == name).unwrap()
}

#[test]
fn what_is_the_same_has_no_difference() {
    let run = ["compare", "--base", K8S, "--head", K8S, "--fail-on", "cost>+0%", "--fail-on", "events>+0"];
    let found = json(&run, 0);
    assert_eq!((&found["hpas"][0]["baseFirst"], &found["hpas"][0]["headFirst"]), (&Value::Null, &Value::Null));
    assert_eq!(found["hpas"][0]["phases"], 8);
    for one in found["hpas"][0]["figures"].as_array().unwrap() {
        assert_eq!(
            (&one["difference"], &one["leastDifference"], &one["mostDifference"]),
            (&0.0.into(), &0.0.into(), &0.0.into()),
            "{one}"
        );
    }
    hpasim(&run)
        .args(LOAD)
        .assert()
        .success()
        .stdout(contains("rag-system/rag-backend-hpa: no difference that holds in all phases."));
}

/// The head with `--head-set` is the head with that in its file, and so is another configuration: three beside each other.
#[test]
fn more_than_two_are_each_compared_with_the_base() {
    let folder = tempfile::tempdir().unwrap();
    let other = changed(folder.path(), "other", "averageUtilization: 70", "averageUtilization: 55");
    let (set, named) = ("hpa.metrics[cpu].resource.target.averageUtilization=55", format!("lower={other}"));
    let run = [
        "compare",
        "--base",
        K8S,
        "--head",
        K8S,
        "--head-set",
        set,
        "--other",
        &named,
        "--other",
        "same=scenarios/rag-system/k8s",
        "--other-set",
        "same=hpa.rag-backend-hpa.maxReplicas=10",
        "--other-set",
        "again=hpa.rag-backend-hpa.minReplicas=3",
    ];
    let found = json(&run, 0);
    let others = found["others"].as_array().unwrap();
    assert_eq!(others.iter().map(|one| one["name"].as_str().unwrap()).collect::<Vec<_>>(), ["lower", "same", "again"]);
    assert_eq!(found["hpas"], others[0]["hpas"]);
    // What has no files of its own is the head, with its changes.
    assert_eq!(found["hpas"], others[2]["hpas"]);
    assert!(figure(&found, "pod-hours")["difference"].as_f64().unwrap() > 10.0);
    let none = |one: &Value| one["difference"] == 0.0;
    assert!(others[1]["hpas"][0]["figures"].as_array().unwrap().iter().all(none));
    let out = folder.path().join("out").display().to_string();
    // A bound is one of all of them.
    let mut bounded = hpasim(&run);
    bounded
        .args(LOAD)
        .args(["-o", &out, "--fail-on", "cost>+5%"])
        .assert()
        .code(1)
        .stdout(contains("core-hours in lower, before"));
    assert!(folder.path().join("out/compare.png").exists());
    for (wrong, message) in
        [("k8s", "write NAME=FILE"), ("head=k8s", "cannot be the name"), ("=k8s", "cannot be the name")]
    {
        hpasim(&["compare", "--base", K8S, "--head", K8S, "--other", wrong])
            .args(LOAD)
            .assert()
            .code(2)
            .stderr(contains(message));
    }
}

/// Each side is the simulation of its manifests, in the phase that is shown; the difference lies within that of the phases.
#[test]
fn each_side_is_a_simulation() {
    let folder = tempfile::tempdir().unwrap();
    let head = changed(folder.path(), "head", "averageUtilization: 70", "averageUtilization: 55");
    let found = json(&["compare", "--base", K8S, "--head", &head, "--fail-on", "cost>+5%", "lost>+100"], 1);
    let simulated: Value = {
        let output = hpasim(&["simulate", "-f", K8S, "--format", "json"]).args(LOAD).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let base = &simulated["targets"][0];
    let pods = figure(&found, "pod-hours");
    assert_eq!(pods["base"], base["podHours"], "{base:#}");
    let difference = pods["difference"].as_f64().unwrap();
    let bound = |name: &str| pods[name].as_f64().unwrap();
    assert!((bound("leastDifference")..=bound("mostDifference")).contains(&difference), "{pods}");
    assert!(difference > 10.0, "a lower target takes more pods: {pods}");
    // The same utilization, against another target.
    let first = |side: &str| found["hpas"][0][side]["calculation"].as_str().unwrap().to_owned();
    let (before, after) = (first("baseFirst"), first("headFirst"));
    let parts = |text: &str| text.split_once('/').map(|(seen, target)| (seen.to_owned(), target.to_owned())).unwrap();
    let ((seen, target), (seen_after, target_after)) = (parts(&before), parts(&after));
    assert_eq!(seen, seen_after, "{before}; {after}");
    assert!(target.starts_with("70) = ") && target_after.starts_with("55) = "), "{before}; {after}");
    let broken = found["broken"].as_array().unwrap();
    assert!(broken.len() == 2 && broken.iter().all(|one| one.as_str().unwrap().starts_with("cost>+5%")), "{broken:?}");
    // The other way round it is the same, with its sign.
    let back = json(&["compare", "--base", &head, "--head", K8S, "--fail-on", "cost>+5%"], 0);
    assert!((figure(&back, "pod-hours")["difference"].as_f64().unwrap() + difference).abs() < 0.5, "{back:#}");
}

#[test]
fn what_cannot_be_compared_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let other = changed(folder.path(), "other", "name: rag-backend-hpa", "name: another-hpa");
    hpasim(&["compare", "--base", K8S, "--head", &other])
        .args(LOAD)
        .assert()
        .code(2)
        .stderr(contains("no HPA is in both the base and head: rag-system/rag-backend-hpa is in the base only"));
    for (bound, wrong) in
        [("slo>0", "--fail-on slo>0: not known of any HPA here"), ("cost>5", "a value of cost prices: --price")]
    {
        let run = ["compare", "--base", K8S, "--head", K8S, "--fail-on", bound];
        hpasim(&run).args(LOAD).assert().code(2).stderr(contains(wrong));
    }
    let run = ["compare", "--base", "-", "--head", K8S];
    hpasim(&run).args(LOAD).assert().code(2).stderr(contains("standard input can be read once only"));
}

/// What pods request costs what it costs by the hour, a month long; nodes cost what their shapes do, however many kinds there are.
#[test]
fn cost_is_that_of_a_month() {
    let run = ["compare", "--base", K8S, "--head", K8S, "--head-set", "hpa.minReplicas=5"];
    let prices = [&run[..], &["--price", "core-hour=1", "--price", "gib-hour=0.25", "--fail-on", "cost>+1%"]].concat();
    let found = json(&prices, 1);
    for side in ["base", "head"] {
        let of = |name: &str| figure(&found, name)[side].as_f64().unwrap();
        let day = of("core-hours") + 0.25 * of("gib-hours");
        assert!((of("cost") - day * 730.0 / 24.0).abs() < 1e-6 * of("cost"), "{found:#}");
    }
    let broken = found["broken"].as_array().unwrap();
    assert!(broken.len() == 1 && broken[0].as_str().unwrap().contains(" a month, before"), "{broken:?}");
    let nodes = ["--nodes", "scenarios/rag-system/nodes.yaml", "--node-count", "general-4x16=2"];
    let nodes = [&nodes[..], &["--node-count", "compute-8x16=3"]].concat();
    let found = json(&[&run[..], &nodes, &["--fail-on", "cost>711"]].concat(), 0);
    assert_eq!(figure(&found, "cost")["base"], 2.0 * 100.0 + 3.0 * 170.0, "{found:#}");
    let mut simulate = hpasim(&["simulate", "-f", K8S, "--fail-on", "cost>709"]);
    simulate.args(LOAD).args(&nodes).assert().code(1).stderr(contains("has up to 710"));
    // A price that nobody has harms nothing.
    let folder = tempfile::tempdir().unwrap();
    let dear = folder.path().join("nodes.yaml").display().to_string();
    write(&folder.path().join("nodes.yaml"), "nodes: [{name: dear, cpu: 8, memory: 32Gi, pricePerMonth: 1e300}]\n");
    let mut simulate =
        hpasim(&["simulate", "-f", K8S, "--nodes", &dear, "--node-count", "dear=3", "--fail-on", "cost>9"]);
    simulate.args(LOAD).assert().code(1);
    let run = ["simulate", "-f", K8S, "--fail-on", "cost>709"];
    hpasim(&run).args(LOAD).assert().code(2).stderr(contains("no nodes with a price each are simulated"));
}

/// What git has of a revision is what was in the files then; neither work tree nor index is touched.
#[test]
fn a_revision_is_what_the_files_were() {
    let folder = tempfile::tempdir().unwrap();
    let git = |args: &[&str]| {
        let config = ["-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"];
        let mut command = std::process::Command::new("git");
        command.current_dir(folder.path()).args(config).args(args).env("GIT_CONFIG_NOSYSTEM", "1").output()
    };
    if git(&["init", "-q"]).is_err() {
        let _ = std::io::Write::write_all(&mut std::io::stderr(), b"SKIPPED: there is no git\n");
        return;
    }
    let before = changed(folder.path(), "k8s", "", "");
    let said = |args: &[&str]| {
        let output = git(args).unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    said(&["add", "."]);
    said(&["commit", "-q", "-m", "before"]);
    changed(folder.path(), "k8s", "averageUtilization: 70", "averageUtilization: 55");
    let status = said(&["status", "--porcelain"]);
    assert!(status.contains("backend-deployment.yaml"), "{status}");
    let load = project("scenarios/rag-system/traces/workday.csv").display().to_string();
    let run = |base: &str, head: &str| {
        let args = ["compare", "--base", base, "--head", head, "--load", &load, "--phases", "3", "--format", "json"];
        let output = hpasim(&args).current_dir(folder.path()).output().unwrap();
        (output.status.code(), output.stdout, String::from_utf8(output.stderr).unwrap())
    };
    let figures = |(code, found, said): (Option<i32>, Vec<u8>, String)| {
        assert_eq!(code, Some(0), "{said}");
        serde_json::from_slice::<Value>(&found).unwrap()["hpas"].clone()
    };
    let files = figures(run(project(K8S).to_str().unwrap(), "k8s"));
    assert!(files[0]["figures"][0]["difference"].as_f64().unwrap() > 10.0, "{files}");
    assert_eq!(figures(run("HEAD", "k8s")), files);
    assert_eq!(figures(run("HEAD:k8s", &before)), files);
    assert_eq!(said(&["status", "--porcelain"]), status, "nothing is touched");
    for (base, wrong) in
        [("nowhere", "`nowhere` is neither a file or directory nor a revision"), ("HEAD:other", "HEAD has no other")]
    {
        let (code, _, said) = run(base, "k8s");
        assert!(code == Some(2) && said.contains(wrong), "{said}");
    }
}
