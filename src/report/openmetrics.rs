//! What exporters would have said of a simulation, as OpenMetrics text: names and labels are those of cAdvisor, kube-state-metrics and
//! ingress-nginx, so that a Prometheus that is filled with it answers as one that has watched the cluster.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::Run;
use crate::model::{Column, HpaSpec, MetricSource, MetricTarget, MetricTargetType, ResourceMetric, WorkloadController};
use crate::sim::{Exported, ExportedPod, ExportedState, PodSample};
use crate::units::{Clock, SimTime};

/// A target whose exporters were read.
pub struct Source<'a> {
    /// What was simulated.
    pub run: Run<'a>,
    /// The Service that leads to it; its requests are counted under this name.
    pub service: String,
    /// What was read.
    pub exported: &'a Exported,
}

/// A family of series: its name, its type and what it says.
type Family = (&'static str, &'static str, &'static str);

/// What is said of a container, with the part of its pod's CPU or memory that it uses.
type OfContainer = fn(&PodSample, Option<SimTime>, f64) -> Option<f64>;
/// Of a pod.
type OfPod = fn(&PodSample, &ExportedPod, Clock) -> Option<f64>;
/// A bound of an HPA.
type Bound = fn(&HpaSpec) -> i32;
/// Of a workload or its HPA.
type OfState = fn(&ExportedState) -> Option<f64>;

const NANO: f64 = 1e9;
/// A CPU limit is kept in each tenth of a second.
const PERIODS_A_SECOND: f64 = 10.0;

const CONTAINERS: [(Family, &str, OfContainer); 7] = [
    (
        ("container_cpu_usage_seconds", "counter", "CPU time that the container has used since it started"),
        "cpu",
        |sample, running, share| running.map(|_| sample.cpu as f64 * share / NANO),
    ),
    (
        ("container_memory_working_set_bytes", "gauge", "Memory that the container uses"),
        "memory",
        |sample, running, share| running.map(|_| (sample.memory as f64 * share).round()),
    ),
    (("container_cpu_cfs_periods", "counter", "Periods of the CPU limit"), "cpu", |sample, running, _| {
        running.and(sample.throttled).map(|(all, _)| all as f64 * PERIODS_A_SECOND)
    }),
    (
        ("container_cpu_cfs_throttled_periods", "counter", "Periods in which the CPU limit was reached"),
        "cpu",
        |sample, running, _| running.and(sample.throttled).map(|(_, throttled)| throttled as f64 * PERIODS_A_SECOND),
    ),
    (
        ("container_oom_events", "counter", "How often the container was killed for its memory"),
        "memory",
        |sample, _, _| sample.scheduled.map(|_| f64::from(sample.oom_kills)),
    ),
    (
        ("kube_pod_container_status_restarts", "counter", "How often the container was started again"),
        "cpu",
        |sample, _, _| sample.scheduled.map(|_| f64::from(sample.restarts)),
    ),
    (("kube_pod_container_state_started", "gauge", "When the container started"), "cpu", |_, running, _| {
        running.filter(|at| *at >= SimTime::ZERO).map(|at| at.seconds() as f64)
    }),
];

const PODS: [(Family, OfPod); 4] = [
    (("kube_pod_created", "gauge", "When the pod was created"), |_, pod, clock| known(clock, Some(pod.created))),
    (("kube_pod_status_scheduled_time", "gauge", "When the pod was given to a node"), |sample, _, clock| {
        known(clock, sample.scheduled)
    }),
    (("kube_pod_start_time", "gauge", "When the kubelet took the pod"), |sample, _, clock| {
        known(clock, sample.scheduled)
    }),
    (("kube_pod_status_ready_time", "gauge", "Since when the pod is ready"), |sample, _, clock| {
        known(clock, sample.ready)
    }),
];

const OF_HPA: [(Family, OfState); 2] = [
    (
        ("kube_horizontalpodautoscaler_status_current_replicas", "gauge", "Replicas that there were at the last sync"),
        |state| Some(f64::from(state.current)),
    ),
    (("kube_horizontalpodautoscaler_status_desired_replicas", "gauge", "Replicas that the HPA wants"), |state| {
        Some(f64::from(state.desired))
    }),
];

const OF_WORKLOAD: [(&str, &str, OfState); 2] = [
    ("replicas", "Pods of the workload", |state| Some(f64::from(state.existing))),
    ("replicas_ready", "Ready pods of the workload", |state| Some(f64::from(state.ready))),
];

const OF_INGRESS: [(Family, OfState); 2] = [
    (("nginx_ingress_controller_requests", "unknown", "Requests that were answered"), |state| {
        state.requests.map(|(count, _)| count)
    }),
    (("nginx_ingress_controller_request_duration_seconds_sum", "unknown", "What all answers took together"), |state| {
        state.requests.map(|(_, seconds)| seconds)
    }),
];

fn instant(clock: Clock, at: SimTime) -> f64 {
    (clock.epoch_seconds() + at.seconds()) as f64
}

/// A time that is known: how pods came that were there at the start is not.
fn known(clock: Clock, at: Option<SimTime>) -> Option<f64> {
    at.filter(|at| *at >= SimTime::ZERO).map(|at| instant(clock, at))
}

/// Writes what was read, from an instant on.
pub fn write(sources: &[Source<'_>], clock: Clock, out: &mut impl Write) -> io::Result<()> {
    let mut lines = Lines { out, clock, text: String::new() };
    for (family, resource, of) in CONTAINERS {
        lines.begin(family)?;
        for source in sources {
            lines.containers(source, family, resource, of)?;
        }
    }
    for (family, of) in PODS {
        lines.begin(family)?;
        for source in sources {
            for (number, pod) in source.exported.pods.iter().enumerate() {
                let labels = format!("{},pod=\"{}\"", source.namespace(), source.pod_name(number, pod));
                let samples = pod.samples.iter().map(|sample| (sample.at, of(sample, pod, clock)));
                lines.series(family, &labels, samples)?;
            }
        }
    }
    for (family, of) in OF_HPA {
        lines.begin(family)?;
        for source in sources {
            lines.states(source, family, &source.of_hpa(), of)?;
        }
    }
    lines.specs(sources)?;
    lines.target_metrics(sources)?;
    lines.workloads(sources)?;
    for (family, of) in OF_INGRESS {
        lines.begin(family)?;
        for source in sources {
            let labels = format!(
                "exported_namespace={},exported_service={}",
                quoted(&source.run.workload().namespace),
                quoted(&source.service)
            );
            lines.states(source, family, &labels, of)?;
        }
    }
    lines.custom(sources)?;
    lines.text.push_str("# EOF\n");
    lines.flush()
}

/// A label's value.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

/// What Kubernetes draws names from: no vowels, and no digits that look like them.
const DRAWN: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// Five characters, another text for each number; neighbours look different.
fn drawn(number: usize, salt: usize) -> String {
    let all = DRAWN.len().pow(5);
    // What it is multiplied by has no divisor with 27.
    let mut rest = (number % all * 7_368_787 + salt) % all;
    let mut next = || {
        let letter = DRAWN[rest % DRAWN.len()];
        rest /= DRAWN.len();
        char::from(letter)
    };
    (0..5).map(|_| next()).collect()
}

/// What kube-state-metrics calls a metric.
fn metric_name(metric: &MetricSource) -> String {
    metric.resource().map_or_else(|| metric.label(), |resource| resource.name.to_string())
}

impl Source<'_> {
    /// Whether a metric is the first of its name and its kind: nothing tells another one apart, such as CPU of one container.
    fn is_first_of_name(&self, index: usize) -> bool {
        let metrics = &self.run.hpa().metrics;
        let name = metric_name(&metrics[index]);
        !metrics[..index].iter().any(|before| metric_name(before) == name)
    }

    fn namespace(&self) -> String {
        format!("namespace={}", quoted(&self.run.workload().namespace))
    }

    fn of_hpa(&self) -> String {
        format!("{},horizontalpodautoscaler={}", self.namespace(), quoted(&self.run.hpa().name))
    }

    /// A pod's name, as its workload's controller gives it.
    fn pod_name(&self, number: usize, pod: &ExportedPod) -> String {
        let workload = self.run.workload();
        let name = &workload.reference.name;
        match workload.controller {
            WorkloadController::StatefulSet { .. } => format!("{name}-{}", pod.ordinal),
            WorkloadController::RollingDeployment { .. } | WorkloadController::RecreatingDeployment => {
                format!(
                    "{name}-{}{}-{}",
                    drawn(pod.revision, 5_318_008),
                    drawn(pod.revision, 2_718_281),
                    drawn(number, 3_141_592)
                )
            }
            _ => format!("{name}-{}", drawn(number, 3_141_592)),
        }
    }
}

/// Lines on their way out.
struct Lines<'a, W: Write> {
    out: &'a mut W,
    clock: Clock,
    text: String,
}

/// So much is written at once.
const BLOCK: usize = 1 << 16;

impl<W: Write> Lines<'_, W> {
    fn flush(&mut self) -> io::Result<()> {
        self.out.write_all(self.text.as_bytes())?;
        self.text.clear();
        Ok(())
    }

    fn begin(&mut self, (name, kind, help): (&str, &str, &str)) -> io::Result<()> {
        let _ = write!(self.text, "# TYPE {name} {kind}\n# HELP {name} {help}.\n");
        self.flush()
    }

    fn series(
        &mut self,
        (name, kind, _): (&str, &str, &str),
        labels: &str,
        samples: impl Iterator<Item = (SimTime, Option<f64>)>,
    ) -> io::Result<()> {
        let ending = if kind == "counter" { "_total" } else { "" };
        for (at, value) in samples {
            let Some(value) = value else { continue };
            let _ =
                writeln!(self.text, "{name}{ending}{{{labels}}} {value} {}", self.clock.epoch_seconds() + at.seconds());
            if self.text.len() > BLOCK {
                self.flush()?;
            }
        }
        Ok(())
    }

    fn states(&mut self, source: &Source<'_>, family: (&str, &str, &str), labels: &str, of: OfState) -> io::Result<()> {
        self.series(family, labels, source.exported.states.iter().map(|state| (state.at, of(state))))
    }

    fn containers(&mut self, source: &Source<'_>, family: Family, resource: &str, of: OfContainer) -> io::Result<()> {
        let template = &source.run.workload().template;
        let is_instant = family.0 == "kube_pod_container_state_started";
        let from = if is_instant { self.clock.epoch_seconds() as f64 } else { 0.0 };
        for (number, pod) in source.exported.pods.iter().enumerate() {
            for (container, share) in template.running().zip(template.shares(None, resource)) {
                let name = source.pod_name(number, pod);
                let labels = format!("{},pod=\"{name}\",container={}", source.namespace(), quoted(&container.name));
                let value = |sample: &PodSample| of(sample, sample.started, share).map(|value| value + from);
                self.series(family, &labels, pod.samples.iter().map(|sample| (sample.at, value(sample))))?;
            }
        }
        Ok(())
    }

    /// The HPA's bounds and its targets of utilization, as they were.
    fn specs(&mut self, sources: &[Source<'_>]) -> io::Result<()> {
        let bounds: [(&str, &str, Bound); 2] = [
            ("min_replicas", "The least replicas that the HPA may set", |hpa| hpa.min_replicas),
            ("max_replicas", "The most replicas that the HPA may set", |hpa| hpa.max_replicas),
        ];
        for (name, help, of) in bounds {
            let name = format!("kube_horizontalpodautoscaler_spec_{name}");
            let family = (name.as_str(), "gauge", help);
            self.begin(family)?;
            for source in sources {
                let value = |state: &ExportedState| Some(f64::from(of(source.run.hpa_at(state.at))));
                let samples = source.exported.states.iter().map(|state| (state.at, value(state)));
                self.series(family, &source.of_hpa(), samples)?;
            }
        }
        let family = ("kube_horizontalpodautoscaler_spec_target_metric", "gauge", "What the metric should be");
        self.begin(family)?;
        for source in sources {
            for (index, metric) in source.run.hpa().metrics.iter().enumerate() {
                let Some(ResourceMetric { name, target: MetricTarget::Utilization(_), .. }) = metric.resource() else {
                    continue;
                };
                if !source.is_first_of_name(index) {
                    continue;
                }
                let labels = format!(
                    "{},metric_name={},metric_target_type=\"utilization\"",
                    source.of_hpa(),
                    quoted(&name.to_string())
                );
                let value = |state: &ExportedState| match source.run.hpa_at(state.at).metrics.get(index)?.target() {
                    MetricTargetType::Utilization(percent) => Some(f64::from(percent)),
                    _ => None,
                };
                self.series(family, &labels, source.exported.states.iter().map(|state| (state.at, value(state))))?;
            }
        }
        Ok(())
    }

    /// `status.currentMetrics` of metrics with a utilization or an average value.
    fn target_metrics(&mut self, sources: &[Source<'_>]) -> io::Result<()> {
        let family = ("kube_horizontalpodautoscaler_status_target_metric", "gauge", "The metric as the HPA sees it");
        self.begin(family)?;
        for source in sources {
            for (index, metric) in source.run.hpa().metrics.iter().enumerate() {
                if !source.is_first_of_name(index) {
                    continue;
                }
                let resource = metric.resource();
                let name = metric_name(metric);
                let is_utilization =
                    matches!(resource, Some(ResourceMetric { target: MetricTarget::Utilization(_), .. }));
                let kind = if is_utilization { "utilization" } else { "average" };
                let labels = format!("{},metric_name={},metric_target_type=\"{kind}\"", source.of_hpa(), quoted(&name));
                let value = |state: &ExportedState| {
                    let status = (*state.metrics.get(index)?)?;
                    match is_utilization {
                        true => status.average_utilization.map(f64::from),
                        false => status.average_value.map(|value| value as f64 / 1e3),
                    }
                };
                self.series(family, &labels, source.exported.states.iter().map(|state| (state.at, value(state))))?;
            }
        }
        Ok(())
    }

    /// The numbers of pods, under the names of each kind of workload.
    fn workloads(&mut self, sources: &[Source<'_>]) -> io::Result<()> {
        for kind in ["Deployment", "StatefulSet", "ReplicaSet"] {
            let of_kind: Vec<&Source<'_>> =
                sources.iter().filter(|source| source.run.workload().reference.kind == kind).collect();
            if of_kind.is_empty() {
                continue;
            }
            let label = kind.to_lowercase();
            for (what, help, of) in OF_WORKLOAD {
                // That of ReplicaSets is spelt otherwise.
                let what = if kind == "ReplicaSet" && what == "replicas_ready" { "ready_replicas" } else { what };
                let name = format!("kube_{label}_status_{what}");
                let family = (name.as_str(), "gauge", help);
                self.begin(family)?;
                for source in &of_kind {
                    let workload = quoted(&source.run.workload().reference.name);
                    let labels = format!("{},{label}={workload}", source.namespace());
                    self.states(source, family, &labels, of)?;
                }
            }
        }
        Ok(())
    }

    /// Columns of the load that are custom or external metrics: of a Pods metric each ready pod has its part.
    fn custom(&mut self, sources: &[Source<'_>]) -> io::Result<()> {
        let mut names: Vec<&str> = Vec::new();
        for column in sources.iter().flat_map(|source| source.run.columns) {
            if let Column::Metric(name) = column
                && !names.contains(&name.as_str())
            {
                names.push(name);
            }
        }
        for name in names {
            let metric: String =
                name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' || c == ':' { c } else { '_' }).collect();
            let family = (metric.as_str(), "gauge", "A metric of the load");
            self.begin(family)?;
            for source in sources {
                let is_it = |column: &Column| matches!(column, Column::Metric(known) if known == name);
                let Some(column) = source.run.columns.iter().position(is_it) else { continue };
                let of_pods =
                    |metric: &MetricSource| matches!(metric, MetricSource::Pods { .. }) && metric.label() == *name;
                if !source.run.hpa().metrics.iter().any(of_pods) {
                    let value = |state: &ExportedState| state.load.get(column).copied();
                    let samples = source.exported.states.iter().map(|state| (state.at, value(state)));
                    self.series(family, &source.namespace(), samples)?;
                    continue;
                }
                for (number, pod) in source.exported.pods.iter().enumerate() {
                    let labels = format!("{},pod=\"{}\"", source.namespace(), source.pod_name(number, pod));
                    let states = &source.exported.states;
                    let value = |sample: &PodSample| {
                        let state = &states[states.binary_search_by_key(&sample.at, |state| state.at).ok()?];
                        sample.ready.map(|_| state.load[column] / f64::from(state.ready.max(1)))
                    };
                    self.series(family, &labels, pod.samples.iter().map(|sample| (sample.at, value(sample))))?;
                }
            }
        }
        Ok(())
    }
}
