//! Choosing the HPA to simulate and finding its target.

use super::{Manifests, brief};
use crate::input::names::nearest;
use crate::input::{Diagnostic, InputError};
use crate::model::{Amounts, ByName, Container, HpaSpec, ObjectId, Placed, PodTemplate, Workload, WorkloadController};
use crate::units::{Replicas, Span};

/// An HPA and the workload that it scales.
#[derive(Clone, Copy, Debug)]
pub struct Selection<'a> {
    /// The HPA.
    pub hpa: &'a Placed<HpaSpec>,
    /// Its target.
    pub target: &'a Placed<Workload>,
}

/// Everything that HPAs scale, by name.
#[derive(Clone, Debug)]
pub struct Targets<'a> {
    manifests: &'a Manifests,
    scalable: ByName<'a, Placed<Workload>>,
    hpas: ByName<'a, Placed<HpaSpec>>,
}

/// The pods of a target that is not among the manifests, as the user states them.
#[derive(Clone, Debug, Default)]
pub struct StatedPods {
    /// What a pod requests.
    pub requests: Amounts,
    /// What it may use.
    pub limits: Amounts,
    /// How many there are.
    pub replicas: Option<Replicas>,
}

impl Manifests {
    /// The HPAs that `--namespace` and `--hpa` choose; at least one.
    pub fn chosen(&self, namespace: Option<&str>, name: Option<&str>) -> Result<Vec<&Placed<HpaSpec>>, InputError> {
        let hpas = self.inventory.hpas.iter();
        let chosen: Vec<&Placed<HpaSpec>> = hpas
            .filter(|hpa| namespace.is_none_or(|wanted| hpa.item.namespace == wanted))
            .filter(|hpa| name.is_none_or(|wanted| hpa.item.name == wanted))
            .collect();
        if chosen.is_empty() { Err(self.no_hpa(namespace, name).into()) } else { Ok(chosen) }
    }

    /// The one HPA that `--namespace` and `--hpa` choose, and its target.
    pub fn select(&self, namespace: Option<&str>, name: Option<&str>) -> Result<Selection<'_>, InputError> {
        match self.chosen(namespace, name)?.as_slice() {
            [hpa] => self.selection(hpa),
            several => {
                let list: Vec<String> = several.iter().map(|hpa| describe(hpa)).collect();
                let message = format!("{} HorizontalPodAutoscalers match: {}", several.len(), list.join(", "));
                Err(Diagnostic::new(message).hint("choose one with --hpa NAME, and -n NAMESPACE if need be").into())
            }
        }
    }

    /// An HPA with its target.
    pub fn selection<'a>(&'a self, hpa: &'a Placed<HpaSpec>) -> Result<Selection<'a>, InputError> {
        self.targets().of(hpa)
    }

    /// The targets of many HPAs.
    pub fn targets(&self) -> Targets<'_> {
        Targets {
            manifests: self,
            scalable: ByName::new(self.scalable(), |workload| &workload.item.reference.name),
            hpas: ByName::new(&self.inventory.hpas, |hpa| &hpa.item.target.name),
        }
    }

    /// Adds the pods that the user states as the target of the chosen HPA, if it is not among the manifests.
    pub fn state_pods(
        &mut self,
        pods: &StatedPods,
        namespace: Option<&str>,
        name: Option<&str>,
    ) -> Result<(), InputError> {
        let without = |hpa: &&Placed<HpaSpec>| self.inventory.target(&hpa.item.target_id()).is_none();
        let missing: Vec<&Placed<HpaSpec>> = self.chosen(namespace, name)?.into_iter().filter(without).collect();
        let target = match missing.as_slice() {
            [] => {
                let message =
                    "pods are stated with --pod-requests or --pod-limits, but the target is among the manifests";
                return Err(Diagnostic::new(message).hint("change its requests and limits in the manifest").into());
            }
            [hpa] => Placed { item: stated_workload(&hpa.item, pods), origin: hpa.origin.clone() },
            several => {
                let list: Vec<String> = several.iter().map(|hpa| describe(hpa)).collect();
                let message =
                    format!("the targets of {} HPAs are not among the manifests: {}", several.len(), list.join(", "));
                return Err(Diagnostic::new(message).hint("say whose pods are stated: --hpa NAME").into());
            }
        };
        self.inventory.workloads.push(target);
        Ok(())
    }

    fn no_hpa(&self, namespace: Option<&str>, name: Option<&str>) -> Diagnostic {
        let inventory = &self.inventory;
        if inventory.hpas.is_empty() {
            let error = Diagnostic::new("the manifests contain no HorizontalPodAutoscaler");
            let keda = inventory.other_scalers.iter().find(|scaler| scaler.item.pods().is_some());
            return match keda {
                Some(keda) => error.at(keda.location()).hint(format!(
                    "{} makes one in the cluster: add the output of `kubectl get hpa -o yaml`, or write it by hand",
                    keda.item.reference
                )),
                None => error.hint("add the file that has it with another -f, or -R for subdirectories"),
            };
        }
        let mut wanted = String::new();
        if let Some(name) = name {
            wanted += &format!(" named `{}`", brief(name));
        }
        if let Some(namespace) = namespace {
            wanted += &format!(" in namespace `{}`", brief(namespace));
        }
        let error = Diagnostic::new(format!("no HorizontalPodAutoscaler{wanted}"));
        let hpas = inventory.hpas.iter();
        let like = |given: Option<&str>, known: &[&str]| {
            let given = given.filter(|given| !known.contains(given))?;
            nearest(given, known.iter().copied()).map(str::to_owned)
        };
        let names: Vec<&str> = hpas.clone().map(|hpa| hpa.item.name.as_str()).collect();
        let namespaces: Vec<&str> = hpas.clone().map(|hpa| hpa.item.namespace.as_str()).collect();
        match like(name, &names).or_else(|| like(namespace, &namespaces)) {
            Some(meant) => error.hint(format!("did you mean `{meant}`?")),
            None => error.hint(format!("there is {}", hpas.map(describe).collect::<Vec<_>>().join(", "))),
        }
    }

    fn scalable(&self) -> impl Iterator<Item = &Placed<Workload>> {
        self.inventory.workloads.iter().filter(|workload| workload.item.is_scalable())
    }

    /// Why the target of an HPA is not there, and what to do.
    fn no_target(&self, hpa: &Placed<HpaSpec>) -> Diagnostic {
        let wanted = &hpa.item.target;
        let id = hpa.item.target_id();
        let stated = "state its pods: --pod-requests cpu=500m,memory=512Mi [--pod-limits cpu=1] --replicas N";
        let error = |message: String| Diagnostic::new(message).at(hpa.location()).field("spec.scaleTargetRef");
        if let Some(other) = self.scalable().find(|workload| same_but_for_group(&workload.item, &id)) {
            let found = &other.item.reference;
            let message = format!(
                "{wanted} is of {} ({}), apiVersion here says {}",
                found.api_version,
                other.location(),
                wanted.api_version
            );
            return error(message).hint(format!("write `apiVersion: {}`", found.api_version));
        }
        if let Some(other) = self.inventory.unread.iter().find(|other| other.item == id) {
            let message = format!("{wanted} ({}) is of a kind whose pods hpasim cannot see", other.location());
            return error(message).hint(stated);
        }
        let message = format!("no {wanted} in namespace {} among the manifests", hpa.item.namespace);
        let here = self.scalable().filter(|w| w.item.namespace == hpa.item.namespace);
        let similar: Vec<String> = here.map(|w| format!("{} ({})", w.item.reference, w.location())).collect();
        if !similar.is_empty() {
            let hint = format!("the namespace has {}; or {stated}", similar.join(", "));
            return error(message).hint(hint);
        }
        let elsewhere: Vec<String> = self
            .scalable()
            .filter(|w| w.item.reference.name == wanted.name)
            .map(|w| format!("{} in namespace {} ({})", w.item.reference, w.item.namespace, w.location()))
            .collect();
        error(message).hint(if elsewhere.is_empty() {
            format!("add the file that has it with another -f, or {stated}")
        } else {
            format!("there is {}", elsewhere.join(", "))
        })
    }
}

impl<'a> Targets<'a> {
    /// An HPA with its target.
    pub fn of(&self, hpa: &'a Placed<HpaSpec>) -> Result<Selection<'a>, InputError> {
        if let Some(conflict) = self.conflict(hpa) {
            return Err(conflict.into());
        }
        let id = hpa.item.target_id();
        let mut named = self.scalable.named(&id.name);
        let found = named.find(|workload| workload.item.is(&id)).or_else(|| {
            // What the controller cannot find stays as it is; which workload is meant is clear all the same.
            let mut named = self.scalable.named(&id.name);
            named.find(|w| same_but_for_group(&w.item, &id)).filter(|_| hpa.item.target.resolves().is_err())
        });
        found.map(|target| Selection { hpa, target }).ok_or_else(|| self.manifests.no_target(hpa).into())
    }

    /// Another HPA with the same target, where the two fight: from 1.27 on neither scales.
    fn conflict(&self, hpa: &Placed<HpaSpec>) -> Option<Diagnostic> {
        if self.manifests.version.at_least(27) {
            return None;
        }
        let id = hpa.item.target_id();
        let same = |other: &&Placed<HpaSpec>| other.item.scales(&id) && other.location() != hpa.location();
        let other = self.hpas.named(&id.name).find(same)?;
        let message = format!(
            "{} is also the target of {}: two HPAs on one target work against each other",
            hpa.item.target,
            describe(other)
        );
        Some(
            Diagnostic::new(message)
                .at(hpa.location())
                .field("spec.scaleTargetRef")
                .hint("remove one of them, or merge their metrics into one HPA"),
        )
    }
}

fn same_but_for_group(workload: &Workload, id: &ObjectId) -> bool {
    workload.reference.kind == id.kind && workload.reference.name == id.name && workload.namespace == id.namespace
}

/// A workload of one container with the pods that the user states.
fn stated_workload(hpa: &HpaSpec, pods: &StatedPods) -> Workload {
    let container = hpa.metrics.iter().find_map(|metric| metric.resource()?.container.map(str::to_owned));
    let mut requests = pods.requests.clone();
    for (name, limit) in pods.limits.iter() {
        requests.set_default(name, limit);
    }
    let container = Container {
        name: container.unwrap_or_else(|| hpa.target.name.clone()),
        path: "spec.scaleTargetRef".into(),
        requests,
        limits: pods.limits.clone(),
        ..Container::default()
    };
    Workload {
        reference: hpa.target.clone(),
        namespace: hpa.namespace.clone(),
        replicas: pods.replicas,
        controller: WorkloadController::Replicas,
        volume_claim_templates: Vec::new(),
        volume_claims_deleted_with_pods: false,
        min_ready: Span::ZERO,
        progress_deadline: Span::from_seconds(600),
        paused: false,
        template: PodTemplate { containers: vec![container], ..PodTemplate::default() },
        pod_path: "spec.scaleTargetRef".into(),
        selector: None,
        live: true,
    }
}

fn describe(hpa: &Placed<HpaSpec>) -> String {
    format!("{}/{} ({})", hpa.item.namespace, hpa.item.name, hpa.location())
}
