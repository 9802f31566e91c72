//! `hpasim init`: a scenario to begin with.

use std::path::{Path, PathBuf};

use clap::Args;

use super::manifests::SourceArgs;
use super::{Outcome, output};
use crate::input::{Diagnostic, InputError, read_sources};
use crate::model::KubernetesVersion;
use crate::report::draft::{self, Draft, Drafted};

/// Write a scenario to begin with: the HPAs of some manifests, what their probes allow, and a load to edit
///
/// Reads the manifests of the folder and writes a commented scenario, which `hpasim replay` runs as it stands.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  hpasim init                                  # of the manifests in this folder\n  hpasim init -f k8s/ -o capacity/day.yaml\n  hpasim replay scenario.yaml -o out/"
)]
pub(super) struct InitArgs {
    #[command(flatten)]
    sources: SourceArgs,
    /// The file to write; one that is there is not touched without --force
    #[arg(short, long, value_name = "FILE", default_value = "scenario.yaml")]
    output: PathBuf,
    /// Replace the file if it is there
    #[arg(long)]
    force: bool,
    /// The Kubernetes release
    #[arg(long, value_name = "VERSION", default_value_t = KubernetesVersion::default())]
    kubernetes_version: KubernetesVersion,
}

/// Runs the command.
pub(super) fn run(args: &InitArgs) -> anyhow::Result<Outcome> {
    if !args.sources.kustomize.is_empty() || args.sources.filenames.iter().any(|path| path.as_os_str() == "-") {
        anyhow::bail!(
            "a scenario names files: render first, such as kubectl kustomize DIR > all.yaml, and give them with -f"
        );
    }
    if !args.sources.set.set.is_empty() {
        anyhow::bail!("--set changes a run, and a scenario names the manifests as they are");
    }
    if args.output.exists() && !args.force {
        anyhow::bail!("{} is there already: --force replaces it, -o FILE writes another", args.output.display());
    }
    let sources = SourceArgs {
        filenames: if args.sources.filenames.is_empty() { vec![".".into()] } else { args.sources.filenames.clone() },
        ..args.sources.clone()
    };
    let manifests = sources.read(args.kubernetes_version, false)?.accepted()?;
    output::warn(&manifests.oddities());
    let targets = manifests.targets();
    let chosen = manifests.chosen(sources.namespace.as_deref(), None)?;
    let found: Vec<_> = chosen.iter().map(|hpa| (&hpa.item, targets.of(hpa))).collect();
    let hpas = found.iter().map(|(hpa, selection)| Drafted {
        hpa,
        target: match selection {
            Ok(selection) => Ok(&selection.target.item),
            Err(error) => Err(error.diagnostics().first().map_or_else(String::new, |first| first.message.clone())),
        },
    });
    let folder = args.output.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let draft = Draft {
        name: name(&args.output),
        manifests: names(&sources)?.iter().map(|path| relative(path, folder)).collect::<anyhow::Result<_>>()?,
        hpas: hpas.collect(),
        version: args.kubernetes_version,
    };
    let Some(text) = draft::scenario(&draft) else {
        let wrong = draft.hpas.iter().filter_map(|one| {
            let why = one.target.as_ref().err()?;
            Some(Diagnostic::new(format!("{}/{}: {why}", one.hpa.namespace, one.hpa.name)))
        });
        return Err(InputError::of(wrong.collect()).into());
    };
    std::fs::create_dir_all(folder)?;
    output::write_file(&args.output, text.into_bytes())?;
    output::complain("wrote", &args.output.display().to_string());
    output::complain("note", &format!("edit its load, then: hpasim replay {} -o out/", args.output.display()));
    Ok(Outcome::Done)
}

/// The files or folders that the scenario names: below a folder that is read with its subfolders, each file.
fn names(sources: &SourceArgs) -> anyhow::Result<Vec<PathBuf>> {
    if !sources.recursive {
        return Ok(sources.filenames.clone());
    }
    let found = read_sources(&sources.filenames, true)?;
    Ok(found.into_iter().map(|source| PathBuf::from(source.name)).collect())
}

/// The scenario's name: that of its file, in letters that a name may have.
fn name(file: &Path) -> String {
    let stem = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let name: String =
        stem.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '-' }).collect();
    if name.is_empty() { "scenario".to_owned() } else { name }
}

/// A path as it is written in a file of a folder.
fn relative(path: &Path, folder: &Path) -> anyhow::Result<String> {
    if path.is_absolute() {
        return Ok(path.display().to_string());
    }
    let (path, folder) = (path.canonicalize()?, absolute(folder)?);
    let shared = path.components().zip(folder.components()).take_while(|(one, other)| one == other).count();
    let up = folder.components().skip(shared).map(|_| "..");
    let down: Vec<String> =
        path.components().skip(shared).map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
    let parts: Vec<&str> = up.chain(down.iter().map(String::as_str)).collect();
    Ok(if parts.is_empty() { ".".to_owned() } else { parts.join("/") })
}

/// A folder that may not be there yet.
fn absolute(folder: &Path) -> anyhow::Result<PathBuf> {
    match folder.canonicalize() {
        Ok(path) => Ok(path),
        Err(_) => Ok(std::path::absolute(folder)?),
    }
}
