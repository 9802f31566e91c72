//! What the controller does in the corners that the recorded decisions do not reach, worked out from its sources.

use hpasim::hpa::{
    Decision, History, MetricFailure, MetricValues, Observation, PodGroup, PodPhase, ReadyCondition, Sample, Verdict,
    decide,
};
use hpasim::model::{Action, ControllerConfig, HpaSpec, KubernetesVersion, PodTemplate, ResourceName, ScheduledEvent};
use hpasim::report::reasons;
use hpasim::units::{SimTime, Span};

use crate::support::{Deployment, changes, run, table};

fn config(minor: u8) -> ControllerConfig {
    ControllerConfig { version: KubernetesVersion::new(minor).unwrap(), ..ControllerConfig::default() }
}

/// An HPA on a Deployment, with its pod template.
fn deployment(target: &str, hpa: &str, pod: &str) -> Deployment {
    Deployment::from_yaml(&format!(
        "{{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {{name: h, uid: live}}, spec: {{scaleTargetRef: \
         {target}, {hpa}}}}}\n---\n{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: d}}, spec: {{selector: \
         {{matchLabels: {{app: d}}}}, template: {{metadata: {{labels: {{app: d}}}}, spec: {{{pod}}}}}}}}}"
    ))
}

const TARGET: &str = "{apiVersion: apps/v1, kind: Deployment, name: d}";
const CONTAINER: &str = "containers: [{name: c, image: c, resources: {requests: {cpu: 100m, memory: 100Mi}}}]";
const CPU_50: &str =
    "metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}}]";

fn spec(hpa: &str) -> HpaSpec {
    deployment(TARGET, hpa, CONTAINER).hpa
}

/// A pod that has been ready for long.
fn pod(count: i32) -> PodGroup {
    let since = SimTime::from_seconds(-10_000);
    PodGroup {
        count,
        phase: PodPhase::Running,
        start_time: Some(since),
        ready: Some(ReadyCondition { status: true, since }),
        terminating: false,
    }
}

fn sample(value: i64) -> Option<Sample> {
    Some(Sample { value, at: SimTime::ZERO, window: Span::from_seconds(15) })
}

/// What one sync sees: pods with the samples and requests of its only metric.
struct Seen<'a> {
    replicas: i32,
    pods: &'a [PodGroup],
    reading: MetricValues,
    samples: &'a [Option<Sample>],
    requests: &'a [Option<i64>],
    ambiguous: bool,
}

impl<'a> Seen<'a> {
    fn external(replicas: i32, value: i64) -> Self {
        Seen { replicas, pods: &[], reading: MetricValues::Value(value), samples: &[], requests: &[], ambiguous: false }
    }

    fn pods(replicas: i32, pods: &'a [PodGroup], samples: &'a [Option<Sample>], requests: &'a [Option<i64>]) -> Self {
        Seen { replicas, pods, reading: MetricValues::Pods, samples, requests, ambiguous: false }
    }
}

fn sync(spec: &HpaSpec, minor: u8, history: &mut History, at: i64, seen: &Seen<'_>) -> Decision {
    let observation = Observation {
        now: SimTime::from_seconds(at),
        spec_replicas: seen.replicas,
        status_replicas: seen.replicas,
        pods: seen.pods,
        metrics: &[seen.reading],
        samples: seen.samples,
        requests: seen.requests,
        sums: &[],
        ambiguous_selector: seen.ambiguous,
    };
    let mut decision = Decision::default();
    decide(spec, &config(minor), history, &observation, &mut decision);
    decision
}

fn condition(decision: &Decision, kind: &str) -> Option<(bool, &'static str)> {
    let all = reasons::conditions(&decision.conditions);
    all.iter().find(|(name, ..)| *name == kind).map(|(_, status, reason)| (*status, *reason))
}

/// 1. A target whose kind cannot be found is left alone, out of its bounds too.
#[test]
fn a_target_without_its_group_does_not_scale() {
    for target in [
        "{kind: Deployment, name: d}",
        "{apiVersion: v1, kind: Deployment, name: d}",
        "{apiVersion: apps/v1/extra, kind: Deployment, name: d}",
        "{apiVersion: extensions/v1beta1, kind: Deployment, name: d}",
    ] {
        let found = deployment(target, &format!("minReplicas: 2, maxReplicas: 5, {CPU_50}"), CONTAINER);
        let load = table(&["cpu"], &[(0, &[3.0]), (300, &[3.0])]);
        let mut setup = found.setup(&load);
        for replicas in [1, 3, 9] {
            setup.targets[0].initial_replicas = replicas;
            let (summary, rows) = run(&setup, &load);
            assert_eq!(changes(&summary), [], "{target}");
            assert_eq!(rows[0].verdict, Verdict::NoScale);
            assert_eq!(reasons::conditions(&rows[3].conditions), [("AbleToScale", false, "FailedGetScale")]);
        }
    }
    // A ReplicationController is of the core group.
    assert!(deployment(TARGET, &format!("maxReplicas: 5, {CPU_50}"), CONTAINER).hpa.target.resolves().is_ok());
}

/// 1. The same of the object that a metric describes: the others go on, but never down.
#[test]
fn a_described_object_without_its_group_is_not_found() {
    let object = |version: &str| {
        spec(&format!(
            "maxReplicas: 9, metrics: [{{type: Object, object: {{metric: {{name: hits}}, describedObject: {{{version}kind: \
             Ingress, name: i}}, target: {{type: Value, value: '10'}}}}}}]"
        ))
    };
    let seen = Seen { pods: &[pod(2)], ..Seen::external(2, 40_000) };
    let known = sync(&object("apiVersion: networking.k8s.io/v1, "), 38, &mut History::default(), 0, &seen);
    assert_eq!((known.desired, known.verdict), (4, Verdict::Computed));
    let unknown = sync(&object(""), 38, &mut History::default(), 0, &seen);
    assert_eq!((unknown.desired, unknown.verdict), (2, Verdict::Failed));
    assert_eq!(condition(&unknown, "ScalingActive"), Some((false, "FailedGetObjectMetric")));
}

/// 2. Pods that two HPAs control: no metric is looked at, the bounds are kept.
#[test]
fn an_ambiguous_selector_stops_both() {
    let hpa = spec(&format!("minReplicas: 2, maxReplicas: 9, {CPU_50}"));
    let (pods, samples, requests) = ([pod(3)], [sample(90)], [Some(100)]);
    let seen = |replicas: i32, ambiguous: bool| Seen { ambiguous, ..Seen::pods(replicas, &pods, &samples, &requests) };
    let alone = sync(&hpa, 38, &mut History::default(), 0, &seen(3, false));
    assert_eq!(alone.desired, 6);
    let both = sync(&hpa, 38, &mut History::default(), 0, &seen(3, true));
    assert_eq!((both.desired, both.verdict), (3, Verdict::Failed));
    assert_eq!(condition(&both, "ScalingActive"), Some((false, "AmbiguousSelector")));
    assert_eq!(sync(&hpa, 38, &mut History::default(), 0, &seen(1, true)).desired, 2);
    // Before 1.27 nobody looked.
    assert_eq!(sync(&hpa, 26, &mut History::default(), 0, &seen(3, true)).desired, 6);
}

/// 2. Pods of another workload under the selector count with their own requests; one without a request spoils it.
#[test]
fn pods_of_others_count_with_their_own_requests() {
    let hpa = spec(&format!("maxReplicas: 20, {CPU_50}"));
    // Three pods at 90 of 100, two idle ones that request 300: 270 / 900 = 30%, and five pods are multiplied.
    let (pods, samples) = ([pod(3), pod(2)], [sample(90), sample(0)]);
    let seen = |requests| Seen::pods(3, &pods, &samples, requests);
    let decision = sync(&hpa, 38, &mut History::default(), 0, &seen(&[Some(100), Some(300)]));
    let proposal = decision.metrics[0].result.unwrap();
    assert_eq!((proposal.status.average_utilization, proposal.replicas), (Some(30), 3));
    let spoilt = sync(&hpa, 38, &mut History::default(), 0, &seen(&[Some(100), None]));
    assert_eq!(spoilt.metrics[0].result.unwrap_err(), MetricFailure::MissingRequest);
}

/// 3. Any pod-level request makes it the scheduler's sum: init containers, and the overhead up to 1.37.
#[test]
fn requests_of_pods_with_pod_level_resources() {
    let of = |pod: &str| deployment(TARGET, "maxReplicas: 2", pod).workload.template;
    let cpu = |template: &PodTemplate, minor: u8| {
        let request = template.hpa_request(None, &ResourceName::Cpu, KubernetesVersion::new(minor).unwrap());
        request.map_err(|missing| missing.to_string())
    };
    let pod = "overhead: {cpu: 30m}, initContainers: [{name: i, image: i, resources: {requests: {cpu: 900m}}}], \
               resources: {requests: {memory: 1Gi}}, containers: [{name: c, image: c, resources: {requests: {cpu: 100m}}}]";
    let template = of(pod);
    // Memory alone at the pod's level is enough.
    assert_eq!((cpu(&template, 33), cpu(&template, 34), cpu(&template, 37)), (Ok(100), Ok(930), Ok(930)));
    assert_eq!(cpu(&template, 38), Ok(900));
    // A container without a request is no error then, if the sum has one.
    let half = of("resources: {requests: {cpu: 300m}}, containers: [{name: c, image: c}]");
    assert_eq!(cpu(&half, 38), Ok(300));
    let none = of("resources: {requests: {memory: 1Gi}}, containers: [{name: c, image: c}]");
    assert_eq!(cpu(&none, 38), Err("the pod".to_owned()));
    // Pod-level limits without requests: the containers' sum is the request, not the limit.
    let limited =
        of("resources: {limits: {cpu: 4}}, containers: [{name: c, image: c, resources: {requests: {cpu: 750m}}}]");
    assert_eq!((cpu(&limited, 38), limited.cpu_request().get()), (Ok(750), 750));
    assert_eq!(limited.qos_class().name(), "Burstable");
    let bare = of("resources: {limits: {cpu: 4, memory: 1Gi}}, containers: [{name: c, image: c}]");
    assert_eq!((bare.cpu_request().get(), bare.qos_class().name()), (4000, "Guaranteed"));
}

const TO_ZERO: &str = "minReplicas: 0, maxReplicas: 5, metrics: [{type: External, external: {metric: {name: queue}, target: \
                       {type: AverageValue, averageValue: '10'}}}], behavior: {scaleDown: {stabilizationWindowSeconds: 0}}";

/// 4. The condition ScaledToZero changes only when the HPA rescales.
#[test]
fn scaled_to_zero_changes_at_rescales_only() {
    let hpa = spec(TO_ZERO);
    let mut history = History::default();
    let first = sync(&hpa, 38, &mut history, 0, &Seen::external(1, 10_000));
    assert_eq!(condition(&first, "ScaledToZero"), None);
    let up = sync(&hpa, 38, &mut history, 15, &Seen::external(1, 20_000));
    assert_eq!((up.desired, condition(&up, "ScaledToZero")), (2, Some((false, "NotScaledToZero"))));
    let zero = sync(&hpa, 38, &mut history, 30, &Seen::external(2, 0));
    assert_eq!((zero.desired, condition(&zero, "ScaledToZero")), (0, Some((true, "ScaledToZero"))));
    // Two by hand change nothing about it, and zero by hand after that is scaled up again.
    let by_hand = sync(&hpa, 38, &mut history, 45, &Seen::external(2, 20_000));
    assert_eq!((by_hand.rescaled, condition(&by_hand, "ScaledToZero")), (false, Some((true, "ScaledToZero"))));
    let again = sync(&hpa, 38, &mut history, 60, &Seen::external(0, 30_000));
    assert_eq!((again.desired, condition(&again, "ScaledToZero")), (3, Some((false, "NotScaledToZero"))));
    // Now it was not the HPA.
    let off = sync(&hpa, 38, &mut history, 75, &Seen::external(0, 30_000));
    assert_eq!(off.verdict, Verdict::Disabled);
    // Before 1.37 there is no such condition.
    let mut history = History::default();
    assert_eq!(condition(&sync(&hpa, 36, &mut history, 0, &Seen::external(2, 50_000)), "ScaledToZero"), None);
}

/// 4. minReplicas raised while at zero: the metrics are computed first, and the least is the new minimum.
#[test]
fn a_minimum_that_was_raised_at_zero() {
    let mut history = History::default();
    sync(&spec(TO_ZERO), 38, &mut history, 0, &Seen::external(2, 0));
    let raised = spec(&TO_ZERO.replace("minReplicas: 0", "minReplicas: 3"));
    let many = sync(&raised, 38, &mut history.clone(), 15, &Seen::external(0, 40_000));
    assert_eq!((many.desired, many.verdict), (4, Verdict::Computed));
    let few = sync(&raised, 38, &mut history, 15, &Seen::external(0, 10_000));
    assert_eq!((few.desired, few.verdict), (3, Verdict::Computed));
    assert!(reasons::rescale_reason(&raised, KubernetesVersion::NEWEST, &few).contains("queue"));
}

/// 5. Up to 1.27 a missing pod counts in the plain average at exactly the target.
#[test]
fn a_missing_pod_at_exactly_the_target() {
    let hpa = spec(
        "maxReplicas: 9, metrics: [{type: Pods, pods: {metric: {name: q}, target: {type: AverageValue, averageValue: '10'}}}]",
    );
    let (pods, samples) = ([pod(1), pod(1)], [sample(10_000), None]);
    let seen = Seen::pods(2, &pods, &samples, &[]);
    let replicas = |minor: u8| sync(&hpa, minor, &mut History::default(), 0, &seen).metrics[0].result.unwrap();
    assert_eq!(replicas(28).arithmetic.recount.unwrap().current, 10_000);
    let old = replicas(27);
    assert_eq!((old.arithmetic.recount.unwrap().current, old.replicas), (5_000, 1));
}

/// 5. `currentMetrics` of a failed sync: from 1.29 on what this sync could read, before what the last one did.
#[test]
fn current_metrics_of_a_failed_sync() {
    let hpa = spec(&format!("maxReplicas: 9, {CPU_50}"));
    let (pods, samples, requests) = ([pod(2)], [sample(50)], [Some(100)]);
    let good = Seen::pods(2, &pods, &samples, &requests);
    let bad = Seen { reading: MetricValues::Unavailable, ..Seen::pods(2, &pods, &[None], &requests) };
    for (minor, kept) in [(28, true), (29, false), (38, false)] {
        let mut history = History::default();
        sync(&hpa, minor, &mut history, 0, &good);
        sync(&hpa, minor, &mut history, 15, &bad);
        assert_eq!(history.current_metrics()[0].is_some(), kept, "1.{minor}");
    }
}

/// 5. From 1.38 on every replica count saturates; before, this one becomes the smallest int32 and counts as zero.
#[test]
fn replica_counts_saturate() {
    let hpa = spec(
        "maxReplicas: 9, metrics: [{type: Object, object: {metric: {name: q}, describedObject: {apiVersion: v1, kind: \
                    Service, name: s}, target: {type: AverageValue, averageValue: 1m}}}]",
    );
    let seen = Seen { pods: &[pod(2)], ..Seen::external(2, i64::MAX) };
    let proposed = |minor: u8| sync(&hpa, minor, &mut History::default(), 0, &seen).metrics[0].result.unwrap().replicas;
    assert_eq!((proposed(37), proposed(38)), (i32::MIN, i32::MAX));
}

/// From 1.38 on Succeeded pods are ignored, the average of nothing at zero replicas is 0, and the reason of an Object
/// metric with an average target is its own.
#[test]
fn what_else_is_new_in_1_38() {
    let hpa = spec(&format!("maxReplicas: 9, {CPU_50}"));
    let ended = PodGroup { phase: PodPhase::Succeeded, ready: None, ..pod(4) };
    let (pods, samples, requests) = ([pod(2), ended], [sample(20), None], [Some(100); 2]);
    let seen = Seen::pods(2, &pods, &samples, &requests);
    let counts = |minor: u8| sync(&hpa, minor, &mut History::default(), 0, &seen).metrics[0].pods.unwrap();
    assert_eq!((counts(37).missing, counts(37).ignored), (4, 0));
    assert_eq!((counts(38).missing, counts(38).ignored), (0, 4));

    let average = |minor: u8| {
        let mut history = History::default();
        sync(&spec(TO_ZERO), minor, &mut history, 0, &Seen::external(2, 0));
        let at_zero = sync(&spec(TO_ZERO), minor, &mut history, 15, &Seen::external(0, 30_000));
        at_zero.metrics[0].result.unwrap().status.average_value
    };
    assert_eq!((average(37), average(38)), (Some(i64::MIN), Some(0)));

    let object = spec(
        "maxReplicas: 9, metrics: [{type: Object, object: {metric: {name: hits}, describedObject: {apiVersion: v1, \
                       kind: Service, name: s}, target: {type: AverageValue, averageValue: '10'}}}]",
    );
    let reason = |minor: u8| {
        let decision = sync(&object, minor, &mut History::default(), 0, &Seen::external(2, 90_000));
        reasons::rescale_reason(&object, KubernetesVersion::new(minor).unwrap(), &decision)
    };
    assert_eq!(reason(37), "external metric hits(nil) above target");
    assert_eq!(reason(38), "Service metric hits above target");
}

/// 6. From 1.37 on a changed HPA is reconciled at once, and the syncs keep their phase; before, at the next sync.
#[test]
fn a_changed_hpa_is_reconciled_at_once() {
    let found = deployment(TARGET, &format!("minReplicas: 2, maxReplicas: 5, {CPU_50}"), CONTAINER);
    let changed = spec(&format!("minReplicas: 4, maxReplicas: 5, {CPU_50}"));
    let events =
        [ScheduledEvent { at: SimTime::from_seconds(20), target: 0, action: Action::ChangeHpa(Box::new(changed)) }];
    let load = table(&["cpu"], &[(0, &[0.1]), (120, &[0.1])]);
    for (minor, when) in [(36, 30), (37, 20), (38, 20)] {
        let mut setup = found.setup(&load);
        setup.world.controller = config(minor);
        setup.targets[0].initial_replicas = 2;
        setup.world.events = &events;
        let (summary, rows) = run(&setup, &load);
        assert_eq!(changes(&summary), [(when, 4)], "1.{minor}");
        assert!(rows.iter().any(|row| row.now.seconds() == 30));
    }
}

/// 7. The reason of a container metric with an average value does not name the container.
#[test]
fn the_reason_of_a_container_metric() {
    let hpa = spec(
        "maxReplicas: 9, metrics: [{type: ContainerResource, containerResource: {name: cpu, container: c, target: \
                    {type: AverageValue, averageValue: 50m}}}]",
    );
    let (pods, samples) = ([pod(2)], [sample(100)]);
    let seen = Seen::pods(2, &pods, &samples, &[]);
    let decision = sync(&hpa, 38, &mut History::default(), 0, &seen);
    assert_eq!(reasons::rescale_reason(&hpa, KubernetesVersion::NEWEST, &decision), "cpu resource above target");
}

/// 7. External metrics at the ends of int64, and sums below zero, which 1.34 takes for an overflow.
#[test]
fn external_sums_at_the_ends() {
    let hpa = spec(
        "maxReplicas: 9, metrics: [{type: External, external: {metric: {name: q}, target: {type: AverageValue, \
                    averageValue: '10'}}}]",
    );
    let status = |minor: u8, value: i64| {
        let proposal =
            sync(&hpa, minor, &mut History::default(), 0, &Seen::external(2, value)).metrics[0].result.unwrap();
        (proposal.replicas, proposal.status.average_value.unwrap())
    };
    assert_eq!(status(33, -5_000), (0, -2_500));
    assert_eq!(status(34, -5_000), (i32::MAX, i64::MAX));
    assert_eq!(status(34, i64::MAX), (i32::MAX, i64::MAX));
    // Before, the largest sum was divided like any other.
    assert_eq!(status(33, i64::MAX), (i32::MIN, 4_611_686_018_427_387_904));
}

/// 8. A recording with the condition ScaledToZero has it compared.
#[test]
fn recordings_of_scaled_to_zero_are_compared() {
    let case = |reason: &str| {
        format!(
            r#"{{"name":"zero","kubernetes":"1.38","controller":{{"tolerance":0.1,"downscaleStabilizationSeconds":300,"cpuInitializationPeriodSeconds":300,"initialReadinessDelaySeconds":30}},"hpa":{{"metadata":{{"name":"h"}},"spec":{{"scaleTargetRef":{{"apiVersion":"apps/v1","kind":"Deployment","name":"d"}},"minReplicas":0,"maxReplicas":5,"metrics":[{{"type":"External","external":{{"metric":{{"name":"q"}},"target":{{"type":"AverageValue","averageValue":"10"}}}}}}]}}}},"containers":[{{"name":"c"}}],"steps":[{{"t":0,"specReplicas":1,"statusReplicas":1,"pods":[],"metrics":[{{"value":20000}}],"want":{{"replicas":2,"conditions":{{"AbleToScale":["True","SucceededRescale"],"ScalingActive":["True","ValidMetricFound"],"ScalingLimited":["False","DesiredWithinRange"],"ScaledToZero":["False","{reason}"]}},"rescaleReason":"external metric q(nil) above target","currentMetrics":[{{"averageValueMilli":20000}}]}}}}]}}"#
        )
    };
    let compared = |reason: &str| {
        let mut file = tempfile::Builder::new().suffix(".jsonl").tempfile().unwrap();
        std::io::Write::write_all(&mut file, case(reason).as_bytes()).unwrap();
        let mut wrong = Vec::new();
        hpasim::input::conformance::read(file.path(), |case| {
            wrong.extend(hpasim::conformance::replay(&case).into_iter().flat_map(|mismatch| mismatch.differences));
        })
        .unwrap();
        wrong.into_iter().map(|(what, ..)| what).collect::<Vec<_>>()
    };
    assert_eq!(compared("NotScaledToZero"), Vec::<String>::new());
    assert_eq!(compared("ScaledFromZero"), ["ScaledToZero"]);
}
