//! Writing: standard output, complaints, and files that are whole or not there.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use tempfile::NamedTempFile;

use crate::input::Diagnostic;

/// Writes a text to standard output.
pub(super) fn print(text: &str) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()?;
    Ok(())
}

/// Whether the reader of our output has gone, as in `hpasim ... | head`.
pub(super) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// Writes a complaint to standard error. There is nobody to tell if that fails.
pub(super) fn complain(level: &str, text: &str) {
    let _ = writeln!(io::stderr().lock(), "{level}: {text}");
}

/// Writes warnings to standard error.
pub(super) fn warn(warnings: &[Diagnostic]) {
    for warning in warnings {
        complain("warning", &warning.to_string());
    }
}

/// Writes files into a directory, which is made if need be: first all under temporary names, then
/// each takes its place at once.
pub(super) fn write_files(directory: &Path, files: &[(impl AsRef<str>, Vec<u8>)]) -> anyhow::Result<Vec<PathBuf>> {
    let here = || directory.display().to_string();
    std::fs::create_dir_all(directory).with_context(|| format!("cannot make the directory {}", here()))?;
    let mut ready = Vec::new();
    for (name, contents) in files {
        let name = name.as_ref();
        let mut file = NamedTempFile::new_in(directory).with_context(|| format!("cannot write to {}", here()))?;
        file.write_all(contents)
            .and_then(|()| file.as_file().sync_all())
            .with_context(|| format!("cannot write {name}"))?;
        ready.push((file, directory.join(name)));
    }
    let mut paths = Vec::new();
    for (file, path) in ready {
        persist(file, &path)?;
        paths.push(path);
    }
    Ok(paths)
}

/// Writes one file, whole or not at all.
pub(super) fn write_file(path: &Path, contents: &[u8]) -> anyhow::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file =
        NamedTempFile::new_in(directory).with_context(|| format!("cannot write to {}", directory.display()))?;
    file.write_all(contents).with_context(|| format!("cannot write {}", path.display()))?;
    persist(file, path)
}

/// Gives a finished temporary file its name, with the permissions of an ordinary new file.
fn persist(file: NamedTempFile, path: &Path) -> anyhow::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(path).map_or(0o644, |old| old.permissions().mode());
        file.as_file().set_permissions(std::fs::Permissions::from_mode(mode))?;
    }
    file.persist(path).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(())
}
