//! Probes whose answers come too late, worked out by hand.

use hpasim::model::LoadTable;
use hpasim::sim::{Occurrence, Summary};
use hpasim::units::{Seconds, SimTime, Span};

use crate::support::{Deployment, run, seconds, table};

/// So many pods, limits of 200m, with these probes.
fn summary(pods: i32, probes: &str, limits: &str, load: &LoadTable, latency: f64) -> Summary {
    let deployment = Deployment::from_yaml(&format!(
        "{{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {{name: h}}, spec: {{scaleTargetRef: {{apiVersion: apps/v1, \
         kind: Deployment, name: d}}, minReplicas: {pods}, maxReplicas: {pods}, metrics: [{{type: Resource, resource: {{name: cpu, target: \
         {{type: Utilization, averageUtilization: 50}}}}}}]}}}}\n---\n{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: d}}, spec: \
         {{replicas: {pods}, selector: {{matchLabels: {{app: d}}}}, template: {{metadata: {{labels: {{app: d}}}}, spec: {{containers: [{{name: c, image: c, \
         resources: {{requests: {{cpu: 100m}}, limits: {{{limits}}}}}, {probes}}}]}}}}}}}}"
    ));
    let mut setup = deployment.setup(load);
    setup.world.keep_pod_numbers = true;
    setup.targets[0].cluster.startup = Span::ZERO.into();
    setup.targets[0].cluster.probe_latency = Seconds::new(latency);
    run(&setup, load).0
}

/// For so long: a row lasts as long as the one before it.
fn cores(cores: f64, seconds: i64) -> LoadTable {
    table(&["cpu"], &[(0, &[cores]), (seconds / 2, &[cores])])
}

const LIVE: &str = "livenessProbe: {httpGet: {port: 80}}";

/// Where work waits no answer is in time: the third failure restarts the container, at once, then after 10 s, 20 s, 40 s.
#[test]
fn liveness_probes_restart_saturated_pods_with_back_off() {
    let found = summary(1, LIVE, "cpu: 200m", &cores(1.0, 226), 0.01);
    let [(at, what)] = found.occurrences[..] else { panic!("{:?}", found.occurrences) };
    assert!((21..=30).contains(&at.seconds()), "asked within ten seconds, and twice again: {at}");
    assert_eq!(what, Occurrence::NotLive(5, seconds(30 + 40 + 50 + 70)));
    assert_eq!((found.restarts, found.liveness_restarts), (5, 5));
}

#[test]
fn what_is_not_short_of_cpu_is_never_late() {
    let restarts = |probes: &str, limits: &str, cpu: f64, latency: f64| {
        let found = summary(1, probes, limits, &cores(cpu, 225), latency);
        found.liveness_restarts + found.readiness_failures
    };
    assert_eq!(restarts(LIVE, "cpu: 200m", 1.0, 0.0), 0, "the setting is off");
    assert_eq!(restarts(LIVE, "memory: 1Gi", 1.0, 0.01), 0, "no limit");
    assert_eq!(restarts("livenessProbe: {tcpSocket: {port: 80}}", "cpu: 200m", 1.0, 0.01), 0, "the kernel answers");
    assert_eq!(restarts(LIVE, "cpu: 200m", 0.1, 0.01), 0, "half busy");
    assert_eq!(restarts("livenessProbe: {httpGet: {port: 80}, failureThreshold: 30}", "cpu: 200m", 1.0, 0.01), 0);
}

/// Unready after three failures; nothing is sent to it any more, so that the next two answers are in time.
#[test]
fn readiness_probes_take_saturated_pods_out() {
    let probe = "readinessProbe: {httpGet: {port: 80}, periodSeconds: 5, successThreshold: 2}";
    let found = summary(1, probe, "cpu: 200m", &cores(1.0, 100), 0.01);
    let (at, what) = found.occurrences[0];
    assert!((11..=15).contains(&at.seconds()), "{at}");
    let ready: Vec<(i64, i32)> = found.pod_numbers.iter().map(|(at, pods)| (at.seconds(), pods.ready)).collect();
    let ready_at = |second: i64| ready.iter().rev().find(|(at, _)| *at <= second).unwrap().1;
    let from = at.seconds();
    // Ready again with the second success, for three failures.
    let around = [from - 1, from, from + 9, from + 10, from + 24, from + 25];
    assert_eq!(around.map(ready_at), [1, 0, 0, 1, 1, 0]);
    assert!(matches!(what, Occurrence::Unready(4, over) if over == seconds(75)), "{what:?}");
    assert_eq!((found.readiness_failures, found.restarts), (4, 0));
}

/// At half of its capacity an answer takes twice as long, exponentially distributed: e^(-1 s / 200 ms) of them are later than a second.
#[test]
fn answers_are_late_as_often_as_a_queue_says() {
    let probe = "readinessProbe: {httpGet: {port: 80}, failureThreshold: 1}";
    let found = summary(50, probe, "cpu: 200m", &cores(5.0, 3600), 0.1);
    let expected = 50.0 * 360.0 * (-5.0_f64).exp();
    let far = (found.readiness_failures as f64 - expected).abs() / expected.sqrt();
    // Those that are out leave the others a little more to do.
    assert!(far < 4.0, "{} of {expected}", found.readiness_failures);
    assert!(found.occurrences[0].0 > SimTime::ZERO);
}
