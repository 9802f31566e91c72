//! What happens in a scenario besides the load.

use std::path::Path;

use serde::Deserialize;
use serde_yaml::Value;

use super::{Files, Reader, raw};
use crate::input::names::hint;
use crate::input::names::typed;
use crate::input::overrides::LARGEST_FACTOR;
use crate::input::yaml::{Document, read_documents};
use crate::input::{Diagnostic, InputError, Source, manifests, open};
use crate::model::{
    Action, ControllerConfig, HpaSpec, MOST_PODS, MetricSource, MetricTarget, MetricsApi, Revision, ScheduledEvent,
    Workload, WorkloadController,
};
use crate::units::Clock;

/// What an event can happen to: an HPA, its target, and the clock of its load.
pub type Happens<'a> = (&'a HpaSpec, &'a Workload, Option<Clock>);

/// Events as they are written in scenarios, outside of one: `{at: 3m, killPods: {pods: 2}}`. Of several HPAs each event says which.
pub fn stated_events(
    texts: &[String],
    targets: &[Happens<'_>],
    has_nodes: bool,
    controller: ControllerConfig,
) -> Result<Vec<ScheduledEvent>, InputError> {
    let mut events = Vec::new();
    for text in texts {
        let source = Source { name: format!("--event {text}"), text: text.clone() };
        for document in read_documents(&source)? {
            let document = Document { value: wrapped(document.value), ..document };
            let reader = Reader { files: Files::Disk, source: &source, document: &document, overrides: &[] };
            let Stated { events: found } = typed(&document)?;
            if targets.len() > 1 && found.iter().any(|event| event.target.is_none()) {
                let hint = format!(
                    "add target: {}",
                    targets.iter().map(|(hpa, ..)| hpa.name.as_str()).collect::<Vec<_>>().join(" or ")
                );
                return Err(Diagnostic::new(format!("{}: there are several HPAs", source.name)).hint(hint).into());
            }
            let more = reader.events((&found, &events), targets, has_nodes, controller)?;
            events.extend(more);
        }
    }
    events.sort_by_key(|event| event.at);
    Ok(events)
}

/// Events of a recording: the cells of the column `event` in a folder's events.csv, or in such a file. Those that need what is not
/// simulated are left out; says how many.
pub fn recorded_events(path: &Path, has_nodes: bool) -> Result<(Vec<String>, usize), InputError> {
    let file = if path.is_dir() { path.join("events.csv") } else { path.to_owned() };
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(open(&file)?);
    let wrong = |message: String| Diagnostic::new(format!("{}: {message}", file.display()));
    let headers = reader.headers().map_err(|error| wrong(format!("cannot be read: {error}")))?.clone();
    let Some(column) = headers.iter().position(|header| header == "event") else {
        let hint = "a folder of `hpasim import` has one: events as scenarios have them, one in a row";
        return Err(wrong("has no column `event`".to_owned()).hint(hint).into());
    };
    let (mut events, mut left_out) = (Vec::new(), 0);
    for record in reader.records() {
        let record = record.map_err(|error| wrong(format!("cannot be read: {error}")))?;
        match record.get(column).map(str::trim) {
            None | Some("") => {}
            Some(event) if !has_nodes && event.contains("loseNodes") => left_out += 1,
            Some(event) => events.push(event.to_owned()),
        }
    }
    Ok((events, left_out))
}

/// A list of events, or one.
fn wrapped(value: Value) -> Value {
    let list = if value.is_sequence() { value } else { Value::Sequence(vec![value]) };
    Value::Mapping([("events".into(), list)].into_iter().collect())
}

#[derive(Deserialize)]
struct Stated {
    events: Vec<raw::Event>,
}

impl Reader<'_> {
    /// The events in the order of time; `before` are those that were stated already.
    pub(super) fn events(
        &self,
        (raw, before): (&[raw::Event], &[ScheduledEvent]),
        targets: &[Happens<'_>],
        has_nodes: bool,
        controller: ControllerConfig,
    ) -> Result<Vec<ScheduledEvent>, InputError> {
        let mut events = Vec::new();
        let hpas: Vec<&HpaSpec> = targets.iter().map(|(hpa, ..)| *hpa).collect();
        for (index, event) in raw.iter().enumerate() {
            let path = format!("events[{index}]");
            let target = self.target_of(&format!("{path}.target"), event.target.as_deref(), &hpas)?;
            let (hpa, workload, clock) = targets[target];
            let at = self.when(&format!("{path}.at"), event.at, clock)?;
            let action = match &event.apply_hpa {
                Some(apply) => {
                    vec![self.changed_hpa(&format!("{path}.applyHpa.file"), &apply.file, hpa, controller)?]
                }
                None => Vec::new(),
            };
            let mut found = self.actions(&path, event, has_nodes)?;
            found.extend(action);
            if let Some(patch) = &event.patch_hpa {
                // As it was left by what came before.
                let changes = before.iter().chain(&events).filter_map(|one: &ScheduledEvent| match &one.action {
                    Action::ChangeHpa(hpa) if one.target == target && one.at <= at => Some((one.at, hpa.as_ref())),
                    _ => None,
                });
                let left = changes.max_by_key(|(at, _)| *at).map(|(_, hpa)| hpa);
                found.push(self.patched_hpa(&format!("{path}.patchHpa"), patch, left.unwrap_or(hpa))?);
            }
            let hint = "see `hpasim schema` for the events that there are";
            match found.len() {
                1 => {}
                0 => return Err(self.wrong(&path, "nothing happens in it").hint(hint).into()),
                _ => return Err(self.wrong(&path, "two things happen in it").hint("make an event of each").into()),
            }
            for action in found {
                self.check_target(&path, &action, workload)?;
                events.push(ScheduledEvent { at, target, action });
            }
        }
        events.sort_by_key(|event| event.at);
        let rolls = |event: &ScheduledEvent| matches!(event.action, Action::Rollout(_) | Action::Restart);
        let goes_nowhere = |(index, event): (usize, &ScheduledEvent)| {
            let mut all = before.iter().filter(|other| other.at <= event.at).chain(&events[..index]);
            event.action == Action::Rollback && !all.any(|other| other.target == event.target && rolls(other))
        };
        if events.iter().enumerate().any(goes_nowhere) {
            let wrong = self.wrong("events", "a rollback without a revision to go back to");
            return Err(wrong.hint("let a rollout or a restart come before it").into());
        }
        Ok(events)
    }

    fn actions(&self, path: &str, raw: &raw::Event, has_nodes: bool) -> Result<Vec<Action>, Diagnostic> {
        let positive = |field: &str, count: i64| {
            let message = format!("is {count} and must be at least 1");
            if count > 0 { Ok(()) } else { Err(self.wrong(&format!("{path}.{field}"), message)) }
        };
        let mut found = Vec::new();
        if let Some(raw) = &raw.rollout {
            found.push(Action::Rollout(self.revision(&format!("{path}.rollout"), raw)?));
        }
        let plain = [
            (raw.restart, Action::Restart),
            (raw.rollback, Action::Rollback),
            (raw.pause, Action::Pause),
            (raw.resume, Action::Resume),
        ];
        found.extend(plain.into_iter().filter(|(given, _)| given.is_some()).map(|(_, action)| action));
        if let Some(raw) = raw.scale {
            if !(0..=MOST_PODS).contains(&raw.replicas) {
                let message = format!("must be from 0 to {MOST_PODS}");
                return Err(self.wrong(&format!("{path}.scale.replicas"), message));
            }
            found.push(Action::Scale(raw.replicas));
        }
        if let Some(raw) = raw.kill_pods {
            positive("killPods.pods", raw.pods.into())?;
            found.push(Action::KillPods(raw.pods, raw.which));
        }
        if let Some(raw) = raw.restart_containers {
            positive("restartContainers.pods", raw.pods.into())?;
            found.push(Action::RestartContainers { pods: raw.pods, which: raw.which, after: raw.after });
        }
        if let Some(raw) = raw.hang_pods {
            positive("hangPods.pods", raw.pods.into())?;
            found.push(Action::HangPods(raw.pods));
        }
        if let Some(raw) = raw.lose_nodes {
            positive("loseNodes.nodes", raw.nodes)?;
            if !has_nodes {
                let wrong = self.wrong(&format!("{path}.loseNodes"), "there are no nodes that could be lost");
                return Err(wrong.hint("describe them under cluster.nodes"));
            }
            found.push(Action::LoseNodes(raw.nodes));
        }
        if let Some(raw) = &raw.metrics_outage {
            let which = match raw.api {
                Some(raw::MetricsApi::Resource) => MetricsApi::Resource,
                Some(raw::MetricsApi::Custom) => MetricsApi::Custom,
                Some(raw::MetricsApi::All) | None => MetricsApi::All,
            };
            found.push(Action::MetricsOutage { which, lasts: raw.lasts });
        }
        if let Some(raw) = &raw.dependency_down {
            let init_container = raw.init_container.clone();
            found.push(Action::DependencyDown { init_container, lasts: raw.lasts });
        }
        if let Some(raw) = &raw.load_factor {
            if !(0.0..=LARGEST_FACTOR).contains(&raw.factor) {
                let message = format!("must be a number from 0 to {LARGEST_FACTOR}");
                return Err(self.wrong(&format!("{path}.loadFactor.factor"), message));
            }
            found.push(Action::LoadFactor { factor: raw.factor, lasts: raw.lasts });
        }
        Ok(found)
    }

    fn revision(&self, path: &str, raw: &raw::Rollout) -> Result<Revision, Diagnostic> {
        let cpu_factor = raw.cpu_factor.unwrap_or(1.0);
        if !(0.001..=1000.0).contains(&cpu_factor) {
            return Err(self.wrong(&format!("{path}.cpuFactor"), "must be from 0.001 to 1000"));
        }
        Ok(Revision { startup: raw.startup, image_pull: raw.image_pull, broken: raw.broken, cpu_factor })
    }

    /// The HPA of the same name in another file.
    fn changed_hpa(
        &self,
        path: &str,
        file: &str,
        hpa: &HpaSpec,
        controller: ControllerConfig,
    ) -> Result<Action, InputError> {
        let sources = self.files.manifests(self.source, file).map_err(|error| self.wrong(path, error.to_string()))?;
        let manifests =
            manifests::read(&sources, manifests::Context::new(controller.version, Some(&hpa.namespace)))?.accepted()?;
        let same = |placed: &&crate::model::Placed<HpaSpec>| {
            (&placed.item.namespace, &placed.item.name) == (&hpa.namespace, &hpa.name)
        };
        let Some(changed) = manifests.inventory.hpas.iter().find(same) else {
            let known = manifests.inventory.hpas.iter().map(|placed| placed.item.name.as_str());
            let hint = hint(&hpa.name, known);
            return Err(self
                .wrong(path, format!("{file} has no HorizontalPodAutoscaler `{}`", hpa.name))
                .hint(hint)
                .into());
        };
        // Tables and pictures have one unit for each metric.
        let metrics = |hpa: &HpaSpec| {
            let metric = |metric: &MetricSource| format!("{} ({})", metric.label(), metric.target().name());
            hpa.metrics.iter().map(metric).collect::<Vec<_>>()
        };
        if metrics(&changed.item) != metrics(hpa) {
            let message = format!("has other metrics: {}", metrics(&changed.item).join(", "));
            let hint = format!("keep {}, in this order; targets may differ", metrics(hpa).join(", "));
            return Err(self.wrong(path, message).hint(hint).into());
        }
        Ok(Action::ChangeHpa(Box::new(changed.item.clone())))
    }

    /// The HPA with other bounds and targets.
    fn patched_hpa(&self, path: &str, patch: &raw::PatchHpa, hpa: &HpaSpec) -> Result<Action, Diagnostic> {
        let mut changed = hpa.clone();
        changed.min_replicas = patch.min_replicas.unwrap_or(hpa.min_replicas);
        changed.max_replicas = patch.max_replicas.unwrap_or(hpa.max_replicas);
        let (min, max) = (changed.min_replicas, changed.max_replicas);
        if min < 0 || max < 1 || min > max {
            let message = format!("leaves minReplicas {min} and maxReplicas {max}");
            return Err(self
                .wrong(path, message)
                .hint("minReplicas must be at least 0, and maxReplicas no less than it"));
        }
        for (name, percent) in &patch.average_utilization {
            let path = format!("{path}.averageUtilization.{name}");
            let target = changed.metrics.iter_mut().find_map(|metric| match metric {
                MetricSource::Resource { name: known, target: target @ MetricTarget::Utilization(_) }
                    if known.as_str() == name =>
                {
                    Some(target)
                }
                _ => None,
            });
            let Some(target) = target else {
                let message = format!("the HPA has no metric of type Resource for the utilization of `{name}`");
                return Err(self.wrong(&path, message));
            };
            if *percent < 1 {
                return Err(self.wrong(&path, format!("is {percent} and must be at least 1")));
            }
            *target = MetricTarget::Utilization(*percent);
        }
        Ok(Action::ChangeHpa(Box::new(changed)))
    }

    /// Whether the event can happen to this workload.
    fn check_target(&self, path: &str, action: &Action, workload: &Workload) -> Result<(), Diagnostic> {
        let deployment = matches!(
            workload.controller,
            WorkloadController::RollingDeployment { .. } | WorkloadController::RecreatingDeployment
        );
        let rolls = deployment || matches!(workload.controller, WorkloadController::StatefulSet { .. });
        let possible = match action {
            Action::Pause | Action::Resume => deployment,
            Action::Rollout(_) | Action::Restart | Action::Rollback => rolls,
            Action::DependencyDown { init_container: Some(name), .. } => {
                let containers = &workload.template.init_containers;
                if containers.iter().any(|container| container.name == *name && !container.sidecar) {
                    return Ok(());
                }
                let known: Vec<&str> = containers
                    .iter()
                    .filter(|container| !container.sidecar)
                    .map(|container| container.name.as_str())
                    .collect();
                let path = format!("{path}.dependencyDown.initContainer");
                return Err(self.unknown(&path, name, "is no init container of the pod template", &known));
            }
            _ => true,
        };
        if possible {
            return Ok(());
        }
        let kind = &workload.reference.kind;
        Err(self.wrong(path, format!("{}: this cannot happen to a {kind}", action.describe())))
    }
}
