//! Recorded decisions of the real controller (`.jsonl`, `.jsonl.gz`), one case a line.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use serde::Deserialize;

use super::manifests::problems::Problems;
use super::manifests::raw::{Hpa, ResourceList};
use super::source::unreadable;
use super::{Diagnostic, InputError, Location, manifests};
use crate::hpa::{MetricStatus, PodGroup, PodPhase, ReadyCondition, Sample};
use crate::model::{Amounts, Container, ControllerConfig, HpaSpec, KubernetesVersion, PodTemplate};
use crate::units::{Replicas, SimTime, Span};

/// One recorded run of the controller.
#[derive(Debug)]
pub struct Case {
    /// The name in the file.
    pub name: String,
    /// File and line.
    pub location: Location,
    /// The controller's settings.
    pub config: ControllerConfig,
    /// The HPA, with the API server's defaults.
    pub spec: HpaSpec,
    /// The containers of every pod.
    pub template: PodTemplate,
    /// The syncs, in order.
    pub steps: Vec<Step>,
}

/// One recorded sync.
#[derive(Debug)]
pub struct Step {
    /// The time of the sync.
    pub now: SimTime,
    /// `spec.replicas` before the sync.
    pub spec_replicas: Replicas,
    /// `status.replicas` before the sync.
    pub status_replicas: Replicas,
    /// Every pod, as a group of one.
    pub pods: Vec<PodGroup>,
    /// What each metric read.
    pub metrics: Vec<RecordedReading>,
    /// What the controller decided.
    pub want: Want,
}

/// What one metric read.
#[derive(Debug)]
pub enum RecordedReading {
    /// The metrics API answered with an error.
    Unavailable,
    /// Samples in the order of the step's pods.
    Pods(Vec<Option<Sample>>),
    /// The value of an Object or External metric, thousandths.
    Value(i64),
}

/// A recorded decision.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Want {
    /// The replica count after the sync.
    pub replicas: Replicas,
    /// Type, then status and reason, of every condition.
    pub conditions: BTreeMap<String, (String, String)>,
    /// The reason in the SuccessfulRescale event.
    #[serde(default)]
    pub rescale_reason: String,
    /// `status.currentMetrics`.
    pub current_metrics: Vec<WantMetric>,
    /// Whether no replica count could be computed.
    #[serde(default)]
    pub failed: bool,
}

/// An entry of the recorded `status.currentMetrics`; all absent if the metric could not be read.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WantMetric {
    average_utilization: Option<i32>,
    average_value_milli: Option<i64>,
    value_milli: Option<i64>,
}

impl WantMetric {
    /// The entry, or `None` if the metric could not be read.
    pub fn status(&self) -> Option<MetricStatus> {
        let status = MetricStatus {
            average_utilization: self.average_utilization,
            average_value: self.average_value_milli,
            value: self.value_milli,
        };
        (status != MetricStatus::default()).then_some(status)
    }
}

#[derive(Deserialize)]
struct RawCase {
    name: String,
    kubernetes: String,
    controller: RawController,
    hpa: Hpa,
    containers: Vec<RawContainer>,
    steps: Vec<RawStep>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawController {
    tolerance: f64,
    downscale_stabilization_seconds: i64,
    cpu_initialization_period_seconds: i64,
    initial_readiness_delay_seconds: i64,
}

#[derive(Deserialize)]
struct RawContainer {
    name: String,
    #[serde(default)]
    requests: ResourceList,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawStep {
    t: i64,
    spec_replicas: Replicas,
    status_replicas: Replicas,
    pods: Vec<RawPod>,
    metrics: Vec<RawMetric>,
    want: Want,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawPod {
    name: String,
    phase: String,
    start_time: Option<i64>,
    ready: Option<bool>,
    #[serde(default)]
    ready_since: Option<i64>,
    #[serde(default)]
    terminating: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawMetric {
    pods: Option<BTreeMap<String, RawSample>>,
    value: Option<i64>,
    unavailable: bool,
}

#[derive(Deserialize)]
struct RawSample {
    value: i64,
    at: i64,
    window: i64,
}

/// Reads a file case by case, handing each to `each`.
pub fn read(path: &Path, mut each: impl FnMut(Case)) -> Result<(), InputError> {
    let file = File::open(path).map_err(|error| unreadable(path, &error))?;
    let gzipped = path.extension().is_some_and(|extension| extension == "gz");
    let reader: Box<dyn Read> = if gzipped { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
    for (index, line) in BufReader::new(reader).lines().enumerate() {
        let line = line.map_err(|error| unreadable(path, &error))?;
        if !line.trim().is_empty() {
            let location = Location { file: path.display().to_string().into(), line: index + 1, column: 0 };
            each(case(&line, location)?);
        }
    }
    Ok(())
}

fn case(line: &str, location: Location) -> Result<Case, InputError> {
    let mut json = serde_json::Deserializer::from_str(line);
    let raw: RawCase = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let at = Location { column: error.inner().column(), ..location.clone() };
        Diagnostic::new(error.inner().to_string()).at(at).field(error.path().to_string())
    })?;
    let wrong = |path: &str, message: String| Diagnostic::new(message).at(location.clone()).field(path);
    let version: KubernetesVersion = raw
        .kubernetes
        .parse()
        .map_err(|error: crate::model::ParseVersionError| wrong("kubernetes", error.to_string()))?;
    let config = ControllerConfig {
        version,
        tolerance: raw.controller.tolerance,
        downscale_stabilization: Span::from_seconds(raw.controller.downscale_stabilization_seconds),
        cpu_initialization_period: Span::from_seconds(raw.controller.cpu_initialization_period_seconds),
        initial_readiness_delay: Span::from_seconds(raw.controller.initial_readiness_delay_seconds),
        ..ControllerConfig::default()
    };
    let mut problems = Problems::default();
    let spec = manifests::hpa::convert(raw.hpa, "autoscaling/v2", version, "default", false, &mut problems);
    let mut containers = Vec::new();
    for (index, container) in raw.containers.into_iter().enumerate() {
        let mut requests = Amounts::default();
        for (name, amount) in &container.requests {
            let path = format!("containers[{index}].requests.{name}");
            if let Some(quantity) = problems.quantity(&path, amount) {
                requests.set(name, quantity, None);
            }
        }
        containers.push(Container { name: container.name, requests, ..Container::default() });
    }
    let diagnostics = problems.errors.into_iter().map(|problem| wrong(&problem.path, problem.message)).collect();
    InputError::unless_empty(diagnostics)?;
    let template = PodTemplate { containers, ..PodTemplate::default() };
    let steps = raw
        .steps
        .into_iter()
        .enumerate()
        .map(|(index, step)| {
            let path = format!("steps[{index}]");
            step_of(step, spec.metrics.len()).map_err(|message| wrong(&path, message))
        })
        .collect::<Result<_, _>>()?;
    Ok(Case { name: raw.name, location, config, spec, template, steps })
}

fn step_of(raw: RawStep, metrics: usize) -> Result<Step, String> {
    if raw.metrics.len() != metrics {
        return Err(format!("has {} metrics, the HPA has {metrics}", raw.metrics.len()));
    }
    let pods = raw.pods.iter().map(pod_of).collect::<Result<_, _>>()?;
    let metrics = raw
        .metrics
        .into_iter()
        .map(|metric| match (metric.pods, metric.value) {
            (Some(samples), _) if !metric.unavailable => {
                RecordedReading::Pods(raw.pods.iter().map(|pod| samples.get(&pod.name).map(sample_of)).collect())
            }
            (None, Some(value)) if !metric.unavailable => RecordedReading::Value(value),
            _ => RecordedReading::Unavailable,
        })
        .collect();
    Ok(Step {
        now: SimTime::from_seconds(raw.t),
        spec_replicas: raw.spec_replicas,
        status_replicas: raw.status_replicas,
        pods,
        metrics,
        want: raw.want,
    })
}

fn pod_of(raw: &RawPod) -> Result<PodGroup, String> {
    let phase = match raw.phase.as_str() {
        "Pending" => PodPhase::Pending,
        "Running" => PodPhase::Running,
        "Failed" => PodPhase::Failed,
        "Succeeded" => PodPhase::Succeeded,
        other => return Err(format!("pod {}: unknown phase `{other}`", raw.name)),
    };
    let since = SimTime::from_seconds(raw.ready_since.unwrap_or_default());
    Ok(PodGroup {
        count: 1,
        phase,
        start_time: raw.start_time.map(SimTime::from_seconds),
        ready: raw.ready.map(|status| ReadyCondition { status, since }),
        terminating: raw.terminating,
    })
}

fn sample_of(raw: &RawSample) -> Sample {
    Sample { value: raw.value, at: SimTime::from_seconds(raw.at), window: Span::from_seconds(raw.window) }
}
