//! `hpasim.toml`: options that a team repeats.
//!
//! A key is the long name of an option; at the top it is for every command that has it, in a table of a command's name for that
//! command. What the command line says counts more.

use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, Command};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::output;
use crate::input::names::nearest;
use crate::input::{Diagnostic, InputError, Source, read_sources};
use crate::model::piece;

/// The file that is read if it is there.
const FILE: &str = "hpasim.toml";

/// Options that say which file this is, or that are no settings.
const NEVER: [&str; 5] = ["config", "no-config", "help", "version", "explain"];

/// An option with its values, and where it stands.
struct Setting {
    command: Option<String>,
    option: String,
    values: Vec<String>,
    at: (usize, usize),
}

/// The command with the defaults of the configuration, for the subcommand that is asked for; says what they are.
pub(super) fn applied(command: Command) -> anyhow::Result<Command> {
    let asked = command.clone().ignore_errors(true).try_get_matches().ok();
    let Some(asked) = asked else { return Ok(command) };
    let Some((name, matches)) = asked.subcommand() else { return Ok(command) };
    let is_off = matches.try_get_one::<bool>("no_config").ok().flatten().copied().unwrap_or(false);
    let named: Option<PathBuf> = matches.try_get_one::<PathBuf>("config").ok().flatten().cloned();
    let path = match named {
        _ if is_off => return Ok(command),
        Some(path) => path,
        None if Path::new(FILE).is_file() => PathBuf::from(FILE),
        None => return Ok(command),
    };
    let source = read_sources(std::slice::from_ref(&path), false)?;
    let [source] = source.as_slice() else { anyhow::bail!("{} must be one file", path.display()) };
    let settings = settings(source, &command)?;
    let mut told = Vec::new();
    let mut out = command.clone();
    // A command's own table counts more than what is for all.
    let mut mine: Vec<&Setting> =
        settings.iter().filter(|one| one.command.as_deref().is_none_or(|of| of == name)).collect();
    mine.sort_by_key(|one| one.command.is_some());
    for setting in mine {
        let Some(arg) = option(&command, name, &setting.option) else { continue };
        check(source, &command, name, arg, setting)?;
        let (id, values) = (arg.get_id().clone(), setting.values.clone());
        told.push(format!("{} {}", setting.option, values.join(" ")));
        out = out.mut_subcommand(name, |sub| sub.mut_arg(id, |arg| arg.default_values(values).required(false)));
    }
    if !told.is_empty() {
        let what = told.iter().map(|one| format!("--{one}")).collect::<Vec<_>>().join(", ");
        output::complain("note", &format!("{} says {what}", source.name));
    }
    Ok(out)
}

fn option<'c>(command: &'c Command, sub: &str, long: &str) -> Option<&'c Arg> {
    let known = command.find_subcommand(sub)?.get_arguments();
    known.into_iter().find(|arg| arg.get_long() == Some(long) && !NEVER.contains(&long))
}

/// All settings; an error for those that no command has.
fn settings(source: &Source, command: &Command) -> Result<Vec<Setting>, InputError> {
    let document = DeTable::parse(&source.text).map_err(|error| {
        let at = error.span().map_or((0, 0), |span| place(&source.text, span.start));
        Diagnostic::new(error.message().to_owned()).at(source.location(at.0, at.1))
    })?;
    let names: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
    let mut found = Vec::new();
    for (key, value) in document.get_ref() {
        let name = key.get_ref().as_ref();
        match value.get_ref() {
            DeValue::Table(table) if names.contains(&name) => {
                for (key, value) in table {
                    found.push(setting(source, Some(name), key.get_ref(), key.span().start, value)?);
                }
            }
            _ => found.push(setting(source, None, name, key.span().start, value)?),
        }
    }
    for one in &found {
        let commands = names.iter().filter(|name| one.command.as_deref().is_none_or(|of| of == **name));
        let known = |name: &str| option(command, name, &one.option).is_some();
        if !commands.clone().any(|name| known(name)) {
            let longs = commands.filter_map(|name| command.find_subcommand(name)).flat_map(Command::get_arguments);
            let mut longs: Vec<&str> = longs
                .filter_map(Arg::get_long)
                .chain(one.command.is_none().then_some(names.iter().copied()).into_iter().flatten())
                .collect();
            longs.sort_unstable();
            longs.dedup();
            let whose = one
                .command
                .as_ref()
                .map_or_else(|| "no command has".to_owned(), |name| format!("{name} does not have"));
            let message = format!("{whose} the option `{}`", piece(&one.option));
            let wrong = Diagnostic::new(message).at(source.location(one.at.0, one.at.1));
            let closest = nearest(&one.option, longs.into_iter());
            return Err(match closest {
                Some(name) => wrong.hint(format!("did you mean `{name}`?")),
                None => wrong.hint("a key is the long name of an option: see hpasim COMMAND --help"),
            }
            .into());
        }
    }
    Ok(found)
}

fn setting(
    source: &Source,
    command: Option<&str>,
    option: &str,
    at: usize,
    value: &Spanned<DeValue<'_>>,
) -> Result<Setting, InputError> {
    let at = place(&source.text, at);
    let wrong = || {
        let wrong = Diagnostic::new(format!("`{}` must be a text, a number, true, or a list of these", piece(option)));
        wrong.at(source.location(at.0, at.1))
    };
    let values = match value.get_ref() {
        DeValue::Array(items) => items.iter().map(|item| text(item.get_ref())).collect::<Option<Vec<_>>>(),
        one => text(one).map(|text| vec![text]),
    };
    let values = values.filter(|values| !values.is_empty()).ok_or_else(wrong)?;
    Ok(Setting { command: command.map(str::to_owned), option: option.to_owned(), values, at })
}

fn text(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.to_string()),
        DeValue::Float(number) => Some(number.to_string()),
        DeValue::Boolean(value) => Some(value.to_string()),
        DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => None,
    }
}

/// Line and column, from 1 on.
fn place(text: &str, at: usize) -> (usize, usize) {
    let before = &text[..at.min(text.len())];
    let line = before.rsplit('\n').next().unwrap_or_default();
    (1 + before.matches('\n').count(), 1 + line.chars().count())
}

/// Refuses a value that the option would not take.
fn check(source: &Source, command: &Command, name: &str, arg: &Arg, setting: &Setting) -> Result<(), InputError> {
    let long = format!("--{}", setting.option);
    let wrong = |message: String| {
        let diagnostic = Diagnostic::new(message).at(source.location(setting.at.0, setting.at.1));
        InputError::from(diagnostic.field(setting.option.clone()))
    };
    if matches!(arg.get_action(), ArgAction::SetTrue) {
        let is_bool = matches!(setting.values.as_slice(), [one] if one == "true" || one == "false");
        return if is_bool { Ok(()) } else { Err(wrong("must be true or false".to_owned())) };
    }
    if !matches!(arg.get_action(), ArgAction::Append) && setting.values.len() > 1 {
        return Err(wrong("takes one value".to_owned()));
    }
    for value in &setting.values {
        let line = [command.get_name(), name, &format!("{long}={value}")].map(str::to_owned);
        match command.clone().try_get_matches_from(line) {
            Err(error) if matches!(error.kind(), ErrorKind::InvalidValue | ErrorKind::ValueValidation) => {
                let said = error.to_string();
                let first = said.lines().next().unwrap_or_default().trim_start_matches("error: ");
                return Err(wrong(first.to_owned()));
            }
            _ => {}
        }
    }
    Ok(())
}
