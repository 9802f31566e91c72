//! `hpasim tune --requests`: how large pods are to be, and what VPA would make of them.

use std::path::Path;

use predicates::str::contains;
use serde_json::Value;

use crate::support::{hpasim, write};

/// An HPA of 3 to 12 pods of half a core and 1 GiB.
const MANIFESTS: &str = "# Ours.\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: web}\nspec:\n  scaleTargetRef: {apiVersion: \
         apps/v1, kind: Deployment, name: web}\n  minReplicas: 3\n  maxReplicas: 12\n  metrics:\n    - {type: Resource, resource: {name: cpu, \
         target: {type: Utilization, averageUtilization: 50}}}\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: \
         web}\nspec:\n  selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    spec:\n      containers:\n \
         \x20      # As measured in 2024.\n        - name: web\n          image: web\n          resources: {requests: {cpu: 500m, memory: 1Gi}}\n";
/// Two cores all day, and 300 MiB in each pod.
const CONSTANT: &str = "--constant cpu=2 --memory-base 300Mi --duration 6h --replicas 8 --phases 3 --load-uncertainty 0% --candidates 1500 --at-most lost=100";

fn tuned(args: &[&str]) -> Value {
    let output = hpasim(&["tune"]).args(args).args(["--format", "json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    let mut found: Value = serde_json::from_slice(&output.stdout).unwrap();
    found["hpas"].as_array_mut().unwrap().remove(0)
}

fn recommended(found: &Value) -> &Value {
    found["settings"].as_array().unwrap().iter().find(|one| one["recommended"] == true).unwrap()
}

fn field(setting: &Value, path: &str) -> i64 {
    let fields = setting["fields"].as_array().unwrap();
    fields.iter().find(|one| one["path"] == path).unwrap()["value"].as_i64().unwrap()
}

fn mean(setting: &Value, figure: &str) -> f64 {
    setting["seen"][figure]["mean"].as_f64().unwrap()
}

fn file(folder: &Path, text: &str) -> String {
    write(&folder.join("k8s.yaml"), text);
    folder.join("k8s.yaml").display().to_string()
}

/// Two cores are what two pods of a core use, and each pod more takes memory: nothing serves for less than two of a core and the first of the
/// values that leave 300 MiB their margin of 15% (345 MiB). Applied, nothing is better: who asks again is told the same.
#[test]
fn a_constant_load_needs_a_size_that_can_be_counted() {
    let folder = tempfile::tempdir().unwrap();
    let manifests = file(folder.path(), MANIFESTS);
    let out = folder.path().join("out").display().to_string();
    let mut args = vec!["-f", &manifests, "--requests", "--search", "requests.cpu=500m..1200m/100m"];
    args.extend(["--search", "requests.memory=256Mi..1Gi/16Mi", "--price", "core-hour=1", "--price", "gib-hour=0.1"]);
    args.extend(CONSTANT.split(' '));
    let found = tuned(&[args.as_slice(), &["-o", &out]].concat());
    let best = recommended(&found);
    assert_eq!((field(best, "requests.cpu"), field(best, "requests.memory")), (1000, 352), "{best:#}");
    // For some seconds there are the eight pods of the start.
    let near = |figure: &str, wanted: f64| assert!((wanted..wanted * 1.002).contains(&mean(best, figure)), "{best:#}");
    let hours = 6.0 * 2.0;
    near("cost", hours * (1.0 + 0.1 * 352.0 / 1024.0));
    near("coreHours", hours);
    near("gibHours", hours * 352.0 / 1024.0);
    assert_eq!(best["seen"]["badSeconds"]["most"], 0.0);
    // A month is 730 hours.
    let month = best["seen"]["costPerMonth"].as_f64().unwrap();
    assert!((month - mean(best, "cost") / 6.0 * 730.0).abs() < 1e-9);
    // Today's has eight pods, and is above nothing.
    let today = mean(&found["settings"][0], "cost");
    assert!((today - 6.0 * 8.0 * (0.5 + 0.1)).abs() < 1e-6, "{today}");
    // Both objects are changed, and nothing else: a container is found by its name.
    let patch = found["patch"].as_str().unwrap();
    let documents: Vec<&str> = patch.split("---\n").collect();
    assert_eq!(documents.len(), 2, "{patch}");
    let deployment: Value = serde_yaml::from_str(documents[1]).unwrap();
    let wanted = serde_json::json!([{"name": "web", "resources": {"requests": {"cpu": 1, "memory": "352Mi"}}}]);
    assert_eq!(deployment["spec"]["template"]["spec"]["containers"], wanted);
    let status = std::process::Command::new("patch")
        .args([manifests.as_str(), &format!("{out}/manifests.diff")])
        .output()
        .unwrap();
    assert!(status.status.success(), "{status:?}");
    let text = std::fs::read_to_string(&manifests).unwrap();
    assert!(text.contains("# As measured in 2024.") && text.contains("memory: 352Mi"), "{text}");
    let again = tuned(&args);
    assert_eq!((&again["options"], &again["settings"][0]["recommended"]), (&serde_json::json!([]), &true.into()));
    assert_eq!(mean(&again["settings"][0], "cost"), mean(best, "cost"));
}

/// VPA sees pods that use half of what they request, adds its margin, and the HPA makes more pods of the smaller ones, of which VPA thinks the same: 1,
/// 0.6, 0.4 and so on. What is recommended beside it is where it stays.
#[test]
fn what_vpa_says_of_an_hpa_is_a_loop() {
    let folder = tempfile::tempdir().unwrap();
    let manifests = file(folder.path(), &MANIFESTS.replace("maxReplicas: 12", "maxReplicas: 60"));
    let mut args = vec!["-f", &manifests, "--requests"];
    args.extend(CONSTANT.split(' '));
    let found = tuned(&args);
    // The end of the bucket with a quarter of a core: the first above it of 0.01 (1.05^n - 1) / 0.05 cores; plus 15%, in whole millicores.
    let ends = (1..).map(|bucket| 0.01 * (1.05_f64.powi(bucket) - 1.0) / 0.05);
    let end = ends.into_iter().find(|end| *end > 0.25).unwrap();
    let base = (end * 1000.0).floor();
    let target = base + (base * 0.15).floor();
    assert_eq!(found["vpa"][0]["cpu"][1], target, "{}", found["vpa"]);
    // Memory: 300 MiB are in the bucket that ends at 10 MB (1.05^n - 1) / 0.05.
    let ends = (1..).map(|bucket| 1e7 * (1.05_f64.powi(bucket) - 1.0) / 0.05);
    let end = ends.into_iter().find(|end| *end > f64::from(300 << 20)).unwrap().floor();
    assert_eq!(found["vpa"][0]["memory"][1], end + (end * 0.15).floor());
    let rounds = found["vpaFollowed"].as_array().unwrap();
    let of = |round: &Value, field: &str| round[field].as_f64().unwrap();
    let cpu: Vec<f64> = rounds.iter().map(|round| round["requests"][0].as_f64().unwrap()).collect();
    assert_eq!((cpu[0], cpu[1]), (500.0, target));
    assert!(cpu.windows(2).all(|pair| pair[1] < 0.7 * pair[0]), "{cpu:?}");
    assert!(rounds.windows(2).all(|pair| of(&pair[1], "pods") > 1.4 * of(&pair[0], "pods")), "{rounds:?}");
    let best = recommended(&found);
    assert!(mean(best, "cost") < 0.7 * mean(&found["settings"][0], "cost"), "{best:#}");
    let sizes = found["requests"].as_array().unwrap();
    assert_eq!((&sizes[0]["container"], &sizes[0]["today"]), (&"web".into(), &"500m".into()));
    let note = "VPA goes by what pods use, and the HPA holds";
    let output = hpasim(&["tune"]).args(&args).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains(note) && text.contains("VPA's, round 4"), "{text}");
}

/// What the namespace does not let be made is no setting: neither pods that are larger or smaller than its LimitRange has them, nor more of them than
/// its ResourceQuota has room for, beside the pods of others.
#[test]
fn quotas_and_limit_ranges_bound_what_is_tried() {
    let folder = tempfile::tempdir().unwrap();
    let rules = "---\napiVersion: v1\nkind: ResourceQuota\nmetadata: {name: team}\nspec: {hard: {requests.cpu: '7', requests.memory: \
                 20Gi}}\n---\napiVersion: v1\nkind: LimitRange\nmetadata: {name: sizes}\nspec: {limits: [{type: Container, min: {cpu: 300m}}, {type: Pod, min: \
                 {memory: 400Mi}}]}\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: other}\nspec: {selector: {matchLabels: {app: \
                 other}}, template: {metadata: {labels: {app: other}}, spec: {containers: [{name: other, image: other, resources: {requests: {cpu: \
                 '1', memory: 1Gi}}}]}}}\n";
    let manifests = file(folder.path(), &format!("{MANIFESTS}{rules}"));
    let mut args = vec!["-f", &manifests, "--requests", "--at-most", "without-service=24h"];
    args.extend(CONSTANT.split(' '));
    let found = tuned(&args);
    let rows = found["settings"].as_array().unwrap();
    assert!(rows.len() > 2, "{found:#}");
    for row in rows {
        let (cpu, memory) = (field(row, "requests.cpu"), field(row, "requests.memory"));
        assert!(cpu >= 300 && memory >= 400, "{row:#}");
        // Of the seven cores and twenty GiB others have one each.
        let most = field(row, "maxReplicas");
        assert!(cpu * most <= 6000 && memory * most <= 19 * 1024, "{row:#}");
    }
    // Where nothing forbids it, there are such.
    let free = file(folder.path(), MANIFESTS);
    args[1] = &free;
    let best = tuned(&args);
    let of = |row: &Value| field(row, "requests.cpu") * field(row, "maxReplicas") > 6000;
    assert!(best["settings"].as_array().unwrap().iter().any(of), "{best:#}");
}

/// Two nodes of four cores hold sixteen pods of half a core, and fewer of larger ones: nobody is told that there may be more.
#[test]
fn nodes_bound_what_is_tried() {
    let folder = tempfile::tempdir().unwrap();
    let manifests = file(folder.path(), MANIFESTS);
    let nodes = folder.path().join("nodes.yaml").display().to_string();
    let shape = "nodes: [{name: small, cpu: 4, memory: 16Gi, evictionHard: {}, pricePerMonth: 50}]\n";
    write(&folder.path().join("nodes.yaml"), shape);
    let mut args = vec!["-f", &manifests, "--requests", "--nodes", &nodes, "--node-count", "small=2"];
    args.extend(CONSTANT.split(' '));
    let found = tuned(&args);
    for row in found["settings"].as_array().unwrap() {
        let most = 2 * (4000 / field(row, "requests.cpu")).min(16 * 1024 / field(row, "requests.memory"));
        assert!(field(row, "maxReplicas") <= most, "{row:#}");
    }
    assert_eq!((&found["costUnit"], mean(recommended(&found), "cost")), (&"node-hours".into(), 12.0));
}

/// Two cores, and half of the pods may be lost: eight pods of half a core are left with what is used, and so they are what is needed, not four.
#[test]
fn what_may_be_lost_is_spare() {
    let folder = tempfile::tempdir().unwrap();
    let manifests = file(folder.path(), MANIFESTS);
    let mut args = vec!["-f", &manifests, "--at-most", "without-service=0s", "--headroom", "50%"];
    args.extend(CONSTANT.split(' '));
    let found = tuned(&args);
    let best = recommended(&found);
    assert_eq!((found["withinBounds"].clone(), mean(best, "cost")), (true.into(), 6.0 * 8.0), "{best:#}");
}

/// 4.25 cores ask for 17 pods at 50%, and 3.9 for 16; but 17 are within a tolerance of a tenth, so that with today's they stay.
#[test]
fn a_tolerance_and_a_probe_may_be_searched() {
    let folder = tempfile::tempdir().unwrap();
    let manifests = file(folder.path(), &MANIFESTS.replace("maxReplicas: 12", "maxReplicas: 20"));
    write(&folder.path().join("load.csv"), "time,cpu\n0,4.25\n3600,3.9\n");
    let load = folder.path().join("load.csv").display().to_string();
    let mut args = vec!["-f", &manifests, "--load", &load, "--keep", "metrics", "--keep", "behavior.scaleUp"];
    args.extend(
        "--keep minReplicas --keep maxReplicas --keep behavior.scaleDown --duration 6h --replicas 17".split(' '),
    );
    args.extend(
        "--phases 3 --load-uncertainty 0% --at-most lost=100 --search behavior.scaleDown.tolerance=0.01,0.05,0.1"
            .split(' '),
    );
    let found = tuned(&args);
    // Who takes a pod away loses what it is doing: without more than today it is not to be had, and that is said.
    let bounded: Vec<&str> = args.iter().filter(|arg| !["--at-most", "lost=100"].contains(arg)).copied().collect();
    let output = hpasim(&["tune"]).args(bounded).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("But for work that is lost: scaleDown tolerance 10% -> "), "{text}");
    let tolerance = field(recommended(&found), "behavior.scaleDown.tolerance");
    assert!([10, 50].contains(&tolerance), "{found:#}");
    assert_eq!(found["options"][0], format!("--set 'hpa.web.behavior.scaleDown.tolerance={tolerance}m'"));
    assert!(found["diff"].as_str().unwrap().contains(&format!("+      tolerance: {tolerance}m")), "{}", found["diff"]);
    let hours = mean(&found["settings"][0], "cost") - mean(recommended(&found), "cost");
    assert!((4.8..5.0).contains(&hours), "{hours}");
    let probe = "containers[backend].readinessProbe.initialDelaySeconds";
    let search = format!("{probe}=0,10,60");
    let mut args = vec!["-f", "scenarios/rag-system/k8s", "--load", "scenarios/rag-system/traces/workday.csv"];
    args.extend("--keep metrics --keep behavior --keep minReplicas --keep maxReplicas --phases 3 --search".split(' '));
    let found = tuned(&[args.as_slice(), &[&search]].concat());
    let steps = found["steps"].as_array().unwrap();
    let values: Vec<_> =
        steps.iter().map(|step| (step["path"].as_str().unwrap(), step["value"].as_i64().unwrap())).collect();
    assert!(values.contains(&(probe, 60)), "{steps:#?}");
}

#[test]
fn what_cannot_be_sized_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let manifests = file(folder.path(), MANIFESTS);
    let nodes = folder.path().join("nodes.yaml").display().to_string();
    write(&folder.path().join("nodes.yaml"), "nodes: [{name: small, cpu: 4, memory: 16Gi}]\n");
    let cases: [(&[&str], &str); 7] = [
        (&["--search", "requests.memory=256Mi,512Mi"], "does not say how much memory pods use"),
        (&["--search", "requests.cpu=lots"], "`lots` is no quantity"),
        (&["--search", "requests.cpu=1..500m"], "1..500m has no values"),
        (&["--search", "requests.gpu=1,2"], "no field `requests.gpu`"),
        (&["--price", "core=1"], "there is no price of `core`; did you mean `core-hour`?"),
        (&["--price", "core-hour=0"], "must cost something"),
        (
            &["--price", "core-hour=1", "--nodes", &nodes, "--node-count", "small=3"],
            "with --nodes the cost is that of the nodes",
        ),
    ];
    for (more, message) in cases {
        let mut command = hpasim(&["tune", "-f", &manifests, "--constant", "cpu=2", "--duration", "1h"]);
        command.args(more).assert().code(2).stderr(contains(message));
    }
    // A policy is one of three; with none of them there is no scaling down, and that is dearer.
    let mut args =
        vec!["-f", &manifests, "--constant", "cpu=2", "--duration", "1h", "--keep", "metrics", "--phases", "2"];
    args.extend(["--keep", "behavior", "--keep", "minReplicas", "--keep", "maxReplicas", "--search"]);
    let found = tuned(&[args.as_slice(), &["behavior.scaleDown.selectPolicy=Min,Disabled"]].concat());
    assert_eq!(found["steps"][0]["path"], "behavior.scaleDown.selectPolicy", "{found:#}");
    assert_eq!(found["requests"], serde_json::json!([]));
    let mut command = hpasim(&["tune"]);
    command
        .args(&args)
        .arg("behavior.scaleUp.selectPolicy=Most")
        .assert()
        .code(2)
        .stderr(contains("`Most` is no policy"));
    // What is a share of a request is none that can be tuned, and is said to stay.
    let mut args =
        vec!["-f", &manifests, "--constant", "cpu=2", "--duration", "1h", "--requests", "--candidates", "100"];
    args.extend(["--phases", "2"]);
    let found = tuned(&args);
    // Nor is it followed.
    let rounds: Vec<_> = found["vpaFollowed"].as_array().unwrap().iter().map(|round| &round["requests"]).collect();
    assert!(rounds.iter().all(|round| round[1] == 1024) && rounds[4][0].as_i64() < rounds[0][0].as_i64(), "{rounds:?}");
    let notes = found["notes"].to_string();
    assert!(
        notes.contains("Requests of memory stay as they are") && notes.contains("OpenCost's default prices"),
        "{notes}"
    );
    assert!(found["settings"][0]["fields"].as_array().unwrap().iter().all(|field| field["path"] != "requests.memory"));
}
