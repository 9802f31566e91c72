//! `--fail-on`: bounds of a simulation's figures, for pipelines.

use std::fmt;
use std::str::FromStr;

use crate::input::names::hint;
use crate::model::Drive;
use crate::report::Run;
use crate::report::checks::{Check, Level};
use crate::sim::Setup;
use crate::units::Span;

/// A figure that may not be over a bound.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bound {
    figure: Figure,
    /// Seconds, core-seconds or a number.
    most: f64,
}

/// A figure of a simulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Figure {
    Slo,
    Waiting,
    AtMax,
    Lost,
    Replicas,
    Nodes,
}

const FIGURES: [(&str, Figure); 6] = [
    ("slo", Figure::Slo),
    ("waiting", Figure::Waiting),
    ("at-max", Figure::AtMax),
    ("lost", Figure::Lost),
    ("replicas", Figure::Replicas),
    ("nodes", Figure::Nodes),
];

impl Figure {
    fn name(self) -> &'static str {
        FIGURES.iter().find(|(_, figure)| *figure == self).map_or("", |(name, _)| name)
    }

    fn is_time(self) -> bool {
        matches!(self, Self::Slo | Self::Waiting | Self::AtMax)
    }

    fn told(self, value: f64) -> String {
        match self {
            Self::Slo | Self::Waiting | Self::AtMax => Span::from_seconds(value as i64).to_string(),
            Self::Lost => format!("{value:.1} core-seconds"),
            Self::Replicas | Self::Nodes => format!("{value}"),
        }
    }

    /// Why it is not known of a target, if it is not: a bound that cannot be broken is none.
    fn unknown(self, setup: &Setup<'_>, index: usize) -> Option<&'static str> {
        let target = &setup.targets[index];
        let has_demand = matches!(target.drives.cpu, Drive::Demand { .. } | Drive::Recorded { .. });
        match self {
            Self::Slo if target.cluster.slo.is_none() => Some("there is no promise (--slo)"),
            Self::Slo if target.drives.requests.is_none() => Some("the load is not made of requests (rps or clients)"),
            Self::Waiting | Self::Lost if !has_demand => Some("the load is no demand (cpu, rps)"),
            Self::Waiting if target.workload.template.cpu_limit().is_none() => {
                Some("without a CPU limit work never waits in the simulation")
            }
            Self::Nodes if setup.world.nodes.is_none() => Some("no nodes are simulated (--nodes)"),
            _ => None,
        }
    }

    /// Its value in the run that is shown, then in each phase.
    fn values(self, run: &Run<'_>) -> Vec<f64> {
        let s = run.summary;
        let seconds = |span: Span| span.seconds() as f64;
        let shown = match self {
            Self::Slo => seconds(s.slow),
            Self::Waiting => seconds(s.waiting),
            Self::AtMax => seconds(s.at_max),
            Self::Lost => (s.work_lost + s.work_dropped).core_seconds(),
            Self::Replicas => s.max_replicas().into(),
            Self::Nodes => s.max_nodes as f64,
        };
        let others = run.phases.iter().flat_map(|runs| &runs.courses).map(|course| match self {
            Self::Slo => seconds(course.slow.unwrap_or_default()),
            Self::Waiting => seconds(course.waiting),
            Self::AtMax => seconds(course.at_max),
            Self::Lost => (course.work_lost + course.work_dropped).core_seconds(),
            Self::Replicas => course.max_replicas.into(),
            Self::Nodes => course.max_nodes.unwrap_or(0) as f64,
        });
        std::iter::once(shown).chain(others).collect()
    }
}

impl FromStr for Bound {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, bound) = text.split_once('>').map_or((text, None), |(name, bound)| (name, Some(bound)));
        let name = name.trim();
        let known = FIGURES.iter().find(|(known, _)| *known == name);
        let &(_, figure) = known
            .ok_or_else(|| format!("no figure `{name}`; {}", hint(name, FIGURES.iter().map(|(name, _)| *name))))?;
        let most = match bound.map(str::trim) {
            None => 0.0,
            Some(bound) if figure.is_time() => {
                let span: Span = bound.parse().map_err(|error: crate::units::ParseSpanError| error.to_string())?;
                span.seconds() as f64
            }
            Some(bound) => {
                let number = bound.parse().map_err(|_| format!("`{bound}` is not a number"))?;
                if !(0.0..=1e15).contains(&number) {
                    return Err(format!("{bound} is not a bound that makes sense"));
                }
                number
            }
        };
        if bound.is_none() && matches!(figure, Figure::Replicas | Figure::Nodes) {
            return Err(format!("{name} needs a bound, such as '{name}>8'"));
        }
        Ok(Self { figure, most })
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} > {}", self.figure.name(), self.figure.told(self.most))
    }
}

/// Refuses bounds of what is known of no target, before anything is simulated.
pub(super) fn check(bounds: &[Bound], setup: &Setup<'_>) -> anyhow::Result<()> {
    for Bound { figure, .. } in bounds {
        let unknown: Option<Vec<_>> = (0..setup.targets.len()).map(|index| figure.unknown(setup, index)).collect();
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
        for run in runs.iter().filter(|run| bound.figure.unknown(run.setup, run.index).is_none()) {
            let values = bound.figure.values(run);
            let over = |values: &[f64]| values.iter().filter(|value| **value > bound.most).count();
            let is_broken = over(&values) > 0;
            let worst = bound.figure.told(values.iter().copied().fold(0.0, f64::max));
            let name = format!("{}/{}", run.hpa().namespace, run.hpa().name);
            let whether = match values.len() - 1 {
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
