//! Who is in the namespace of a target: whose pods its selector selects besides, whose HPA counts them, and how many pods quotas
//! leave for it.

use std::collections::{BTreeMap, BTreeSet};

use super::admission::{Admission, Rules, hard_path, quota_use};
use super::by_labels::{ByLabels, BySelector};
use super::{
    ByName, DisruptionBudget, HpaSpec, Inventory, LabelSelector, Labels, Location, ObjectId, Placed, PodTemplate,
    Service, Workload, WorkloadController,
};
use crate::units::{Quantity, Replicas};

/// What else is in the namespace of a target that bears on it.
#[derive(Clone, Debug, Default)]
pub struct Neighbours {
    /// Other HPAs whose targets select some of the pods, too: with one of them neither HPA scales.
    pub ambiguous_with: Vec<String>,
    /// Pods of other workloads that the target's selector selects as well.
    pub foreign: Vec<ForeignPods>,
    /// How many pods quotas and limit ranges let there be, if they limit them.
    pub allowance: Option<Allowance>,
}

/// Pods of another workload under a selector.
#[derive(Clone, Debug)]
pub struct ForeignPods {
    /// The workload.
    pub workload: ObjectId,
    /// Its template.
    pub template: PodTemplate,
    /// How many there are, as declared.
    pub pods: Replicas,
}

/// How many pods of a workload there may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// So many.
    pub pods: Replicas,
    /// Why.
    pub reason: String,
    /// Where that is written.
    pub location: Location,
}

/// A resource of a ResourceQuota that several targets use up.
#[derive(Clone, Debug, PartialEq)]
pub struct SharedQuota {
    /// The ResourceQuota, the resource, and where that is written.
    pub name: String,
    /// See `name`.
    pub resource: String,
    /// See `name`.
    pub location: Location,
    /// What is left of it beside the workloads that are not targets, as they are declared.
    pub left: Quantity,
    /// The targets that use it up: their indices, and what a pod of each takes.
    pub users: Vec<(usize, Quantity)>,
}

/// The pods of a workload as it is declared; those of a DaemonSet and of Jobs depend on other things.
fn declared(workload: &Workload) -> Replicas {
    match workload.controller {
        WorkloadController::Pod => 1,
        _ if workload.is_scalable() => workload.replicas.unwrap_or(1),
        _ => 0,
    }
}

/// What the pods of a workload as it is declared take of a quota's resource.
fn declared_use(workload: &Workload, resource: &str) -> Quantity {
    let (requests, limits) = (workload.template.requests(), workload.template.limits());
    quota_use(&requests, &limits, resource).unwrap_or(Quantity::ZERO).times(declared(workload).into())
}

/// Everything in a set of manifests, to be asked about the neighbours of many targets.
#[derive(Clone, Debug)]
pub struct Neighbourhood<'a> {
    inventory: &'a Inventory,
    admission: Admission<'a>,
    /// The workloads that are simulated.
    simulated: BTreeSet<ObjectId>,
    workloads: ByName<'a, Placed<Workload>>,
    labelled: ByLabels<'a>,
    selectors: BySelector<'a>,
    /// The namespaces that have workloads, and those that have others.
    namespaces: BTreeSet<&'a str>,
    unknown: BTreeSet<&'a str>,
    budgets: BySelector<'a>,
    services: BySelector<'a>,
    /// The HPAs by the names of their targets, with their places.
    hpas: BTreeMap<&'a str, Vec<usize>>,
    /// What the workloads of a namespace that are not simulated take of a quota's resource as they are declared.
    used: BTreeMap<(&'a str, &'a str), Quantity>,
}

impl Inventory {
    /// Everything; `simulated` are the workloads that are simulated together.
    pub fn neighbourhood(&self, simulated: &[&Workload]) -> Neighbourhood<'_> {
        let simulated: BTreeSet<ObjectId> = simulated.iter().map(|workload| workload.id()).collect();
        let all = || self.workloads.iter().map(|placed| &placed.item);
        // Only what can be scaled may have an HPA that counts the pods that it selects.
        let selectors: Vec<_> =
            all().map(|w| (w.namespace.as_str(), w.selector.as_ref().filter(|_| w.is_scalable()))).collect();
        let mut hpas: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (place, hpa) in self.hpas.iter().enumerate() {
            hpas.entry(&hpa.item.target.name).or_default().push(place);
        }
        let budgets: Vec<_> =
            self.budgets.iter().map(|b| (b.item.namespace.as_str(), b.item.selector.as_ref())).collect();
        let services: Vec<_> =
            self.services.iter().map(|s| (s.item.namespace.as_str(), Some(&s.item.selector))).collect();
        let workloads = ByName::new(&self.workloads, |workload| &workload.item.reference.name);
        Neighbourhood {
            inventory: self,
            namespaces: all().map(|workload| workload.namespace.as_str()).collect(),
            unknown: self.namespaces_of_unknown_workloads(&workloads),
            budgets: BySelector::new(&budgets),
            services: BySelector::new(&services),
            admission: Admission::new(self),
            used: self.used_by_others(&simulated),
            simulated,
            workloads,
            labelled: ByLabels::new(all().map(|w| (w.namespace.as_str(), &w.template.labels))),
            selectors: BySelector::new(&selectors),
            hpas,
        }
    }

    /// The namespaces with workloads whose pods are not known: something that an autoscaler scales is not there, or is of a kind
    /// that is not read.
    fn namespaces_of_unknown_workloads(&self, workloads: &ByName<'_, Placed<Workload>>) -> BTreeSet<&str> {
        let of_hpas = self.hpas.iter().map(|hpa| (hpa.item.namespace.as_str(), hpa.item.target_id()));
        let others = self.other_scalers.iter().map(|other| (other.item.namespace.as_str(), other.item.target_id()));
        let is_there = |id: &ObjectId| workloads.named(&id.name).any(|workload| workload.item.is(id));
        of_hpas.chain(others).filter(|(_, id)| !is_there(id)).map(|(namespace, _)| namespace).collect()
    }

    /// What the workloads of each namespace take of each resource of its quotas as they are declared, but for these.
    fn used_by_others(&self, but: &BTreeSet<ObjectId>) -> BTreeMap<(&str, &str), Quantity> {
        let others = self.workloads.iter().filter(|workload| !but.contains(&workload.item.id()));
        let others = ByName::new(others, |workload| &workload.item.namespace);
        let mut used = BTreeMap::new();
        for quota in self.quotas.iter().map(|quota| &quota.item).filter(|quota| !quota.scoped) {
            for (resource, _) in quota.hard.iter() {
                used.entry((quota.namespace.as_str(), resource)).or_insert_with(|| {
                    let of = |workload: &Placed<Workload>| declared_use(&workload.item, resource);
                    others.named(&quota.namespace).map(of).fold(Quantity::ZERO, |sum, more| sum + more)
                });
            }
        }
        used
    }

    /// The quotas that several of these workloads use up.
    pub fn shared_quotas(&self, targets: &[&Workload]) -> Vec<SharedQuota> {
        let used = self.used_by_others(&targets.iter().map(|target| target.id()).collect());
        let mut by_namespace: BTreeMap<&str, Vec<(usize, &&Workload)>> = BTreeMap::new();
        for (index, target) in targets.iter().enumerate() {
            by_namespace.entry(&target.namespace).or_default().push((index, target));
        }
        let mut shared = Vec::new();
        for placed in self.quotas.iter().filter(|quota| !quota.item.scoped) {
            let quota = &placed.item;
            let here = by_namespace.get(quota.namespace.as_str()).map_or(&[][..], Vec::as_slice);
            for (resource, hard) in quota.hard.iter() {
                let of = |&(index, target): &(usize, &&Workload)| {
                    let (requests, limits) = (target.template.requests(), target.template.limits());
                    let each = quota_use(&requests, &limits, resource).filter(|each| each.signum() > 0)?;
                    Some((index, each))
                };
                let users: Vec<(usize, Quantity)> = here.iter().filter_map(of).collect();
                if users.len() > 1 {
                    let left = hard.quantity.minus(used[&(quota.namespace.as_str(), resource)]);
                    let (name, resource) = (quota.name.clone(), resource.to_owned());
                    let location = placed.origin.locate(&hard_path(&resource));
                    shared.push(SharedQuota { name, resource, location, left, users });
                }
            }
        }
        shared
    }
}

impl<'a> Neighbourhood<'a> {
    /// Whether a namespace has no workloads, or others whose pods are not known.
    pub fn has_others(&self, namespace: &str) -> bool {
        !self.namespaces.contains(namespace) || self.unknown.contains(namespace)
    }

    /// The PodDisruptionBudgets that select the pods of a workload, in their order.
    pub fn budgets_of(&self, workload: &Workload) -> impl Iterator<Item = &'a Placed<DisruptionBudget>> {
        let places = self.budgets.candidates(&workload.namespace, &workload.template.labels);
        let budgets = places.into_iter().map(|place| &self.inventory.budgets[place]);
        budgets.filter(|budget| budget.item.selects(workload))
    }

    /// The Services that select the pods of a workload, in their order.
    pub fn services_of(&self, workload: &Workload) -> impl Iterator<Item = &'a Placed<Service>> {
        let places = self.services.candidates(&workload.namespace, &workload.template.labels);
        let services = places.into_iter().map(|place| &self.inventory.services[place]);
        services.filter(|service| service.item.selects(workload))
    }

    /// The places of the workloads whose pods a selector in a namespace may select.
    pub fn candidates<'s>(&'s self, namespace: &'s str, selector: &'s LabelSelector) -> &'s [usize] {
        self.labelled.candidates(namespace, selector)
    }

    /// What else is in the namespace that bears on an HPA's target.
    pub fn of(&self, hpa: &HpaSpec, target: &Workload) -> Neighbours {
        let under = self.under(target);
        Neighbours {
            ambiguous_with: self.ambiguous_with(hpa, target, &under),
            foreign: under
                .into_iter()
                .filter(|other| declared(other) > 0)
                .map(|other| ForeignPods {
                    workload: other.id(),
                    template: other.template.clone(),
                    pods: declared(other),
                })
                .collect(),
            allowance: self.room(target).allowance(target),
        }
    }

    /// The other workloads whose pods the target's selector selects.
    fn under(&self, target: &Workload) -> Vec<&'a Workload> {
        let Some(selector) = &target.selector else { return Vec::new() };
        let id = target.id();
        let places = self.labelled.candidates(&target.namespace, selector);
        let others = places.iter().map(|&place| &self.inventory.workloads[place].item);
        others
            .filter(|other| !other.is(&id) && target.selects(&other.namespace, &other.template.labels))
            .filter(|other| !matches!(other.controller, WorkloadController::CronJob { .. }))
            .collect()
    }

    /// The other HPAs that count some of the pods under the selector: those of the target, and of workloads that select them.
    fn ambiguous_with(&self, hpa: &HpaSpec, target: &Workload, under: &[&Workload]) -> Vec<String> {
        let pods: Vec<&Labels> = std::iter::once(&target.template.labels)
            .chain(under.iter().filter(|other| declared(other) > 0).map(|other| &other.template.labels))
            .collect();
        let mut ids = BTreeSet::from([target.id()]);
        for labels in &pods {
            for place in self.selectors.candidates(&target.namespace, labels) {
                let other = &self.inventory.workloads[place].item;
                if other.selects(&target.namespace, labels) {
                    ids.insert(other.id());
                }
            }
        }
        let mut places = BTreeSet::new();
        for id in &ids {
            let named = self.hpas.get(id.name.as_str()).into_iter().flatten();
            places.extend(named.filter(|&&place| self.inventory.hpas[place].item.scales(id)));
        }
        let all = places.into_iter().map(|&place| &self.inventory.hpas[place]);
        let others = all.filter(|other| (&other.item.name, &other.item.namespace) != (&hpa.name, &hpa.namespace));
        others.map(|hpa| format!("{}/{} ({})", hpa.item.namespace, hpa.item.name, hpa.location())).collect()
    }

    /// What quotas and LimitRanges leave for the pods of a workload, beside the workloads that are not simulated as they are declared.
    pub fn room(&self, workload: &Workload) -> Room<'a> {
        let rules = self.admission.rules(&workload.namespace);
        let resources = rules.quotas.iter().flat_map(|quota| quota.item.hard.names());
        let used = resources.map(|resource| (resource.to_owned(), self.used_beside(workload, resource))).collect();
        Room { rules, used }
    }

    /// What workloads that are not simulated take of a resource beside one.
    fn used_beside(&self, workload: &Workload, resource: &str) -> Quantity {
        let used = self.used.get(&(workload.namespace.as_str(), resource)).copied().unwrap_or(Quantity::ZERO);
        let id = workload.id();
        if self.simulated.contains(&id) {
            return used;
        }
        let own = self.workloads.named(&id.name).filter(|other| other.item.is(&id));
        own.fold(used, |used, own| used.minus(declared_use(&own.item, resource)))
    }
}

/// What quotas and LimitRanges leave for the pods of a workload.
#[derive(Clone, Debug, Default)]
pub struct Room<'a> {
    rules: Rules<'a>,
    /// What others take of each resource of the quotas.
    used: BTreeMap<String, Quantity>,
}

impl Room<'_> {
    /// How many pods of the workload there may be, whatever they request.
    pub fn allowance(&self, workload: &Workload) -> Option<Allowance> {
        if let Some(refusal) = self.rules.refusals(workload).into_iter().next() {
            let location = refusal.origin.locate(&refusal.path);
            let reason = format!("{}: {}", refusal.object, refusal.message);
            return Some(Allowance { pods: 0, reason, location });
        }
        let (requests, limits) = (workload.template.requests(), workload.template.limits());
        let mut least: Option<Allowance> = None;
        for quota in &self.rules.quotas {
            for (resource, hard) in quota.item.hard.iter() {
                let each = quota_use(&requests, &limits, resource).filter(|each| each.signum() > 0);
                let Some(each) = each else { continue };
                let used = self.used.get(resource).copied().unwrap_or(Quantity::ZERO);
                let room = hard.quantity.minus(used);
                // Rounded down: what does not fit whole is refused.
                let fits = room.div_floor(each).clamp(0, i64::from(Replicas::MAX)) as Replicas;
                if least.as_ref().is_none_or(|least| fits < least.pods) {
                    let name = &quota.item.name;
                    let beside = if used == Quantity::ZERO { String::new() } else { format!(", others use {used}") };
                    let reason = format!(
                        "ResourceQuota {name} allows {} of {resource}{beside}, a pod takes {each}",
                        hard.quantity
                    );
                    let location = quota.origin.locate(&hard_path(resource));
                    least = Some(Allowance { pods: fits, reason, location });
                }
            }
        }
        least
    }
}
