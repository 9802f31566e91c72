//! Persistent and ephemeral storage.

use std::collections::BTreeMap;

use super::{Level, WorkloadPlan};
use crate::model::{AccessMode, Amount, Inventory, Location, VolumeClaim, VolumeSource};
use crate::units::{Quantity, Replicas};

/// What kind of storage a row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StorageKind {
    /// A PersistentVolumeClaim.
    Claim,
    /// A StatefulSet's volumeClaimTemplate: a claim for every pod, kept when the pod is scaled away unless its retention
    /// policy says otherwise.
    Template,
    /// A generic ephemeral volume: a claim for every pod, deleted with it.
    Ephemeral,
    /// An emptyDir: space of the node, or memory.
    EmptyDir,
}

impl StorageKind {
    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Claim => "PersistentVolumeClaim",
            Self::Template => "volumeClaimTemplate",
            Self::Ephemeral => "ephemeral volume",
            Self::EmptyDir => "emptyDir",
        }
    }

    /// Whether it takes persistent storage.
    pub fn is_persistent(self) -> bool {
        self != Self::EmptyDir
    }
}

/// A claim, a template of claims, or an emptyDir.
#[derive(Clone, Debug)]
pub struct StorageRow {
    /// What it is.
    pub kind: StorageKind,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The storage class; none is the cluster's default.
    pub class: Option<String>,
    /// The access modes.
    pub modes: Vec<AccessMode>,
    /// The size of one; none if it is not bounded.
    pub size: Option<Amount>,
    /// How many there are, at each level of [`Level::ALL`].
    pub counts: [i64; 4],
    /// The workloads whose pods mount it.
    pub mounted_by: Vec<String>,
    /// Whether the claims go with pods that are scaled away.
    pub deleted_with_pods: bool,
    /// Where it stands.
    pub location: Location,
}

impl StorageRow {
    /// The storage at a level.
    pub fn total(&self, level: Level) -> Quantity {
        self.size.as_ref().map_or(Quantity::ZERO, |size| size.quantity.times(self.counts[level.index()]))
    }
}

fn row(kind: StorageKind, claim: &VolumeClaim, counts: [i64; 4], location: Location) -> StorageRow {
    StorageRow {
        kind,
        namespace: claim.namespace.clone(),
        name: claim.name.clone(),
        class: claim.storage_class.clone(),
        modes: claim.access_modes.clone(),
        size: Some(claim.request.clone()),
        counts,
        mounted_by: Vec::new(),
        deleted_with_pods: kind == StorageKind::Ephemeral,
        location,
    }
}

/// All storage, claims first.
pub fn storage(inventory: &Inventory, workloads: &[WorkloadPlan<'_>]) -> Vec<StorageRow> {
    let mut rows = Vec::new();
    let mounting = Mounting::new(workloads);
    for claim in &inventory.volume_claims {
        let mut row = row(StorageKind::Claim, &claim.item, [1; 4], claim.location());
        row.mounted_by = mounting.of(&claim.item).iter().map(|workload| workload.label()).collect();
        rows.push(row);
    }
    for workload in workloads {
        let counts = Level::ALL.map(|level| i64::from(workload.count(level).pods));
        let locate = |path: &str| workload.origin.locate(path);
        let mut own = Vec::new();
        for claim in &workload.workload.volume_claim_templates {
            own.push(row(StorageKind::Template, claim, counts, locate(&claim.path)));
        }
        for volume in &workload.workload.template.volumes {
            match &volume.source {
                VolumeSource::Ephemeral(claim) => {
                    own.push(row(StorageKind::Ephemeral, claim, counts, locate(&volume.path)));
                }
                VolumeSource::EmptyDir { memory, size_limit } => own.push(StorageRow {
                    kind: StorageKind::EmptyDir,
                    namespace: workload.workload.namespace.clone(),
                    name: volume.name.clone(),
                    class: memory.then(|| "(memory)".to_owned()),
                    modes: Vec::new(),
                    size: size_limit.map(|quantity| Amount {
                        quantity,
                        sources: [locate(&format!("{}.emptyDir.sizeLimit", volume.path))].into(),
                    }),
                    counts,
                    mounted_by: Vec::new(),
                    deleted_with_pods: true,
                    location: locate(&volume.path),
                }),
                VolumeSource::Claim(_) | VolumeSource::HostPath | VolumeSource::Other => {}
            }
        }
        for mut row in own {
            row.mounted_by = vec![workload.label()];
            row.deleted_with_pods |= workload.workload.volume_claims_deleted_with_pods;
            rows.push(row);
        }
    }
    rows
}

/// The workloads that mount each claim, by its namespace and name.
struct Mounting<'a, 'b>(BTreeMap<(&'a str, &'a str), Vec<&'a WorkloadPlan<'b>>>);

impl<'a, 'b> Mounting<'a, 'b> {
    fn new(workloads: &'a [WorkloadPlan<'b>]) -> Self {
        let mut mounting: BTreeMap<(&str, &str), Vec<&WorkloadPlan<'b>>> = BTreeMap::new();
        for workload in workloads {
            for volume in &workload.workload.template.volumes {
                let VolumeSource::Claim(name) = &volume.source else { continue };
                let all = mounting.entry((&workload.workload.namespace, name)).or_default();
                if !all.last().is_some_and(|last| std::ptr::eq(*last, workload)) {
                    all.push(workload);
                }
            }
        }
        Self(mounting)
    }

    fn of<'c>(&'c self, claim: &'c VolumeClaim) -> &'c [&'a WorkloadPlan<'b>] {
        self.0.get(&(claim.namespace.as_str(), claim.name.as_str())).map_or(&[], Vec::as_slice)
    }
}

/// What is wrong with the storage: a place and a sentence for each.
pub fn storage_remarks(
    inventory: &Inventory,
    workloads: &[WorkloadPlan<'_>],
    rows: &[StorageRow],
) -> Vec<(Location, String)> {
    let mut remarks = Vec::new();
    let (mounting, claims) = (Mounting::new(workloads), inventory.volume_claims_by_name());
    for (claim, row) in inventory.volume_claims.iter().zip(rows) {
        let name = &claim.item.name;
        let users = mounting.of(&claim.item);
        let pods: Replicas = users.iter().map(|w| w.count(Level::Maximum).pods).sum();
        let per_node = users.iter().any(|w| w.is_per_node());
        if users.is_empty() {
            let size = claim.item.request.quantity;
            remarks.push((row.location.clone(), format!(
                "nothing mounts PersistentVolumeClaim {name} ({size}): with WaitForFirstConsumer it is never provisioned"
            )));
        } else if (pods > 1 || per_node)
            && !claim.item.access_modes.iter().any(|mode| mode.is_shared())
            && !users.iter().all(|w| w.workload.template.placement.pins_to_one_node())
        {
            let modes: Vec<&str> = claim.item.access_modes.iter().map(|mode| mode.name()).collect();
            let scaled = if users.iter().any(|w| w.hpa.is_some()) { ", scaled by an HPA," } else { "" };
            let list = row.mounted_by.join(", ");
            let text = format!(
                "PersistentVolumeClaim {name} is {}, but up to {pods} pods of {list}{scaled} mount it: pods on other \
                 nodes cannot start; it must be ReadWriteMany, or a claim for each pod",
                modes.join(", ")
            );
            remarks.push((row.location.clone(), text));
        }
    }
    for workload in workloads {
        for volume in &workload.workload.template.volumes {
            let VolumeSource::Claim(name) = &volume.source else { continue };
            if !claims.contains_key(&(workload.workload.namespace.as_str(), name.as_str())) {
                let text =
                    format!("{} mounts PersistentVolumeClaim {name}, which the manifests lack", workload.label());
                remarks.push((workload.origin.locate(&volume.path), text));
            }
        }
    }
    remarks
}
