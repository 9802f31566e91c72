//! From a pod or a pod template to [`PodTemplate`].

use super::amounts::{amounts, fill, key_path};
use super::problems::Problems;
use super::raw;
use super::surroundings::{ContainerDefaults, Surroundings};
use super::{objects, placement, validate};
use crate::model::{Amounts, Container, Origin, PodTemplate, Probe, Volume, VolumeSource, is_pod_level};
use crate::units::Span;

/// The API server's default of `terminationGracePeriodSeconds`.
const DEFAULT_GRACE_PERIOD_SECONDS: i64 = 30;

/// The release from which on pod-level resources are on by default (`PodLevelResources`).
const POD_LEVEL_SINCE: u8 = 34;

/// Longer waits than any simulation lasts.
const MOST_SECONDS: i64 = i32::MAX as i64;

const SAFE_TO_EVICT: &str = "cluster-autoscaler.kubernetes.io/safe-to-evict";

/// Converts a template that stands at `path` (empty for a bare pod).
pub(super) fn convert(
    raw: raw::Template,
    kind: &str,
    path: &str,
    namespace: &str,
    origin: &Origin,
    around: &Surroundings,
    problems: &mut Problems,
) -> PodTemplate {
    validate::pod(&raw.spec, kind, path, problems);
    let placement = placement::convert(&raw.spec, path, around, problems);
    let pod = raw.spec;
    let none = ContainerDefaults::default();
    let reader = Reader { path, origin, defaults: around.defaults.get(namespace).unwrap_or(&none) };
    let containers = reader.containers(pod.containers.as_deref(), "containers", problems);
    if containers.is_empty() {
        problems.error(format!("{path}.containers"), "is required: at least one container", "");
    }
    let init_containers = reader.containers(pod.init_containers.as_deref(), "initContainers", problems);
    let resources_path = format!("{path}.resources");
    let (mut pod_requests, pod_limits) = if around.version.at_least(POD_LEVEL_SINCE) {
        amounts_of(&pod.resources, &resources_path, origin, problems)
    } else {
        if pod.resources.requests.is_some() || pod.resources.limits.is_some() {
            let message = format!("is dropped: PodLevelResources is off by default in Kubernetes {}", around.version);
            problems.warn(&resources_path, message, format!("it takes effect from 1.{POD_LEVEL_SINCE} on"));
        }
        (Amounts::default(), Amounts::default())
    };
    let mut overhead = Amounts::default();
    if let Some(raw) = &pod.overhead {
        overhead = amounts(raw, &format!("{path}.overhead"), origin, problems);
    } else if let Some(class) = pod.runtime_class_name.as_ref().and_then(|name| around.overheads.get(name)) {
        overhead = class.clone();
    }
    let grace = pod.termination_grace_period_seconds.unwrap_or(DEFAULT_GRACE_PERIOD_SECONDS);
    if grace < 0 {
        let message = format!("is {grace} and must be greater than or equal to 0");
        problems.error(format!("{path}.terminationGracePeriodSeconds"), message, "");
    }
    if !pod_limits.is_empty() {
        default_pod_requests(&mut pod_requests, &pod_limits, &containers, &init_containers);
    }
    refuse_requests_over_limits(&pod_requests, &pod_limits, &format!("{resources_path}.requests"), problems);
    let safe_to_evict = raw.metadata.annotations.iter().flatten().find(|(key, _)| *key == SAFE_TO_EVICT);
    PodTemplate {
        grace_period: Span::from_seconds(grace.clamp(0, MOST_SECONDS)),
        safe_to_evict: safe_to_evict.map(|(_, value)| value == "true"),
        labels: raw.metadata.labels.unwrap_or_default(),
        containers,
        init_containers,
        pod_requests,
        pod_limits,
        overhead,
        volumes: reader.volumes(pod.volumes.as_deref().unwrap_or_default(), namespace, problems),
        placement,
    }
}

/// A pod's spec at a path.
struct Reader<'a> {
    path: &'a str,
    origin: &'a Origin,
    defaults: &'a ContainerDefaults,
}

impl Reader<'_> {
    fn containers(&self, raw: Option<&[raw::Container]>, field: &str, problems: &mut Problems) -> Vec<Container> {
        let list = raw.unwrap_or_default().iter().enumerate();
        list.map(|(index, raw)| self.container(raw, format!("{}.{field}[{index}]", self.path), problems)).collect()
    }

    fn container(&self, raw: &raw::Container, path: String, problems: &mut Problems) -> Container {
        if raw.name.is_empty() {
            problems.error(format!("{path}.name"), "is required", "");
        }
        let resources_path = format!("{path}.resources");
        let (requests, limits) = resources(&raw.resources, &resources_path, self.origin, self.defaults, problems);
        let mut timing = |raw: &Option<raw::Probe>, field: &str| {
            raw.as_ref().map(|raw| probe(raw, &format!("{path}.{field}"), field != "readinessProbe", problems))
        };
        Container {
            name: raw.name.clone(),
            image: raw.image.clone(),
            command: raw.command.iter().chain(&raw.args).flatten().cloned().collect(),
            env: raw.env.iter().flatten().map(|variable| variable.name.clone()).collect(),
            sidecar: path.contains(".initContainers[") && raw.restart_policy.as_deref() == Some("Always"),
            startup_probe: timing(&raw.startup_probe, "startupProbe"),
            readiness_probe: timing(&raw.readiness_probe, "readinessProbe"),
            liveness_probe: timing(&raw.liveness_probe, "livenessProbe"),
            pre_stop: raw.lifecycle.pre_stop.as_ref().map(pre_stop),
            liveness_is_readiness: raw.liveness_probe.is_some() && raw.liveness_probe == raw.readiness_probe,
            requests,
            limits,
            path,
        }
    }

    fn volumes(&self, raw: &[raw::Volume], namespace: &str, problems: &mut Problems) -> Vec<Volume> {
        let mut volumes = Vec::new();
        for (index, raw) in raw.iter().enumerate() {
            let path = format!("{}.volumes[{index}]", self.path);
            let source = if let Some(claim) = &raw.persistent_volume_claim {
                if claim.claim_name.is_empty() {
                    problems.error(format!("{path}.persistentVolumeClaim.claimName"), "is required", "");
                }
                VolumeSource::Claim(claim.claim_name.clone())
            } else if let Some(template) = raw.ephemeral.as_ref().and_then(|e| e.volume_claim_template.as_ref()) {
                let path = format!("{path}.ephemeral.volumeClaimTemplate");
                let name = raw.name.clone();
                let claim = objects::claim(&template.spec, name, namespace.to_owned(), &path, self.origin, problems);
                VolumeSource::Ephemeral(Box::new(claim))
            } else if let Some(raw) = &raw.empty_dir {
                let size = raw.size_limit.as_ref();
                let size_limit = size.and_then(|size| problems.quantity(&format!("{path}.emptyDir.sizeLimit"), size));
                VolumeSource::EmptyDir { memory: raw.medium == "Memory", size_limit }
            } else if raw.host_path.is_some() {
                VolumeSource::HostPath
            } else {
                VolumeSource::Other
            };
            volumes.push(Volume { name: raw.name.clone(), path, source });
        }
        volumes
    }
}

/// Requests and limits as they are written.
fn amounts_of(raw: &raw::Resources, path: &str, origin: &Origin, problems: &mut Problems) -> (Amounts, Amounts) {
    let none = raw::ResourceList::new();
    let mut read = |list: &Option<raw::ResourceList>, field: &str| {
        amounts(list.as_ref().unwrap_or(&none), &format!("{path}.{field}"), origin, problems)
    };
    (read(&raw.requests, "requests"), read(&raw.limits, "limits"))
}

/// Requests and limits of a container: requests default to limits first, then the LimitRange fills what is missing. Where
/// its limit is less than the request, the workload is accepted and its pods are refused.
fn resources(
    raw: &raw::Resources,
    path: &str,
    origin: &Origin,
    defaults: &ContainerDefaults,
    problems: &mut Problems,
) -> (Amounts, Amounts) {
    let (mut requests, mut limits) = amounts_of(raw, path, origin, problems);
    fill(&mut requests, &limits);
    refuse_requests_over_limits(&requests, &limits, &format!("{path}.requests"), problems);
    fill(&mut limits, &defaults.limits);
    fill(&mut requests, &defaults.requests);
    (requests, limits)
}

/// With pod-level limits, pod-level requests that are not set default to what the containers request, or to the limit if
/// they request nothing. Mirrors `setDefaultPodRequests` (`pkg/apis/core/v1/defaults.go`).
fn default_pod_requests(
    requests: &mut Amounts,
    limits: &Amounts,
    containers: &[Container],
    init_containers: &[Container],
) {
    let containers = PodTemplate {
        containers: containers.to_vec(),
        init_containers: init_containers.to_vec(),
        ..PodTemplate::default()
    };
    for (name, amount) in containers.requests().iter().chain(limits.iter()).filter(|(name, _)| is_pod_level(name)) {
        requests.set_default(name, amount);
    }
}

fn refuse_requests_over_limits(requests: &Amounts, limits: &Amounts, requests_path: &str, problems: &mut Problems) {
    for (name, request) in requests.iter() {
        let request = request.quantity;
        if let Some(limit) = limits.get(name).filter(|&limit| request > limit) {
            let message = format!("is {request} and must be less than or equal to the {name} limit of {limit}");
            problems.error(key_path(requests_path, name), message, "");
        }
    }
}

/// How long a preStop hook takes, where it can be read from the manifest.
fn pre_stop(handler: &raw::Handler) -> Span {
    if let Some(sleep) = &handler.sleep {
        return Span::from_seconds(sleep.seconds.clamp(0, MOST_SECONDS));
    }
    let words: Vec<&str> = handler
        .exec
        .iter()
        .flat_map(|exec| &exec.command)
        .flat_map(|part| part.split([' ', ';', '&', '\n']))
        .filter(|word| !word.is_empty())
        .collect();
    let sleeps = words.windows(2).filter(|pair| pair[0] == "sleep" || pair[0].ends_with("/sleep"));
    let seconds = sleeps.filter_map(|pair| pair[1].trim_end_matches('s').parse::<f64>().ok());
    let whole = seconds.filter(|seconds| *seconds >= 0.0).map(|seconds| (seconds.ceil() as i64).min(MOST_SECONDS));
    Span::from_seconds(whole.fold(0, i64::saturating_add).min(MOST_SECONDS))
}

/// A probe with the API server's defaults (`SetDefaults_Probe`) and validation.
fn probe(raw: &raw::Probe, path: &str, single_success: bool, problems: &mut Problems) -> Probe {
    let mut number = |field: &str, value: Option<i32>, default: i32, least: i32| {
        // Zero means "not set" to the API server.
        let value = value.filter(|&value| value != 0).unwrap_or(default);
        if value < least {
            problems.error(format!("{path}.{field}"), format!("is {value} and must be at least {least}"), "");
        }
        value.max(least)
    };
    let success_threshold = number("successThreshold", raw.success_threshold, 1, 1);
    let probe = Probe {
        initial_delay: Span::from_seconds(number("initialDelaySeconds", raw.initial_delay_seconds, 0, 0).into()),
        period: Span::from_seconds(number("periodSeconds", raw.period_seconds, 10, 1).into()),
        failure_threshold: number("failureThreshold", raw.failure_threshold, 3, 1),
        success_threshold,
        timeout: Span::from_seconds(number("timeoutSeconds", raw.timeout_seconds, 1, 1).into()),
        is_answered_by_process: raw.tcp_socket.is_none(),
        grace_period: raw
            .termination_grace_period_seconds
            .map(|grace| Span::from_seconds(grace.clamp(1, MOST_SECONDS))),
    };
    if let Some(grace) = raw.termination_grace_period_seconds {
        let at = format!("{path}.terminationGracePeriodSeconds");
        if grace < 1 {
            problems.error(at, format!("is {grace} and must be at least 1"), "");
        } else if !single_success {
            problems.error(at, "cannot be set for a readiness probe", "a readiness probe restarts nothing");
        }
    }
    if single_success && success_threshold != 1 {
        let kind = if path.ends_with("startupProbe") { "startup" } else { "liveness" };
        problems.error(format!("{path}.successThreshold"), format!("must be 1 for a {kind} probe"), "");
    }
    probe
}
