//! `summary.json`.

use serde_json::{Value, json};

use super::cluster::FailedRequests;
use super::{Run, arithmetic, cluster, kubectl, phases, reasons};
use crate::sim::{RescaleRecord, Snapshot};
use crate::study::phases::{PhaseRuns, Recurrence};

/// The summary, with units in the names of the fields.
pub fn summary(run: &Run<'_>) -> Value {
    let s = run.summary;
    let hpa = run.hpa();
    let requests = |replicas: f64| {
        json!({
            "cpuCores": s.pod_cpu_request.get() as f64 / 1000.0 * replicas,
            "memoryBytes": s.pod_memory_request.get() as f64 * replicas,
        })
    };
    let metrics: Vec<Value> = hpa
        .metrics
        .iter()
        .zip(&s.metrics)
        .map(|(source, metric)| {
            json!({
                "name": source.label(),
                "aboveTargetSeconds": metric.above_target.seconds(),
                "unavailableSeconds": metric.unavailable.seconds(),
            })
        })
        .collect();
    json!({
        "hpa": { "name": hpa.name, "namespace": hpa.namespace, "target": hpa.target.to_string(),
                 "minReplicas": hpa.min_replicas, "maxReplicas": hpa.max_replicas },
        "kubernetesVersion": run.controller().version.to_string(),
        "start": run.timestamp(crate::units::SimTime::ZERO),
        "durationSeconds": s.duration.seconds(),
        "syncs": s.syncs,
        "phases": phases::json(run),
        "first": snapshot(run, &s.first),
        "last": snapshot(run, &s.last),
        "replicas": { "min": s.min_replicas(), "mean": s.mean_replicas(),
                      "p95": s.replicas_quantile(0.95), "max": s.max_replicas() },
        "podHours": s.pod_seconds() as f64 / 3600.0,
        "requests": { "min": requests(s.min_replicas().into()), "mean": requests(s.mean_replicas()),
                      "peak": requests(s.max_replicas().into()) },
        "metrics": metrics,
        "atMaxReplicasSeconds": s.at_max.seconds(),
        "workWaitingSeconds": s.waiting.seconds(),
        "peakBacklogCoreSeconds": s.peak_backlog.core_seconds(),
        "droppedCoreSeconds": s.work_dropped.core_seconds(),
        "finalBacklogCoreSeconds": s.final_backlog.core_seconds(),
        "lostCoreSeconds": s.work_lost.core_seconds(),
        "requestsFailed": FailedRequests::of(run).map(|failed| json!({
            "all": failed.all(), "cutOff": failed.cut_off, "lost": failed.lost, "dropped": failed.dropped,
        })),
        "refusedSeconds": s.refusing.seconds(),
        "slo": run.target().cluster.slo.map(|slo| json!({ "promise": slo.to_string(), "brokenSeconds": s.slow.seconds() })),
        "pods": { "created": s.pods_created, "deleted": s.pods_deleted, "restarts": s.restarts, "oomKills": s.oom_kills,
                  "unschedulableSeconds": s.unschedulable.seconds(),
                  "refusedByQuotaSeconds": s.refused.seconds() },
        "nodes": s.node_seconds.map(|seconds| json!({ "mean": seconds as f64 / s.duration.seconds().max(1) as f64,
                                                      "max": s.max_nodes })),
        "unsettled": s.unsettled,
        "rollouts": s.rollouts.iter().map(|rollout| json!({
            "beganSeconds": rollout.began.seconds(),
            "completedSeconds": rollout.completed.map(|at| at.seconds()),
            "progressDeadlineExceededSeconds": rollout.stalled.map(|at| at.seconds()),
        })).collect::<Vec<_>>(),
        "occurrences": s.occurrences.iter().map(|(at, what)| json!({
            "timeSeconds": at.seconds(), "what": cluster::occurrence(run, *what),
        })).collect::<Vec<_>>(),
        "events": phases::recurrences(run).into_iter().map(|(event, found)| rescale(run, event, found)).collect::<Vec<_>>(),
    })
}

fn snapshot(run: &Run<'_>, snapshot: &Snapshot) -> Value {
    json!({
        "timeSeconds": snapshot.at.seconds(),
        "targets": kubectl::targets(run.hpa(), &snapshot.current_metrics),
        "replicas": snapshot.replicas,
    })
}

fn rescale(run: &Run<'_>, event: &RescaleRecord, found: Option<(&PhaseRuns, Recurrence)>) -> Value {
    let decision = &event.decision;
    json!({
        "timeSeconds": event.at.seconds(),
        "timestamp": run.timestamp(event.at),
        "overPhases": found.map(|(runs, found)| json!({
            "earliestSeconds": found.times.low.seconds(), "latestSeconds": found.times.high.seconds(),
            "phases": found.runs, "of": runs.courses.len(),
        })),
        "from": decision.current,
        "to": decision.desired,
        "metric": arithmetic::deciding_metric(run.hpa(), decision).map(|(source, _)| source.label()),
        "calculation": arithmetic::formula(run.hpa(), decision),
        "limitedBy": arithmetic::limits(run.hpa(), decision),
        "reason": reasons::rescale_reason(run.hpa(), run.setup.world.controller.version, decision),
    })
}
