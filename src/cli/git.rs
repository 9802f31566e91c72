//! Manifests as they were in a revision of a git repository: read by git, without touching the work tree or the index.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Context as _;

use crate::input::Source;

/// What a path had in it at a revision: the file, or the `.yaml`, `.yml` and `.json` files of the directory, as -f reads them.
pub(super) fn sources(revision: &str, path: &Path, recursive: bool) -> anyhow::Result<Vec<Source>> {
    let parent = path.parent().filter(|parent| parent.is_dir()).unwrap_or(Path::new("."));
    let inner = path.strip_prefix(parent).unwrap_or(path);
    let inner = if inner.as_os_str().is_empty() { ".".to_owned() } else { inner.display().to_string() };
    let commit = format!("{revision}^{{commit}}");
    let known = git(parent, &["rev-parse", "--verify", "--quiet", "--end-of-options", &commit]);
    let commit = known.with_context(|| {
        format!("`{revision}` is neither a file or directory nor a revision of the repository of {}", path.display())
    })?;
    let commit = String::from_utf8_lossy(&commit).trim().to_owned();
    let entries = |of: &str, options: &[&str]| -> anyhow::Result<Vec<(String, String)>> {
        let listed = git(parent, &[&["ls-tree", "-z"], options, &[&commit, "--", of]].concat())?;
        Ok(String::from_utf8_lossy(&listed).split('\0').filter_map(blob).collect())
    };
    let options: &[&str] = if recursive { &["-r"] } else { &[] };
    let mut files = entries(&format!("{}/", inner.trim_end_matches('/')), options)?;
    files.retain(|(_, name)| {
        Path::new(name).extension().is_some_and(|kind| kind == "yaml" || kind == "yml" || kind == "json")
    });
    if files.is_empty() {
        files = entries(&inner, &[])?;
    }
    if files.is_empty() {
        anyhow::bail!("{revision} has no {}, or no .yaml, .yml or .json file in it", path.display());
    }
    files.sort_by(|one, other| one.1.cmp(&other.1));
    let source = |(hash, name): (String, String)| {
        let text = git(parent, &["cat-file", "blob", &hash])?;
        let name = parent.join(name);
        let shown = name.strip_prefix(".").unwrap_or(&name).display().to_string();
        Ok(Source::from_bytes(format!("{revision}:{shown}"), text)?)
    };
    files.into_iter().map(source).collect()
}

/// The hash and the name of a file among the lines of `git ls-tree`.
fn blob(line: &str) -> Option<(String, String)> {
    let (about, name) = line.split_once('\t')?;
    let mut parts = about.split(' ');
    let (_, kind, hash) = (parts.next()?, parts.next()?, parts.next()?);
    (kind == "blob").then(|| (hash.to_owned(), name.to_owned()))
}

fn git(directory: &Path, args: &[&str]) -> anyhow::Result<Vec<u8>> {
    let run = Command::new("git").arg("-C").arg(directory).args(args).stdin(Stdio::null()).output();
    let output = run.context("cannot run git")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.lines().next().unwrap_or("nothing was said").to_owned();
        anyhow::bail!("git {}: {said}", args.first().copied().unwrap_or_default());
    }
    Ok(output.stdout)
}
