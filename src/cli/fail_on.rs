//! `--fail-on`: bounds of a simulation's figures, for pipelines.

use std::fmt;
use std::str::FromStr;

use crate::input::names::hint;
use crate::model::Drive;
use crate::report::Run;
use crate::report::amounts::decimal;
use crate::report::checks::{Check, Level};
use crate::sim::Setup;
use crate::study::figure::Figure;
use crate::study::fleet::Course;
use crate::units::Span;

/// A figure that may not be over a bound.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bound {
    figure: Figure,
    /// Seconds, core-seconds or a number.
    most: f64,
}

/// A value of a figure in words.
fn told(figure: Figure, value: f64) -> String {
    match figure {
        figure if figure.is_time() => Span::from_seconds(value as i64).to_string(),
        Figure::Lost => format!("{value:.1} core-seconds"),
        _ => decimal(value, 2),
    }
}

/// Why a figure is not known of a target, if it is not: a bound that cannot be broken is none.
fn unknown(figure: Figure, setup: &Setup<'_>, index: usize) -> Option<&'static str> {
    let target = &setup.targets[index];
    let has_demand = matches!(target.drives.cpu, Drive::Demand { .. } | Drive::Recorded { .. });
    match figure {
        Figure::Slo if target.cluster.slo.is_none() => Some("there is no promise (--slo)"),
        Figure::Slo if target.drives.requests.is_none() => Some("the load is not made of requests (rps or clients)"),
        Figure::Waiting | Figure::Lost if !has_demand => Some("the load is no demand (cpu, rps)"),
        Figure::Waiting if target.workload.template.cpu_limit().is_none() => {
            Some("without a CPU limit work never waits in the simulation")
        }
        Figure::Cost
            if setup
                .world
                .nodes
                .as_ref()
                .is_none_or(|nodes| nodes.pools.iter().any(|pool| pool.shape.price_per_month.is_none())) =>
        {
            Some("no nodes with a price each are simulated (--nodes, pricePerMonth)")
        }
        Figure::Nodes | Figure::NodeHours if setup.world.nodes.is_none() => Some("no nodes are simulated (--nodes)"),
        _ => None,
    }
}

/// The value of a figure in the run that is shown, then in each phase.
fn values(figure: Figure, run: &Run<'_>) -> Vec<f64> {
    let shown = Course::of(run.target(), run.summary);
    let others = run.phases.iter().flat_map(|runs| &runs.courses);
    std::iter::once(&shown).chain(others).filter_map(|course| figure.of(course, run.summary, None)).collect()
}

/// A bound of a figure.
pub(super) fn amount(figure: Figure, text: &str) -> Result<f64, String> {
    if figure.is_time() {
        let span: Span = text.parse().map_err(|error: crate::units::ParseSpanError| error.to_string())?;
        return Ok(span.seconds() as f64);
    }
    let number = text.parse().map_err(|_| format!("`{text}` is not a number"))?;
    if (0.0..=1e15).contains(&number) { Ok(number) } else { Err(format!("{text} is not a bound that makes sense")) }
}

impl FromStr for Bound {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, bound) = text.split_once('>').map_or((text, None), |(name, bound)| (name, Some(bound)));
        let name = name.trim();
        let names = || Figure::ALL.iter().map(|figure| figure.name());
        let figure = Figure::ALL.into_iter().find(|figure| figure.name() == name);
        let figure = figure.ok_or_else(|| format!("no figure `{name}`; {}", hint(name, names())))?;
        let most = match bound.map(str::trim) {
            Some(bound) => amount(figure, bound)?,
            None if figure.is_time() || figure == Figure::Lost => 0.0,
            None => return Err(format!("{name} needs a bound, such as '{name}>8'")),
        };
        Ok(Self { figure, most })
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} > {}", self.figure.name(), told(self.figure, self.most))
    }
}

/// Refuses bounds of what is known of no target, before anything is simulated.
pub(super) fn check(bounds: &[Bound], setup: &Setup<'_>) -> anyhow::Result<()> {
    for Bound { figure, .. } in bounds {
        let unknown: Option<Vec<_>> = (0..setup.targets.len()).map(|index| unknown(*figure, setup, index)).collect();
        if let Some(why) = unknown.as_ref().and_then(|all| all.first()) {
            anyhow::bail!("--fail-on {}: not known: {why}", figure.name());
        }
    }
    Ok(())
}

/// What is over its bound, in words.
pub(super) fn broken(bounds: &[Bound], runs: &[Run<'_>]) -> Vec<String> {
    let checks = checks(bounds, runs).into_iter();
    checks.filter(|check| check.level == Level::Error).map(|check| format!("{}: {}", check.name, check.found)).collect()
}

/// What each bound comes to.
pub(super) fn checks(bounds: &[Bound], runs: &[Run<'_>]) -> Vec<Check> {
    let mut all = Vec::new();
    for bound in bounds {
        for run in runs.iter().filter(|run| unknown(bound.figure, run.setup, run.index).is_none()) {
            let values = values(bound.figure, run);
            let over = |values: &[f64]| values.iter().filter(|value| **value > bound.most).count();
            let is_broken = over(&values) > 0;
            let worst = told(bound.figure, values.iter().copied().fold(0.0, f64::max));
            let name = format!("{}/{}", run.hpa().namespace, run.hpa().name);
            let whether = match values.len().saturating_sub(1) {
                _ if !is_broken => String::new(),
                0 | 1 => String::new(),
                phases => format!(" in {} of {phases} phases", over(&values[1..])),
            };
            all.push(Check {
                suite: "--fail-on".to_owned(),
                name: bound.to_string(),
                location: None,
                found: format!("{name} has up to {worst}{whether}"),
                level: if is_broken { Level::Error } else { Level::Passed },
            });
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_have_the_unit_of_their_figure() {
        let told = |text: &str| text.parse::<Bound>().map(|bound| bound.to_string());
        assert_eq!(told("slo").unwrap(), "slo > 0s");
        assert_eq!(told("waiting > 1m30s").unwrap(), "waiting > 1m30s");
        assert_eq!(told("lost>2.5").unwrap(), "lost > 2.5 core-seconds");
        assert_eq!(told("replicas>8").unwrap(), "replicas > 8");
        assert!(told("waitng").unwrap_err().contains("waiting"));
        for wrong in ["nodes", "replicas>-1", "replicas>NaN", "slo>often", "lost>1s", ""] {
            assert!(told(wrong).is_err(), "{wrong}");
        }
    }
}
