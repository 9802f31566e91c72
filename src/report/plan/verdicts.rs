//! Quotas, disruption budgets and the figures of documents: does it fit, is it so.

use super::PlanReport;
use crate::model::{BudgetBound, ClaimVerdict, Figures};
use crate::plan::Level;
use crate::plan::claims::{ClaimFinding, FigureFinding, Remedy};
use crate::report::amounts::amount;
use crate::report::checks::{self, Check};
use crate::report::document::{Block, Claim, Column, Section, Table};
use crate::units::Quantity;

pub(super) fn quotas(report: &PlanReport<'_>) -> Option<Section> {
    if report.quotas.is_empty() {
        return None;
    }
    let headers = vec![
        Column::text("QUOTA"),
        Column::text("RESOURCE"),
        Column::number("HARD"),
        Column::number("MINIMUM").folds(1),
        Column::number("MAXIMUM"),
        Column::number("MAXIMUM + SURGE"),
        Column::text("VERDICT"),
        Column::text("LINE").folds(4),
    ];
    let mut rows = Vec::new();
    for finding in &report.quotas {
        let name = finding.resource.trim_start_matches("requests.").trim_start_matches("limits.");
        let shown = |quantity: Quantity| amount(name, quantity);
        let used = |index: usize| finding.used.map_or_else(|| "?".to_owned(), |used| shown(used[index]));
        let verdict = match (finding.used, finding.exceeded_at()) {
            _ if !finding.refuses.is_empty() => "refuses pods".to_owned(),
            (None, _) => "not checked".to_owned(),
            (Some(_), None) => "fits".to_owned(),
            (Some(_), Some(level)) => format!("exceeded at {}", level.name()),
        };
        rows.push(vec![
            format!("{}/{}", finding.quota.item.namespace, finding.quota.item.name),
            finding.resource.clone(),
            shown(finding.hard.quantity),
            used(0),
            used(2),
            used(3),
            verdict,
            finding.hard.sources.first().map_or_else(String::new, ToString::to_string),
        ]);
    }
    let mut notes = Vec::new();
    if report.quotas.iter().any(|finding| finding.used.is_none()) {
        notes.push("not checked: quotas with scopes, and objects that hpasim does not count".to_owned());
    }
    for finding in &report.quotas {
        for (workload, containers) in &finding.refuses {
            notes.push(format!(
                "{} demands {} of every container: pods of {workload} are refused ({})",
                finding.quota.item.name,
                finding.resource,
                containers.join(", ")
            ));
        }
    }
    let counted = |finding: &crate::plan::QuotaFinding<'_>| finding.quota.item.namespace.clone();
    let namespaces: Vec<String> = report.quotas.iter().map(counted).collect();
    let daemons = report.workloads.iter().filter(|w| w.is_per_node() && namespaces.contains(&w.workload.namespace));
    notes.extend(daemons.map(|w| format!("{} is not counted: its pods depend on the number of nodes", w.label())));
    Some(Section::new("Quotas", Table::new(headers, rows), notes))
}

pub(super) fn budgets(report: &PlanReport<'_>) -> Option<Section> {
    if report.inventory.budgets.is_empty() {
        return None;
    }
    let headers = vec![
        Column::text("BUDGET"),
        Column::text("WORKLOAD"),
        Column::text("BOUND"),
        Column::number("PODS").folds(1),
        Column::number("ALLOWED DISRUPTIONS"),
        Column::text("DRAIN"),
        Column::text("LINE").folds(4),
    ];
    let mut rows = Vec::new();
    for finding in report.budgets.iter().filter(|finding| !finding.workloads.is_empty()) {
        let bound = match finding.budget.item.bound {
            BudgetBound::MinAvailable(bound) => format!("minAvailable {bound}"),
            BudgetBound::MaxUnavailable(bound) => format!("maxUnavailable {bound}"),
        };
        rows.push(vec![
            format!("{}/{}", finding.budget.item.namespace, finding.budget.item.name),
            finding.workloads.join(", "),
            bound,
            finding.pods.to_string(),
            finding.allowed.to_string(),
            if finding.drains() { "possible" } else { "blocked" }.to_owned(),
            finding.budget.location().to_string(),
        ]);
    }
    let idle = report.budgets.iter().filter(|finding| finding.workloads.is_empty()).map(|finding| finding.budget);
    let mut notes: Vec<String> =
        idle.map(|b| format!("{}: {} selects no pods of these manifests", b.location(), b.item.name)).collect();
    let mut shared: Vec<&String> = report.budgets.iter().flat_map(|finding| &finding.shared).collect();
    shared.sort();
    shared.dedup();
    notes.extend(shared.iter().map(|w| format!("no pod of {w} can be evicted: more than one budget selects it")));
    Some(Section::new("Disruption budgets, with the fewest pods", Table::new(headers, rows), notes))
}

/// The name of a figure.
pub(super) fn figure_name(figure: &Figures) -> String {
    match figure {
        Figures::Resource { measure, name } => format!("{name} {}", measure.name()),
        Figures::Storage => "storage".to_owned(),
        Figures::Objects(kind) => format!("{kind} objects"),
    }
}

/// An amount of a figure, with its unit.
pub(super) fn figure_amount(figure: &Figures, quantity: Quantity) -> String {
    match figure {
        Figures::Resource { name, .. } if name == "cpu" => {
            format!("{} cores", crate::report::amounts::milli(quantity.milli_value()))
        }
        Figures::Resource { name, .. } => amount(name, quantity),
        Figures::Storage => amount("storage", quantity),
        Figures::Objects(_) => quantity.to_string(),
    }
}

/// What the manifests add up to: `2.6 cores (requests), 10.2 cores (limits)`.
pub(super) fn computed(finding: &FigureFinding<'_>) -> String {
    let figure = &finding.claimed.figure;
    let several = finding.computed.len() > 1;
    let part = |(measure, found): &(&'static str, crate::model::Amount)| {
        let text = figure_amount(figure, found.quantity);
        if several { format!("{text} ({measure})") } else { text }
    };
    finding.computed.iter().map(part).collect::<Vec<_>>().join(", ")
}

/// What would make it true, in a clause.
pub(super) fn remedy(remedy: &Remedy) -> String {
    match remedy {
        Remedy::Measure(measure) => format!("it meant {}", measure.name()),
        Remedy::Level(measure, Level::Minimum) => format!("it meant the {measure} at the minimum"),
        Remedy::Level(measure, level) => format!("it meant the {measure} of the {} number of pods", level.name()),
        Remedy::Pods { workload, measure, from, to, outside } => {
            let pods = match (from, to) {
                (1, 1) => "1 pod".to_owned(),
                (from, to) if from == to => format!("{from} pods"),
                (from, to) => format!("{from} to {to} pods"),
            };
            let outside = if *outside { ", which its HPA does not allow" } else { "" };
            format!("it meant the {measure} with {pods} of {workload}{outside}")
        }
        Remedy::Without(claim) => format!("{claim}, which nothing mounts, were left out"),
    }
}

pub(super) fn claims(report: &PlanReport<'_>) -> Option<Section> {
    if report.claims.is_empty() {
        return None;
    }
    let count = |verdict| report.claims.iter().filter(|finding| finding.verdict == verdict).count();
    let title = format!(
        "Claims of the document: {} of {} confirmed, {} contradicted, {} depend",
        count(ClaimVerdict::Confirmed),
        report.claims.len(),
        count(ClaimVerdict::Contradicted),
        count(ClaimVerdict::Depends)
    );
    let claims = report.claims.iter().map(claim).collect();
    Some(Section { title, blocks: vec![Block::Claims("computed", claims)] })
}

/// Whether each verdict is the one on record.
pub fn checks(report: &PlanReport<'_>) -> Vec<Check> {
    let check = |finding: &ClaimFinding<'_>| {
        let Claim { found, why, qualified, .. } = claim(finding);
        let words = [qualified, found, why].into_iter().filter(|words| !words.is_empty()).collect::<Vec<_>>();
        Check {
            suite: "claims".to_owned(),
            name: finding.claim.says.clone(),
            location: Some(finding.claim.location.clone()),
            found: format!("{}: {}", finding.verdict.name(), words.join("; ")),
            level: if finding.as_expected() { checks::Level::Passed } else { checks::Level::Error },
        }
    };
    report.claims.iter().map(check).collect()
}

/// A claim with each of its figures.
fn claim(finding: &ClaimFinding<'_>) -> Claim {
    let found: Vec<String> = finding.figures.iter().map(found).collect();
    let whys: Vec<String> = finding.figures.iter().filter_map(why).collect();
    let name = finding.claim.expected.name();
    let expected = (!finding.as_expected()).then(|| format!("expected {name}, but it is {}", finding.verdict.name()));
    Claim {
        scenario: None,
        says: finding.claim.says.clone(),
        section: (!finding.as_expected()).then(|| finding.claim.location.to_string()),
        verdict: finding.verdict,
        qualified: expected.unwrap_or_default(),
        found: found.join("; "),
        why: whys.join("; "),
        note: finding.claim.note.clone().filter(|_| finding.verdict != ClaimVerdict::Confirmed),
    }
}

/// A figure as it is, and as the document has it where that is something else.
fn found(figure: &FigureFinding<'_>) -> String {
    let claimed = figure.claimed;
    let name = match &claimed.figure {
        Figures::Resource { measure: crate::model::Measure::Either, name } => name.clone(),
        other => figure_name(other),
    };
    let (roughly, says) = (if claimed.roughly { "~" } else { "" }, figure_amount(&claimed.figure, claimed.says));
    let computed = computed(figure);
    match figure.verdict {
        ClaimVerdict::Contradicted => format!("{name} {computed}, not {roughly}{says}"),
        ClaimVerdict::Confirmed if computed != says => format!("{name} {computed}, as {roughly}{says}"),
        _ => format!("{name} {computed}"),
    }
}

/// What would make a figure true that is not.
fn why(figure: &FigureFinding<'_>) -> Option<String> {
    if figure.verdict != ClaimVerdict::Contradicted {
        return None;
    }
    let remedies: Vec<String> = figure.true_if.iter().map(remedy).collect();
    Some(match remedies.is_empty() {
        true => "no reading of it is true".to_owned(),
        false => format!("it would be true if {}", remedies.join(", or if ")),
    })
}
