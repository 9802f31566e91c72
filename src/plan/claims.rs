//! Figures of documents against what the manifests add up to.

use super::{Level, StorageRow, WorkloadPlan};
use crate::model::{Amount, ClaimLevel, ClaimVerdict, FigureClaim, Figures, Inventory, Measure, PlanClaim};
use crate::units::{Quantity, Replicas};

/// What came of a claim.
#[derive(Clone, Debug)]
pub struct ClaimFinding<'a> {
    /// The claim.
    pub claim: &'a PlanClaim,
    /// Confirmed if every figure holds, contradicted if one does not; it depends if one holds in one sense only.
    pub verdict: ClaimVerdict,
    /// Figure by figure.
    pub figures: Vec<FigureFinding<'a>>,
}

impl ClaimFinding<'_> {
    /// Whether the verdict is the one that was expected.
    pub fn as_expected(&self) -> bool {
        self.verdict == self.claim.expected
    }
}

/// What came of one figure.
#[derive(Clone, Debug)]
pub struct FigureFinding<'a> {
    /// What the document says.
    pub claimed: &'a FigureClaim,
    /// What it could mean, and how much that is.
    pub computed: Vec<(&'static str, Amount)>,
    /// Whether it is what the document says: in one of the senses that the document leaves open, or in what the manifests
    /// leave open, in all of them. It depends where it is so in some of those.
    pub verdict: ClaimVerdict,
    /// What would make it true, if it is not; a clause each.
    pub true_if: Vec<Remedy>,
}

/// What would make a figure true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Another measure, at the same number of pods.
    Measure(Measure),
    /// Another level.
    Level(&'static str, Level),
    /// A number of pods of the workload that an HPA scales, from and to.
    Pods {
        /// The workload.
        workload: String,
        /// Requests or limits.
        measure: &'static str,
        /// The least.
        from: Replicas,
        /// The most.
        to: Replicas,
        /// More than the HPA allows, or fewer.
        outside: bool,
    },
    /// Leaving a claim out that nothing mounts.
    Without(String),
}

/// What claims are compared with.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The manifests.
    pub inventory: &'a Inventory,
    /// Its workloads.
    pub workloads: &'a [WorkloadPlan<'a>],
    /// Its storage.
    pub storage: &'a [StorageRow],
}

impl<'a> Facts<'a> {
    /// Compares a claim. What it names is there: the reader of claims refuses other names.
    pub fn compare(&self, claim: &'a PlanClaim) -> ClaimFinding<'a> {
        let figures: Vec<FigureFinding<'a>> = claim.figures.iter().map(|figure| self.figure(claim, figure)).collect();
        let any = |verdict| figures.iter().any(|figure| figure.verdict == verdict);
        let verdict = match (any(ClaimVerdict::Contradicted), any(ClaimVerdict::Depends)) {
            (true, _) => ClaimVerdict::Contradicted,
            (false, true) => ClaimVerdict::Depends,
            (false, false) => ClaimVerdict::Confirmed,
        };
        ClaimFinding { claim, verdict, figures }
    }

    fn figure(&self, claim: &PlanClaim, claimed: &'a FigureClaim) -> FigureFinding<'a> {
        let computed = self.computed(claim, &claimed.figure);
        let holding = computed.iter().filter(|(_, amount)| claimed.holds(amount.quantity)).count();
        let verdict = match (holding, &claimed.figure) {
            (0, _) => ClaimVerdict::Contradicted,
            // Which amount a document means is its own choice; what a cluster does with the manifests is not.
            (_, Figures::Resource { .. } | Figures::Objects(_)) => ClaimVerdict::Confirmed,
            (all, Figures::Storage) if all == computed.len() => ClaimVerdict::Confirmed,
            (_, Figures::Storage) => ClaimVerdict::Depends,
        };
        let true_if = if holding > 0 { Vec::new() } else { self.remedies(claim, claimed) };
        FigureFinding { claimed, computed, verdict, true_if }
    }

    fn meant(&self, claim: &PlanClaim) -> impl Iterator<Item = &'a WorkloadPlan<'a>> {
        let name = claim.workload.clone();
        self.workloads.iter().filter(move |w| name.as_ref().is_none_or(|name| w.workload.reference.name == *name))
    }

    fn computed(&self, claim: &PlanClaim, figure: &Figures) -> Vec<(&'static str, Amount)> {
        match figure {
            Figures::Resource { measure, name } => {
                let measures = match measure {
                    Measure::Either => vec![Measure::Requests, Measure::Limits],
                    measure => vec![*measure],
                };
                let pods = |w: &'a WorkloadPlan<'a>| pods(w, claim.level);
                measures.into_iter().map(|m| (m.name(), self.resource(claim, m, name, &pods))).collect()
            }
            Figures::Storage => {
                let all = self.storage_of(claim, &|_| true);
                let mounted = self.storage_of(claim, &|row| !row.mounted_by.is_empty());
                if all.quantity == mounted.quantity {
                    vec![("storage", all)]
                } else {
                    vec![(AT_ONCE, all), (WHEN_MOUNTED, mounted)]
                }
            }
            Figures::Objects(kind) => {
                let sources = self.inventory.kinds.get(kind).cloned().unwrap_or_default();
                vec![(
                    "objects",
                    Amount {
                        quantity: Quantity::from_units(sources.len() as i64),
                        sources: sources.into_iter().collect(),
                    },
                )]
            }
        }
    }

    fn resource(
        &self,
        claim: &PlanClaim,
        measure: Measure,
        name: &str,
        pods: &dyn Fn(&'a WorkloadPlan<'a>) -> super::Count<'a>,
    ) -> Amount {
        let mut total = crate::model::Amounts::default();
        for workload in self.meant(claim) {
            let count = pods(workload);
            total.add(&match measure {
                Measure::Limits => workload.limits_of(&count),
                Measure::Requests | Measure::Either => workload.requests_of(&count),
            });
        }
        total.amount(name).cloned().unwrap_or_else(Amount::none)
    }

    fn storage_of(&self, claim: &PlanClaim, wanted: &dyn Fn(&StorageRow) -> bool) -> Amount {
        let mut total = Amount::none();
        let labels: Vec<String> = self.meant(claim).map(WorkloadPlan::label).collect();
        let level = level_of(claim.level);
        for row in self.storage.iter().filter(|row| row.kind.is_persistent() && wanted(row)) {
            let is_meant = claim.workload.is_none() || row.mounted_by.iter().any(|by| labels.contains(by));
            let Some(size) = row.size.as_ref().filter(|_| is_meant) else { continue };
            let amount = match claim.level {
                ClaimLevel::Pods(pods) => size.quantity.times(pods.into()),
                _ => row.total(level),
            };
            total.quantity = total.quantity + amount;
            total.note(&size.sources);
        }
        total
    }

    fn remedies(&self, claim: &PlanClaim, claimed: &FigureClaim) -> Vec<Remedy> {
        let mut remedies = Vec::new();
        match &claimed.figure {
            Figures::Resource { measure, name } => {
                let at = |measure: Measure, level: ClaimLevel| {
                    claimed.holds(self.resource(claim, measure, name, &|w| pods(w, level)).quantity)
                };
                let other = match measure {
                    Measure::Requests => Some(Measure::Limits),
                    Measure::Limits => Some(Measure::Requests),
                    Measure::Either => None,
                };
                remedies.extend(other.filter(|&other| at(other, claim.level)).map(Remedy::Measure));
                for measure in [Measure::Requests, Measure::Limits] {
                    if *measure_of(claimed) != Measure::Either && *measure_of(claimed) != measure {
                        continue;
                    }
                    for (level, meant) in LEVELS {
                        if claim.level != meant && at(measure, meant) {
                            remedies.push(Remedy::Level(measure.name(), level));
                        }
                    }
                    remedies.extend(self.pods_remedy(claim, claimed, measure, name));
                }
            }
            Figures::Storage => {
                let unused = |row: &StorageRow| row.mounted_by.is_empty();
                for row in self.storage.iter().filter(|row| row.kind.is_persistent() && unused(row)) {
                    let rest = self.storage_of(claim, &|other| other.location != row.location);
                    if claimed.holds(rest.quantity) {
                        remedies.push(Remedy::Without(row.name.clone()));
                    }
                }
            }
            Figures::Objects(_) => {}
        }
        remedies
    }

    /// The number of pods of the one workload with an HPA at which a figure is true.
    fn pods_remedy(&self, claim: &PlanClaim, claimed: &FigureClaim, measure: Measure, name: &str) -> Option<Remedy> {
        let mut scaled = self.meant(claim).filter_map(|w| Some((w, w.hpa?)));
        let (workload, hpa) = scaled.next().filter(|_| scaled.next().is_none())?;
        let (min, max) = (hpa.item.min_replicas, hpa.item.max_replicas);
        let most = max.saturating_mul(2).clamp(10, 10_000);
        let holds = |replicas: Replicas| {
            let count = |w: &'a WorkloadPlan<'a>| {
                let mut count = pods(w, claim.level);
                if std::ptr::eq(w.workload, workload.workload) {
                    count.pods = replicas;
                }
                count
            };
            claimed.holds(self.resource(claim, measure, name, &count).quantity)
        };
        let from = (1..=most).find(|&replicas| holds(replicas))?;
        let to = (from..=most).take_while(|&replicas| holds(replicas)).last()?;
        let outside = to < min || from > max;
        Some(Remedy::Pods { workload: workload.label(), measure: measure.name(), from, to, outside })
    }
}

/// All claims are provisioned: the class's volumeBindingMode is Immediate.
const AT_ONCE: &str = "with volumeBindingMode Immediate";
/// A claim that nothing mounts is not.
const WHEN_MOUNTED: &str = "with WaitForFirstConsumer, without what nothing mounts";

const LEVELS: [(Level, ClaimLevel); 3] = [
    (Level::Minimum, ClaimLevel::Minimum),
    (Level::Declared, ClaimLevel::Declared),
    (Level::Maximum, ClaimLevel::Maximum),
];

fn level_of(level: ClaimLevel) -> Level {
    LEVELS.into_iter().find(|(_, claimed)| *claimed == level).map_or(Level::Declared, |(level, _)| level)
}

fn pods<'a>(workload: &WorkloadPlan<'a>, level: ClaimLevel) -> super::Count<'a> {
    match level {
        ClaimLevel::Pods(pods) => super::Count::stated(pods),
        level => workload.count(level_of(level)),
    }
}

fn measure_of(claimed: &FigureClaim) -> &Measure {
    match &claimed.figure {
        Figures::Resource { measure, .. } => measure,
        _ => &Measure::Either,
    }
}
