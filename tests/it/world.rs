//! Several targets in one world: what each does alone, and what they do to each other.

use hpasim::model::{
    Action, Caller, ClusterAutoscaler, DisruptionBudget, NodePool, NodesConfig, ScheduledEvent, Which,
};
use hpasim::sim::check::check;
use hpasim::sim::{Occurrence, Setup, Summary, TimelineRow, World, simulate};
use hpasim::units::SimTime;

use crate::support::{Deployment, hpasim, inventory, result, run, seconds, setup_with, table, write};

type Timeline = (Summary, Vec<TimelineRow>);

/// A Deployment of pods of 100m with an HPA at 50%.
fn service(name: &str, replicas: i32, max: i32, spec: &str) -> Deployment {
    Deployment::from_yaml(&yaml(name, replicas, max, spec))
}

fn yaml(name: &str, replicas: i32, max: i32, spec: &str) -> String {
    format!(
        "{{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {{name: {name}}}, spec: {{scaleTargetRef: \
         {{apiVersion: apps/v1, kind: Deployment, name: {name}}}, minReplicas: 1, maxReplicas: {max}, metrics: [{{type: Resource, \
         resource: {{name: cpu, target: {{type: Utilization, averageUtilization: 50}}}}}}]}}}}\n---\n{{apiVersion: apps/v1, kind: \
         Deployment, metadata: {{name: {name}}}, spec: {{replicas: {replicas}, selector: {{matchLabels: {{app: {name}}}}}, template: \
         {{metadata: {{labels: {{app: {name}}}}}, spec: {{{spec}containers: [{{name: c, image: c, readinessProbe: \
         {{periodSeconds: 5}}, resources: {{requests: {{cpu: 100m, memory: 100Mi}}}}}}]}}}}}}}}\n---\n"
    )
}

/// Targets with a load of CPU each, in one world.
fn together<'a>(all: &'a [(Deployment, hpasim::model::LoadTable)], world: World<'a>) -> Setup<'a> {
    let target = |(deployment, load): &'a (Deployment, hpasim::model::LoadTable)| {
        setup_with(deployment, load, &hpasim::input::load::LoadSettings::default()).targets.swap_remove(0)
    };
    Setup { world, targets: all.iter().map(target).collect() }
}

/// Simulates all targets, has every timeline checked, and says what became of each.
fn run_all(setup: &Setup<'_>, all: &[(Deployment, hpasim::model::LoadTable)]) -> Vec<Timeline> {
    let mut loads: Vec<_> = all.iter().map(|(_, load)| load.clone()).collect();
    let loads = loads.iter_mut().enumerate().map(|(index, load)| (index, load as _)).collect();
    let mut rows: Vec<Vec<TimelineRow>> = vec![Vec::new(); all.len()];
    let summaries = simulate(setup, loads, Some(&mut |index, record| rows[index].push(record.into()))).unwrap();
    for (index, rows) in rows.iter().enumerate() {
        assert_eq!(check(setup, index, rows), Vec::<String>::new(), "target {index}");
        assert_eq!(summaries[index].unsettled, 0);
    }
    summaries.into_iter().map(result).zip(rows).collect()
}

fn at(second: i64, target: usize, action: Action) -> ScheduledEvent {
    ScheduledEvent { at: SimTime::from_seconds(second), target, action }
}

/// A pool of nodes of 1 core.
fn nodes(nodes: i64, max_nodes: i64) -> NodesConfig {
    let mut shape = hpasim::input::nodes::generic().swap_remove(0);
    (shape.zones, shape.reserved) = (1, hpasim::model::Amounts::default());
    let capacity = [("cpu", "1"), ("memory", "4Gi")].map(|(name, amount)| (name, amount.parse().unwrap()));
    shape.capacity = capacity.into_iter().collect();
    let pool = NodePool { shape, nodes, min_nodes: 1, max_nodes };
    NodesConfig { pools: vec![pool], ..NodesConfig::default() }
}

/// Three services under loads of their own.
fn three() -> Vec<(Deployment, hpasim::model::LoadTable)> {
    let load = |low: f64, high: f64, from: i64| {
        table(&["cpu"], &[(0, &[low]), (from, &[high]), (from + 600, &[low]), (3600, &[low])])
    };
    vec![
        (service("a", 2, 20, ""), load(0.1, 0.6, 60)),
        (service("b", 3, 20, ""), load(0.15, 0.5, 67)),
        (service("c", 1, 20, ""), load(0.05, 0.7, 131)),
    ]
}

/// Those that share nothing are together what each is alone, also where their phases differ.
#[test]
fn what_shares_nothing_does_not_matter() {
    let all = three();
    let events = [at(700, 1, Action::Restart), at(900, 2, Action::KillPods(1, Which::Newest))];
    let duration = Some(seconds(3600));
    let mut setup = together(&all, World { events: &events, duration, keep_pod_numbers: true, ..World::default() });
    for (index, target) in setup.targets.iter_mut().enumerate() {
        target.phase.sync = seconds(4 * index as i64);
        target.phase.scrape = seconds(index as i64);
        target.cluster.startup = "uniform:5s,60s".parse().unwrap();
    }
    assert_eq!(setup.parts().len(), 3);
    for (index, (summary, rows)) in run_all(&setup, &all).into_iter().enumerate() {
        let mut load = all[index].1.clone();
        let mut alone = Vec::new();
        let one = hpasim::sim::simulate_one(&setup, index, &mut load, Some(&mut |record| alone.push(record.into())));
        assert!(rows == alone && format!("{summary:?}") == format!("{:?}", result(one.unwrap())), "target {index}");
    }
}

/// Room for twenty pods: what one takes the other does not get, and gets when it is given back.
#[test]
fn they_compete_for_nodes() {
    let all = three();
    let alone = run(&together(&all[..1], World::default()), &all[0].1).0;
    let world = World { nodes: Some(nodes(2, 2)), keep_pod_numbers: true, ..World::default() };
    let setup = together(&all, world.clone());
    assert_eq!(setup.parts(), [[0, 1, 2]]);
    let done = run_all(&setup, &all);
    let waited: Vec<i64> = done.iter().map(|(summary, _)| summary.unschedulable.seconds()).collect();
    assert!(waited.iter().any(|seconds| *seconds > 60), "{waited:?}");
    assert!(alone.unschedulable == seconds(0) && alone.max_replicas() > done[0].0.max_replicas().min(11));
    for (summary, rows) in &done {
        assert!(rows.last().unwrap().pods.unschedulable == 0 && summary.max_nodes == 2);
    }
    // At no time are there more pods on the nodes than fit.
    let on_nodes = |second: i64| -> i32 {
        let of = |(summary, _): &Timeline| {
            let at = summary.pod_numbers.iter().rev().find(|(when, _)| when.seconds() <= second).unwrap().1;
            at.existing - at.unschedulable + at.terminating
        };
        done.iter().map(of).sum()
    };
    let most = (0..3600).map(on_nodes).max().unwrap();
    assert!((19..=20).contains(&most), "{most}");
    // An autoscaler makes room for all of them.
    let mut config = nodes(2, 9);
    config.autoscaler = Some(ClusterAutoscaler::default());
    let roomy = run_all(&together(&all, World { nodes: Some(config), ..world }), &all);
    assert!(roomy.iter().all(|(summary, _)| summary.max_nodes > 2));
    assert!(roomy[0].0.max_replicas() + roomy[2].0.max_replicas() > 20);
}

/// Quiet seconds are skipped by each target for itself; all seconds give the same.
#[test]
fn skipping_seconds_changes_nothing() {
    let all = three();
    let events = [
        at(300, 0, Action::Restart),
        at(500, 0, Action::LoseNodes(1)),
        at(800, 2, Action::LoadFactor { factor: 2.0, lasts: None }),
    ];
    let mut config = nodes(2, 6);
    config.autoscaler = Some(ClusterAutoscaler {
        scale_down_unneeded_time: seconds(120),
        scale_down_delay_after_add: seconds(60),
        ..ClusterAutoscaler::default()
    });
    let world = World { nodes: Some(config), events: &events, keep_pod_numbers: true, ..World::default() };
    let mut setup = together(&all, world);
    for (index, target) in setup.targets.iter_mut().enumerate() {
        target.phase.sync = seconds(5 * index as i64);
    }
    let skipping = run_all(&setup, &all);
    setup.world.every_second = true;
    assert!(format!("{:?}", run_all(&setup, &all)) == format!("{skipping:?}"));
}

/// What the autoscaler leaves of two nodes that are mostly empty.
fn removed(spec: &str, change: impl Fn(&mut NodesConfig)) -> (usize, i64) {
    let all = [(service("a", 4, 4, spec), table(&["cpu"], &[(0, &[0.2]), (3000, &[0.2])]))];
    let mut config = nodes(2, 9);
    config.autoscaler = Some(ClusterAutoscaler::default());
    change(&mut config);
    let world = World { nodes: Some(config), ..World::default() };
    let done = run_all(&together(&all, world), &all);
    let gone = |(_, what): &&(SimTime, Occurrence)| *what == Occurrence::NodeRemoved;
    (done[0].0.occurrences.iter().filter(gone).count(), done[0].1.last().unwrap().pods.nodes.unwrap())
}

/// Two pods of 100m are on each node of a core.
#[test]
fn nodes_that_may_not_go_stay() {
    assert_eq!(removed("", |_| ()), (1, 1));
    assert_eq!(removed("volumes: [{name: v, emptyDir: {}}], ", |_| ()), (0, 2), "local storage");
    assert_eq!(removed("volumes: [{name: v, emptyDir: {medium: Memory}}], ", |_| ()), (1, 1));
    assert_eq!(removed("volumes: [{name: v, hostPath: {path: /v}}], ", |_| ()), (0, 2));
    let budget = |bound: &str| {
        let yaml = format!(
            "{{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {{name: p}}, spec: {{{bound}, selector: \
             {{matchLabels: {{app: a}}}}}}}}"
        );
        let budgets: Vec<DisruptionBudget> = inventory(&yaml).budgets.into_iter().map(|budget| budget.item).collect();
        removed("", move |config| config.budgets.clone_from(&budgets))
    };
    assert_eq!(budget("minAvailable: 3"), (0, 2), "two pods would have to go");
    assert_eq!(budget("minAvailable: 2"), (1, 1));
    assert_eq!(budget("maxUnavailable: 1"), (0, 2));
    // DaemonSets count in the utilization: 300m of them and 200m are one half.
    let daemon = "{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: d}, spec: {selector: {matchLabels: {app: d}}, template: \
                  {metadata: {labels: {app: d}}, spec: {containers: [{name: c, image: c, resources: {requests: {cpu: 300m}}}]}}}}";
    let daemon = inventory(daemon).workloads.swap_remove(0).item;
    assert_eq!(removed("", |config| config.others.push((daemon.clone(), 0))), (0, 2));
    // A bare pod has nobody to make it again.
    let bare = "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: c, image: c, resources: {requests: \
                {cpu: 10m}}}]}}";
    let bare = inventory(bare).workloads.swap_remove(0).item;
    let (_, left) = removed("", |config| {
        config.pools[0].nodes = 3;
        config.others.push((bare.clone(), 1));
    });
    assert_eq!(left, 1, "the node of the bare pod stays, and takes the others");
}

/// Empty nodes go at once, others one after the other: the next is emptied when the one before it is gone.
#[test]
fn several_empty_nodes_go_at_once() {
    let all = [(service("a", 1, 30, ""), table(&["cpu"], &[(0, &[0.04]), (3000, &[0.04])]))];
    let mut config = nodes(6, 9);
    config.autoscaler = Some(ClusterAutoscaler::default());
    let done = run_all(&together(&all, World { nodes: Some(config), ..World::default() }), &all);
    let removed: Vec<i64> = done[0].0.occurrences.iter().map(|(at, _)| at.seconds()).collect();
    assert_eq!(removed, [610; 5]);
}

/// The pool that wastes least of its nodes is scaled.
#[test]
fn the_pool_that_wastes_least_is_scaled() {
    let all = [(service("a", 10, 10, ""), table(&["cpu"], &[(0, &[0.1]), (900, &[0.1])]))];
    let mut config = nodes(0, 9);
    let mut large = config.pools[0].clone();
    large.shape.name = "large".into();
    let capacity = [("cpu", "8"), ("memory", "32Gi")].map(|(name, amount)| (name, amount.parse().unwrap()));
    large.shape.capacity = capacity.into_iter().collect();
    config.pools.insert(0, large);
    config.pools.iter_mut().for_each(|pool| pool.min_nodes = 0);
    config.autoscaler = Some(ClusterAutoscaler::default());
    let done = run_all(&together(&all, World { nodes: Some(config.clone()), ..World::default() }), &all);
    // Ten pods of 100m fill a node of a core; of one of eight cores they take an eighth.
    assert_eq!(done[0].1.last().unwrap().pods.nodes, Some(1));
    let last = done[0].1.last().unwrap().pods;
    assert_eq!((last.ready, last.unschedulable), (last.existing, 0));
    // Where only the large one may grow, it does.
    config.pools[1].max_nodes = 0;
    let done = run_all(&together(&all, World { nodes: Some(config), ..World::default() }), &all);
    assert!(done[0].1.last().unwrap().pods.ready > 0);
}

/// On the command line: every HPA that has a load, a row for each, the totals, and files for each.
#[test]
fn all_hpas_on_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    write(&path("k8s.yaml"), &(yaml("a", 2, 20, "") + &yaml("b", 2, 20, "") + &yaml("c", 2, 20, "")));
    write(&path("a.csv"), "time,cpu\n0,0.1\n60,0.8\n1800,0.8\n");
    write(&path("b.csv"), "time,cpu\n0,0.1\n1800,0.1\n");
    write(&path("nodes.yaml"), "nodes: [{name: small, cpu: 1, memory: 4Gi, evictionHard: {}, pricePerMonth: 10}]\n");
    let file = |name: &str| path(name).to_str().unwrap().to_owned();
    let (a, b, out) = (format!("a={}", file("a.csv")), format!("default/b={}", file("b.csv")), file("out"));
    let (manifests, pools) = (file("k8s.yaml"), file("nodes.yaml"));
    let common =
        ["simulate", "-f", &manifests, "--load", &a, "--load", &b, "--nodes", &pools, "--node-count", "small=1"];
    let args = [&common[..], &["--phases", "1", "-o", &out]].concat();
    let output = hpasim(&args).output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stderr}");
    insta::assert_snapshot!(stdout.replace(folder.path().to_str().unwrap(), "DIR"));
    assert!(stderr.contains("default/c has no load: it stays as it is"), "{stderr}");
    for name in [
        "report.html",
        "report.md",
        "world.csv",
        "world.json",
        "default.a/timeline.csv",
        "default.a/timeline.png",
        "default.b/summary.json",
    ] {
        assert!(folder.path().join("out").join(name).exists(), "{name}");
    }
    // A name that is none is refused, with the nearest.
    let wrong = hpasim(&["simulate", "-f", &manifests, "--load", "aa=x.csv"]).assert().code(2);
    wrong.stderr(predicates::str::contains("there is no HPA `aa`"));
}

/// A frontend that calls a backend twice for each request: 20 ms of CPU each, pods of 100m without a limit or with one.
fn chain(limits: [&str; 2], load: hpasim::model::LoadTable) -> [(Deployment, hpasim::model::LoadTable); 2] {
    let of = |name: &str, limit: &str| {
        let limits = if limit.is_empty() { String::new() } else { format!("limits: {{cpu: {limit}}}, ") };
        let text = yaml(name, 2, 20, "").replace("resources: {", &format!("resources: {{{limits}"));
        Deployment::from_yaml(&text)
    };
    let quiet = table(&["rps"], &[(0, &[0.0]), (1800, &[0.0])]);
    [(of("frontend", limits[0]), load), (of("backend", limits[1]), quiet)]
}

fn chained<'a>(all: &'a [(Deployment, hpasim::model::LoadTable)], cpu: [&str; 2]) -> Setup<'a> {
    let target = |((deployment, load), cpu): (&'a (Deployment, hpasim::model::LoadTable), &str)| {
        setup_with(deployment, load, &crate::support::costs(cpu, "0", 0.0)).targets.swap_remove(0)
    };
    let mut targets: Vec<_> = all.iter().zip(cpu).map(target).collect();
    targets[1].callers = vec![Caller { target: 0, requests_per_request: 2.0 }];
    let world = World { duration: Some(seconds(1800)), keep_pod_numbers: true, ..World::default() };
    Setup { world, targets }
}

#[test]
fn a_target_calls_another() {
    let rps = |low: f64, high: f64| table(&["rps"], &[(0, &[low]), (300, &[high]), (1800, &[high])]);
    let all = chain(["", ""], rps(5.0, 10.0));
    let setup = chained(&all, ["20m", "10m"]);
    assert_eq!(setup.parts(), [[0, 1]]);
    let done = run_all(&setup, &all);
    let load_at =
        |rows: &[TimelineRow], second: i64| rows.iter().rev().find(|r| r.now.seconds() <= second).unwrap().load[0];
    let backend = &done[1].1;
    assert_eq!((load_at(backend, 0), load_at(backend, 285), load_at(backend, 300)), (10.0, 10.0, 20.0));
    // It has been so for long before the first sync: 10 requests of 10 ms on two pods of 100m.
    assert_eq!(backend[0].metrics[0].unwrap().average_utilization, Some(50));
    assert!(done[1].0.rescales[0].at.seconds() > 300 && done[1].0.max_replicas() == 4);
    // A frontend that can do no more than 2 x 150m / 20m = 15 requests calls no oftener.
    let limited = chain(["150m", ""], rps(5.0, 500.0));
    let mut setup = chained(&limited, ["20m", "10m"]);
    setup.targets[0].cluster.startup = seconds(900).into();
    let done = run_all(&setup, &limited);
    assert_eq!(load_at(&done[1].1, 330), 30.0);
    assert!(done[0].1.last().unwrap().resources.backlog.get() > 0);
}

/// Two clients that wait for their answers: the slower the backend, the fewer requests.
#[test]
fn a_slow_backend_holds_its_frontend_back() {
    let clients = table(&["clients"], &[(0, &[2.0]), (1800, &[2.0])]);
    let requests = |backend: &str, limit: &str| {
        let all = chain(["", limit], clients.clone());
        let mut setup = chained(&all, ["20m", backend]);
        setup.targets[1].cluster.startup = seconds(1800).into();
        let done = run_all(&setup, &all);
        let last = done[0].1.last().unwrap();
        let callee = done[0].0.callees[0];
        assert_eq!(callee.target, 1);
        (last.resources.work_done.get() as f64 / 0.02e9 / 1800.0, callee.longest_seconds)
    };
    // 20 ms here and twice 20 ms there: 2 / 60 ms. At first the backend has two pods for four requests at once.
    let (fast, wait) = requests("20m", "");
    assert!((fast - 2.0 / 0.06).abs() < 0.5 && wait <= 0.0401, "{fast} {wait}");
    let (slow, wait) = requests("20m", "500m");
    assert!(slow < 0.8 * fast && wait > 0.06, "{slow} {wait}");
}

/// What waits at the backend is part of the frontend's response time, and of its promise.
#[test]
fn a_promise_is_of_the_whole_path() {
    let load = table(&["rps"], &[(0, &[5.0]), (300, &[30.0]), (600, &[5.0]), (1800, &[5.0])]);
    let all = chain(["", "150m"], load);
    let mut setup = chained(&all, ["2m", "10m"]);
    setup.targets[0].cluster.slo = Some("p95<1s".parse().unwrap());
    let done = run_all(&setup, &all);
    assert!(done[0].0.waiting == seconds(0) && done[1].0.waiting > seconds(10));
    assert!(done[0].0.slow > seconds(10), "{:?}", done[0].0.slow);
    let response = |target: usize, second: i64| {
        let row = done[target].1.iter().rev().find(|row| row.now.seconds() <= second).unwrap();
        row.response_micros.unwrap()
    };
    // In quiet times twice the backend's mean of 10 ms / 0.15, and a little more.
    assert!(response(0, 285) > response(1, 285) && response(0, 285) < 1_000_000, "{}", response(0, 285));
    assert!(response(0, 340) > 2 * response(0, 285));
    setup.world.every_second = true;
    assert!(format!("{:?}", run_all(&setup, &all)) == format!("{done:?}"));
}

/// An important service takes the place of a less important one, whose pods wait then; without priorities it waits itself.
#[test]
fn important_pods_take_the_place_of_others() {
    let class = |name: &str, value: i32, more: &str| {
        format!(
            "{{apiVersion: scheduling.k8s.io/v1, kind: PriorityClass, metadata: {{name: {name}}}, value: {value}{more}}}\n---\n"
        )
    };
    let classes = class("high", 1000, "") + &class("meek", 1000, ", preemptionPolicy: Never") + &class("low", -5, "");
    let of = |name: &str, spec: &str| Deployment::from_yaml(&(classes.clone() + &yaml(name, 5, 10, spec)));
    let load = |high: f64| table(&["cpu"], &[(0, &[0.25]), (120, &[high]), (1800, &[high])]);
    let run = |priorities: [&str; 2]| {
        let spec = |name: &str| if name.is_empty() { String::new() } else { format!("priorityClassName: {name}, ") };
        let all = [(of("a", &spec(priorities[0])), load(0.5)), (of("b", &spec(priorities[1])), load(0.25))];
        let world = World { nodes: Some(nodes(1, 1)), keep_pod_numbers: true, ..World::default() };
        let mut setup = together(&all, world);
        let done = run_all(&setup, &all);
        setup.world.every_second = true;
        assert!(format!("{:?}", run_all(&setup, &all)) == format!("{done:?}"));
        let end = |target: usize| {
            let last = done[target].1.last().unwrap().pods;
            (last.existing - last.unschedulable, last.unschedulable > 0)
        };
        let preempted = done[1].0.occurrences.iter().any(|(_, what)| matches!(what, Occurrence::Preempted(_)));
        (end(0), end(1).0, preempted)
    };
    // Ten places: the first wants ten pods, the second has five.
    assert_eq!(run(["", ""]), ((5, true), 5, false));
    assert_eq!(run(["high", ""]), ((10, false), 0, true));
    assert_eq!(run(["", "low"]), ((10, false), 0, true));
    assert_eq!(run(["meek", ""]), ((5, true), 5, false), "it comes first in the queue, and takes nobody's place");
    assert_eq!(run(["low", "high"]), ((5, true), 5, false));
}

/// A quota of 1100m for pods of 100m: with one of another workload there is room for ten. What one target has, the other does not
/// get; what it gives back, the other takes.
#[test]
fn they_compete_for_quotas() {
    let folder = tempfile::tempdir().unwrap();
    let quota =
        "{apiVersion: v1, kind: ResourceQuota, metadata: {name: q}, spec: {hard: {requests.cpu: 1100m}}}\n---\n";
    let text = yaml("a", 2, 20, "") + &yaml("b", 2, 20, "") + &yaml("c", 1, 20, "") + quota;
    let inventory = inventory(&text);
    let found = |name: &str| {
        let hpa = inventory.hpas.iter().find(|hpa| hpa.item.name == name).unwrap().item.clone();
        Deployment { workload: inventory.target(&hpa.target_id()).unwrap().item.clone(), hpa }
    };
    let load = |from: i64, to: i64| table(&["cpu"], &[(0, &[0.1]), (from, &[0.45]), (to, &[0.1]), (3600, &[0.1])]);
    let all = [(found("a"), load(60, 900)), (found("b"), load(300, 3000))];
    let workloads = [&all[0].0.workload, &all[1].0.workload];
    let quotas = inventory.shared_quotas(&workloads);
    assert_eq!(quotas.len(), 1);
    let world = World { quotas, keep_pod_numbers: true, ..World::default() };
    let mut setup = together(&all, world);
    for (target, workload) in setup.targets.iter_mut().zip(workloads) {
        target.neighbours = inventory.neighbourhood(&workloads).of(target.hpa, workload);
        assert_eq!(target.neighbours.allowance.as_ref().unwrap().pods, 10, "beside the one pod of c");
    }
    assert_eq!(setup.parts(), [[0, 1]]);
    let done = run_all(&setup, &all);
    let pods = |target: usize, second: i64| {
        let numbers = &done[target].0.pod_numbers;
        numbers.iter().rev().find(|(when, _)| when.seconds() <= second).unwrap().1
    };
    assert_eq!((pods(0, 250).existing, pods(1, 250).existing), (8, 2), "nine are wanted");
    assert_eq!((pods(0, 800).existing, pods(1, 800).existing), (8, 2), "the second gets none");
    // The first gives its pods back five minutes after its load has gone, and the second takes them.
    assert!(pods(1, 1500).existing >= 7, "{}", pods(1, 1500).existing);
    let total = |second: i64| (0..2).map(|t| pods(t, second).existing + pods(t, second).terminating).sum::<i32>();
    assert!((0..3600).all(|second| total(second) <= 10));
    assert!(done[0].0.refused > seconds(0) && done[1].0.refused > seconds(300));
    setup.world.every_second = true;
    assert!(format!("{:?}", run_all(&setup, &all)) == format!("{done:?}"));
    // On the command line too.
    let file = folder.path().join("k8s.yaml");
    write(&file, &text);
    let args =
        ["simulate", "-f", file.to_str().unwrap(), "--constant", "cpu=0.45", "--duration", "20m", "--phases", "1"];
    let output = hpasim(&args).output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    let most = stdout.lines().find(|line| line.starts_with("Pods ")).unwrap().to_owned();
    assert!(output.status.success() && most.contains("max"), "{stdout}");
}
