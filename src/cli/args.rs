//! Arguments that several commands share.

use std::path::Path;

use crate::model::ControllerConfig;
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

/// A duration of at least one second.
pub(super) fn positive_span(text: &str) -> Result<Span, String> {
    let span: Span = text.parse().map_err(|error: crate::units::ParseSpanError| error.to_string())?;
    if span == Span::ZERO { Err("it must be at least 1s".into()) } else { Ok(span) }
}

/// How many phases: one, with everything in the middle of its period, or more.
pub(super) fn phases_parser() -> clap::builder::RangedU64ValueParser<u64> {
    clap::value_parser!(u64).range(1..=100_000)
}
