//! What may change, and to what: `--search` and `--keep`.

use std::collections::BTreeSet;
use std::path::Path;
use std::str::FromStr;

use anyhow::Context as _;

use super::TuneArgs;
use crate::input::names::hint;
use crate::model::{ControllerConfig, Drive, Target};
use crate::study::tune::Axis;
use crate::study::tune::field::{Defaults, Field, Subject, Unit};

/// No range has more values.
const MOST_VALUES: usize = 1000;

/// Values of a field: as they are written, since what they are depends on the field.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Range {
    /// Where it is written.
    place: String,
    field: String,
    values: Values,
}

#[derive(Clone, Debug, PartialEq)]
enum Values {
    /// From one to another, by steps.
    Steps([String; 2], Option<String>),
    /// These.
    These(Vec<String>),
}

const USAGE: &str = "write FIELD=LOW..HIGH, FIELD=LOW..HIGH/STEP or FIELD=A,B,C, such as maxReplicas=10..30 or requests.cpu=250m..1/50m";

impl FromStr for Range {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (field, range) = text.split_once('=').ok_or(USAGE)?;
        let values = match range.split_once("..") {
            Some((low, high)) => {
                let (high, step) =
                    high.split_once('/').map_or((high, None), |(high, step)| (high, Some(step.to_owned())));
                Values::Steps([low.to_owned(), high.to_owned()], step)
            }
            None => Values::These(range.split(',').map(str::to_owned).collect()),
        };
        Ok(Self { place: format!("--search {field}"), field: field.to_owned(), values })
    }
}

impl Range {
    /// The values, in the unit of the field.
    fn values(&self, unit: Unit) -> Result<Vec<i64>, String> {
        let number = |text: &String| {
            let what = match unit {
                Unit::One => "whole number",
                Unit::Name => "policy (Max, Min, Disabled)",
                _ => "quantity",
            };
            unit.read(text).ok_or_else(|| format!("`{text}` is no {what}; {USAGE}"))
        };
        let ([low, high], step) = match &self.values {
            Values::These(all) => return all.iter().map(number).collect(),
            Values::Steps(ends, step) => (ends, step),
        };
        let by = step.as_ref().map_or(Ok(unit.step()), number)?;
        let (from, to) = (number(low)?, number(high)?);
        if from > to || by < 1 {
            let step = step.as_ref().map_or_else(String::new, |step| format!("/{step}"));
            return Err(format!("{low}..{high}{step} has no values; {USAGE}"));
        }
        let count = (to.saturating_sub(from) / by).saturating_add(1);
        if count > MOST_VALUES as i64 {
            return Err(format!("{count} values are too many; give a step: {low}..{high}/STEP"));
        }
        Ok((0..count).map(|index| from + index * by).collect())
    }

    /// Whether it is about a field: by its path or what that begins with; by its whole path where others are meant more likely.
    fn is_of(&self, field: Field, path: &str, defaults: &Defaults) -> bool {
        let is_told = self.field.strip_prefix("spec.").unwrap_or(&self.field) == path;
        is_told || is_within(path, &self.field) && field.is_usual(defaults)
    }
}

/// The ranges of a file, one a line.
pub(super) fn from_file(path: Option<&Path>) -> anyhow::Result<Vec<Range>> {
    let Some(path) = path else { return Ok(Vec::new()) };
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut all = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if !line.is_empty() {
            let place = format!("{}:{}:1", path.display(), number + 1);
            let range: Range = line.parse().map_err(|error: String| anyhow::anyhow!("{place}: {error}"))?;
            all.push(Range { place, ..range });
        }
    }
    Ok(all)
}

/// Whether a path is a field, or begins with it.
fn is_within(path: &str, field: &str) -> bool {
    let field = field.strip_prefix("spec.").unwrap_or(field);
    path.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// Refuses fields that no HPA has.
pub(super) fn check_names(args: &TuneArgs, subjects: &[Subject<'_>]) -> anyhow::Result<()> {
    let of = |subject: &Subject<'_>| {
        Field::all(subject).into_iter().map(|field| field.path(subject)).collect::<Vec<String>>()
    };
    let paths: BTreeSet<String> = subjects.iter().flat_map(of).collect();
    for name in args.search.iter().map(|range| &range.field).chain(&args.keep) {
        if !paths.iter().any(|path| is_within(path, name)) {
            anyhow::bail!("no field `{name}` can be tuned; {}", hint(name, paths.iter().map(String::as_str)));
        }
    }
    Ok(())
}

/// What may change, and to what.
pub(super) fn axes(subject: &Subject<'_>, defaults: &Defaults, args: &TuneArgs) -> anyhow::Result<Vec<Axis>> {
    let mut axes = Vec::new();
    for field in Field::all(subject) {
        let path = field.path(subject);
        let own = field.value(subject, defaults);
        let asked = args.search.iter().rev().find(|range| range.is_of(field, &path, defaults));
        if asked.is_none() && args.keep.iter().any(|name| is_within(&path, name)) {
            continue;
        }
        let mut values = match asked {
            Some(range) => {
                let wrong = |error: String| anyhow::anyhow!("{}: {error}", range.place);
                if let Some(unknown) = field.unknown(defaults) {
                    return Err(wrong(format!(
                        "the load does not say how much {unknown} pods use, whatever they request"
                    )));
                }
                let values = range.values(field.unit(&subject.hpa)).map_err(wrong)?;
                values.iter().try_for_each(|value| field.check(&subject.hpa, *value).map_err(wrong))?;
                values
            }
            None => field.values(subject, defaults),
        };
        values.push(own);
        values.sort_unstable();
        values.dedup();
        let own = values.iter().position(|value| *value == own).unwrap_or(0);
        if values.len() > 1 {
            axes.push(Axis { field, values, own });
        }
    }
    Ok(axes)
}

/// Those that the manifests can be changed in, or that are asked for; and which others there would be.
pub(super) fn kept(
    axes: Vec<Axis>,
    writable: &[bool],
    (subject, defaults): (&Subject<'_>, &Defaults),
    args: &TuneArgs,
) -> (Vec<Axis>, Option<String>) {
    let is_asked = |axis: &Axis| {
        let path = axis.field.path(subject);
        args.requests && axis.field.is_of_pods()
            || args.search.iter().any(|range| range.is_of(axis.field, &path, defaults))
    };
    let all = axes.into_iter().zip(writable);
    let (kept, left): (Vec<_>, Vec<_>) = all.partition(|(axis, is_writable)| **is_writable || is_asked(axis));
    let axes = |all: Vec<(Axis, &bool)>| all.into_iter().map(|(axis, _)| axis).collect::<Vec<_>>();
    let left: Vec<String> = axes(left).iter().map(|axis| axis.field.title(subject)).collect();
    let note = (!left.is_empty()).then(|| {
        format!(
            "Left as they are, since the manifests have no place for them (autoscaling/v1 has no behavior, autoscaling/v2 has): {}; \
             --search tries them all the same.",
            left.join(", ")
        )
    });
    (axes(kept), note)
}

/// What has values by default: requests where they are asked for, and of what pods are known to use by themselves, whatever they request; the
/// tolerance where the HPA has one, since older releases know none.
pub(super) fn defaults(args: &TuneArgs, controller: &ControllerConfig, target: &Target<'_>) -> Defaults {
    let by_itself = |drive: &Drive| matches!(drive, Drive::Demand { .. });
    let drives = &target.drives;
    let asks = drives.memory_base_bytes > 0 || drives.requests.is_some_and(|requests| requests.memory_bytes > 0);
    let has_memory = by_itself(&drives.memory) || matches!(drives.memory, Drive::None) && asks;
    let has_cpu = by_itself(&drives.cpu) || matches!(drives.cpu, Drive::Clients);
    let own = target.hpa.behavior.as_ref();
    Defaults {
        downscale: controller.downscale_stabilization,
        tolerance: (controller.tolerance * 1000.0).round() as i64,
        has_tolerance: own.is_some_and(|own| own.scale_up.tolerance.or(own.scale_down.tolerance).is_some()),
        is_known: [has_cpu, has_memory],
        requests: args.requests,
    }
}
