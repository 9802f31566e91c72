//! What each part of the simulated cluster does to the timeline of replicas; worked out by hand where it can be.

use hpasim::input::load::LoadSettings;
use hpasim::model::{
    Action, Balancing, ClusterAutoscaler, Delay, MetricsApi, NodePool, NodesConfig, Queueing, Revision, ScheduledEvent,
    Startup, Which,
};
use hpasim::sim::{Occurrence, PodNumbers, Setup, Summary};
use hpasim::units::{Seconds, Share, SimTime};

use crate::support::{Deployment, changes, costs, run, seconds, setup_with, table};

/// A workload of a kind with an HPA on CPU at 50% of 100m, limits of 200m.
fn workload(kind: &str, spec: &str, pod: &str, container: &str) -> Deployment {
    Deployment::from_yaml(&format!(
        "{{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {{name: h}}, spec: {{scaleTargetRef: \
         {{apiVersion: apps/v1, kind: {kind}, name: d}}, minReplicas: 1, maxReplicas: 20, metrics: [{{type: Resource, resource: {{name: cpu, \
         target: {{type: Utilization, averageUtilization: 50}}}}}}]}}}}\n---\n{{apiVersion: apps/v1, kind: {kind}, metadata: \
         {{name: d}}, spec: {{{spec}selector: {{matchLabels: {{app: d}}}}, template: {{metadata: {{labels: {{app: d}}}}, spec: {{{pod}containers: [{{name: c, image: c, \
         resources: {{requests: {{cpu: 100m, memory: 100Mi}}, limits: {{cpu: 200m, memory: 200Mi}}}}{container}}}]}}}}}}}}"
    ))
}

/// Ready 2 s after the start of its containers.
const PROBED: &str = ", readinessProbe: {periodSeconds: 2}";

fn at(seconds: i64, action: Action) -> ScheduledEvent {
    ScheduledEvent { at: SimTime::from_seconds(seconds), target: 0, action }
}

/// The numbers of pods at an instant.
fn numbers(summary: &Summary, at: i64) -> PodNumbers {
    summary.pod_numbers.iter().rev().find(|(when, _)| when.seconds() <= at).unwrap().1
}

/// A constant load for so long.
fn cpu(cores: f64, seconds: i64) -> hpasim::model::LoadTable {
    table(&["cpu"], &[(0, &[cores]), (seconds, &[cores])])
}

/// The document's scenario 2 held at 80%: the fifth pod waits for the fourth to count, and that for its image.
#[test]
fn pulling_an_image_delays_the_next_step() {
    let load = table(&["cpu_utilization", "memory_utilization"], &[(0, &[80.0, 60.0]), (120, &[80.0, 60.0])]);
    let rag = Deployment::rag();
    let mut setup = rag.setup(&load);
    assert_eq!(changes(&run(&setup, &load).0)[..2], [(0, 4), (45, 5)]);
    // Running at 60 s, ready at 80 s; sampled at 90 s with a window from before that, at 100 s with a full one.
    setup.targets[0].cluster.image_pull = seconds(60).into();
    assert_eq!(changes(&run(&setup, &load).0)[..2], [(0, 4), (105, 5)]);
    // Two init containers of 30 s are as long.
    setup.targets[0].cluster.image_pull = Delay::ZERO;
    setup.targets[0].cluster.init = seconds(60).into();
    assert_eq!(changes(&run(&setup, &load).0)[..2], [(0, 4), (105, 5)]);
}

#[test]
fn init_containers_take_their_turn_and_wait_for_what_is_down() {
    let pod = "initContainers: [{name: a, image: a}, {name: side, image: s, restartPolicy: Always, startupProbe: {periodSeconds: 7, \
               initialDelaySeconds: 7}, resources: {requests: {cpu: 1m}}}, {name: b, image: b}], ";
    let mut deployment = workload("Deployment", "replicas: 1, ", pod, PROBED);
    deployment.hpa.max_replicas = 4;
    let load = cpu(0.3, 300);
    let mut setup = deployment.setup(&load);
    setup.world.keep_pod_numbers = true;
    setup.targets[0].cluster.init = seconds(10).into();
    setup.targets[0].cluster.startup = Delay::ZERO.into();
    // 10 s, the sidecar's 7 s, 10 s; ready a second later, when the kubelet has noticed.
    let (summary, _) = run(&setup, &load);
    assert_eq!((numbers(&summary, 26).pending, numbers(&summary, 26).ready), (3, 1));
    assert_eq!((numbers(&summary, 27).pending, numbers(&summary, 28).ready), (0, 4));
    // What b waits for is down from 20 s to 120 s.
    let events = [at(20, Action::DependencyDown { init_container: Some("b".into()), lasts: seconds(100) })];
    setup.world.events = &events;
    let (summary, _) = run(&setup, &load);
    assert_eq!((numbers(&summary, 120).ready, numbers(&summary, 121).ready), (1, 4));
}

/// Drawn times differ from pod to pod, and depend on the seed alone.
#[test]
fn drawn_delays_spread_the_pods() {
    let deployment = workload("Deployment", "replicas: 1, ", "", PROBED);
    let load = cpu(1.0, 120);
    let mut setup = deployment.setup(&load);
    setup.world.keep_pod_numbers = true;
    setup.targets[0].cluster.startup = Delay::Lognormal { median: seconds(30), sigma: 0.7 }.into();
    let steps = |setup: &Setup<'_>| {
        let ready: Vec<i32> = run(setup, &load).0.pod_numbers.iter().map(|(_, pods)| pods.ready).collect();
        ready
    };
    let first = steps(&setup);
    assert!(first.len() > 5, "pods become ready one by one: {first:?}");
    assert_eq!(first, steps(&setup));
    setup.world.seed = 1;
    assert_ne!(first, steps(&setup));
}

/// 25% of 10 is a surge of 3 (rounded up) and 2 unavailable (rounded down).
#[test]
fn a_rolling_update_keeps_to_surge_and_unavailable() {
    let spec = "replicas: 10, strategy: {rollingUpdate: {maxSurge: 25%, maxUnavailable: 25%}}, ";
    let deployment = workload("Deployment", spec, "", PROBED);
    let load = cpu(0.5, 300);
    let events = [at(30, Action::Restart)];
    let mut setup = deployment.setup(&load);
    setup.world.events = &events;
    setup.world.keep_pod_numbers = true;
    let (summary, rows) = run(&setup, &load);
    let during = || summary.pod_numbers.iter().map(|(_, pods)| pods);
    assert_eq!(during().map(|pods| pods.existing).max(), Some(13));
    assert_eq!(during().map(|pods| pods.ready).min(), Some(8));
    // 2 old ones go and 5 new ones come at once; 20 s later these are ready and the other 5 follow.
    let rollout = summary.rollouts[0];
    assert_eq!((rollout.began.seconds(), rollout.completed.map(|at| at.seconds())), (30, Some(70)));
    assert_eq!(rows.iter().filter(|row| row.desired != 10).count(), 0, "the surge is not taken for replicas");
}

#[test]
fn min_ready_seconds_slow_a_rolling_update() {
    let one_by_one = "replicas: 3, strategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}, ";
    let load = cpu(0.15, 400);
    let events = [at(30, Action::Restart)];
    let duration = |spec: &str| {
        let deployment = workload("Deployment", spec, "", PROBED);
        let mut setup = deployment.setup(&load);
        setup.world.events = &events;
        let rollout = run(&setup, &load).0.rollouts[0];
        (rollout.completed.unwrap() - rollout.began).seconds()
    };
    assert_eq!(duration(one_by_one), 60);
    assert_eq!(duration(&format!("{one_by_one}minReadySeconds: 15, ")), 105);
}

#[test]
fn recreate_has_no_pods_for_a_while() {
    let deployment = workload("Deployment", "replicas: 4, strategy: {type: Recreate}, ", "", PROBED);
    let load = cpu(0.2, 200);
    let events = [at(50, Action::Restart)];
    let mut setup = deployment.setup(&load);
    setup.targets[0].cluster.shutdown = seconds(6);
    setup.world.events = &events;
    setup.world.keep_pod_numbers = true;
    let (summary, _) = run(&setup, &load);
    assert_eq!((numbers(&summary, 50).existing, numbers(&summary, 50).terminating), (0, 4));
    // Six seconds to end, twenty to start.
    assert_eq!((numbers(&summary, 56).existing, numbers(&summary, 75).ready, numbers(&summary, 76).ready), (4, 0, 4));
    assert!(
        summary.peak_backlog.get() > 4_000_000_000,
        "what comes in the meantime waits: {}",
        summary.peak_backlog.get()
    );
    // Scaled in the meantime, the new ones still wait for the old ones.
    let events = [at(50, Action::Restart), at(52, Action::Scale(6))];
    let mut scaled = setup.clone();
    scaled.world.events = &events;
    let (summary, _) = run(&scaled, &load);
    assert_eq!((numbers(&summary, 55).existing, numbers(&summary, 56).existing), (0, 6));
}

/// A version that never comes up: crash loops in the surge, until it is rolled back.
#[test]
fn a_broken_version_stops_at_the_surge() {
    let spec =
        "replicas: 4, progressDeadlineSeconds: 120, strategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}, ";
    let probes = ", startupProbe: {periodSeconds: 10, failureThreshold: 3}, readinessProbe: {periodSeconds: 2}";
    let deployment = workload("Deployment", spec, "", probes);
    let load = cpu(0.2, 500);
    let broken = Revision { broken: true, ..Revision::default() };
    let events = [at(30, Action::Rollout(broken)), at(290, Action::Rollback)];
    let mut setup = deployment.setup(&load);
    setup.world.events = &events;
    setup.world.keep_pod_numbers = true;
    let (summary, _) = run(&setup, &load);
    // The probe gives up after 20 s; restarts at once, then after 10, 20, 40, 80 s: at 50, 70, 100, 140, 200 s.
    assert_eq!(summary.restarts, 5);
    assert!(summary.pod_numbers.iter().all(|(_, pods)| pods.ready == 4));
    assert_eq!(summary.rollouts[0].stalled.map(|at| at.seconds()), Some(150));
    assert_eq!(summary.rollouts[1].completed.map(|at| at.seconds()), Some(290));
}

#[test]
fn a_paused_rollout_waits_to_be_resumed() {
    let deployment = workload("Deployment", "replicas: 4, ", "", PROBED);
    let load = cpu(0.2, 400);
    let events = [at(20, Action::Pause), at(30, Action::Restart), at(200, Action::Resume)];
    let mut setup = deployment.setup(&load);
    setup.world.events = &events;
    let (summary, _) = run(&setup, &load);
    assert!(summary.rollouts[0].completed.unwrap().seconds() > 200);
}

/// Ordered: the next pod is created when the one before is ready.
#[test]
fn pods_of_a_stateful_set_come_one_by_one_or_together() {
    let load = cpu(0.3, 300);
    let existing = |spec: &str, when: &[i64]| {
        let set = workload("StatefulSet", spec, "", PROBED);
        let mut setup = set.setup(&load);
        setup.world.keep_pod_numbers = true;
        let (summary, _) = run(&setup, &load);
        when.iter().map(|&at| numbers(&summary, at).existing).collect::<Vec<_>>()
    };
    // The HPA asks for 4 at once; each pod needs 20 s.
    assert_eq!(existing("replicas: 1, ", &[0, 19, 20, 39, 40]), [2, 2, 3, 3, 4]);
    assert_eq!(existing("replicas: 1, podManagementPolicy: Parallel, ", &[0]), [4]);
}

#[test]
fn a_partitioned_update_leaves_the_lower_ordinals() {
    let load = cpu(0.2, 600);
    let events = [at(30, Action::Rollout(Revision { cpu_factor: 2.0, ..Revision::default() }))];
    let used = |partition: i32| {
        let spec = format!("replicas: 4, updateStrategy: {{rollingUpdate: {{partition: {partition}}}}}, ");
        let mut set = workload("StatefulSet", &spec, "", PROBED);
        set.hpa.max_replicas = 4;
        let mut setup = set.setup(&load);
        setup.world.events = &events;
        setup.targets[0].cluster.queue = Queueing::PerPod;
        let (summary, rows) = run(&setup, &load);
        let after = rows.iter().find(|row| row.now.seconds() == 300).unwrap();
        (summary.rollouts[0].completed.is_some(), after.resources.cpu_used.get())
    };
    // The new version takes twice the CPU: four pods of 50m become 100m each, or the one with ordinal 3 alone.
    assert_eq!(used(0), (true, 400_000_000));
    assert_eq!(used(3), (true, 250_000_000));
    assert_eq!(used(9), (true, 200_000_000));
}

#[test]
fn the_hpa_takes_back_what_kubectl_scale_gave() {
    let deployment = workload("Deployment", "replicas: 4, ", "", PROBED);
    let load = cpu(0.16, 900);
    let events = [at(62, Action::Scale(8)), at(602, Action::Scale(0))];
    let mut setup = deployment.setup(&load);
    setup.world.events = &events;
    let (summary, rows) = run(&setup, &load);
    // By 75 s the new pods have a sample of ten seconds: too young to count, but not missing; so it is 4 again at once.
    assert_eq!(changes(&summary), [(75, 4)]);
    assert_eq!(rows.last().unwrap().replicas, 0, "at zero it is off");
}

#[test]
fn a_hanging_pod_is_taken_out_and_restarted() {
    let probes = ", readinessProbe: {periodSeconds: 5}, livenessProbe: {periodSeconds: 10}";
    let deployment = workload("Deployment", "replicas: 4, ", "", probes);
    let load = cpu(0.2, 200);
    let events = [at(60, Action::HangPods(2))];
    let mut setup = deployment.setup(&load);
    setup.world.events = &events;
    setup.world.keep_pod_numbers = true;
    let (summary, _) = run(&setup, &load);
    // Three failed probes: unready after 15 s, restarted after 30 s, ready 20 s later.
    assert_eq!((numbers(&summary, 74).ready, numbers(&summary, 75).ready), (4, 2));
    assert_eq!((summary.restarts, numbers(&summary, 109).ready, numbers(&summary, 110).ready), (2, 2, 4));
    // Half the work was sent to them until the proxies knew, a second later.
    assert_eq!((summary.refusing, summary.work_lost.get()), (seconds(16), 1_600_000_000));
}

#[test]
fn a_pre_stop_hook_closes_the_gap() {
    let lost = |container: &str| {
        let deployment = workload("Deployment", "replicas: 4, ", "", &format!("{PROBED}{container}"));
        let load = table(&["rps"], &[(0, &[20.0]), (200, &[20.0])]);
        let events = [at(60, Action::Restart)];
        let mut setup = setup_with(&deployment, &load, &costs("10m", "0", 0.0));
        setup.world.events = &events;
        run(&setup, &load).0.work_lost.get()
    };
    assert!(lost("") > 0);
    assert_eq!(lost(", lifecycle: {preStop: {sleep: {seconds: 5}}}"), 0);
    assert_eq!(lost(", lifecycle: {preStop: {exec: {command: [sh, -c, sleep 5]}}}"), 0);
}

/// While the API fails the count stays; afterwards metrics-server has to see two samples first.
#[test]
fn an_outage_of_the_metrics_api_stops_the_hpa() {
    let deployment = workload("Deployment", "replicas: 4, ", "", PROBED);
    let load = table(&["cpu"], &[(0, &[0.2]), (100, &[0.6]), (400, &[0.6])]);
    let first = |events: &[ScheduledEvent]| {
        let mut setup = deployment.setup(&load);
        setup.world.events = events;
        setup.targets[0].cluster.housekeeping_interval = Delay::ZERO;
        changes(&run(&setup, &load).0)[0]
    };
    assert_eq!(first(&[]), (105, 7));
    let outage = |which| [at(95, Action::MetricsOutage { which, lasts: seconds(100) })];
    assert_eq!(first(&outage(MetricsApi::Resource)), (210, 8));
    assert_eq!(first(&outage(MetricsApi::Custom)), (105, 7));
}

/// A sample a minute and a sync every 15 s: the HPA acts several times on what is old, but pods without metrics that count
/// hold it back; it reaches what the load needs from below and stays there.
#[test]
fn old_metrics_do_not_make_it_oscillate() {
    let deployment = workload("Deployment", "replicas: 2, ", "", PROBED);
    let load = cpu(0.6, 3600);
    for (resolution, offset) in [(60, 0), (60, 23), (60, 59), (120, 7)] {
        let mut setup = deployment.setup(&load);
        setup.targets[0].cluster.metric_resolution = seconds(resolution);
        setup.targets[0].phase.scrape = seconds(offset);
        setup.targets[0].cluster.queue_timeout = Some(seconds(0));
        let changes = changes(&run(&setup, &load).0);
        assert!(changes.windows(2).all(|pair| pair[0].1 < pair[1].1), "{resolution} s, {offset} s: {changes:?}");
        let (at, last) = changes[changes.len() - 1];
        assert!(at < 900 && (11..=13).contains(&last), "{resolution} s, {offset} s: {changes:?}");
    }
}

/// Pods without a sample count as 100% on the way down: they keep the count up.
#[test]
fn missing_samples_hold_the_count() {
    let deployment = workload("Deployment", "replicas: 10, ", "", PROBED);
    let load = table(&["cpu"], &[(0, &[0.5]), (60, &[0.1]), (3600, &[0.1])]);
    let mut setup = deployment.setup(&load);
    let pod_seconds = |setup: &Setup<'_>| run(setup, &load).0.pod_seconds();
    let all = pod_seconds(&setup);
    setup.targets[0].cluster.missing_samples = Share::from_percent(30);
    assert!(pod_seconds(&setup) > all, "{} {all}", pod_seconds(&setup));
}

/// However short the interval is drawn: the first sample is not at the start itself, when nobody looks any more.
#[test]
fn pods_under_overload_are_sampled_at_short_drawn_intervals() {
    let deployment = workload("Deployment", "replicas: 1, ", "", PROBED);
    let load = cpu(10.0, 600);
    let mut setup = setup_with(&deployment, &load, &costs("10m", "0", 0.0));
    for interval in [Delay::Fixed(seconds(1)), Delay::Uniform { low: seconds(0), high: seconds(1) }] {
        setup.targets[0].cluster.housekeeping_interval = interval;
        let (summary, _) = run(&setup, &load);
        assert_eq!(changes(&summary).last().map(|change| change.1), Some(20), "{interval:?}");
    }
}

#[test]
fn an_adapter_reads_at_its_own_interval() {
    let hpa = "{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: h}, spec: {scaleTargetRef: \
               {apiVersion: apps/v1, kind: Deployment, name: d}, maxReplicas: 9, metrics: [{type: External, external: {metric: {name: queue}, \
               target: {type: AverageValue, averageValue: '10'}}}]}}\n---\n{apiVersion: apps/v1, kind: Deployment, \
               metadata: {name: d}, spec: {selector: {matchLabels: {app: d}}, template: {metadata: {labels: {app: d}}, spec: {containers: [{name: c, image: c}]}}}}";
    let deployment = Deployment::from_yaml(hpa);
    let load = table(&["queue"], &[(0, &[10.0]), (65, &[30.0]), (300, &[30.0])]);
    let mut setup = deployment.setup(&load);
    assert_eq!(changes(&run(&setup, &load).0), [(75, 3)]);
    setup.targets[0].cluster.adapter_interval = seconds(60);
    assert_eq!(changes(&run(&setup, &load).0), [(120, 3)]);
}

/// 50 clients that each wait for their answer bring as much as the pods can do, and no more.
#[test]
fn clients_of_a_closed_loop_wait_for_their_answers() {
    let deployment = workload("Deployment", "replicas: 1, ", "", PROBED);
    let load = table(&["clients"], &[(0, &[0.0]), (60, &[50.0]), (600, &[50.0])]);
    let mut requests = costs("10m", "0", 0.0);
    requests.think_time = Seconds::new(2.0);
    let mut setup = setup_with(&deployment, &load, &requests);
    let (summary, rows) = run(&setup, &load);
    // 50 / (2 s + 50 ms on a fifth of a core) are 24.4 requests a second, 244m: more than the 200m of a pod. Five pods do
    // it, but for some waiting.
    assert_eq!((summary.peak_backlog.get(), summary.waiting), (0, seconds(0)));
    let full = rows.iter().find(|row| row.now.seconds() == 75).unwrap();
    assert_eq!(full.resources.cpu_used.get() / 1_000_000, 196);
    assert!(full.response_micros.unwrap() > 500_000, "{full:?}");
    let last = rows.last().unwrap();
    assert_eq!((last.replicas, last.resources.cpu_used.get() / 1_000_000), (5, 242));
    // Think longer, need fewer pods.
    requests.think_time = Seconds::new(9.0);
    setup.targets[0].drives = setup_with(&deployment, &load, &requests).targets[0].drives.clone();
    assert_eq!(run(&setup, &load).1.last().unwrap().replicas, 2);
}

#[test]
fn sticky_sessions_reach_new_pods_slowly() {
    let deployment = workload("Deployment", "replicas: 4, ", "", PROBED);
    let load = cpu(1.2, 400);
    let waited = |balancing| {
        let mut setup = deployment.setup(&load);
        setup.targets[0].cluster.balancing = balancing;
        setup.targets[0].cluster.queue = Queueing::PerPod;
        run(&setup, &load).0.waiting.seconds()
    };
    let (even, sticky) = (waited(Balancing::Even), waited(Balancing::Sticky { session: seconds(300) }));
    assert!(sticky > even + 60, "{even} s, {sticky} s");
}

/// Some pods of a weighted or random balance are over their limit while others are not.
#[test]
fn uneven_balancing_fills_some_pods_first() {
    let deployment = workload("Deployment", "replicas: 10, ", "", PROBED);
    let load = table(&["rps"], &[(0, &[90.0]), (600, &[90.0])]);
    let waited = |balancing| {
        let mut setup = setup_with(&deployment, &load, &costs("20m", "0", 0.0));
        setup.targets[0].cluster.balancing = balancing;
        setup.world.duration = Some(seconds(60));
        run(&setup, &load).0.waiting.seconds()
    };
    assert_eq!(waited(Balancing::Even), 0);
    assert!(waited(Balancing::Random) > 0);
    assert!(waited(Balancing::Weighted { sigma: 0.5 }) > 30);
}

/// Of a rollout that is half done the newest pods are those of the new version, which takes four times the CPU.
#[test]
fn pods_are_killed_by_their_age() {
    let mut deployment = workload("Deployment", "replicas: 4, ", "", PROBED);
    (deployment.hpa.min_replicas, deployment.hpa.max_replicas) = (4, 4);
    let load = cpu(0.2, 400);
    let used = |which: Which, seed: u64| {
        let heavy = Revision { cpu_factor: 4.0, ..Revision::default() };
        let events = [at(60, Action::Rollout(heavy)), at(65, Action::Pause), at(200, Action::KillPods(2, which))];
        let mut setup = deployment.setup(&load);
        setup.world.events = &events;
        setup.world.seed = seed;
        let (_, rows) = run(&setup, &load);
        let at = |second: i64| rows.iter().find(|row| row.now.seconds() >= second).unwrap().resources.cpu_used.cores();
        (at(180), at(205))
    };
    let (newest, oldest) = (used(Which::Newest, 0), used(Which::Oldest, 0));
    assert_eq!(newest.0, oldest.0);
    assert!(newest.0 > 0.25, "there are pods of both versions: {} cores", newest.0);
    assert!(newest.1 < oldest.1, "{newest:?} {oldest:?}");
    let random: Vec<f64> = (0..20).map(|seed| used(Which::Random, seed).1).collect();
    assert!(random.iter().any(|one| *one > newest.1) && random.iter().any(|one| *one < oldest.1), "{random:?}");
    assert_eq!(used(Which::Random, 7), used(Which::Random, 7));
}

/// A queue at the pods is lost with them, one in front is not.
#[test]
fn what_waits_at_a_pod_dies_with_it() {
    let mut deployment = workload("Deployment", "replicas: 4, ", "", PROBED);
    deployment.hpa.max_replicas = 4;
    let load = cpu(1.0, 100);
    let events = [at(10, Action::KillPods(1, Which::Newest))];
    let mut setup = deployment.setup(&load);
    setup.world.events = &events;
    let lost_at_10 = |setup: &Setup<'_>| run(setup, &load).1[1].resources.work_lost.get();
    assert_eq!(lost_at_10(&setup), 250_000_000, "what is sent to it before the proxies know: a second of a quarter");
    setup.targets[0].cluster.queue = Queueing::PerPod;
    // 50m too much for ten seconds at the pod that dies.
    assert_eq!(lost_at_10(&setup), 750_000_000);
    // With a limit of 0.2 core-seconds no more than that waits at each.
    setup.targets[0].cluster.queue_limit = Some("200m".parse().unwrap());
    let (summary, _) = run(&setup, &load);
    assert_eq!(summary.peak_backlog.get(), 800_000_000);
    assert!(summary.work_dropped.get() > 0);
}

/// A terminating pod does what waits at it, when no other works, too.
#[test]
fn a_terminating_pod_finishes_its_queue() {
    let mut deployment = workload("Deployment", "replicas: 1, strategy: {type: Recreate}, ", "", PROBED);
    deployment.hpa.max_replicas = 1;
    let load = cpu(1.0, 100);
    let events = [at(30, Action::Restart)];
    let mut setup = deployment.setup(&load);
    setup.world.events = &events;
    setup.world.keep_pod_numbers = true;
    setup.targets[0].cluster.queue = Queueing::PerPod;
    setup.targets[0].cluster.queue_limit = Some("2".parse().unwrap());
    let (summary, _) = run(&setup, &load);
    // 2 core-seconds at 200m are done after 10 s, long before the pod is killed; what is sent to it before the proxies
    // know is lost.
    assert_eq!((numbers(&summary, 39).terminating, numbers(&summary, 40).terminating), (1, 0));
    assert_eq!(summary.work_lost.get(), 1_000_000_000);
}

/// A pod that is slow at first, or busy with itself, is less help.
#[test]
fn warm_up_and_idle_use_cost_capacity() {
    let deployment = workload("Deployment", "replicas: 4, ", "", PROBED);
    let load = cpu(1.2, 300);
    let mut setup = deployment.setup(&load);
    let waited = |setup: &Setup<'_>| run(setup, &load).0.waiting.seconds();
    let warm = waited(&setup);
    setup.targets[0].cluster.warmup = seconds(60);
    setup.targets[0].cluster.warmup_speed = Share::from_percent(30);
    assert!(waited(&setup) > warm + 20, "{warm} s, {} s", waited(&setup));
    setup.targets[0].cluster.warmup = seconds(0);
    // 20m of background use in each pod: 4 pods of 50m become 70m, and the HPA wants 6.
    let calm = cpu(0.2, 300);
    let mut setup = deployment.setup(&calm);
    setup.targets[0].cluster.background_cpu = "20m".parse().unwrap();
    let (summary, rows) = run(&setup, &calm);
    assert_eq!(rows[0].resources.cpu_used.get(), 280_000_000);
    assert_eq!(changes(&summary)[0], (0, 6));
    // What pods burn while they start is not counted by the HPA, which waits until they are ready, but it is used.
    setup.targets[0].cluster.startup_cpu = "200m".parse().unwrap();
    let (_, rows) = run(&setup, &calm);
    assert_eq!(rows[1].resources.cpu_used.get(), 280_000_000 + 2 * 200_000_000);
    assert_eq!(rows[1].desired, 6);
}

/// 8 requests a second of 100 ms on one core: M/M/1, p95 of 1.5 s; on two pods 0.5 s.
#[test]
fn a_promise_about_response_times() {
    let container = "resources: {requests: {cpu: 1}, limits: {cpu: 1}}";
    let yaml = |max: i32| {
        format!(
            "{{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {{name: h}}, spec: {{scaleTargetRef: \
             {{apiVersion: apps/v1, kind: Deployment, name: d}}, maxReplicas: {max}, metrics: [{{type: Resource, resource: {{name: cpu, target: \
             {{type: Utilization, averageUtilization: 60}}}}}}]}}}}\n---\n{{apiVersion: apps/v1, kind: Deployment, \
             metadata: {{name: d}}, spec: {{selector: {{matchLabels: {{app: d}}}}, template: {{metadata: {{labels: {{app: d}}}}, spec: {{containers: [{{name: c, image: c, {container}}}]}}}}}}}}"
        )
    };
    let load = table(&["rps"], &[(0, &[8.0]), (600, &[8.0])]);
    let slow = |max: i32| {
        let deployment = Deployment::from_yaml(&yaml(max));
        let mut setup = setup_with(&deployment, &load, &costs("100m", "0", 0.0));
        setup.targets[0].cluster.slo = Some("p95<1s".parse().unwrap());
        let (summary, rows) = run(&setup, &load);
        (summary.slow.seconds(), rows.last().unwrap().response_micros.unwrap() / 1000)
    };
    assert_eq!(slow(1), (1200, 1497));
    let (broken, after) = slow(5);
    assert!((20..60).contains(&broken) && after == 499, "{broken} s, then {after} ms");
}

/// In a closed loop no answer is a slow one, and nobody who asks is no answer that is slow.
#[test]
fn a_promise_to_clients_who_get_no_answer() {
    let mut deployment = workload("Deployment", "replicas: 1, strategy: {type: Recreate}, ", "", PROBED);
    deployment.hpa.max_replicas = 1;
    let events = [at(30, Action::Restart)];
    let slow = |clients: f64, wait: f64| {
        let load = table(&["clients"], &[(0, &[clients]), (100, &[clients])]);
        let mut requests = costs("10m", "0", wait);
        requests.think_time = Seconds::new(1.0);
        let mut setup = setup_with(&deployment, &load, &requests);
        setup.world.events = &events;
        setup.world.keep_pod_numbers = true;
        setup.targets[0].cluster.slo = Some("p95<1s".parse().unwrap());
        let summary = run(&setup, &load).0;
        let idle = |second: &i64| numbers(&summary, *second).working == 0;
        (summary.slow.seconds(), (0..summary.duration.seconds()).filter(idle).count() as i64)
    };
    assert_eq!(slow(0.0, 2.0).0, 0);
    let (seconds, without_pods) = slow(1.0, 0.0);
    assert!(without_pods > 10 && seconds == without_pods, "{seconds} s, {without_pods} s");
}

/// 100 MiB and 1 MiB a minute: the limit of 200 MiB is passed after 100 minutes and a second.
#[test]
fn a_leak_is_killed_at_the_limit() {
    let mut deployment = workload("Deployment", "replicas: 2, ", "", PROBED);
    deployment.hpa.max_replicas = 2;
    let load = cpu(0.1, 6100);
    let base = LoadSettings { memory_base: Some("100Mi".parse().unwrap()), ..LoadSettings::default() };
    let mut setup = setup_with(&deployment, &load, &base);
    setup.targets[0].cluster.memory_growth = "60Mi".parse().unwrap();
    setup.world.duration = Some(seconds(6100));
    let (summary, _) = run(&setup, &load);
    let killed: Vec<i64> = summary
        .occurrences
        .iter()
        .filter(|(_, what)| *what == Occurrence::OomKilled(2))
        .map(|(at, _)| at.seconds())
        .collect();
    assert_eq!(killed, [6001]);
    assert_eq!((summary.oom_kills, summary.restarts), (2, 2));
}

/// Pods that share more than their limits are killed once: what starts again within the same second has nothing of it yet.
#[test]
fn a_pod_is_killed_once_in_a_second() {
    let mut deployment = workload("Deployment", "replicas: 2, ", "", "");
    deployment.hpa.max_replicas = 2;
    let load = table(&["cpu", "memory"], &[(0, &[0.1, 600.0 * 1048576.0]), (1200, &[0.1, 600.0 * 1048576.0])]);
    let (summary, _) = run(&setup_with(&deployment, &load, &LoadSettings::default()), &load);
    let killed = summary.occurrences.iter().filter_map(|(at, what)| match what {
        Occurrence::OomKilled(pods) => Some((at.seconds(), *pods)),
        _ => None,
    });
    let killed: Vec<(i64, i32)> = killed.collect();
    assert!(killed.len() > 2 && killed.iter().all(|(_, pods)| *pods <= 2), "{killed:?}");
}

/// Memory that is not given back holds a memory target up for ever.
#[test]
fn memory_that_is_kept_never_scales_down() {
    let yaml = "{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: h}, spec: {scaleTargetRef: \
                {apiVersion: apps/v1, kind: Deployment, name: d}, maxReplicas: 9, metrics: [{type: Resource, resource: {name: memory, target: \
                {type: Utilization, averageUtilization: 50}}}]}}\n---\n{apiVersion: apps/v1, kind: Deployment, metadata: \
                {name: d}, spec: {replicas: 2, selector: {matchLabels: {app: d}}, template: {metadata: {labels: {app: d}}, spec: {containers: [{name: c, image: c, resources: {requests: {cpu: 100m, \
                memory: 100Mi}}}]}}}}";
    let deployment = Deployment::from_yaml(yaml);
    let mib = 1_048_576.0;
    let load =
        table(&["memory"], &[(0, &[100.0 * mib]), (60, &[300.0 * mib]), (300, &[100.0 * mib]), (3600, &[100.0 * mib])]);
    let last = |released: bool| {
        let mut setup = deployment.setup(&load);
        setup.targets[0].cluster.memory_kept = !released;
        run(&setup, &load).1.last().unwrap().replicas
    };
    assert_eq!(last(true), 2);
    assert!(last(false) >= 6, "{}", last(false));
}

fn pool(nodes: i64, max_nodes: i64) -> NodePool {
    let mut shape = hpasim::input::nodes::generic().swap_remove(0);
    (shape.zones, shape.max_pods, shape.reserved) = (2, 9, hpasim::model::Amounts::default());
    let capacity = [("cpu", "350m"), ("memory", "4Gi")].map(|(name, amount)| (name, amount.parse().unwrap()));
    shape.capacity = capacity.into_iter().collect();
    NodePool { shape, nodes, min_nodes: 1, max_nodes }
}

/// Nodes of one pool, without anything else on them.
fn nodes(pool: NodePool) -> NodesConfig {
    NodesConfig { pools: vec![pool], ..NodesConfig::default() }
}

/// Three pods of 100m on a node of 350m: the others wait for the autoscaler's nodes.
#[test]
fn pods_wait_for_the_cluster_autoscaler() {
    let deployment = workload("Deployment", "replicas: 2, ", "", PROBED);
    let load = table(&["cpu"], &[(0, &[0.4]), (1800, &[0.1]), (5400, &[0.1])]);
    let mut setup = deployment.setup(&load);
    setup.world.keep_pod_numbers = true;
    let mut nodes = nodes(pool(1, 9));
    setup.world.nodes = Some(nodes.clone());
    let (summary, _) = run(&setup, &load);
    assert_eq!((numbers(&summary, 0).unschedulable, numbers(&summary, 600).unschedulable), (1, 5));
    assert_eq!(numbers(&summary, 600).ready, 3);
    nodes.autoscaler = Some(ClusterAutoscaler::default());
    setup.world.nodes = Some(nodes);
    let (summary, rows) = run(&setup, &load);
    // Scanned at 10 s, a node two minutes later, the pod ready after twenty seconds.
    assert_eq!((numbers(&summary, 129).nodes, numbers(&summary, 130).nodes), (Some(1), Some(2)));
    assert_eq!((numbers(&summary, 149).ready, numbers(&summary, 150).ready), (3, 6));
    assert_eq!(summary.max_nodes, 3);
    // 3 pods are left; after ten minutes below one half two nodes are taken away, one after the other.
    assert_eq!((rows.last().unwrap().pods.existing, rows.last().unwrap().pods.nodes), (3, Some(1)));
    let removed = summary.occurrences.iter().filter(|(_, what)| *what == Occurrence::NodeRemoved).count();
    assert_eq!(removed, 2);
}

#[test]
fn anti_affinity_and_spread_are_the_schedulers() {
    let load = cpu(0.4, 300);
    let unschedulable = |pod: &str| {
        let deployment = workload("Deployment", "replicas: 2, ", pod, PROBED);
        let mut setup = deployment.setup(&load);
        setup.world.nodes = Some(nodes(pool(3, 3)));
        run(&setup, &load).1.last().unwrap().pods.unschedulable
    };
    let term = "[{labelSelector: {matchLabels: {app: d}}, topologyKey: kubernetes.io/hostname}]";
    assert_eq!(unschedulable(""), 0, "eight pods on three nodes of three");
    let required =
        format!("affinity: {{podAntiAffinity: {{requiredDuringSchedulingIgnoredDuringExecution: {term}}}}}, ");
    // One for each node; those that wait hold the HPA back, so that it asks for fewer.
    assert!(unschedulable(&required) >= 1);
    let spread = "topologySpreadConstraints: [{maxSkew: 1, topologyKey: topology.kubernetes.io/zone, whenUnsatisfiable: \
                  DoNotSchedule, labelSelector: {matchLabels: {app: d}}}], ";
    // Two nodes are in one zone and one in the other, which holds three pods: four in the first, and one waits.
    assert_eq!(unschedulable(spread), 1);
    assert_eq!(unschedulable("nodeSelector: {disk: ssd}, "), 2, "without a pod there is nothing to scale by");
}

#[test]
fn a_lost_node_is_noticed_late() {
    let deployment = workload("Deployment", "replicas: 4, ", "", PROBED);
    let load = cpu(0.2, 700);
    let events = [at(60, Action::LoseNodes(1))];
    let mut setup = deployment.setup(&load);
    setup.world.nodes = Some(nodes(pool(2, 2)));
    setup.world.events = &events;
    setup.world.keep_pod_numbers = true;
    let (summary, _) = run(&setup, &load);
    // Two of four pods are dead, which nobody knows for 50 s; after 300 s more there are others, one of which fits.
    assert_eq!((numbers(&summary, 109).ready, numbers(&summary, 110).ready), (4, 2));
    assert_eq!(summary.refusing, seconds(51));
    assert_eq!((numbers(&summary, 409).unschedulable, numbers(&summary, 410).unschedulable), (0, 1));
    assert_eq!(numbers(&summary, 430).ready, 3);
    // Of a StatefulSet nothing takes their place.
    let set = workload("StatefulSet", "replicas: 4, ", "", PROBED);
    let mut of_set = set.setup(&load);
    (of_set.targets[0].cluster, of_set.world.nodes) = (setup.targets[0].cluster.clone(), setup.world.nodes.clone());
    (of_set.world.events, of_set.world.keep_pod_numbers) = (&events, true);
    let (summary, _) = run(&of_set, &load);
    let last = numbers(&summary, 700);
    assert_eq!((last.existing, last.ready, last.terminating), (2, 2, 2));
}

#[test]
fn a_changed_hpa_and_a_changed_load() {
    let deployment = workload("Deployment", "replicas: 4, ", "", PROBED);
    let load = cpu(0.2, 600);
    let mut changed = deployment.hpa.clone();
    changed.min_replicas = 7;
    let events = [
        at(100, Action::LoadFactor { factor: 2.0, lasts: Some(seconds(60)) }),
        at(400, Action::ChangeHpa(Box::new(changed))),
    ];
    let mut setup = deployment.setup(&load);
    setup.world.events = &events;
    setup.targets[0].cluster.housekeeping_interval = Delay::ZERO;
    let (summary, rows) = run(&setup, &load);
    // Twice the load: five of the fifteen seconds at 105 s, then all of them. Back to 4 after the window, then minReplicas.
    assert_eq!(changes(&summary), [(105, 6), (120, 8), (465, 7)]);
    assert_eq!(rows[8].load, [0.4]);
}

/// A pod more or less costs nothing: equal pods are simulated as one.
#[test]
fn cost_does_not_grow_with_the_number_of_pods() {
    let allocations = |pods: i32| {
        let mut deployment = workload("Deployment", &format!("replicas: {pods}, "), "", PROBED);
        deployment.hpa.max_replicas = 1_000_000;
        let load = table(&["cpu"], &[(0, &[0.05 * f64::from(pods)]), (3600, &[0.05 * f64::from(pods)])]);
        let events = [at(60, Action::Restart), at(900, Action::KillPods(pods / 2, Which::Newest))];
        let mut setup = deployment.setup(&load);
        setup.world.events = &events;
        allocation_counter::measure(|| {
            let mut load = load.clone();
            hpasim::sim::simulate_one(&setup, 0, &mut load, None).unwrap();
        })
        .count_total
    };
    let (few, many) = (allocations(100), allocations(100_000));
    assert!(many <= few + few / 10, "{few} allocations with 100 pods, {many} with 100,000");
}

/// A start-up that nobody states gives way to the pod's own probes; one that is stated does not.
#[test]
fn an_assumed_start_up_does_not_fail_the_pods_own_probes() {
    let serving = |probes: &str, startup: Startup| {
        let deployment = workload("Deployment", "replicas: 1, ", "", probes);
        let load = cpu(0.3, 120);
        let mut setup = deployment.setup(&load);
        setup.world.keep_pod_numbers = true;
        setup.targets[0].cluster.startup = startup;
        let (summary, _) = run(&setup, &load);
        // Pods are made at 0 s.
        let all =
            summary.pod_numbers.iter().find(|(_, numbers)| numbers.working == numbers.existing && numbers.existing > 1);
        (summary.restarts > 0, all.map(|(at, _)| at.seconds()))
    };
    let (stated, assumed) = (Startup::Stated, Startup::Assumed);
    let twenty = Delay::Fixed(seconds(20));
    // Given up at 10 s, tried at 10 s; the proxies know a second later.
    let hasty = ", livenessProbe: {periodSeconds: 5}, readinessProbe: {periodSeconds: 2}";
    assert_eq!(serving(hasty, assumed(twenty)), (false, Some(11)));
    assert!(serving(hasty, stated(twenty)).0);
    // The startup probe stands before the liveness probe.
    let patient = ", startupProbe: {periodSeconds: 10, failureThreshold: 9}, livenessProbe: {periodSeconds: 5}";
    assert_eq!(serving(patient, assumed(twenty)), (false, Some(21)));
    // Drawn or multiplied, it does not fail them either.
    let drawn = Delay::Lognormal { median: seconds(20), sigma: 2.0 };
    assert!(!serving(hasty, assumed(drawn)).0);
    assert!(!serving(hasty, assumed(twenty).times(9.0)).0);
}

/// Upstream runs the preStop hook and asks the application to end before a probe's restart; meanwhile it takes work as
/// long as the hook runs. The probe's own grace period goes before the pod's.
#[test]
fn a_probe_restart_waits_for_pre_stop_and_shutdown() {
    let restarted = |probe: &str, pod: &str, container: &str, shutdown: i64| {
        let container = format!(", livenessProbe: {{periodSeconds: 10{probe}}}{container}");
        let deployment = workload("Deployment", "replicas: 4, ", pod, &container);
        let load = cpu(0.1, 200);
        let events = [at(60, Action::HangPods(1))];
        let mut setup = deployment.setup(&load);
        setup.world.events = &events;
        setup.world.keep_pod_numbers = true;
        setup.targets[0].cluster.shutdown = seconds(shutdown);
        setup.targets[0].cluster.startup = seconds(3).into();
        let (summary, _) = run(&setup, &load);
        assert_eq!(summary.restarts, 1);
        // Without a readiness probe it is not ready from the end of its container to a second after the next.
        let unready = summary.pod_numbers.iter().find(|(when, numbers)| when.seconds() > 60 && numbers.ready == 3);
        unready.unwrap().0.seconds()
    };
    assert_eq!(restarted("", "", "", 0), 90, "three failures, and killed at once");
    assert_eq!(restarted("", "", "", 7), 97);
    let hook = ", lifecycle: {preStop: {sleep: {seconds: 5}}}";
    assert_eq!(restarted("", "", hook, 7), 102);
    assert_eq!(restarted("", "terminationGracePeriodSeconds: 9, ", hook, 7), 99);
    assert_eq!(restarted(", terminationGracePeriodSeconds: 4", "terminationGracePeriodSeconds: 9, ", hook, 7), 94);
}
