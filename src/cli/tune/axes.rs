//! What may change, and to what: `--search` and `--keep`.

use std::collections::BTreeSet;
use std::path::Path;
use std::str::FromStr;

use anyhow::Context as _;

use super::TuneArgs;
use crate::input::names::hint;
use crate::model::HpaSpec;
use crate::study::tune::Axis;
use crate::study::tune::field::Field;
use crate::units::Span;

/// No range has more values.
const MOST_VALUES: usize = 1000;

/// Values of a field.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Range {
    field: String,
    values: Vec<i64>,
}

impl FromStr for Range {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let usage = "write FIELD=LOW..HIGH, FIELD=LOW..HIGH/STEP or FIELD=A,B,C, such as maxReplicas=10..30";
        let (field, range) = text.split_once('=').ok_or(usage)?;
        let number =
            |text: &str| text.trim().parse::<i64>().map_err(|_| format!("`{text}` is no whole number; {usage}"));
        let values: Vec<i64> = match range.split_once("..") {
            Some((low, high)) => {
                let (high, step) = high.split_once('/').unwrap_or((high, "1"));
                let (low, high, step) = (number(low)?, number(high)?, number(step)?);
                if low > high || step < 1 {
                    return Err(format!("{low}..{high}/{step} has no values; {usage}"));
                }
                let count = (high.saturating_sub(low) / step).saturating_add(1);
                if count > MOST_VALUES as i64 {
                    return Err(format!("{count} values are too many; give a step: {low}..{high}/STEP"));
                }
                (0..count).map(|index| low + index * step).collect()
            }
            None => range.split(',').map(number).collect::<Result<_, _>>()?,
        };
        Ok(Self { field: field.to_owned(), values })
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
            let wrong = |error: String| anyhow::anyhow!("{}:{}:1: {error}", path.display(), number + 1);
            all.push(line.parse().map_err(wrong)?);
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
pub(super) fn check_names(args: &TuneArgs, hpas: &[&HpaSpec]) -> anyhow::Result<()> {
    let paths: BTreeSet<String> =
        hpas.iter().flat_map(|hpa| Field::all(hpa).into_iter().map(|field| field.path(hpa))).collect();
    for name in args.search.iter().map(|range| &range.field).chain(&args.keep) {
        if !paths.iter().any(|path| is_within(path, name)) {
            anyhow::bail!("no field `{name}` can be tuned; {}", hint(name, paths.iter().map(String::as_str)));
        }
    }
    Ok(())
}

/// What may change, and to what.
pub(super) fn axes(hpa: &HpaSpec, downscale: Span, args: &TuneArgs) -> anyhow::Result<Vec<Axis>> {
    let fields = Field::all(hpa);
    let paths: Vec<String> = fields.iter().map(|field| field.path(hpa)).collect();
    let mut axes = Vec::new();
    for (field, path) in fields.into_iter().zip(&paths) {
        let own = field.value(hpa, downscale);
        let asked = args.search.iter().rev().find(|range| is_within(path, &range.field));
        if asked.is_none() && args.keep.iter().any(|name| is_within(path, name)) {
            continue;
        }
        let mut values = match asked {
            Some(range) => {
                // Amounts are in thousandths.
                let is_amount = matches!(field, Field::Target(_)) && !path.ends_with("averageUtilization");
                let scale = if is_amount { 1000 } else { 1 };
                let values: Vec<i64> = range.values.iter().map(|value| value.saturating_mul(scale)).collect();
                for value in &values {
                    field.check(hpa, *value).map_err(|wrong| anyhow::anyhow!("--search {}: {wrong}", range.field))?;
                }
                values
            }
            None => field.values(hpa, downscale),
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
