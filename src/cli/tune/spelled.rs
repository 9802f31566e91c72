//! How what was found is set: options, a patch, and a change of the user's own file.

use std::path::Path;

use similar::TextDiff;

use super::super::manifests::SourceArgs;
use crate::input::manifests::Manifests;
use crate::input::overrides::Override;
use crate::model::{HpaSpec, KubernetesVersion, Placed};
use crate::report::tune::Spelled;
use crate::study::tune::Axis;
use crate::study::tune::field::{Field, amount, policies};
use crate::units::Span;

/// Lines around a change.
const CONTEXT: usize = 3;

/// The values of an HPA that are not as before, as `--set` has them; in the first form for `autoscaling/v2`, then for v1.
fn options(name: &str, (before, after): (&HpaSpec, &HpaSpec), axes: &[Axis], downscale: Span) -> [Vec<String>; 2] {
    let mut all = [Vec::new(), Vec::new()];
    let mut directions = Vec::new();
    for axis in axes {
        let value = axis.field.value(after, downscale);
        if axis.field.value(before, downscale) == value {
            continue;
        }
        let path = axis.field.path(after);
        let (value, is_percent) = match axis.field {
            Field::Policy(direction, _) => {
                directions.push(direction);
                continue;
            }
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
        let policies: Vec<String> = policies(after, direction).iter().map(policy).collect();
        let path = format!("hpa.{name}.behavior.{}.policies=[{}]", direction.name(), policies.join(", "));
        all.iter_mut().for_each(|options| options.push(path.clone()));
    }
    all
}

fn policy(policy: &crate::model::ScalingPolicy) -> String {
    let kind = match policy.kind {
        crate::model::PolicyKind::Pods => "Pods",
        crate::model::PolicyKind::Percent => "Percent",
    };
    format!("{{type: {kind}, value: {}, periodSeconds: {}}}", policy.value, policy.period.seconds())
}

/// The HPA of that name.
fn same<'m>(manifests: &'m Manifests, hpa: &HpaSpec) -> Option<&'m HpaSpec> {
    let is_it = |other: &&Placed<HpaSpec>| other.item.name == hpa.name && other.item.namespace == hpa.namespace;
    manifests.inventory.hpas.iter().find(is_it).map(|hpa| &hpa.item)
}

/// How an HPA becomes another one: the manifests are read again with each of it, to be sure that it does.
pub(super) fn spelled(
    sources: &SourceArgs,
    version: KubernetesVersion,
    (before, after): (&HpaSpec, &HpaSpec),
    axes: &[Axis],
    (name, downscale): (&str, Span),
) -> Spelled {
    let forms = options(name, (before, after), axes, downscale);
    if forms[0].is_empty() {
        return Spelled::default();
    }
    for options in forms {
        let overrides: Result<Vec<Override>, String> = options.iter().map(|text| text.parse()).collect();
        let Ok(overrides) = overrides else { continue };
        let Ok(manifests) = sources.changed(version, &overrides) else { continue };
        if same(&manifests, after) != Some(after) {
            continue;
        }
        let patch = sources.patch(version, &overrides, (&after.namespace, &after.name)).ok().flatten();
        let diff = patch.as_ref().and_then(|patch| patch.edited.as_ref()).and_then(|edited| {
            let read = sources.with(edited).changed(version, &[]).ok()?;
            (same(&read, after) == Some(after)).then_some(())?;
            let source = sources.sources.get(edited.source)?;
            Path::new(&source.name).is_file().then(|| diff(&source.name, &source.text, &edited.text))
        });
        let mut notes = Vec::new();
        if patch.is_some() && diff.is_none() {
            notes.push(
                "There is no change of the manifests' file: it was not read from a file as it stands (standard input, a kustomization), or \
                 it is changed by --set; the patch says the same."
                    .to_owned(),
            );
        }
        let options = options.iter().map(|option| format!("--set '{option}'")).collect();
        return Spelled { options, patch: patch.map(|patch| patch.patch), diff, notes, ..Spelled::default() };
    }
    let note = "There is no patch: the HPA is not written in the manifests as it is read (a ScaledObject, or a kind that makes it); \
                set the same there.";
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
