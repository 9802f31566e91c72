//! What must hold of every simulation, whatever the HPA and the load: the independent checker finds nothing,
//! skipping quiet seconds changes nothing, and the same inputs give the same bytes.

use hpasim::input::load::LoadSettings;
use hpasim::input::load::drives::drives;
use hpasim::input::load::pattern::parse_column;
use hpasim::input::load::synthetic::Synthetic;
use hpasim::input::{Source, manifests, scenario};
use hpasim::model::{Delay, Interpolation, LoadSource, LoadTable};
use hpasim::plan::Pool;
use hpasim::sim::TimelineRow;
use hpasim::sim::check::check;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::support::{Deployment, run, seconds};

/// A synthetic trace.
pub fn load(columns: &[String], hours: f64, step: i64, seed: u64) -> LoadTable {
    let columns: Vec<_> = columns.iter().map(|text| parse_column(text).unwrap()).collect();
    let mut trace = Synthetic::new(&columns, seconds((hours * 3600.0) as i64), seconds(step), seed);
    let mut table = LoadTable::new(trace.columns().to_vec());
    let mut values = vec![0.0; columns.len()];
    while let Some(at) = trace.next_row(&mut values).unwrap() {
        table.push(at, &values);
    }
    table
}

/// The RAG backend's Deployment with another HPA.
fn with_hpa(spec: &str) -> Deployment {
    let mut rag = Deployment::rag();
    let yaml = format!(
        "{{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {{name: h}}, spec: {{scaleTargetRef: \
         {{apiVersion: apps/v1, kind: Deployment, name: d}}, {spec}}}}}\n---\n{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: d}}, \
         spec: {{selector: {{matchLabels: {{app: d}}}}, template: {{metadata: {{labels: {{app: d}}}}, spec: {{containers: [{{name: c, image: c}}]}}}}}}}}"
    );
    rag.hpa = Deployment::from_yaml(&yaml).hpa;
    rag
}

/// So many cases, the same in every run.
pub fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, rng_seed: RngSeed::Fixed(7), failure_persistence: None, ..ProptestConfig::default() }
}

fn behavior() -> impl Strategy<Value = String> {
    let policy = (any::<bool>(), 1..120i32, 1..12i64).prop_map(|(pods, value, periods)| {
        let (kind, value) = if pods { ("Pods", value / 15 + 1) } else { ("Percent", value) };
        format!("{{type: {kind}, value: {value}, periodSeconds: {}}}", periods * 15)
    });
    let rules = (0..25i64, prop::sample::select(vec!["Max", "Min", "Disabled"]), prop::collection::vec(policy, 1..3))
        .prop_map(|(window, select, policies)| {
            format!(
                "{{stabilizationWindowSeconds: {}, selectPolicy: {select}, policies: [{}]}}",
                window * 15,
                policies.join(", ")
            )
        });
    prop::option::of((prop::option::of(rules.clone()), prop::option::of(rules))).prop_map(|behavior| {
        let Some((up, down)) = behavior else { return String::new() };
        let up = up.map_or_else(String::new, |rules| format!("scaleUp: {rules}, "));
        let down = down.map_or_else(String::new, |rules| format!("scaleDown: {rules}"));
        format!(", behavior: {{{up}{down}}}")
    })
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn timelines_hold_what_every_timeline_must(
        behavior in behavior(), target in 30..120i32, min in 1..4i32, more in 0..12i32,
        high in 1.0..8.0f64, startup in 0..90i64, step in prop::sample::select(vec![7i64, 15, 60, 300]),
        resolution in prop::sample::select(vec![10i64, 15, 60]), linear in any::<bool>(), seed in 0..1000u64,
    ) {
        let deployment = with_hpa(&format!(
            "minReplicas: {min}, maxReplicas: {}, metrics: [{{type: Resource, resource: {{name: cpu, target: \
             {{type: Utilization, averageUtilization: {target}}}}}}}]{behavior}", min + more
        ));
        let cpu = format!("cpu=sine:mean={high},amplitude={high},period=1h+bursts:every=10m,height=2,length=4m");
        let load = load(&[cpu], 3.0, step, seed);
        let mut setup = deployment.setup(&load);
        setup.targets[0].cluster.startup = seconds(startup).into();
        setup.targets[0].cluster.metric_resolution = seconds(resolution);
        setup.targets[0].interpolation = if linear { Interpolation::Linear } else { Interpolation::Hold };
        let (_, rows) = run(&setup, &load);
        let mut stepped = setup.clone();
        stepped.world.every_second = true;
        let (_, every_second) = run(&stepped, &load);
        prop_assert!(rows == every_second, "skipping quiet seconds changes the timeline");
    }
}

/// Long stretches of the same load, many of them beyond what the pods can do, so that work waits and is worked off within one: what
/// is passed over without a listener is what would have happened (see `run`).
#[test]
fn steady_stretches_can_be_passed_over() {
    for seed in 0..60 {
        let (target, most) = (60 + seed as i64 % 7 * 9, 3 + seed as i64 % 5);
        let deployment = with_hpa(&format!(
            "minReplicas: 2, maxReplicas: {most}, metrics: [{{type: Resource, resource: {{name: cpu, target: \
             {{type: Utilization, averageUtilization: {target}}}}}}}]"
        ));
        let high = 2.0 + seed as f64 % 4.0;
        let load = load(&[format!("cpu=sine:mean={high},amplitude={high},period=2h+noise:sigma=0.4")], 6.0, 900, seed);
        let mut setup = deployment.setup(&load);
        setup.targets[0].cluster.startup = seconds(seed as i64 % 80).into();
        if seed % 3 == 0 {
            setup.targets[0].cluster.housekeeping_interval = Delay::Uniform { low: seconds(6), high: seconds(25) };
        }
        run(&setup, &load);
    }
}

/// The checker itself: it must find what is wrong.
#[test]
fn the_checker_finds_faults() {
    let rag = Deployment::rag();
    let load = load(&["cpu=diurnal:low=0.5,high=4".into(), "memory=constant:value=1Gi".into()], 24.0, 60, 0);
    let setup = rag.setup(&load);
    let (_, rows) = run(&setup, &load);
    type Fault = fn(&mut Vec<TimelineRow>);
    let faults: [(&str, Fault); 7] = [
        ("outside 3 to 10", |rows| rows[100].desired = 11),
        ("there at the next sync", |rows| rows[100].replicas += 1),
        ("pods are ready", |rows| rows[100].pods.ready = 99),
        ("arrived", |rows| rows[100].resources.work_done = hpasim::units::Work::new(1)),
        ("were created", |rows| rows[100].turnover.created += 1),
        ("the future", |rows| rows[100].newest_sample = Some(rows[101].now)),
        ("the next sync", |rows| {
            rows.remove(100);
        }),
    ];
    for (message, fault) in faults {
        let mut faulty = rows.clone();
        fault(&mut faulty);
        let found = check(&setup, 0, &faulty);
        assert!(found.iter().any(|text| text.contains(message)), "{message}: {found:?}");
    }
    // From 3 to 8 replicas in one step, and down right after a high recommendation.
    let up = rows.iter().position(|row| row.replicas == 3 && row.desired == 4).unwrap();
    let mut faulty = rows.clone();
    faulty[up].desired = 8;
    let found = check(&setup, 0, &faulty);
    assert!(found.iter().any(|text| text.contains("policies allow")), "{found:?}");
    let high = rows.iter().position(|row| row.proposed == Some(8) && row.replicas == 8).unwrap();
    let mut faulty = rows.clone();
    faulty[high + 1].desired = 5;
    let found = check(&setup, 0, &faulty);
    assert!(found.iter().any(|text| text.contains("although 8 was recommended")), "{found:?}");
}

/// Values that have broken readers of YAML before.
const NASTY: [&str; 22] = [
    "",
    "null",
    "~",
    "-1",
    "0",
    "1",
    "99999999999999999999",
    "2147483647",
    "1e400",
    ".nan",
    "\"\"",
    "'x'",
    "[]",
    "{}",
    "[1, [2]]",
    "{a: {b: c}}",
    "*x",
    "&x 1",
    "!!binary aGk=",
    "1Ei",
    "0.0000000001",
    "yes",
];

/// Replaces values and drops lines of a text, at random.
fn damage(text: &str, edits: &[(usize, usize, bool)]) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for &(line, value, drop) in edits {
        let line = line % lines.len();
        if drop {
            lines.remove(line);
        } else if let Some((key, _)) = lines[line].split_once(':') {
            lines[line] = format!("{key}: {}", NASTY[value % NASTY.len()]);
        }
        if lines.is_empty() {
            break;
        }
    }
    lines.join("\n") + "\n"
}

fn edits() -> impl Strategy<Value = Vec<(usize, usize, bool)>> {
    prop::collection::vec((0..400usize, 0..NASTY.len(), prop::bool::weighted(0.2)), 1..4)
}

proptest! {
    #![proptest_config(cases(300))]

    /// Whatever is wrong with a manifest, it is refused with a place, or simulated; never a panic.
    #[test]
    fn damaged_manifests_are_refused_or_simulated(edits in edits()) {
        let text = include_str!("../../scenarios/rag-system/k8s/backend-deployment.yaml");
        let source = Source { name: "damaged.yaml".into(), text: damage(text, &edits) };
        let manifests = match manifests::read(&[source], manifests::Context::default()).and_then(manifests::Manifests::accepted) {
            Ok(manifests) => manifests,
            Err(error) => {
                prop_assert!(error.diagnostics().iter().all(|diagnostic| diagnostic.location.is_some()), "{error}");
                return Ok(());
            }
        };
        let Ok(selection) = manifests.select(None, None) else { return Ok(()) };
        let deployment = Deployment { hpa: selection.hpa.item.clone(), workload: selection.target.item.clone() };
        let load = load(&["cpu=diurnal:low=0.5,high=9,peak=1h".into(), "memory=constant:value=1Gi".into()], 2.0, 60, 0);
        let Ok(drives) = drives(load.columns(), &deployment.hpa, &deployment.workload.template, &LoadSettings::default(), &mut Vec::new())
        else {
            return Ok(());
        };
        let rag = Deployment::rag();
        let mut setup = rag.setup(&load);
        setup.targets[0].hpa = &deployment.hpa;
        setup.targets[0].workload = &deployment.workload;
        setup.targets[0].drives = drives;
        setup.targets[0].initial_replicas = deployment.workload.replicas.unwrap_or(1).min(1000);
        run(&setup, &load);
    }

    /// The same of everything that planning and linting read.
    #[test]
    fn damaged_manifests_are_refused_or_planned(edits in edits()) {
        let text = include_str!("../data/plan/everything.yaml");
        let source = Source { name: "damaged.yaml".into(), text: damage(text, &edits) };
        let Ok(manifests) = manifests::read(&[source], manifests::Context::default()).and_then(manifests::Manifests::accepted) else { return Ok(()) };
        let inventory = &manifests.inventory;
        let workloads = hpasim::plan::workloads(inventory);
        let storage = hpasim::plan::storage(inventory, &workloads);
        let shapes = hpasim::input::nodes::generic();
        for shape in &shapes[..2] {
            for level in hpasim::plan::Level::ALL {
                let packing = Pool::new(shape, &workloads, &inventory.namespace_labels).pack_level(&workloads, level);
                prop_assert!(packing.nodes >= packing.lower_bound, "{packing:?}");
            }
        }
        let context = hpasim::lint::Context {
            inventory,
            workloads: &workloads,
            neighbourhood: &inventory.neighbourhood(&[]),
            storage: &storage,
            controller: hpasim::model::ControllerConfig::default(),
            startup: seconds(20).into(),
            nodes: &shapes,
            held_back: Vec::new(),
            odd: Vec::new(),
            refused: Vec::new(),
            removed: Vec::new(),
        };
        for finding in hpasim::lint::lint(&context) {
            prop_assert!(finding.hit.location.line > 0, "{finding:?}");
        }
    }

    /// The same of scenario files.
    #[test]
    fn damaged_scenarios_are_refused_or_replayed(edits in edits(), everything in any::<bool>()) {
        let folder = tempfile::tempdir().unwrap();
        let scenarios = crate::support::project("scenarios");
        let scenarios = scenarios.to_str().unwrap();
        let text = if everything {
            include_str!("../data/scenarios/everything.yaml").replace("../../../scenarios", scenarios)
        } else {
            let text = include_str!("../../scenarios/rag-system/scenarios/2-high-load.yaml");
            text.replace("../k8s", &format!("{scenarios}/rag-system/k8s"))
        };
        let text = damage(&text, &edits);
        let path = folder.path().join("damaged.yaml");
        crate::support::write(&path, &text);
        if let Ok(scenarios) = scenario::read(scenario::Files::Disk, &path, scenario::Choice::default(), &mut Vec::new()) {
            for scenario in scenarios.iter().filter(|scenario| scenario.duration <= seconds(86_400)) {
                let _ = hpasim::replay::replay(scenario, Some(1));
            }
        }
    }
}
