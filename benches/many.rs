//! Many objects: pairs of Deployments and HPAs, nodes, pods that differ. See `benches/README.md`.

use hpasim::input::load::LoadSettings;
use hpasim::input::load::drives::drives;
use hpasim::input::manifests::{self, Manifests};
use hpasim::input::nodes::generic;
use hpasim::input::{Source, nodes};
use hpasim::model::{Column, ControllerConfig, Delay, LoadSource, LoadTable, NodePool, NodesConfig, Target};
use hpasim::plan::Level;
use hpasim::plan::Pool;
use hpasim::sim::{Setup, World, simulate, simulate_all};
use hpasim::units::{Replicas, SimTime, Span};

fn main() {
    divan::main();
}

/// Reading so many pairs, and packing them on every generic shape.
#[divan::bench(args = [1_000, 10_000], sample_count = 3, sample_size = 1)]
fn plan_pairs(bencher: divan::Bencher<'_, '_>, pairs: usize) {
    let text = pairs_of(pairs);
    bencher.bench(|| {
        let manifests = read(&text);
        let workloads = hpasim::plan::workloads(&manifests.inventory);
        let shapes = generic();
        let pools = Pool::all(&shapes, &workloads, &manifests.inventory.namespace_labels);
        pools.iter().map(|pool| pool.pack_level(&workloads, Level::Minimum).nodes).sum::<i64>()
    });
}

/// Reading and linting so many pairs.
#[divan::bench(args = [1_000, 10_000], sample_count = 3, sample_size = 1)]
fn lint_pairs(bencher: divan::Bencher<'_, '_>, pairs: usize) {
    let text = pairs_of(pairs);
    bencher.bench(|| {
        let manifests = read(&text);
        let inventory = &manifests.inventory;
        let workloads = hpasim::plan::workloads(inventory);
        let context = hpasim::lint::Context {
            inventory,
            workloads: &workloads,
            neighbourhood: &inventory.neighbourhood(&[]),
            storage: &hpasim::plan::storage(inventory, &workloads),
            controller: ControllerConfig::default(),
            startup: Span::from_seconds(20).into(),
            nodes: &[],
            held_back: Vec::new(),
            odd: Vec::new(),
            refused: Vec::new(),
            removed: Vec::new(),
        };
        hpasim::lint::lint(&context).len()
    });
}

/// 200 targets on 300 nodes that they share, for a day.
#[divan::bench(sample_count = 3, sample_size = 1)]
fn targets_200_on_300_nodes_for_a_day(bencher: divan::Bencher<'_, '_>) {
    let manifests = read(&pairs_of(200));
    let load = daily_load();
    let setup = setup(&manifests, &load, Some(shared_nodes(300)));
    bencher.bench_local(|| {
        let mut loads = vec![load.clone(); setup.targets.len()];
        simulate_all(&setup, &mut loads, &mut vec![(); setup.targets.len()]).expect("the load does not fail")
    });
}

/// 5,000 pods that come to 5,000 nodes one after the other: 25 million looks at a node.
#[divan::bench(sample_count = 3, sample_size = 1)]
fn pods_5_000_on_5_000_nodes(bencher: divan::Bencher<'_, '_>) {
    let manifests = read(&pairs_of(1));
    let load = constant_load(2.0, 600);
    let mut setup = setup(&manifests, &load, Some(shared_nodes(5_000)));
    setup.targets[0].initial_replicas = 5_000;
    bencher.bench_local(|| run_one(&setup, &load));
}

/// 10,000 pods, each sampled at times of its own, for an hour.
#[divan::bench(sample_count = 3, sample_size = 1)]
fn drawn_samples_of_10_000_pods_for_an_hour(bencher: divan::Bencher<'_, '_>) {
    let manifests = read(&pairs_of(1));
    let load = constant_load(500.0, 3_600);
    let mut setup = setup(&manifests, &load, None);
    setup.targets[0].initial_replicas = 10_000;
    let (low, high) = (Span::from_seconds(10), Span::from_seconds(20));
    setup.targets[0].cluster.housekeeping_interval = Delay::Uniform { low, high };
    bencher.bench_local(|| run_one(&setup, &load));
}

fn run_one(setup: &Setup<'_>, load: &LoadTable) -> Replicas {
    let mut load = load.clone();
    let summaries = simulate(setup, vec![(0, &mut load as &mut dyn LoadSource)], None).expect("the load does not fail");
    summaries[0].max_replicas()
}

/// Pairs of a Deployment and an HPA that all differ, in 50 namespaces.
fn pairs_of(count: usize) -> String {
    let mut text = String::new();
    for index in 0..count {
        let (name, namespace) = (format!("app-{index}"), format!("ns-{}", index % 50));
        let labels = format!("{{app: {name}}}");
        let (cpu, memory) = (100 + index % 400, 128 + index % 300);
        text += &format!(
            "{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: {name}, namespace: {namespace}}}, spec: {{replicas: 2, \
             selector: {{matchLabels: {labels}}}, template: {{metadata: {{labels: {labels}}}, spec: {{containers: [{{name: c, \
             image: x, resources: {{requests: {{cpu: {cpu}m, memory: {memory}Mi}}}}}}]}}}}}}}}\n---\n\
             {{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {{name: {name}, namespace: {namespace}}}, \
             spec: {{scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: {name}}}, minReplicas: 2, maxReplicas: {}, \
             metrics: [{{type: Resource, resource: {{name: cpu, target: {{type: Utilization, averageUtilization: {}}}}}}}]}}}}\n\
             ---\n",
            10_000 + index % 10,
            50 + index % 40
        );
    }
    text
}

fn read(text: &str) -> Manifests {
    let source = Source { name: "pairs.yaml".into(), text: text.to_owned() };
    manifests::read(&[source], manifests::Context::default()).expect("they are valid")
}

/// So many nodes of 4 CPUs in three zones.
fn shared_nodes(count: i64) -> NodesConfig {
    let text = "{nodes: [{name: a, cpu: 4, memory: 16Gi, zones: 3, maxNodes: 6000}]}".to_owned();
    let shape = nodes::read(&Source { name: "nodes.yaml".into(), text }).expect("it is valid").remove(0);
    let pools = vec![NodePool { shape, nodes: count, min_nodes: count, max_nodes: count }];
    NodesConfig { pools, ..NodesConfig::default() }
}

/// A row a minute.
fn daily_load() -> LoadTable {
    let mut load = LoadTable::new(vec![Column::Cpu]);
    for minute in 0..1440 {
        let phase = f64::from(minute) / 1440.0 * std::f64::consts::TAU;
        load.push(SimTime::from_seconds(i64::from(minute) * 60), &[1.0 - 0.8 * phase.cos()]);
    }
    load
}

fn constant_load(cpu: f64, seconds: i64) -> LoadTable {
    let mut load = LoadTable::new(vec![Column::Cpu]);
    [0, seconds].into_iter().for_each(|at| load.push(SimTime::from_seconds(at), &[cpu]));
    load
}

fn setup<'a>(manifests: &'a Manifests, load: &LoadTable, nodes: Option<NodesConfig>) -> Setup<'a> {
    let targets = manifests.targets();
    let target = |hpa| {
        let selection = targets.of(hpa).expect("its target is there");
        let (hpa, workload) = (&selection.hpa.item, &selection.target.item);
        let drives = drives(load.columns(), hpa, &workload.template, &LoadSettings::default(), &mut Vec::new());
        Target { initial_replicas: 2, ..Target::new(hpa, workload, drives.expect("the load drives the metric")) }
    };
    let targets = manifests.inventory.hpas.iter().map(target).collect();
    let world = World { nodes, duration: Some(load.length()), ..World::default() };
    Setup { world, targets }
}
