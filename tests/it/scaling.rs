//! Small simulations whose outcome was worked out by hand.

use hpasim::model::{Delay, Interpolation};

use crate::support::{Deployment, changes, run, seconds, table};

/// An HPA on a Deployment of 100m pods; `hpa` and `pod` are the rest of their specs.
fn deployment(hpa: &str, container: &str) -> Deployment {
    Deployment::from_yaml(&format!(
        "{{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {{name: h}}, spec: {{scaleTargetRef: \
         {{apiVersion: apps/v1, kind: Deployment, name: d}}, {hpa}}}}}\n---\n{{apiVersion: apps/v1, kind: Deployment, \
         metadata: {{name: d}}, spec: {{selector: {{matchLabels: {{app: d}}}}, template: {{metadata: {{labels: {{app: d}}}}, spec: {{containers: [{{name: c, image: c, {container}}}]}}}}}}}}"
    ))
}

const CPU_50: &str =
    "metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}}]";

/// The document's scenario 2 read as held utilization: 80% whatever the pod count. One step of a third at a
/// time, as soon as the new pods count; never a doubling.
#[test]
fn rag_utilization_held_at_80_and_60_percent() {
    let load = table(&["cpu_utilization", "memory_utilization"], &[(0, &[80.0, 60.0])]);
    let rag = Deployment::rag();
    let mut setup = rag.setup(&load);
    setup.world.duration = Some(seconds(120));
    let (summary, rows) = run(&setup, &load);
    // ceil(3 x 80/70) = 4. The new pod is ready after 20 s, has a full window of metrics 30 s after its
    // start and counts 45 s after it.
    assert_eq!(changes(&summary), [(0, 4), (45, 5), (90, 6)]);
    assert_eq!(rows[0].metrics[0].unwrap().average_utilization, Some(80));
    assert_eq!(rows[0].metrics[1].unwrap().average_utilization, Some(60));
}

/// The same as demand: 3 pods at 80% of 500m are 1.2 cores; 4 pods settle at 60%, inside the tolerance of
/// nothing: ceil(4 x 60/70) = 4.
#[test]
fn rag_demand_of_1200_millicores() {
    let load = table(&["cpu", "memory"], &[(0, &[1.2, 0.9 * 1_073_741_824.0])]);
    let rag = Deployment::rag();
    let mut setup = rag.setup(&load);
    setup.world.duration = Some(seconds(3600));
    assert_eq!(changes(&run(&setup, &load).0), [(0, 4)]);
}

/// Ten pods at 30%: seen at 615 s, when ceil(10 x 30/70) = 5 is recommended. The last recommendation of 10 is
/// that of 600 s; the window of 300 s excludes its start, so that at 900 s it no longer counts. Then -50% allows
/// the 5. From 915 s on ceil(5 x 30/70) = 3, held back until the last 5, that of 900 s, leaves the window.
#[test]
fn rag_scale_down_waits_for_the_window() {
    let load = table(&["cpu_utilization", "memory_utilization"], &[(0, &[70.0, 60.0]), (600, &[30.0, 30.0])]);
    let rag = Deployment::rag();
    let mut setup = rag.setup(&load);
    setup.targets[0].initial_replicas = 10;
    setup.world.duration = Some(seconds(1800));
    assert_eq!(changes(&run(&setup, &load).0), [(900, 5), (1200, 3)]);
}

/// CPU over the limit waits; when the load falls the queue is worked off at full speed.
#[test]
fn work_over_the_limit_waits_and_is_done_later() {
    let hpa = format!("minReplicas: 1, maxReplicas: 1, {CPU_50}");
    let pod = deployment(&hpa, "resources: {requests: {cpu: 100m}, limits: {cpu: 200m}}");
    // 100 s at 300m against 200m: 10 core-seconds wait; at 100m they are gone 100 s later.
    let load = table(&["cpu"], &[(0, &[0.3]), (100, &[0.1]), (400, &[0.1])]);
    let mut setup = pod.setup(&load);
    setup.world.duration = Some(seconds(400));
    let (summary, rows) = run(&setup, &load);
    assert_eq!(summary.peak_backlog.get(), 10_000_000_000);
    assert_eq!(summary.waiting, seconds(199));
    assert_eq!(summary.final_backlog.get(), 0);
    assert_eq!(rows.last().unwrap().resources.cpu_used.get(), 100_000_000);
}

/// A queue that empties scales the workers to zero; messages bring them back; zero by hand stays zero.
#[test]
fn to_zero_and_back() {
    let hpa = "minReplicas: 0, maxReplicas: 5, metrics: [{type: External, external: {metric: {name: queue}, target: \
               {type: AverageValue, averageValue: '10'}}}], behavior: {scaleDown: {stabilizationWindowSeconds: 60}}";
    let worker = deployment(hpa, "resources: {requests: {cpu: 100m}}");
    let load = table(&["queue"], &[(0, &[20.0]), (120, &[0.0]), (600, &[35.0]), (700, &[35.0])]);
    let mut setup = worker.setup(&load);
    setup.targets[0].initial_replicas = 2;
    let (summary, rows) = run(&setup, &load);
    // The last 2 is recommended at 105 s and leaves the window, whose start is excluded, at 165 s.
    assert_eq!(changes(&summary), [(165, 0), (600, 4)]);
    let zero = rows[11].conditions.scaled_to_zero.unwrap();
    assert!(zero.status);
    setup.targets[0].initial_replicas = 0;
    let (summary, rows) = run(&setup, &load);
    assert_eq!(changes(&summary), []);
    assert_eq!(format!("{:?}", rows[0].conditions.scaling_active.unwrap().reason), "ScalingDisabled");
}

/// A Pods metric is shared by the pods that serve; without a serving pod it cannot be read.
#[test]
fn pods_metric_is_a_total_shared_by_the_pods() {
    let hpa = "maxReplicas: 9, metrics: [{type: Pods, pods: {metric: {name: sessions}, target: {type: AverageValue, \
               averageValue: '100'}}}]";
    let pod = deployment(hpa, "resources: {requests: {cpu: 100m}}");
    let load = table(&["sessions"], &[(0, &[350.0]), (60, &[350.0])]);
    let mut setup = pod.setup(&load);
    setup.targets[0].cluster.startup = seconds(0).into();
    let (summary, rows) = run(&setup, &load);
    // ceil(1 x 350/100) = 4, which max(2 x 1, 4) allows.
    assert_eq!(changes(&summary), [(0, 4)]);
    assert_eq!(rows[1].metrics[0].unwrap().average_value, Some(87_500));
}

/// Recorded load: utilization and the replicas it was measured on make the demand.
#[test]
fn recorded_utilization_is_multiplied_back() {
    let hpa = format!("minReplicas: 1, maxReplicas: 9, {CPU_50}");
    let pod = deployment(&hpa, "resources: {requests: {cpu: 100m}}");
    let load = table(&["cpu_utilization", "replicas"], &[(0, &[80.0, 3.0]), (60, &[80.0, 3.0])]);
    let mut setup = pod.setup(&load);
    setup.targets[0].initial_replicas = 3;
    let (_, rows) = run(&setup, &load);
    assert_eq!(rows[0].resources.cpu_demand.map(|cpu| cpu.get()), Some(240_000_000));
    assert_eq!(rows[0].metrics[0].unwrap().average_utilization, Some(80));
}

/// On a straight line the demand changes every second: a scrape sees the mean over its window.
#[test]
fn linear_interpolation_is_averaged_by_the_scrape() {
    let hpa = format!("minReplicas: 1, maxReplicas: 1, {CPU_50}");
    let pod = deployment(&hpa, "resources: {requests: {cpu: 1}}");
    let load = table(&["cpu"], &[(0, &[0.0]), (150, &[1.5])]);
    let mut setup = pod.setup(&load);
    setup.targets[0].interpolation = Interpolation::Linear;
    setup.targets[0].cluster.housekeeping_interval = Delay::ZERO;
    let (_, rows) = run(&setup, &load);
    // From 15 s to 30 s it rises from 150m to 290m: 220m on average.
    assert_eq!(rows[2].resources.cpu_used.get(), 220_000_000);
    assert_eq!(rows[2].metrics[0].unwrap().average_utilization, Some(22));
}

/// What waits longer than the time-out is dropped: the bound is what the pods do within it.
#[test]
fn the_queue_time_out_bounds_what_waits() {
    let deployment = Deployment::rag();
    let load = table(&["cpu", "memory"], &[(0, &[30.0, 1e9]), (60, &[1.0, 1e9]), (120, &[1.0, 1e9])]);
    let mut setup = deployment.setup(&load);
    setup.world.duration = Some(seconds(120));
    let (summary, _) = run(&setup, &load);
    assert_eq!(summary.work_dropped.get(), 0);
    let unbounded = summary.peak_backlog.get();
    setup.targets[0].cluster.queue_timeout = Some(seconds(10));
    let (summary, _) = run(&setup, &load);
    // 30 cores demanded are more than ten pods' 20: ten seconds of 30 cores.
    assert_eq!(summary.peak_backlog.get(), 300_000_000_000);
    assert!(summary.work_dropped.get() > 0 && summary.peak_backlog.get() < unbounded);
    setup.targets[0].cluster.queue_timeout = Some(seconds(0));
    let (summary, _) = run(&setup, &load);
    assert_eq!((summary.peak_backlog.get(), summary.waiting), (0, seconds(0)));
}

/// Scrapes between two syncs: the HPA sees a change of the load as many seconds later as the scrape is.
#[test]
fn a_late_scrape_delays_the_decision() {
    let deployment = Deployment::rag();
    let load = table(&["cpu", "memory"], &[(0, &[0.75, 1e9]), (30, &[3.0, 1e9]), (300, &[3.0, 1e9])]);
    let first = |offset: i64| {
        let mut setup = deployment.setup(&load);
        setup.targets[0].phase.scrape = seconds(offset);
        setup.targets[0].cluster.housekeeping_interval = Delay::ZERO;
        let (_, rows) = run(&setup, &load);
        let row = rows.iter().find(|row| row.desired > row.replicas).unwrap();
        (row.now.seconds(), row.proposed.unwrap())
    };
    // At 45 s a scrape at 45 s has seen 15 s of the new load (200%: 9 pods); one at 40 s ten of them (150%: 7); one at
    // 32 s two (70%: nothing to do).
    assert_eq!(first(0), (45, 9));
    assert_eq!(first(10), (45, 7));
    assert_eq!(first(2), (60, 9));
}
