//! Writing: standard output, complaints, and files that are whole or not there.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, Once};

use anyhow::Context;
use clap::ValueEnum;
use tempfile::TempPath;

use crate::input::Diagnostic;
use crate::model::escaped_lines;
use crate::report::checks::{self, Check};
use crate::report::document::{Document, Style, csv, html, markdown, terminal};

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ColorChoice {
    Auto,
    Always,
    Never,
}

/// How to print what there is to say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// As wide as the terminal
    #[default]
    Text,
    /// For a review or a pull request
    Markdown,
    /// One page that needs nothing else
    Html,
    /// The tables
    Csv,
    /// For programs; `hpasim schema KIND` has its schema
    Json,
    /// JUnit XML of what is checked
    Junit,
    /// Annotations of what is checked, for a GitHub workflow
    Github,
}

/// What a command has to say; made only in the form that is asked for.
pub(super) struct Forms<'a> {
    /// The command.
    pub command: &'static str,
    /// Whether the text has diagrams.
    pub plot: bool,
    /// For people.
    pub document: &'a dyn Fn() -> Document,
    /// For programs.
    pub json: &'a dyn Fn() -> anyhow::Result<Vec<u8>>,
    /// What is checked.
    pub checks: &'a dyn Fn() -> Vec<Check>,
}

/// Refuses diagrams of characters in what is no text, before anything is done.
pub(super) fn check_plot(plot: bool, format: Format) -> anyhow::Result<()> {
    if plot && format != Format::Text {
        anyhow::bail!("--plot draws in the text: --format html has the diagrams");
    }
    Ok(())
}

/// Prints it.
pub(super) fn show(forms: &Forms<'_>, format: Format, color: ColorChoice) -> anyhow::Result<()> {
    match format {
        Format::Text => show_text(&(forms.document)(), forms.plot, color),
        Format::Markdown => print(&markdown::render(&(forms.document)())),
        Format::Html => print_as_it_is(html::render(&(forms.document)()).as_bytes()),
        Format::Csv => print_as_it_is(&csv::render(&(forms.document)())?),
        Format::Json => print_as_it_is(&(forms.json)()?),
        Format::Junit => print_as_it_is(&checks::junit(forms.command, &(forms.checks)())?),
        Format::Github => print(&checks::github(&(forms.checks)())),
    }
}

/// Shows a document, as wide as the terminal is.
fn show_text(document: &Document, plot: bool, color: ColorChoice) -> anyhow::Result<()> {
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let size = terminal_size::terminal_size_of(io::stdout());
    let style = Style {
        plot,
        width: size.map_or(Style::PLAIN.width, |(width, _)| usize::from(width.0).max(NARROWEST)),
        color: match color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => size.is_some() && !no_color,
        },
    };
    print_painted(&terminal::render(document, style))
}

/// Narrower is no terminal.
const NARROWEST: usize = 40;

/// Writes a text to standard output. Names in it are data: control characters are written out.
pub(super) fn print(text: &str) -> anyhow::Result<()> {
    print_painted(&escaped_lines(text))
}

/// The same for a text whose control characters are our own.
fn print_painted(text: &str) -> anyhow::Result<()> {
    print_as_it_is(text.as_bytes())
}

/// The same for what is all our own.
pub(super) fn print_as_it_is(bytes: &[u8]) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()?;
    Ok(())
}

/// Whether the reader of our output has gone, as in `hpasim ... | head`.
pub(super) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// How much is said on standard error.
static QUIET: AtomicBool = AtomicBool::new(false);
static VERBOSE: AtomicBool = AtomicBool::new(false);

/// Says how much is said.
pub(super) fn set_verbosity(quiet: bool, verbose: bool) {
    QUIET.store(quiet, Ordering::Relaxed);
    VERBOSE.store(verbose, Ordering::Relaxed);
}

/// Whether all is said.
pub(super) fn is_verbose() -> bool {
    VERBOSE.load(Ordering::Relaxed)
}

/// Writes a complaint to standard error. There is nobody to tell if that fails. What is no complaint can be left out.
pub(super) fn complain(level: &str, text: &str) {
    if QUIET.load(Ordering::Relaxed) && matches!(level, "note" | "wrote") {
        return;
    }
    let _ = writeln!(io::stderr().lock(), "{level}: {}", escaped_lines(text));
}

/// Writes warnings to standard error.
pub(super) fn warn(warnings: &[Diagnostic]) {
    for warning in warnings {
        complain("warning", &warning.to_string());
    }
}

/// Temporary files that are not finished yet; removed if a signal ends the program.
static UNFINISHED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// Sees to it that SIGINT and SIGTERM leave no temporary file behind, and end the program as they would have.
fn clean_up_on_signals() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        #[cfg(unix)]
        {
            use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
            let Ok(mut signals) = signal_hook::iterator::Signals::new([SIGHUP, SIGINT, SIGTERM]) else { return };
            std::thread::spawn(move || {
                for signal in signals.forever() {
                    // Held to the end: nothing new is begun.
                    let unfinished = UNFINISHED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    for path in unfinished.iter() {
                        let _ = std::fs::remove_file(path);
                    }
                    let _ = signal_hook::low_level::emulate_default_handler(signal);
                }
            });
        }
    });
}

fn unfinished() -> std::sync::MutexGuard<'static, BTreeSet<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// What a file is to hold.
pub(super) enum Contents {
    /// These bytes.
    Bytes(Vec<u8>),
    /// What was written to a temporary file: numbers, and names without control characters.
    Spooled(Spool),
}

impl From<Vec<u8>> for Contents {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl Contents {
    /// Those of a file of this name.
    fn write(&self, name: &str, out: &mut impl Write) -> io::Result<()> {
        match self {
            Self::Bytes(bytes) => out.write_all(&harmless(name, bytes)),
            Self::Spooled(spool) => io::copy(&mut File::open(&spool.path)?, out).map(|_| ()),
        }
    }
}

/// A temporary file that is known to those who clean up: in this directory.
fn temporary_in(directory: &Path) -> anyhow::Result<(File, TempPath)> {
    clean_up_on_signals();
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // The umask takes from it what it takes from any new file.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    // Nothing may come between its making and its being known.
    let mut list = unfinished();
    let file = builder.tempfile_in(directory).with_context(|| format!("cannot write to {}", directory.display()))?;
    list.insert(file.path().to_owned());
    Ok(file.into_parts())
}

/// What is written before all is known that is needed to give it its place.
#[derive(Debug)]
pub(super) struct Spool {
    path: TempPath,
    /// None where it is opened for each write.
    file: Option<File>,
}

impl Spool {
    /// In the directory that is written to in the end, or beside it if it is not there yet. Many may not all be open at once.
    pub fn new(directory: &Path, is_one_of_many: bool) -> anyhow::Result<Self> {
        let there = directory.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("."));
        let (file, path) = temporary_in(there)?;
        Ok(Self { path, file: (!is_one_of_many).then_some(file) })
    }
}

impl Write for Spool {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.file {
            Some(file) => file.write(bytes),
            None => OpenOptions::new().append(true).open(&self.path)?.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A file that is being written, and what it is to become.
enum Unfinished {
    /// A temporary file that takes the place of an ordinary file, or of none.
    Temporary { path: TempPath, becomes: PathBuf },
    /// A device, a pipe or the like, which is written to as it is.
    Existing { file: File, name: String, contents: Contents },
}

/// Begins to write a file. What stands at the path and is no ordinary file is never replaced: a symbolic link stays,
/// and what it points to is written.
fn begin(path: &Path, contents: Contents) -> anyhow::Result<Unfinished> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let cannot = || format!("cannot write {}", path.display());
    let there = std::fs::metadata(path).ok();
    if there.as_ref().is_some_and(|metadata| !metadata.is_file()) {
        let file = OpenOptions::new().write(true).open(path).with_context(cannot)?;
        return Ok(Unfinished::Existing { file, name, contents });
    }
    let is_link = std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.file_type().is_symlink());
    let becomes = match (&there, is_link) {
        (Some(_), _) => std::fs::canonicalize(path).with_context(cannot)?,
        // A link to nothing yet.
        (None, true) => {
            let link = std::fs::read_link(path).with_context(cannot)?;
            path.parent().map_or_else(|| link.clone(), |folder| folder.join(&link))
        }
        (None, false) => path.to_owned(),
    };
    let directory = becomes.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let (file, temporary) = match contents {
        Contents::Spooled(spool) if are_on_one_file_system(&spool.path, directory) => {
            (OpenOptions::new().append(true).open(&spool.path).with_context(cannot)?, spool.path)
        }
        contents => {
            let (mut file, temporary) = temporary_in(directory)?;
            contents.write(&name, &mut file).with_context(cannot)?;
            (file, temporary)
        }
    };
    file.sync_all().with_context(cannot)?;
    if let Some(there) = there {
        file.set_permissions(there.permissions()).with_context(cannot)?;
    }
    Ok(Unfinished::Temporary { path: temporary, becomes })
}

/// Whether a file can be moved to a directory by its name alone.
fn are_on_one_file_system(file: &Path, directory: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let device = |path: &Path| std::fs::metadata(path).map(|metadata| metadata.dev());
        matches!((device(file), device(directory)), (Ok(one), Ok(other)) if one == other)
    }
    #[cfg(not(unix))]
    {
        let _ = (file, directory);
        false
    }
}

/// Gives a finished file its name, or writes to what is there.
fn finish(unfinished_file: Unfinished) -> anyhow::Result<()> {
    match unfinished_file {
        Unfinished::Temporary { path, becomes } => {
            let mut list = unfinished();
            let temporary = path.to_path_buf();
            path.persist(&becomes).with_context(|| format!("cannot write {}", becomes.display()))?;
            list.remove(&temporary);
        }
        Unfinished::Existing { mut file, name, contents } => {
            contents.write(&name, &mut file).and_then(|()| file.flush())?;
        }
    }
    Ok(())
}

/// The contents of a text for people, without control characters; other files as they are.
fn harmless<'a>(name: &str, contents: &'a [u8]) -> Cow<'a, [u8]> {
    let is_text = name.ends_with(".md") || name.ends_with(".csv");
    match std::str::from_utf8(contents) {
        Ok(text) if is_text => match escaped_lines(text) {
            Cow::Borrowed(_) => Cow::Borrowed(contents),
            Cow::Owned(clean) => Cow::Owned(clean.into_bytes()),
        },
        _ => Cow::Borrowed(contents),
    }
}

/// Writes files into a directory, which is made if need be: first all under temporary names, then
/// each takes its place at once.
pub(super) fn write_files(
    directory: &Path,
    files: Vec<(impl AsRef<str>, impl Into<Contents>)>,
) -> anyhow::Result<Vec<PathBuf>> {
    let here = || directory.display().to_string();
    std::fs::create_dir_all(directory).with_context(|| format!("cannot make the directory {}", here()))?;
    let mut ready = Vec::new();
    for (name, contents) in files {
        let path = directory.join(name.as_ref());
        ready.push((begin(&path, contents.into())?, path));
    }
    let mut paths = Vec::new();
    for (file, path) in ready {
        finish(file)?;
        paths.push(path);
    }
    Ok(paths)
}

/// Writes one file, whole or not at all.
pub(super) fn write_file(path: &Path, contents: impl Into<Contents>) -> anyhow::Result<()> {
    finish(begin(path, contents.into())?)
}
