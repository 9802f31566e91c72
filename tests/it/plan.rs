//! `hpasim plan`: sums worked out by hand, every number with its place, packing against its bound, the same bytes.

use std::collections::BTreeMap;

use hpasim::model::NodeShape;
use hpasim::plan::Pool;
use hpasim::plan::{Level, WorkloadPlan, ZoneLost, workloads};
use hpasim::units::Quantity;
use proptest::prelude::*;
use serde_json::Value;

use crate::support::{hpasim, project, write};

const EVERYTHING: [&str; 3] = ["plan", "-f", "tests/data/plan/everything.yaml"];
const RAG: [&str; 3] = ["plan", "-f", "scenarios/rag-system/k8s"];
const WORKDAY: [&str; 2] = ["--load", "scenarios/rag-system/traces/workday.csv"];

fn stdout(args: &[&[&str]]) -> String {
    let output = hpasim(&args.concat()).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Runs the command with `-o` and reads one of the files.
fn file(args: &[&[&str]], name: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    stdout(&[&args.concat(), &["-o", folder.path().to_str().unwrap()]]);
    std::fs::read(folder.path().join(name)).unwrap()
}

fn json(args: &[&[&str]]) -> Value {
    serde_json::from_slice(&file(args, "plan.json")).unwrap()
}

fn manifests(yaml: &str) -> hpasim::input::manifests::Manifests {
    let source = hpasim::input::Source { name: "test.yaml".into(), text: yaml.into() };
    hpasim::input::manifests::read(&[source], hpasim::input::manifests::Context::default()).unwrap().accepted().unwrap()
}

fn quantity(text: &str) -> Quantity {
    text.parse().unwrap()
}

#[test]
fn the_documents_table_comes_out_line_by_line() {
    insta::assert_snapshot!(stdout(&[&RAG, &["--claims", "scenarios/rag-system/claims.yaml"]]));
}

#[test]
fn all_kinds_nodes_quotas_and_budgets() {
    insta::assert_snapshot!(stdout(&[&EVERYTHING, &["--nodes", "tests/data/plan/nodes.yaml"]]));
}

#[test]
fn a_day_of_load_with_uncertainty_and_growth() {
    let outlook = ["--runs", "100", "--seed", "7", "--growth", "20%/year", "--horizon", "6mo"];
    insta::assert_snapshot!(stdout(&[&RAG, &WORKDAY, &outlook, &["--nodes", "tests/data/plan/nodes.yaml"]]));
}

/// The scheduler's rule for one pod of each workload.
#[test]
fn pods_request_what_the_scheduler_counts() {
    let yaml = std::fs::read_to_string(project("tests/data/plan/everything.yaml")).unwrap();
    let manifests = manifests(&yaml);
    let plans = workloads(&manifests.inventory);
    let pod = |name: &str| plans.iter().find(|w| w.workload.reference.name == name).unwrap();
    let of = |w: &WorkloadPlan<'_>, name: &str| (w.requests.quantity(name), w.limits.quantity(name));
    for (name, resource, request, limit) in [
        ("web", "cpu", "2350m", "2350m"),      // max(500 + 100, 2000 + 100) + 250
        ("web", "memory", "1208Mi", "1208Mi"), // max(1024 + 64, 32 + 64) + 120
        ("store", "cpu", "1", "2"),            // pod level
        ("store", "memory", "256Mi", "512Mi"), // twice the LimitRange's
        ("store", "ephemeral-storage", "1Gi", "0"),
        ("agent", "cpu", "100m", "100m"), // limits become requests
        ("gpu", "nvidia.com/gpu", "1", "1"),
    ] {
        assert_eq!(of(pod(name), resource), (quantity(request), quantity(limit)), "{resource} of {name}");
    }
    let classes: Vec<(&str, &str)> = plans.iter().map(|w| (w.workload.reference.name.as_str(), w.qos.name())).collect();
    assert_eq!(
        classes,
        [
            ("web", "Guaranteed"),
            ("store", "Burstable"),
            ("agent", "Guaranteed"),
            ("report", "Guaranteed"),
            ("gpu", "Guaranteed")
        ]
    );
    let counts = |name: &str| Level::ALL.map(|level| pod(name).count(level).pods);
    assert_eq!(counts("web"), [2, 4, 7, 10], "30% of 7 is 2.1, rounded up");
    assert_eq!(counts("report"), [0, 0, 3, 3], "no more than are to be completed, and only as a peak");
    assert_eq!(counts("store"), [2, 2, 2, 2]);
}

/// Every number has a place, and the place has the number: the words of the line are looked at for requests.
#[test]
fn every_number_of_the_json_names_its_lines() {
    fn walk(value: &Value, path: &str, seen: &mut usize) {
        match value {
            Value::Object(fields) => {
                if fields.contains_key("quantity") && !path.contains("says") {
                    let sources = fields["sources"].as_array().unwrap_or_else(|| panic!("{path} has no sources"));
                    let zero = fields["value"].as_f64() == Some(0.0);
                    assert!(zero || !sources.is_empty() || path.contains(".shape"), "{path} comes from nowhere");
                    for source in sources {
                        let parts: Vec<&str> = source.as_str().unwrap().rsplitn(3, ':').collect();
                        let text = std::fs::read_to_string(project(parts[2])).unwrap();
                        let line: usize = parts[1].parse().unwrap();
                        assert!(line >= 1 && line <= text.lines().count(), "{path}: {source}");
                    }
                    *seen += 1;
                }
                fields.iter().for_each(|(name, value)| walk(value, &format!("{path}.{name}"), seen));
            }
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(index, item)| walk(item, &format!("{path}[{index}]"), seen));
            }
            _ => {}
        }
    }
    let plan = json(&[
        &RAG,
        &WORKDAY,
        &["--nodes", "tests/data/plan/nodes.yaml"],
        &["--claims", "scenarios/rag-system/claims.yaml"],
    ]);
    let mut seen = 0;
    for part in ["workloads", "totals", "storage", "quotas", "claims"] {
        walk(&plan[part], part, &mut seen);
    }
    assert!(seen > 100, "{seen}");
    let cpu = &plan["workloads"][0]["perPod"]["requests"]["cpu"];
    let source = cpu["sources"][0].as_str().unwrap();
    let line: usize = source.rsplit(':').nth(1).unwrap().parse().unwrap();
    let text = std::fs::read_to_string(project("scenarios/rag-system/k8s/backend-deployment.yaml")).unwrap();
    assert_eq!((cpu["value"].as_f64(), text.lines().nth(line - 1).unwrap().trim()), (Some(0.5), "cpu: \"500m\""));
    let total = &plan["totals"]["maximum"]["requests"]["cpu"];
    assert_eq!(total["value"].as_f64(), Some(6.1));
    assert_eq!(total["sources"].as_array().unwrap().len(), 6, "three requests and three replica counts: {total}");
}

/// The same seed gives the same bytes on any number of threads, another seed others.
#[test]
fn runs_do_not_depend_on_threads() {
    let bytes = |threads: &str, seed: &str| {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().to_str().unwrap().to_owned();
        let args = [&RAG[..], &WORKDAY, &["--runs", "12", "--seed", seed, "-o", &out]].concat();
        hpasim(&args).env("RAYON_NUM_THREADS", threads).assert().success();
        ["plan.csv", "storage.csv", "plan.json", "plan.html", "plan.md", "capacity.png"]
            .map(|name| std::fs::read(folder.path().join(name)).unwrap())
    };
    let one = bytes("1", "3");
    assert!(one == bytes("4", "3"), "the files differ between 1 and 4 threads");
    assert!(one[2] != bytes("4", "4")[2], "another seed gives the same runs");
}

/// Without anything uncertain but the phase, the runs are all but the simulation itself.
#[test]
fn uncertainty_can_be_switched_off() {
    let still = ["--load-level", "0%", "--load-noise", "0%", "--startup-spread", "0%", "--runs", "5"];
    let constant = ["--constant", "cpu=2", "--constant", "memory=1Gi", "--duration", "1h"];
    let plan = json(&[&RAG, &constant, &still, &FIXED]);
    for figure in plan["uncertainty"]["figures"].as_array().unwrap() {
        assert_eq!(figure["mean"]["low"], figure["mean"]["high"], "{figure}");
        assert_eq!(figure["p50"]["value"], figure["p99"]["value"], "{figure}");
    }
}

/// The phases, fixed.
const FIXED: [&str; 6] = ["--sync-offset", "4s", "--metric-offset", "9s", "--housekeeping-offset", "3s"];

/// One run in which nothing is uncertain is the simulation, whatever else is drawn in it.
#[test]
fn a_monte_carlo_without_uncertainty_is_the_simulation() {
    let load = ["--load", "scenarios/rag-system/traces/workday.csv", "--startup", "lognormal:30s,0.8"];
    let cluster = ["--missing-samples", "5%", "--balancing", "weighted:1.2", "--queue-timeout", "10s"];
    let happens = ["--event", "{at: 18h, patchHpa: {minReplicas: 9}}", "--event", "{at: 10h, killPods: {pods: 2}}"];
    let drawn = |seed: &'static str| [&load[..], &cluster, &FIXED, &happens, &["--seed", seed]].concat();
    let still = ["--runs", "1", "--load-level", "0%", "--load-noise", "0%", "--startup-spread", "0%"];
    let plan = json(&[&RAG, &drawn("5"), &still]);
    let out = tempfile::tempdir().unwrap();
    let simulate = ["simulate", "-f", "scenarios/rag-system/k8s", "-o", out.path().to_str().unwrap()];
    hpasim(&[&simulate[..], &drawn("5")].concat()).assert().success();
    let summary: Value = serde_json::from_slice(&std::fs::read(out.path().join("summary.json")).unwrap()).unwrap();
    let figure = |name: &str| {
        let figures = plan["uncertainty"]["figures"].as_array().unwrap();
        let found = figures.iter().find(|figure| figure["name"] == name).unwrap_or_else(|| panic!("no {name}"));
        found["mean"]["value"].as_f64().unwrap()
    };
    // Qdrant's two pods and Redis's one stay as they are.
    let (mean, peak) = (summary["replicas"]["mean"].as_f64().unwrap(), summary["replicas"]["max"].as_f64().unwrap());
    assert!((figure("Mean pods") - mean - 3.0).abs() < 1e-9 && figure("Peak pods") == peak + 3.0, "{mean} {peak}");
    let waiting = summary["workWaitingSeconds"].as_f64().unwrap() / 60.0;
    assert!(waiting > 0.0 && (figure("Work waits for CPU") - waiting).abs() < 1e-9, "{waiting}");
    let calm: Vec<&str> = drawn("5").into_iter().filter(|word| *word != "--event" && !word.starts_with('{')).collect();
    for other in [json(&[&RAG, &drawn("6"), &still]), json(&[&RAG, &calm, &still])] {
        assert_ne!(other["uncertainty"]["figures"], plan["uncertainty"]["figures"]);
    }
}

/// Six pods at 117% or more make the HPA ask for ceil(6 x 117/70) = 11: 3.51 cores, which 2 x 1.05^m passes at m = 11.5.
#[test]
fn growth_finds_the_month_in_which_max_replicas_gives_way() {
    let constant = ["--constant", "cpu=2", "--constant", "memory=1Gi", "--duration", "1h"];
    let plan = json(&[&RAG, &constant, &["--replicas", "6", "--growth", "5%/month", "--horizon", "2y"]]);
    let months = plan["growth"]["months"].as_array().unwrap();
    assert_eq!(months.len(), 25);
    let bound = &plan["growth"]["bounds"][0];
    assert_eq!(bound["firstMonth"], 12, "{bound}");
}

#[test]
fn bad_plans_are_refused_with_their_place() {
    let mut files: Vec<_> =
        std::fs::read_dir(project("tests/data/invalid-plans")).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    let mut all = String::new();
    for path in files {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let file = format!("tests/data/invalid-plans/{name}");
        let args = match name.split('-').next().unwrap() {
            "nodes" => [&RAG[..], &["--nodes", &file]].concat(),
            "claims" => [&RAG[..], &["--claims", &file]].concat(),
            _ => vec!["plan", "-f", &file],
        };
        let output = hpasim(&args).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{name}: {stderr}");
        all += &format!("== {name}\n{stderr}\n");
    }
    for wrong in [&["--runs", "10"][..], &["--growth", "20%"], &["--growth", "fast", "--constant", "cpu=1"]] {
        let output = hpasim(&[&RAG[..], wrong].concat()).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        all += &format!("== {}\n{}\n", wrong.join(" "), String::from_utf8(output.stderr).unwrap());
    }
    insta::assert_snapshot!(all);
}

/// Storage alone is a plan, too; standard input is one input.
#[test]
fn claims_alone_and_pipes() {
    let pvc = std::fs::read_to_string(project("scenarios/rag-system/k8s/pvc.yaml")).unwrap();
    let output = hpasim(&["plan", "-f", "-"]).write_stdin(pvc).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("Storage\n") && text.contains("in all: 150Gi"), "{text}");
    assert!(text.contains("-:19:1: nothing mounts PersistentVolumeClaim qdrant-data-pvc (50Gi)"), "{text}");
    for command in ["plan", "lint", "simulate"] {
        let output = hpasim(&[command, "-f", "-", "--load", "-"]).write_stdin("").output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8(output.stderr).unwrap().contains("two inputs at once"), "{command}");
    }
}

/// A claim that is no longer what the file expects is a failed check.
#[test]
fn an_unexpected_verdict_is_a_failed_check() {
    let claims = std::fs::read_to_string(project("scenarios/rag-system/claims.yaml")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("claims.yaml");
    crate::support::write(&path, &claims.replacen("expect: contradicted", "expect: confirmed", 1));
    let output = hpasim(&[&RAG[..], &["--claims", path.to_str().unwrap()]].concat()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stdout).unwrap().contains("expected confirmed, but it is contradicted"));
}

fn shape(cores: i64, max_pods: i64, zones: i64) -> NodeShape {
    let memory = quantity("64Gi");
    NodeShape {
        name: "test".into(),
        capacity: [("cpu", Quantity::from_units(cores)), ("memory", memory)].into_iter().collect(),
        reserved: hpasim::model::Amounts::default(),
        max_pods,
        zones,
        labels: Default::default(),
        taints: Vec::new(),
        price_per_month: None,
        max_nodes: None,
        location: None,
    }
}

fn deployment(name: &str, cpu: &str, placement: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}}}\nspec:\n  selector: {{matchLabels: {{app: {name}}}}}\n  template:\n    metadata: {{labels: {{app: {name}}}}}\n    \
         spec:\n      containers: [{{name: c, image: c, resources: {{requests: {{cpu: {cpu}, memory: 1Mi}}}}}}]\n{placement}---\n"
    )
}

/// Nodes, lower bound and what binds.
fn packed(yaml: &str, shape: &NodeShape, pods: &[i32]) -> (i64, i64, String) {
    let manifests = manifests(yaml);
    let plans = workloads(&manifests.inventory);
    let packing = Pool::new(shape, &plans, &BTreeMap::new()).pack(&plans, pods);
    assert_eq!(packing.unplaced, []);
    (packing.nodes, packing.lower_bound, packing.binding.name().to_owned())
}

#[test]
fn packing_obeys_what_the_scheduler_enforces() {
    let plain = deployment("a", "1", "");
    assert_eq!(packed(&plain, &shape(4, 110, 1), &[9]), (3, 3, "cpu".into()));
    assert_eq!(packed(&plain, &shape(4, 2, 1), &[9]), (5, 5, "pods per node".into()));
    // Three pods of 3 cores and three of 2 on nodes of 4: no two fit together but the 2s.
    let two = deployment("a", "3", "") + &deployment("b", "2", "");
    assert_eq!(packed(&two, &shape(4, 110, 1), &[3, 3]), (5, 4, "cpu".into()), "15 cores bound it at 4");
    let apart = |key: &str| {
        format!(
            "      affinity: {{podAntiAffinity: {{requiredDuringSchedulingIgnoredDuringExecution: [{{topologyKey: {key}, labelSelector: {{matchLabels: {{app: a}}}}}}]}}}}\n"
        )
    };
    let on_host = deployment("a", "1", &apart("kubernetes.io/hostname")) + &deployment("b", "1", "");
    assert_eq!(packed(&on_host, &shape(4, 110, 1), &[5, 3]), (5, 5, "anti-affinity".into()), "b fills what a leaves");
    let in_zone = deployment("a", "1", &apart("topology.kubernetes.io/zone"));
    assert_eq!(packed(&in_zone, &shape(4, 110, 3), &[3]).0, 3, "a zone each");
    let spread = "      topologySpreadConstraints: [{maxSkew: 1, topologyKey: topology.kubernetes.io/zone, whenUnsatisfiable: DoNotSchedule, labelSelector: {matchLabels: {app: a}}}]\n";
    let even = deployment("a", "2", spread);
    // Six pods of 2 cores fit on three nodes of 4, one in each zone; seven need a fourth node.
    assert_eq!(packed(&even, &shape(4, 110, 3), &[6]).0, 3);
    assert_eq!(packed(&even, &shape(4, 110, 3), &[7]).0, 4);
    let ports = "      hostNetwork: false\n".to_owned();
    let port = deployment("a", "1", &ports).replace("name: c,", "name: c, ports: [{containerPort: 80, hostPort: 80}],");
    assert_eq!(packed(&port, &shape(4, 110, 1), &[3]).0, 3, "a host port is there once on a node");
}

#[test]
fn pods_that_cannot_run_say_why() {
    let yaml = deployment("a", "5", "") + &deployment("b", "1", "      nodeSelector: {disk: ssd}\n");
    let manifests = manifests(&yaml);
    let plans = workloads(&manifests.inventory);
    let mut tainted = shape(4, 110, 1);
    let packing = Pool::new(&tainted, &plans, &BTreeMap::new()).pack(&plans, &[1, 2]);
    let reasons: Vec<&str> = packing.unplaced.iter().map(|u| u.reason.as_str()).collect();
    assert_eq!(reasons, ["requests 5 cpu, a node has 4", "nodeSelector disk=ssd"]);
    assert_eq!(packing.nodes, 0);
    tainted.labels.insert("disk".into(), "ssd".into());
    tainted.taints.push(hpasim::model::Taint { key: "team".into(), value: "ml".into(), effect: "NoSchedule".into() });
    let packing = Pool::new(&tainted, &plans, &BTreeMap::new()).pack(&plans, &[0, 2]);
    assert_eq!(packing.unplaced[0].reason, "taint team=ml:NoSchedule");
}

/// What is not packed is not taken for what cannot run, nor its bound for an answer.
#[test]
fn more_pods_than_are_packed_have_a_bound() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("many.yaml");
    write(&file, &deployment("a", "1", "").replace("spec:\n  selector", "spec:\n  replicas: 300000\n  selector"));
    let args: [&[&str]; 1] = [&["plan", "-f", file.to_str().unwrap()]];
    let text = stdout(&args).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("generic-4x16 minimum >=") && !text.contains("unplaced"), "{text}");
    assert_eq!(text.matches("are not packed: what").count(), 6, "{text}");
    let plan = json(&args);
    let minimum = &plan["nodes"][0]["levels"]["minimum"];
    assert_eq!((&minimum["isPacked"], &minimum["unplaced"]), (&false.into(), &Value::Array(Vec::new())));
    assert_eq!(
        (&minimum["nodes"].as_f64(), &minimum["withOneNodeLost"]),
        (&minimum["lowerBound"].as_f64(), &Value::Null)
    );
    // Nor does the linter take the bound for an answer.
    let nodes = folder.path().join("nodes.yaml");
    write(&nodes, "nodes: [{name: general, cpu: 4, memory: 16Gi, maxNodes: 150000}]\n");
    let lint = ["lint", "-f", file.to_str().unwrap(), "--nodes", nodes.to_str().unwrap()];
    let output = hpasim(&lint).output().unwrap();
    let lint = String::from_utf8(output.stdout).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(lint.contains("there are at most 150000: there are too many pods to say whether these suffice"), "{lint}");
    // With four it is known.
    write(&file, &deployment("a", "1", "").replace("spec:\n  selector", "spec:\n  replicas: 4\n  selector"));
    assert_eq!(json(&args)["nodes"][0]["levels"]["minimum"]["isPacked"], Value::Bool(true));
}

#[test]
fn a_lost_zone_leaves_enough() {
    let three = shape(1, 110, 3);
    let manifests = manifests(&deployment("a", "1", ""));
    let plans = workloads(&manifests.inventory);
    let pool = Pool::new(&three, &plans, &BTreeMap::new());
    for needed in 1..50 {
        let packing = pool.pack(&plans, &[needed]);
        let (needed, nodes) = (i64::from(needed), packing.zone_lost.and_then(ZoneLost::nodes).unwrap());
        assert_eq!(packing.nodes, needed, "a pod takes a node");
        let largest_zone = (nodes + 2) / 3;
        assert!(nodes - largest_zone >= needed, "{needed}: {nodes}");
        assert!(nodes - 1 - (nodes + 1) / 3 < needed, "{needed}: {nodes} is more than it takes");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// First-fit decreasing never beats the bound, and never needs more than 1.7 times the bound and one node
    /// (its known worst case in one dimension is 11/9 of the best, which the bound may miss).
    #[test]
    fn packing_is_between_its_bounds(sizes in prop::collection::vec((1..4000i64, 0..30i32), 1..8)) {
        let yaml: String =
            sizes.iter().enumerate().map(|(i, (milli, _))| deployment(&format!("d{i}"), &format!("{milli}m"), "")).collect();
        let pods: Vec<i32> = sizes.iter().map(|(_, count)| *count).collect();
        let (nodes, bound, _) = packed(&yaml, &shape(4, 110, 1), &pods);
        prop_assert!(nodes >= bound);
        prop_assert!(nodes as f64 <= 1.7 * bound as f64 + 1.0, "{nodes} nodes, bound {bound}");
    }
}

/// Of many workloads those that are not named by themselves are never the largest band, and a band says what it is.
#[test]
fn others_are_never_the_largest_band() {
    let bands = |folder: &std::path::Path| {
        let output = hpasim(&["plan", "-f", folder.to_str().unwrap(), "--format", "html"]).output().unwrap();
        let page = String::from_utf8(output.stdout).unwrap();
        let key = page.split("<p class=\"key\">").nth(1).unwrap().split("</p>").next().unwrap().to_owned();
        key.split("</i>").skip(1).map(|band| band.split(" <i").next().unwrap().trim().to_owned()).collect::<Vec<_>>()
    };
    let folder = tempfile::tempdir().unwrap();
    let all = |namespace: fn(usize) -> &'static str, cpu: fn(usize) -> usize| {
        let one = |n: usize| {
            format!(
                "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: w{n}, namespace: {}}}\nspec: {{selector: {{matchLabels: {{app: w{n}}}}}, \
                 template: {{metadata: {{labels: {{app: w{n}}}}}, spec: {{containers: [{{name: c, image: c, resources: {{requests: {{cpu: {}m}}}}}}]}}}}}}\n",
                namespace(n),
                cpu(n)
            )
        };
        write(&folder.path().join("all.yaml"), &(0..11).map(one).collect::<Vec<_>>().join("---\n"));
        bands(folder.path())
    };
    assert_eq!(all(|_| "shop", |_| 100), ["11 workloads"]);
    assert_eq!(all(|n| if n < 6 { "shop" } else { "search" }, |_| 100), ["namespace shop", "namespace search"]);
    assert_eq!(all(|_| "shop", |n| if n == 0 { 2000 } else { 100 }), ["w0", "w1", "w2", "w3", "7 others"]);
}
