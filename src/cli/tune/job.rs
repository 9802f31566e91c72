//! `--job-manifest`: the search as an Indexed Job.

use std::path::{Component, Path, PathBuf};

use anyhow::Context as _;
use base64::Engine as _;

use super::{Task, TuneArgs};
use crate::cli::{Outcome, output};
use crate::input::manifests::to_yaml;
use crate::model::{LoadSource as _, LoadTable};
use crate::report::tune::job::Job;

/// Options of this process, with their values: of the Job others are said.
const OWN: [&str; 6] = ["--job-manifest", "-o", "--output", "--shard", "--format", "--color"];
/// What hpasim takes without a load, bytes: measured, see docs/tuning.md.
const BASE: u64 = 64 << 20;
/// So many bytes a value of the load, in each of the loads of a search and of a simulation.
const OF_VALUE: u64 = 8;
/// Of a folder only these are read.
const READ: [&str; 5] = ["yaml", "yml", "json", "csv", "gz"];
/// No folder has more files that are read.
const MOST_FILES: usize = 10_000;

/// Prints the objects.
pub(super) fn print(args: &TuneArgs, image: &str, tasks: &[Task<'_>]) -> anyhow::Result<Outcome> {
    if !args.kustomized.is_empty() {
        anyhow::bail!("the image has no kubectl to render -k with: give what it renders with -f");
    }
    let mut files = Vec::new();
    let mut arguments: Vec<String> = Vec::new();
    let mut given = std::env::args().skip_while(|one| one != "tune").skip(1);
    while let Some(one) = given.next() {
        if OWN.contains(&one.as_str()) {
            given.next();
        } else if let Some(path) = one.strip_prefix("-f").filter(|path| !path.is_empty()) {
            // `-fk8s/` is `-f k8s/`.
            arguments.extend(["-f".to_owned(), mapped(path.trim_start_matches('='), &mut files)?]);
        } else if one.starts_with("-o") {
            // The directory is the Job's.
        } else if !OWN.iter().any(|own| one.strip_prefix(own).is_some_and(|rest| rest.starts_with('='))) {
            arguments.push(mapped(&one, &mut files)?);
        }
    }
    let is_said = arguments.iter().any(|one| one == "--no-config" || one == "--config" || one.starts_with("--config="));
    let configs = [std::env::var("HPASIM_CONFIG").ok(), Some("hpasim.toml".to_owned())];
    if let Some(config) = configs.into_iter().flatten().find(|path| !is_said && Path::new(path).is_file()) {
        arguments.extend(["--config".to_owned(), mapped(&config, &mut files)?]);
        output::complain(
            "note",
            &format!("{config} goes with the Job; files that it names do not: name them as options"),
        );
    }
    files.sort();
    files.dedup();
    let all = std::iter::once("tune".to_owned()).chain(arguments);
    let memory = tasks.iter().map(need).max().unwrap_or(BASE);
    let job = Job {
        image: image.to_owned(),
        args: all.chain(["-o".to_owned(), "/parts".to_owned()]).collect(),
        parts: tasks.len() * args.searches as usize,
        memory,
        files,
    };
    let mut text = String::from(
        "# hpasim tune as an Indexed Job: each index writes its part into the volume hpasim-tune-parts, which must be one that all nodes\n\
         # can write (ReadWriteMany). When all are done, `hpasim merge` puts the parts together.\n",
    );
    if !job.fits() {
        text += "# The inputs are too large for a ConfigMap: copy the files that are named into the volume hpasim-tune-inputs, with their paths.\n";
        for (path, _) in &job.files {
            text += &format!("#   {path}\n");
        }
    }
    let objects = job.objects(|bytes| base64::engine::general_purpose::STANDARD.encode(bytes));
    let yaml: Vec<String> = objects.iter().map(to_yaml).collect::<Result<_, _>>()?;
    output::print(&(text + &yaml.join("---\n"))).map(|()| Outcome::Done)
}

/// What a search needs: its loads, and those of a simulation and of what is read from it.
fn need(task: &Task<'_>) -> u64 {
    let of = |table: &LoadTable| table.rows().count() as u64 * (table.columns().len() as u64 + 1);
    let values: u64 = task.problem.loads.iter().map(|one| of(&one.table)).sum();
    let largest = BASE + OF_VALUE * values * (task.problem.phases as u64 + 4);
    // In whole powers of two of MiB, with room for what is not counted.
    (largest * 2).next_power_of_two()
}

/// An argument, with the paths of files as they are below the working directory of the Job; takes the files.
fn mapped(argument: &str, files: &mut Vec<(String, Vec<u8>)>) -> anyhow::Result<String> {
    if argument == "-" || argument.ends_with("=-") {
        anyhow::bail!("a Job has no standard input: give files");
    }
    // `--load=FILE`, `HPA=FILE`, or the path alone.
    let ends = std::iter::once(0).chain(argument.match_indices('=').map(|(at, _)| at + 1));
    for start in ends {
        let (before, path) = argument.split_at(start);
        if !path.is_empty() && Path::new(path).exists() {
            let inner = below(Path::new(path))?;
            take(Path::new(path), Path::new(&inner), files)?;
            return Ok(format!("{before}{inner}"));
        }
    }
    Ok(argument.to_owned())
}

/// A path below the working directory: as it is, or without what is above.
fn below(path: &Path) -> anyhow::Result<String> {
    let is_inner = path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    let inner: PathBuf = match is_inner {
        true => path.components().filter(|part| *part != Component::CurDir).collect(),
        false => {
            let whole = path.canonicalize().with_context(|| format!("cannot read {}", path.display()))?;
            whole.components().filter(|part| matches!(part, Component::Normal(_))).collect()
        }
    };
    let text = inner.to_str().with_context(|| format!("{}: a name that is not UTF-8", path.display()))?;
    Ok(if text.is_empty() { ".".to_owned() } else { text.to_owned() })
}

/// A file, or all files of a folder.
fn take(path: &Path, inner: &Path, files: &mut Vec<(String, Vec<u8>)>) -> anyhow::Result<()> {
    let cannot = || format!("cannot read {}", path.display());
    if path.is_dir() {
        let mut entries: Vec<PathBuf> = std::fs::read_dir(path)
            .with_context(cannot)?
            .map(|entry| Ok(entry?.path()))
            .collect::<std::io::Result<_>>()
            .with_context(cannot)?;
        entries.sort();
        for entry in entries {
            let name = entry.file_name().unwrap_or_default();
            let is_read = entry.is_dir() || entry.extension().is_some_and(|kind| READ.iter().any(|read| kind == *read));
            if is_read && !name.to_string_lossy().starts_with('.') {
                take(&entry, &inner.join(name), files)?;
            }
        }
        return Ok(());
    }
    if files.len() >= MOST_FILES {
        anyhow::bail!("more than {MOST_FILES} files would be read: name those that are needed");
    }
    if !path.is_file() {
        anyhow::bail!("{} is no file: a Job reads files", path.display());
    }
    let name = inner.to_str().with_context(|| format!("{}: a name that is not UTF-8", path.display()))?;
    let name = name.trim_start_matches("./").to_owned();
    let bytes = std::fs::read(path).with_context(cannot)?;
    match secrets(&bytes) {
        (0, _) => files.push((name, bytes)),
        (secret, all) if secret == all => {
            output::complain(
                "note",
                &format!("{}: Secrets are left out: nothing is simulated of them", path.display()),
            );
        }
        _ => anyhow::bail!(
            "{}: a Secret stands beside other objects, and would be in a ConfigMap: put it into a file of its own",
            path.display()
        ),
    }
    Ok(())
}

/// How many objects of a file are Secrets, and how many there are in all.
fn secrets(bytes: &[u8]) -> (usize, usize) {
    let text = String::from_utf8_lossy(bytes);
    // YAML, or JSON with a field on each line or not.
    let kinds = text.match_indices("kind").filter_map(|(at, _)| {
        let before = text[..at].trim_end_matches(['"', '\'']);
        let is_field = before.is_empty() || before.ends_with(['\n', ' ', '{', ',', '-', '\t']);
        let rest = text[at + "kind".len()..].trim_start_matches(['"', '\'']).trim_start().strip_prefix(':')?;
        let value = rest.trim_start().trim_start_matches(['"', '\'']);
        is_field.then(|| value.split(|letter: char| !letter.is_alphanumeric()).next().unwrap_or_default())
    });
    let kinds: Vec<&str> = kinds.collect();
    (kinds.iter().filter(|kind| **kind == "Secret").count(), kinds.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_seen_in_whatever_form() {
        for text in [
            "kind: Secret\n",
            "a: 1\nkind: 'Secret'",
            "{\"kind\":\"Secret\"}",
            "{apiVersion: v1, kind: Secret}",
            "- kind: Secret # x",
        ] {
            assert_eq!(secrets(text.as_bytes()), (1, 1), "{text}");
        }
        assert_eq!(secrets(b"kind: Deployment\n---\nkind: Secret\n"), (1, 2));
        assert_eq!(secrets(b"kind: SecretStore\nmankind: Secret\n"), (0, 1));
        assert_eq!(secrets(b"time,cpu\n0,1\n"), (0, 0));
    }
}
