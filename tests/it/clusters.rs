//! Random clusters: whatever the workload, its pods' lives, the metrics pipeline, the traffic, the nodes and the events, the
//! independent checker finds nothing, and skipping quiet seconds changes nothing.

use std::collections::BTreeMap;

use hpasim::input::nodes;
use hpasim::model::{
    Action, Allowance, Balancing, ClusterAutoscaler, ClusterConfig, Delay, Location, MetricIdentifier, MetricSource,
    MetricsApi, NodePool, NodesConfig, Phase, Queueing, Revision, ScheduledEvent, Slo, Startup, Which,
};
use hpasim::sim::{Exported, TimelineRow};
use hpasim::units::{Seconds, Share, SimTime, Span};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::TestCaseError;

use crate::invariants::{cases, load};
use crate::support::{Deployment, costs, run, seconds, setup_with};

/// A workload of a kind, with or without probes, hooks and an init container.
fn workload(kind: &str, spec: &str, pod: &str, container: &str) -> Deployment {
    Deployment::from_yaml(&format!(
        "{{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {{name: h}}, spec: {{scaleTargetRef: \
         {{apiVersion: apps/v1, kind: {kind}, name: d}}, minReplicas: 2, maxReplicas: 12, metrics: [{{type: Resource, resource: {{name: cpu, \
         target: {{type: Utilization, averageUtilization: 60}}}}}}, {{type: Resource, resource: {{name: memory, target: {{type: \
         Utilization, averageUtilization: 70}}}}}}], behavior: {{scaleDown: \
         {{stabilizationWindowSeconds: 60}}}}}}}}\n---\n{{apiVersion: apps/v1, kind: {kind}, metadata: {{name: d}}, spec: \
         {{replicas: 3, {spec}selector: {{matchLabels: {{app: d}}}}, template: {{metadata: {{labels: {{app: d}}}}, spec: {{{pod}containers: [{{name: c, image: c, \
         resources: {{requests: {{cpu: 500m, memory: 512Mi}}, limits: {{cpu: 1, memory: 700Mi}}}}{container}}}]}}}}}}}}"
    ))
}

fn workloads() -> impl Strategy<Value = Deployment> {
    let kinds = select(vec![
        ("Deployment", "strategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}, "),
        ("Deployment", "minReadySeconds: 10, "),
        (
            "Deployment",
            "strategy: {rollingUpdate: {maxSurge: 50%, maxUnavailable: 50%}}, progressDeadlineSeconds: 60, ",
        ),
        ("Deployment", "strategy: {type: Recreate}, "),
        ("StatefulSet", ""),
        ("StatefulSet", "minReadySeconds: 5, updateStrategy: {rollingUpdate: {partition: 2}}, "),
        ("StatefulSet", "podManagementPolicy: Parallel, "),
        ("ReplicaSet", ""),
    ]);
    let pods = select(vec![
        "",
        "terminationGracePeriodSeconds: 12, ",
        "initContainers: [{name: wait, image: w}, {name: side, image: s, restartPolicy: Always, startupProbe: {periodSeconds: 4}}], ",
        "affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{labelSelector: {matchLabels: {app: \
         d}}, topologyKey: kubernetes.io/hostname}]}}, ",
        "topologySpreadConstraints: [{maxSkew: 1, topologyKey: topology.kubernetes.io/zone, whenUnsatisfiable: \
         DoNotSchedule, labelSelector: {matchLabels: {app: d}}}], ",
    ]);
    let containers = select(vec![
        "",
        ", readinessProbe: {periodSeconds: 5}, livenessProbe: {initialDelaySeconds: 20, periodSeconds: 7}",
        ", startupProbe: {periodSeconds: 3, failureThreshold: 8}, readinessProbe: {periodSeconds: 4, successThreshold: 2}",
        ", lifecycle: {preStop: {sleep: {seconds: 4}}}, readinessProbe: {initialDelaySeconds: 10}",
        ", lifecycle: {preStop: {sleep: {seconds: 9}}}, livenessProbe: {periodSeconds: 6, terminationGracePeriodSeconds: 11}",
    ]);
    (kinds, pods, containers).prop_map(|((kind, spec), pod, container)| workload(kind, spec, pod, container))
}

fn delay(most: i64) -> impl Strategy<Value = Delay> {
    (0..3u8, 0..most, 0..most).prop_map(|(shape, a, b)| match shape {
        0 => Delay::Fixed(seconds(a)),
        1 => Delay::Uniform { low: seconds(a.min(b)), high: seconds(a.max(b)) },
        _ => Delay::Lognormal { median: seconds(a + 1), sigma: 0.5 },
    })
}

/// One after the other, so that no setting is left out: each part sets its own.
fn pods() -> impl Strategy<Value = ClusterConfig> {
    let times = (delay(4), delay(20), delay(15), delay(40), 0..15i64, 0..4i64);
    let use_of_them = (0..200i64, 0..2i64, 0..60i64, 20..100u8, select(vec![0i64, 0, 2_000_000]), any::<bool>());
    (times, use_of_them).prop_map(
        |(
            (scheduling, image_pull, init, startup, shutdown, propagation),
            (background, starting, warmup, warmup_speed, growth, memory_kept),
        )| ClusterConfig {
            scheduling,
            image_pull,
            init,
            startup: if shutdown % 3 == 0 { Startup::Assumed(startup) } else { Startup::Stated(startup) },
            shutdown: seconds(shutdown),
            endpoint_propagation: seconds(propagation),
            background_cpu: format!("{background}m").parse().unwrap(),
            startup_cpu: format!("{}m", starting * 700).parse().unwrap(),
            warmup: seconds(warmup),
            warmup_speed: Share::from_percent(warmup_speed),
            memory_growth: format!("{growth}k").parse().unwrap(),
            memory_kept,
            ..ClusterConfig::default()
        },
    )
}

fn cluster() -> impl Strategy<Value = ClusterConfig> {
    let interval = select(vec![
        Delay::ZERO,
        Delay::Fixed(seconds(10)),
        Delay::Fixed(seconds(15)),
        Delay::Uniform { low: seconds(10), high: seconds(20) },
        Delay::Uniform { low: seconds(0), high: seconds(1) },
    ]);
    let metrics = (select(vec![10i64, 15, 60]), interval, select(vec![0u8, 0, 20]));
    let scraping = (
        select(vec![0i64, 15, 30, 60]),
        select(vec![0i64, 0, 20]),
        select(vec![0i64, 0, 3]),
        select(vec![5i64, 86_400]),
    );
    let balancing = select(vec![
        Balancing::Even,
        Balancing::Even,
        Balancing::Random,
        Balancing::Weighted { sigma: 0.4 },
        Balancing::Sticky { session: Span::from_seconds(40) },
    ]);
    let waiting = (any::<bool>(), prop::option::of(0..30i64), prop::option::of(0..20i64));
    let latency = select(vec![0.0, 0.0, 0.02, 0.2]);
    let promise = (any::<bool>(), latency);
    (pods(), (metrics, scraping), balancing, waiting, promise).prop_map(
        |(pods, (metrics, (scraped, adapter, first, age)), balancing, (shared, timeout, limit), (promise, latency))| {
            let (resolution, housekeeping_interval, missing) = metrics;
            ClusterConfig {
                metric_resolution: seconds(resolution),
                housekeeping_interval,
                scrape_interval: seconds(scraped),
                adapter_interval: seconds(adapter),
                first_sample: seconds(first),
                pods_age: seconds(age),
                probe_latency: Seconds::new(latency),
                missing_samples: Share::from_percent(missing),
                balancing,
                queue: if shared { Queueing::Shared } else { Queueing::PerPod },
                queue_timeout: timeout.map(seconds),
                queue_limit: limit.map(|limit| limit.to_string().parse().unwrap()),
                slo: promise.then_some(Slo { quantile: 0.95, within_seconds: 0.5 }),
                ..pods
            }
        },
    )
}

/// Any that there can be, and some more.
fn phases() -> impl Strategy<Value = Phase> {
    (0..15i64, 0..60i64, 0..20i64).prop_map(|(sync, scrape, kubelet)| Phase {
        sync: seconds(sync),
        scrape: seconds(scrape),
        kubelet: seconds(kubelet),
    })
}

fn node_pools() -> impl Strategy<Value = Option<NodesConfig>> {
    prop::option::of((1..4i64, 4..9i64, any::<bool>(), delay(90))).prop_map(|nodes| {
        let (nodes, max_nodes, scales, provisioning) = nodes?;
        let mut shape = nodes::generic().swap_remove(0);
        shape.zones = 2;
        let pool = NodePool { shape, nodes, min_nodes: 1, max_nodes };
        let autoscaler = scales.then(|| ClusterAutoscaler {
            provisioning,
            scale_down_unneeded_time: Span::from_seconds(120),
            scale_down_delay_after_add: Span::from_seconds(60),
            ..ClusterAutoscaler::default()
        });
        Some(NodesConfig { pools: vec![pool], autoscaler, ..NodesConfig::default() })
    })
}

fn action() -> impl Strategy<Value = Action> {
    (0..14u8, 1..9i32, delay(40), 1..200i64).prop_map(|(which, number, startup, lasts)| {
        let lasts = seconds(lasts);
        match which {
            0 => Action::Rollout(Revision {
                startup: Some(startup),
                cpu_factor: f64::from(number) / 4.0,
                ..Revision::default()
            }),
            1 => Action::Rollout(Revision { broken: true, ..Revision::default() }),
            2 => Action::Restart,
            3 => Action::Rollback,
            4 => Action::Pause,
            5 => Action::Resume,
            6 => Action::Scale(number - 1),
            7 => Action::KillPods(number, [Which::Newest, Which::Oldest, Which::Random][number as usize % 3]),
            8 => Action::HangPods(number),
            9 => Action::LoseNodes(1),
            10 => Action::MetricsOutage { which: MetricsApi::All, lasts },
            12 => Action::RestartContainers { pods: number, which: Which::Oldest, after: lasts },
            11 => Action::DependencyDown { init_container: None, lasts },
            _ => Action::LoadFactor { factor: f64::from(number) / 3.0, lasts: Some(lasts) },
        }
    })
}

fn events() -> impl Strategy<Value = Vec<ScheduledEvent>> {
    prop::collection::vec((1..1700i64, action()), 0..7).prop_map(|mut list| {
        list.sort_by_key(|(at, _)| *at);
        list.into_iter()
            .map(|(at, action)| ScheduledEvent { at: SimTime::from_seconds(at), target: 0, action })
            .collect()
    })
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn every_cluster_holds_what_must_hold(
        mut deployment in workloads(), cluster in cluster(), nodes in node_pools(), phase in phases(), events in events(),
        column in select(vec!["cpu", "rps", "clients", "cpu_utilization"]), high in 0.5..4.0f64, seed in 0..1000u64,
        (step, hours) in select(vec![(30, 0.5), (30, 0.5), (1200, 2.0)]), most in prop::option::of(3..12i32),
        counts in any::<bool>(),
    ) {
        if counts && matches!(column, "rps" | "clients") {
            deployment.hpa.metrics.push(MetricSource::Pods {
                metric: MetricIdentifier { name: "http_requests_per_second".into(), selector: None },
                average_value: 8_000,
            });
        }
        let scale = match column { "cpu" => high, "rps" => high * 25.0, "clients" => high * 6.0, _ => high * 40.0 };
        let pattern = format!("{column}=sine:mean={scale},amplitude={scale},period=20m+bursts:every=5m,height={scale},length=1m");
        let load = load(&[pattern], hours, step, seed);
        let mut costs = costs("40m", "1Mi", 0.05);
        costs.memory_base = Some("300Mi".parse().unwrap());
        let mut setup = setup_with(&deployment, &load, &costs);
        setup.targets[0].cluster = cluster;
        let location = Location { file: "quota.yaml".into(), line: 1, column: 1 };
        setup.targets[0].neighbours.allowance =
            most.map(|pods| Allowance { pods, reason: "a quota".into(), location });
        (setup.world.nodes, setup.targets[0].phase, setup.world.seed) = (nodes, phase, seed);
        setup.world.events = &events;
        setup.world.keep_pod_numbers = true;
        let (summary, rows) = run(&setup, &load);
        let mut stepped = setup.clone();
        stepped.world.every_second = true;
        let (summary_of_seconds, every_second) = run(&stepped, &load);
        for (skipped, second) in rows.iter().zip(&every_second) {
            prop_assert_eq!(skipped, second, "skipping quiet seconds changes the timeline");
        }
        prop_assert_eq!(rows.len(), every_second.len());
        prop_assert_eq!(format!("{summary:?}"), format!("{summary_of_seconds:?}"));
        let mut exported = setup.clone();
        exported.world.export = Some(Span::from_seconds(1));
        let (summary_of_exports, watched) = run(&exported, &load);
        exports_have_all_cpu(&summary_of_exports.exported.unwrap_or_default(), &watched)?;
        // Each pod by itself: what is drawn of equal pods together, which of them goes first and how sums of many are rounded may differ.
        let (is_drawn, is_plain) = (setup.targets[0].cluster.missing_samples.get() > 0.0, setup.world.nodes.is_none());
        if is_plain && !is_drawn && events.is_empty() && column == "cpu" {
            prop_assert!(rows == watched, "who reads exporters changes the timeline");
        }
    }
}

/// What the pods' counters say of the time between two syncs is what the pods used then.
fn exports_have_all_cpu(exports: &Exported, rows: &[TimelineRow]) -> Result<(), TestCaseError> {
    let mut used: BTreeMap<SimTime, i128> = BTreeMap::new();
    for pod in &exports.pods {
        let mut before = (None, 0);
        for sample in &pod.samples {
            // A container that was started again counts from zero.
            let base = if before.0 == sample.started { before.1 } else { 0 };
            *used.entry(sample.at).or_default() += sample.cpu - base;
            before = (sample.started, sample.cpu);
        }
    }
    for pair in rows.windows(2) {
        let counted: i128 = used.range(pair[0].now.later(1)..=pair[1].now).map(|(_, cpu)| cpu).sum();
        let seconds = pair[1].now.seconds_since(pair[0].now);
        let average = counted / i128::from(seconds.max(1));
        let known = i128::from(pair[1].resources.cpu_used.get());
        prop_assert!((average - known).abs() <= 1 + known / 1_000_000_000, "{average} of {known} at {}", pair[1].now);
    }
    Ok(())
}
