//! Recorded runs of real clusters, predicted. The recordings are other people's data and are not here; the facts that are
//! compared (times, replica counts) are, with their sources. See docs/fidelity.md.

use crate::support::{Deployment, changes, run, seconds, table};

fn deployment(hpa: &str, container: &str) -> Deployment {
    Deployment::from_yaml(&format!(
        "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {{name: h}}\nspec:\n  \
         scaleTargetRef: {{kind: Deployment, name: d}}\n  {hpa}\n---\napiVersion: apps/v1\nkind: Deployment\n\
         metadata: {{name: d}}\nspec: {{template: {{spec: {{containers: [{{name: c, {container}}}]}}}}}}\n"
    ))
}

/// The differences between the changes that are predicted and those that were recorded, in seconds: the first
/// prediction is laid on the first record, since a recording does not say where the controller's syncs are.
fn errors(predicted: &[(i64, i32)], recorded: &[(i64, i32)]) -> Vec<i64> {
    let counts = |list: &[(i64, i32)]| list.iter().map(|(_, count)| *count).collect::<Vec<_>>();
    assert_eq!(counts(predicted), counts(recorded));
    let shift = recorded[0].0 - predicted[0].0;
    predicted.iter().zip(recorded).map(|((at, _), (seen, _))| at + shift - seen).collect()
}

/// github theogaditya/star-proj at b3791f7, krm-experiment/results/15s: every pod burns 200m of a 100m request from its
/// start to its end. Desired replicas 8 first seen at 26 s, 14 at 42 s, 24 at 59 s, sampled about every 5 s.
#[test]
fn starproj_every_change_within_one_sync() {
    let hpa = "minReplicas: 4\n  maxReplicas: 24\n  metrics: [{type: Resource, resource: {name: cpu, target: {type: \
               Utilization, averageUtilization: 60}}}]";
    let deployment = deployment(hpa, "resources: {requests: {cpu: 100m}, limits: {cpu: 200m}}");
    let load = table(&["cpu_utilization"], &[(0, &[200.0]), (180, &[200.0])]);
    for offset in [0, 7, 14] {
        let mut setup = deployment.setup(&load);
        setup.initial_replicas = 4;
        setup.cluster.lifecycle.startup = seconds(0).into();
        setup.cluster.metrics.offset = seconds(offset);
        let (summary, _) = run(&setup, &load);
        let errors = errors(&changes(&summary), &[(26, 8), (42, 14), (59, 24)]);
        assert!(errors.iter().all(|error| error.abs() <= 15), "{errors:?} with scrapes {offset} s after the syncs");
    }
}

const VECTOR: &str = "minReplicas: 1\n  maxReplicas: 8\n  metrics: [{type: Resource, resource: {name: cpu, target: \
                      {type: Utilization, averageUtilization: 70}}}]\n  behavior: {scaleDown: {stabilizationWindowSeconds: 60}}";

/// github vectordotdev/vector at 089ca43, guide "k8s-autoscaling", run a: demand of 3.25 to 3.5 cores against one core a
/// pod; 2 replicas at 30 s, 3 at 61 s, 5 at 107 s, rows 30 to 45 s apart, then steady at about 70%. What is over the
/// capacity is held back by the clients.
#[test]
fn vector_steps_and_steady_state() {
    let deployment = deployment(VECTOR, "resources: {requests: {cpu: 1}, limits: {cpu: 1}}");
    for demand in [3.25, 3.4, 3.5] {
        let load = table(&["cpu"], &[(0, &[demand]), (300, &[demand])]);
        let mut setup = deployment.setup(&load);
        setup.cluster.lifecycle.startup = seconds(5).into();
        setup.cluster.traffic.queue_timeout = Some(seconds(0));
        for offset in [0, 5, 10] {
            setup.cluster.metrics.offset = seconds(offset);
            let (summary, rows) = run(&setup, &load);
            let errors = errors(&changes(&summary), &[(30, 2), (61, 3), (107, 5)]);
            assert!(errors.iter().all(|error| error.abs() <= 30), "{errors:?}");
            let last = rows.last().unwrap().metrics[0].unwrap().average_utilization.unwrap();
            assert!((65..=70).contains(&last), "steady at {last}% with {demand} cores");
        }
    }
    // Without holding back, what has waited makes five pods busy, too, and the count overshoots.
    let load = table(&["cpu"], &[(0, &[3.4]), (300, &[3.4])]);
    let mut setup = deployment.setup(&load);
    setup.cluster.lifecycle.startup = seconds(5).into();
    let (summary, _) = run(&setup, &load);
    assert_eq!(summary.max_replicas(), 8);
}
