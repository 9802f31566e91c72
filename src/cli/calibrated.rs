//! `--cluster FILE`: settings as `hpasim calibrate` wrote them, as defaults of the options.

use std::path::{Path, PathBuf};

use clap::Command;

use super::output;
use crate::input::calibrated::Calibrated;
use crate::input::read_sources;

/// Reads such a file.
pub(super) fn read(path: &Path) -> anyhow::Result<Calibrated> {
    let sources = read_sources(&[path.to_owned()], false)?;
    let [source] = sources.as_slice() else { anyhow::bail!("--cluster {} must be one file", path.display()) };
    Ok(Calibrated::read(source)?)
}

/// The command with these defaults, for the subcommand that is asked for; says what they are.
pub(super) fn applied(command: Command) -> anyhow::Result<Command> {
    let asked = command.clone().ignore_errors(true).try_get_matches().ok();
    let Some(asked) = asked else { return Ok(command) };
    let Some((name, matches)) = asked.subcommand() else { return Ok(command) };
    let named: Option<PathBuf> = matches.try_get_one::<PathBuf>("cluster").ok().flatten().cloned();
    let Some(path) = named else { return Ok(command) };
    let calibrated = read(&path)?;
    let (mut told, mut out) = (Vec::new(), command.clone());
    for (option, value) in calibrated.options() {
        let sub = command.find_subcommand(name);
        let arg = sub.and_then(|sub| sub.get_arguments().find(|arg| arg.get_long() == Some(option.as_str())));
        let Some(id) = arg.map(|arg| arg.get_id().clone()) else { continue };
        told.push(format!("--{option} {value}"));
        out = out.mut_subcommand(name, |sub| sub.mut_arg(id, |arg| arg.default_values([value])));
    }
    if !told.is_empty() {
        output::complain("note", &format!("{} says {}", path.display(), told.join(", ")));
    }
    Ok(out)
}
