//! What a scenario scales: one HPA, or several at once.

use serde_yaml::Value;

use super::load::Written;
use super::{Reader, lead_in, raw};
use crate::input::manifests::{Manifests, Selection};
use crate::input::names::hint;
use crate::input::{Diagnostic, InputError};
use crate::model::{Caller, ClusterConfig, ControllerConfig, HpaSpec, MOST_PODS, ScenarioTarget, Workload};
use crate::units::Span;

/// No request makes more requests than this.
const MOST_CALLS: f64 = 1000.0;

/// A target as it is written, with the path before its fields.
struct Wanted<'a> {
    prefix: String,
    hpa: Option<&'a str>,
    namespace: Option<&'a str>,
    load: &'a crate::input::load::LoadSettings,
    load_path: String,
    start: &'a raw::Start,
    cluster: Option<&'a serde_yaml::Mapping>,
}

impl Reader<'_> {
    /// The targets, and how long before the start the state is steady.
    pub(super) fn targets(
        &self,
        raw: &raw::Scenario,
        manifests: &Manifests,
        controller: &ControllerConfig,
    ) -> Result<(Vec<ScenarioTarget>, Span), InputError> {
        let wanted = self.wanted(raw)?;
        let mut selected: Vec<(Selection<'_>, ClusterConfig)> = Vec::new();
        for one in &wanted {
            let place = if one.hpa.is_some() { format!("{}hpa", one.prefix) } else { "manifests".to_owned() };
            let found = manifests.select(one.namespace.or(raw.namespace.as_deref()), one.hpa);
            let selection = found.map_err(|error| self.elsewhere(&place, &error))?;
            if selected.iter().any(|(other, _)| std::ptr::eq(other.hpa, selection.hpa)) {
                let message = format!("`{}` is one of the targets already", selection.hpa.item.name);
                return Err(self.wrong(&place, message).into());
            }
            selected.push((selection, self.own_cluster(raw, one)?));
        }
        let before = wanted.iter().zip(&selected).filter(|(one, _)| one.start.before.is_some());
        let longest =
            before.map(|(_, (selection, cluster))| lead_in(&selection.hpa.item, controller, cluster.metric_resolution));
        let lead_in = longest.max().unwrap_or(Span::ZERO);
        let names: Vec<&HpaSpec> = selected.iter().map(|(selection, _)| &selection.hpa.item).collect();
        let workloads: Vec<&Workload> = selected.iter().map(|(selection, _)| &selection.target.item).collect();
        let neighbourhood = manifests.inventory.neighbourhood(&workloads);
        let mut targets = Vec::new();
        for (index, (one, (selection, cluster))) in wanted.iter().zip(&selected).enumerate() {
            let (hpa, workload) = (selection.hpa.item.clone(), selection.target.item.clone());
            let replicas = one.start.replicas.or(workload.replicas).unwrap_or(1);
            if !(0..=MOST_PODS).contains(&replicas) {
                let message = format!("must be from 0 to {MOST_PODS}");
                return Err(self.wrong(&format!("{}start.replicas", one.prefix), message).into());
            }
            let start_path = format!("{}start", one.prefix);
            let written =
                Written { raw, settings: one.load, path: &one.load_path, start: one.start, start_path: &start_path };
            let readings = self.readings(written, &hpa, &workload, replicas, lead_in)?;
            if wanted.len() > 1 && readings.len() > 1 {
                let path = format!("{}.readings", one.load_path);
                let wrong = self.wrong(&path, "several readings are for scenarios with one target");
                return Err(wrong.hint("keep one of them").into());
            }
            targets.push(ScenarioTarget {
                neighbours: neighbourhood.of(&hpa, &workload),
                callers: self.callers(one, index, &names)?,
                cluster: cluster.clone(),
                replicas,
                interpolation: one.load.interpolation,
                readings,
                hpa,
                workload,
            });
        }
        self.refuse_circles(&targets)?;
        Ok((targets, lead_in))
    }

    fn wanted<'a>(&self, raw: &'a raw::Scenario) -> Result<Vec<Wanted<'a>>, InputError> {
        if raw.targets.is_empty() {
            return Ok(vec![Wanted {
                prefix: String::new(),
                hpa: raw.hpa.as_deref(),
                namespace: None,
                load: &raw.load,
                load_path: "load".to_owned(),
                start: &raw.start,
                cluster: None,
            }]);
        }
        let of_one =
            [("hpa", raw.hpa.is_some()), ("start", raw.start.replicas.is_some() || raw.start.before.is_some())];
        if let Some((field, _)) = of_one.into_iter().find(|(_, given)| *given) {
            let wrong = self.wrong(field, "is for a scenario with one target");
            return Err(wrong.hint("write it under the target that is meant").into());
        }
        let target = |(index, target): (usize, &'a raw::Target)| Wanted {
            prefix: format!("targets[{index}]."),
            hpa: Some(&target.hpa),
            namespace: target.namespace.as_deref(),
            load: target.load.as_ref().unwrap_or(&raw.load),
            load_path: if target.load.is_some() { format!("targets[{index}].load") } else { "load".to_owned() },
            start: &target.start,
            cluster: target.cluster.as_ref(),
        };
        Ok(raw.targets.iter().enumerate().map(target).collect())
    }

    /// The scenario's settings of the cluster with those of a target over them.
    fn own_cluster(&self, raw: &raw::Scenario, one: &Wanted<'_>) -> Result<ClusterConfig, InputError> {
        let Some(own) = one.cluster else { return Ok(raw.cluster.clone()) };
        let path = format!("{}cluster", one.prefix);
        if own.contains_key("nodes") {
            let wrong = self.wrong(&format!("{path}.nodes"), "all targets are on the same nodes");
            return Err(wrong.hint("describe them under cluster.nodes").into());
        }
        let wrong = |error: serde_yaml::Error| self.wrong(&path, error.to_string());
        let mut all = serde_yaml::to_value(&raw.cluster).map_err(wrong)?;
        if let Value::Mapping(all) = &mut all {
            all.extend(own.clone());
        }
        serde_yaml::from_value(all).map_err(|error| wrong(error).into())
    }

    fn callers(&self, one: &Wanted<'_>, own: usize, names: &[&HpaSpec]) -> Result<Vec<Caller>, Diagnostic> {
        let mut callers: Vec<Caller> = Vec::new();
        let calls = one.load.from.iter().flat_map(|calls| calls.all());
        for call in calls {
            let path = format!("{}.from", one.load_path);
            let found = self.named(&path, &call.target, names)?;
            let Some(target) = found.filter(|target| *target != own) else {
                let others = names.iter().enumerate().filter(|(index, _)| *index != own);
                let known: Vec<&str> = others.map(|(_, hpa)| hpa.name.as_str()).collect();
                let message = format!("`{}` is no other target of the scenario", crate::model::piece(&call.target));
                let hint = match known.is_empty() {
                    true => "list the one that calls under targets as well".to_owned(),
                    false => hint(&call.target, known.iter().copied()),
                };
                return Err(self.wrong(&path, message).hint(hint));
            };
            let requests_per_request = call.requests_per_request.unwrap_or(1.0);
            if !(0.0..=MOST_CALLS).contains(&requests_per_request) {
                return Err(self.wrong(&path, format!("requestsPerRequest must be from 0 to {MOST_CALLS}")));
            }
            if callers.iter().any(|caller| caller.target == target) {
                return Err(self.wrong(&path, format!("`{}` stands there twice", call.target)));
            }
            callers.push(Caller { target, requests_per_request });
        }
        Ok(callers)
    }

    /// Nobody calls himself, by whatever way; and callers serve requests.
    fn refuse_circles(&self, targets: &[ScenarioTarget]) -> Result<(), Diagnostic> {
        let mut done = vec![false; targets.len()];
        for _ in 0..targets.len() {
            for (index, target) in targets.iter().enumerate() {
                done[index] |= target.callers.iter().all(|caller| done[caller.target]);
            }
        }
        if let Some(index) = done.iter().position(|done| !done) {
            let message = format!("the calls of `{}` come back to it", targets[index].hpa.name);
            return Err(self.wrong(&format!("targets[{index}].load.from"), message).hint("calls go one way"));
        }
        for (index, target) in targets.iter().enumerate() {
            let serves = |target: &ScenarioTarget| target.readings.iter().all(|load| load.drives.requests.is_some());
            if let Some(caller) = target.callers.iter().find(|caller| !serves(&targets[caller.target])) {
                let name = &targets[caller.target].hpa.name;
                let message = format!("the load of `{name}` is not made of requests, so that it calls nobody");
                let wrong = self.wrong(&format!("targets[{index}].load.from"), message);
                return Err(wrong.hint("give it rps or clients, with cpuPerRequest"));
            }
        }
        Ok(())
    }
}
