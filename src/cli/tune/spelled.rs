//! How what was found is set: options, a patch, and a change of the user's own file.

use std::borrow::Cow;
use std::path::Path;

use similar::TextDiff;

use super::super::manifests::SourceArgs;
use crate::input::manifests::{Edited, Manifests};
use crate::input::overrides::Override;
use crate::lint::Finding;
use crate::model::{HpaSpec, KubernetesVersion, Placed, Workload};
use crate::report::tune::Spelled;
use crate::study::tune::Axis;
use crate::study::tune::field::{Defaults, Field, Subject, amount, policies};

/// Lines around a change.
const CONTEXT: usize = 3;

/// Both forms of the options.
type Forms = [Vec<String>; 2];

/// The values that are not as before, as `--set` has them; in the first form for `autoscaling/v2`, then for v1. None if the pods are of a kind that
/// cannot be changed.
fn options(
    name: &str,
    (before, after): (&Subject<'_>, &Subject<'_>),
    (axes, defaults): (&[Axis], &Defaults),
) -> Option<Forms> {
    let mut all = [Vec::new(), Vec::new()];
    let mut directions = Vec::new();
    let both = |all: &mut Forms, option: &str| all.iter_mut().for_each(|options| options.push(option.to_owned()));
    for axis in axes {
        let value = axis.field.value(after, defaults);
        if axis.field.value(before, defaults) == value {
            continue;
        }
        let path = axis.field.path(after);
        let (value, is_percent) = match axis.field {
            Field::Policy(direction, _) | Field::Period(direction, _) => {
                directions.push(direction);
                continue;
            }
            Field::Asked(asked, resource) => {
                for (place, quantity) in asked.places(&after.workload.template, resource) {
                    both(&mut all, &format!("{}{place}={quantity}", pod(&after.workload)?));
                }
                continue;
            }
            Field::Probe(..) => {
                both(&mut all, &format!("{}{path}={value}", pod(&after.workload)?));
                continue;
            }
            Field::Tolerance(_) => (amount(value), false),
            Field::Select(_) => (axis.field.told(&after.hpa, value), false),
            Field::Target(_) if !path.ends_with("averageUtilization") => (amount(value), false),
            Field::Target(_) => (value.to_string(), true),
            _ => (value.to_string(), false),
        };
        all[0].push(format!("hpa.{name}.{path}={value}"));
        let older = if is_percent { "targetCPUUtilizationPercentage" } else { path.as_str() };
        all[1].push(format!("hpa.{name}.{older}={value}"));
    }
    directions.dedup();
    for direction in directions {
        let policies: Vec<String> = policies(&after.hpa, direction).iter().map(policy).collect();
        both(&mut all, &format!("hpa.{name}.behavior.{}.policies=[{}]", direction.name(), policies.join(", ")));
    }
    Some(all)
}

/// The path of a workload's pods, as `--set` has it.
fn pod(workload: &Workload) -> Option<String> {
    let kind = ["Deployment", "StatefulSet", "ReplicaSet"].into_iter().find(|kind| *kind == workload.reference.kind)?;
    let path = workload.pod_path.strip_prefix("spec.")?;
    Some(format!("{}.{}/{}.{path}.", kind.to_lowercase(), workload.namespace, workload.reference.name))
}

fn policy(policy: &crate::model::ScalingPolicy) -> String {
    let kind = match policy.kind {
        crate::model::PolicyKind::Pods => "Pods",
        crate::model::PolicyKind::Percent => "Percent",
    };
    format!("{{type: {kind}, value: {}, periodSeconds: {}}}", policy.value, policy.period.seconds())
}

/// Whether manifests have this HPA and this workload.
fn have(manifests: &Manifests, subject: &Subject<'_>) -> bool {
    let (hpa, workload) = (&subject.hpa, &subject.workload);
    let is_it = |other: &&Placed<HpaSpec>| other.item.name == hpa.name && other.item.namespace == hpa.namespace;
    let id = workload.id();
    let own = manifests.inventory.workloads.iter().find(|other| other.item.is(&id));
    manifests.inventory.hpas.iter().find(is_it).is_some_and(|other| other.item == *hpa)
        && own.is_some_and(|own| *workload == Cow::Borrowed(&own.item) || plain(&own.item) == plain(workload))
}

/// The same without the places of what its containers ask for.
fn plain(workload: &Workload) -> Workload {
    let mut plain = workload.clone();
    let template = &mut plain.template;
    let containers = template.containers.iter_mut().chain(&mut template.init_containers);
    let of_containers = containers.flat_map(|container| [&mut container.requests, &mut container.limits]);
    for amounts in of_containers.chain([&mut template.pod_requests, &mut template.pod_limits]) {
        let all: Vec<_> = amounts.iter().map(|(name, amount)| (name.to_owned(), amount.quantity)).collect();
        all.into_iter().for_each(|(name, quantity)| amounts.set(&name, quantity, None));
    }
    plain
}

/// What lint finds in manifests.
pub(super) type Check<'c> = &'c dyn Fn(&Manifests) -> Vec<Finding>;

/// What is found after a change, and was not before: by rule and field.
fn new_findings(before: &[Finding], after: &[Finding]) -> Vec<String> {
    let is_same = |one: &Finding, other: &Finding| one.rule.code == other.rule.code && one.hit.path == other.hit.path;
    let count = |all: &[Finding], one: &Finding| all.iter().filter(|other| is_same(one, other)).count();
    let is_new = |(index, one): &(usize, &Finding)| count(&after[..=*index], one) > count(before, one);
    let told = |(_, one): (usize, &Finding)| {
        format!("{} {}: {}: {}", one.rule.severity.name(), one.rule.code, one.hit.path, one.hit.message)
    };
    after.iter().enumerate().filter(is_new).map(told).collect()
}

/// Which of the axes the manifests can be changed in: `autoscaling/v1` has no behavior, and what a ScaledObject makes is not in them. All of them if it
/// is none, for then they are set elsewhere.
pub(super) fn writable(
    (sources, version): (&SourceArgs, KubernetesVersion),
    today: &Subject<'_>,
    (axes, defaults): (&[Axis], &Defaults),
    name: &str,
) -> Vec<bool> {
    let is_so = |chosen: &[&Axis]| {
        let mut after = today.clone();
        for axis in chosen {
            let other = if axis.own + 1 < axis.values.len() { axis.own + 1 } else { axis.own.saturating_sub(1) };
            axis.field.set(&mut after, axis.values[other]);
        }
        let forms = options(name, (today, &after), (axes, defaults)).into_iter().flatten();
        forms.filter_map(|options| read((sources, version), &options)).any(|(_, changed)| have(&changed, &after))
    };
    if is_so(&axes.iter().collect::<Vec<_>>()) {
        return vec![true; axes.len()];
    }
    let each: Vec<bool> = axes.iter().map(|axis| is_so(&[axis])).collect();
    if each.contains(&true) { each } else { vec![true; axes.len()] }
}

/// The manifests with these options.
fn read(
    (sources, version): (&SourceArgs, KubernetesVersion),
    options: &[String],
) -> Option<(Vec<Override>, Manifests)> {
    let overrides: Vec<Override> = options.iter().map(|text| text.parse()).collect::<Result<_, String>>().ok()?;
    let changed = sources.changed(version, &overrides).ok()?;
    Some((overrides, changed))
}

/// How an HPA and its pods become others: the manifests are read again with each of it, to be sure that they do.
pub(super) fn spelled(
    (sources, version): (&SourceArgs, KubernetesVersion),
    (manifests, check): (&Manifests, Check<'_>),
    (before, after): (&Subject<'_>, &Subject<'_>),
    fields: (&[Axis], &Defaults),
    name: &str,
) -> Spelled {
    let forms = options(name, (before, after), fields);
    if forms.as_ref().is_some_and(|forms| forms[0].is_empty()) {
        return Spelled::default();
    }
    let objects = [after.hpa.id(), after.workload.id()];
    for options in forms.into_iter().flatten() {
        let Some((overrides, changed)) = read((sources, version), &options) else { continue };
        if !have(&changed, after) {
            continue;
        }
        let patch = sources.patch(version, &overrides, &objects).ok().flatten();
        let diff = patch.as_ref().filter(|patch| !patch.edited.is_empty()).and_then(|patch| {
            let read = sources.with(&patch.edited).changed(version, &[]).ok()?;
            have(&read, after).then_some(())?;
            let diff = |edited: &Edited| {
                let source = sources.sources.get(edited.source)?;
                Path::new(&source.name).is_file().then(|| diff(&source.name, &source.text, &edited.text))
            };
            patch.edited.iter().map(diff).collect::<Option<Vec<String>>>().map(|diffs| diffs.concat())
        });
        let mut notes = Vec::new();
        if patch.is_some() && diff.is_none() {
            notes.push(
                "There is no change of the manifests' files: they were not read from files as they stand (standard input, a kustomization); the patch says the same."
                    .to_owned(),
            );
        }
        if patch.is_some() && sources.set.set.iter().any(|one| matches!(one, Override::Field(_))) {
            notes.push("The patch and the change of the files have what was set of these objects with --set, too; the options are to be added to it.".to_owned());
        }
        let options = options.iter().map(|option| format!("--set '{option}'")).collect();
        let findings = new_findings(&check(manifests), &check(&changed));
        return Spelled { options, patch: patch.map(|patch| patch.patch), diff, findings, notes, ..Spelled::default() };
    }
    let note = "There is no patch: the HPA or its pods are not written in the manifests as they are read (a ScaledObject, or a kind that makes \
                them); set the same there.";
    Spelled { notes: vec![note.to_owned()], ..Spelled::default() }
}

/// A change of a file, as `git apply` and `patch -p1` take it.
fn diff(name: &str, before: &str, after: &str) -> String {
    let relative = name.trim_start_matches("./");
    let (old, new) = match Path::new(name).is_absolute() {
        true => (name.to_owned(), name.to_owned()),
        false => (format!("a/{relative}"), format!("b/{relative}")),
    };
    TextDiff::from_lines(before, after).unified_diff().context_radius(CONTEXT).header(&old, &new).to_string()
}
