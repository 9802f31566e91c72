//! Arguments that several commands share.

use std::path::Path;
use std::str::FromStr;

use jiff::tz::{Offset, TimeZone};

use crate::model::{ControllerConfig, Signal};
use crate::units::Span;

/// A setting of the kube-controller-manager that makes no sense, as the option that gives it.
pub(super) fn controller(config: ControllerConfig) -> anyhow::Result<ControllerConfig> {
    match config.check() {
        Ok(()) => Ok(config),
        Err(wrong) => {
            let option = wrong.option().replacen("--", "--horizontal-pod-autoscaler-", 1);
            anyhow::bail!("{option} {}", wrong.problem)
        }
    }
}

/// Standard input can be one of the inputs, not two.
pub(super) fn read_standard_input_once<'a>(inputs: impl Iterator<Item = &'a Path>) -> anyhow::Result<()> {
    if inputs.filter(|path| path.as_os_str() == "-").count() > 1 {
        anyhow::bail!(
            "standard input cannot be two inputs at once, such as the manifests (-f -) and the load (--load -)"
        );
    }
    Ok(())
}

/// A time zone, by its name or by how far it is east of UTC.
#[derive(Clone, Debug)]
pub(super) struct Zone(pub TimeZone);

impl FromStr for Zone {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = TimeZone::get(text).ok().or_else(|| offset(text).map(TimeZone::fixed));
        found.map(Self).ok_or_else(|| format!("`{text}` is no time zone: write Europe/Berlin, UTC or +01:00"))
    }
}

/// A recording, and what all of its series are if that stands before it: MEANING=FILE.
pub(super) fn meant(path: &Path) -> (Option<Signal>, &Path) {
    let parts = path.to_str().and_then(|text| text.split_once('='));
    match parts.filter(|_| !path.exists()) {
        Some((name, file)) => (Some(Signal::of_name(name)), Path::new(file)),
        None => (None, path),
    }
}

/// How far a zone is east of UTC.
fn offset(text: &str) -> Option<Offset> {
    let (sign, digits) =
        text.strip_prefix('+').map(|rest| (1, rest)).or_else(|| Some((-1, text.strip_prefix('-')?)))?;
    let (hours, minutes) = digits.split_once(':').unwrap_or((digits, "0"));
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok().filter(|_| minutes < 60)
}

/// A duration of at least one second.
pub(super) fn positive_span(text: &str) -> Result<Span, String> {
    let span: Span = text.parse().map_err(|error: crate::units::ParseSpanError| error.to_string())?;
    if span == Span::ZERO { Err("it must be at least 1s".into()) } else { Ok(span) }
}

/// How many phases: one, with everything in the middle of its period, or more.
pub(super) fn phases_parser() -> clap::builder::RangedU64ValueParser<u64> {
    clap::value_parser!(u64).range(1..=100_000)
}

/// A part of something: 50%.
pub(super) fn percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').unwrap_or(text).parse::<f64>().ok();
    let wrong = || format!("`{text}` is no part: write a percentage from 1% to 99%");
    number.filter(|number| (1.0..=99.0).contains(number)).map(|number| number / 100.0).ok_or_else(wrong)
}

/// A number of replicas.
pub(super) fn replicas(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0);
    number.ok_or_else(|| format!("`{text}` is no number of replicas"))
}

/// A number of simulations that a search can do with.
pub(super) fn simulations(text: &str) -> Result<usize, String> {
    let number = text.parse::<usize>().ok().filter(|number| (100..=1_000_000).contains(number));
    number.ok_or_else(|| format!("`{text}` is no number from 100 to 1000000"))
}
