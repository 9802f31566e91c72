//! Choosing the HPA to simulate and finding its target.

use super::Manifests;
use crate::input::{Diagnostic, InputError};
use crate::model::{HpaSpec, Placed, Workload, is_target};

/// An HPA and the workload that it scales.
#[derive(Clone, Copy, Debug)]
pub struct Selection<'a> {
    /// The HPA.
    pub hpa: &'a Placed<HpaSpec>,
    /// Its target.
    pub target: &'a Placed<Workload>,
}

impl Manifests {
    /// The HPA that `--namespace` and `--hpa` choose, and its target.
    pub fn select(&self, namespace: Option<&str>, name: Option<&str>) -> Result<Selection<'_>, InputError> {
        let chosen: Vec<&Placed<HpaSpec>> = self
            .inventory
            .hpas
            .iter()
            .filter(|hpa| namespace.is_none_or(|wanted| hpa.item.namespace == wanted))
            .filter(|hpa| name.is_none_or(|wanted| hpa.item.name == wanted))
            .collect();
        match chosen.as_slice() {
            [] => Err(self.no_hpa(namespace, name).into()),
            [hpa] => self.target_of(hpa),
            [first, second, ..]
                if first.item.name == second.item.name && first.item.namespace == second.item.namespace =>
            {
                let message = format!("{} is defined twice, also at {}", describe(first), second.location());
                Err(Diagnostic::new(message).hint("give each file once, and each object one definition").into())
            }
            several => {
                if let Some(conflict) = self.conflict(several[0]) {
                    return Err(conflict.into());
                }
                let list: Vec<String> = several.iter().map(|hpa| describe(hpa)).collect();
                let message = format!("{} HorizontalPodAutoscalers match: {}", several.len(), list.join(", "));
                Err(Diagnostic::new(message).hint("choose one with --hpa NAME, and -n NAMESPACE if need be").into())
            }
        }
    }

    fn no_hpa(&self, namespace: Option<&str>, name: Option<&str>) -> Diagnostic {
        if self.inventory.hpas.is_empty() {
            return Diagnostic::new("the manifests contain no HorizontalPodAutoscaler")
                .hint("add the file that has it with another -f, or -R for subdirectories");
        }
        let mut wanted = String::new();
        if let Some(name) = name {
            wanted += &format!(" named `{name}`");
        }
        if let Some(namespace) = namespace {
            wanted += &format!(" in namespace `{namespace}`");
        }
        let list: Vec<String> = self.inventory.hpas.iter().map(describe).collect();
        Diagnostic::new(format!("no HorizontalPodAutoscaler{wanted}")).hint(format!("there is {}", list.join(", ")))
    }

    fn target_of<'a>(&'a self, hpa: &'a Placed<HpaSpec>) -> Result<Selection<'a>, InputError> {
        if let Some(conflict) = self.conflict(hpa) {
            return Err(conflict.into());
        }
        let wanted = &hpa.item.target;
        let matching: Vec<&Placed<Workload>> = self
            .inventory
            .workloads
            .iter()
            .filter(|workload| is_target(wanted, &hpa.item.namespace, &workload.item))
            .collect();
        match matching.as_slice() {
            [target] => Ok(Selection { hpa, target }),
            [] => Err(self.no_target(hpa).into()),
            [first, second, ..] => {
                let message = format!("{wanted} is defined twice, also at {}", first.location());
                Err(Diagnostic::new(message).at(second.location()).hint("remove one of the two").into())
            }
        }
    }

    fn scalable(&self) -> impl Iterator<Item = &Placed<Workload>> {
        self.inventory.workloads.iter().filter(|workload| workload.item.is_scalable())
    }

    fn no_target(&self, hpa: &Placed<HpaSpec>) -> Diagnostic {
        let wanted = &hpa.item.target;
        let here = self.scalable().filter(|w| w.item.namespace == hpa.item.namespace);
        let mut similar: Vec<String> = here.map(|w| format!("{} ({})", w.item.reference, w.location())).collect();
        let mut hint = format!("the namespace has {}", similar.join(", "));
        if similar.is_empty() {
            similar = self
                .scalable()
                .filter(|w| w.item.reference.name == wanted.name)
                .map(|w| format!("{} in namespace {} ({})", w.item.reference, w.item.namespace, w.location()))
                .collect();
            hint = if similar.is_empty() {
                "add the file that has it with another -f".to_owned()
            } else {
                format!("there is {}", similar.join(", "))
            };
        }
        let message = format!("no {wanted} in namespace {} among the manifests", hpa.item.namespace);
        Diagnostic::new(message).at(hpa.location()).field("spec.scaleTargetRef").hint(hint)
    }

    /// Another HPA with the same target: the two would fight.
    fn conflict(&self, hpa: &Placed<HpaSpec>) -> Option<Diagnostic> {
        let same = |other: &&Placed<HpaSpec>| {
            other.location() != hpa.location()
                && other.item.namespace == hpa.item.namespace
                && other.item.target.same_object(&hpa.item.target)
        };
        let other = self.inventory.hpas.iter().find(same)?;
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

fn describe(hpa: &Placed<HpaSpec>) -> String {
    format!("{}/{} ({})", hpa.item.namespace, hpa.item.name, hpa.location())
}
