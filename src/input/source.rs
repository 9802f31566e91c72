//! Finding and reading the files behind `-f`.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::{Diagnostic, InputError, Location};

/// No manifest, scenario or list of nodes is larger; what is (a device, a log) is not read to its end.
const LARGEST_FILE: u64 = 256 << 20;

/// A text and where it came from.
#[derive(Clone, Debug)]
pub struct Source {
    /// The file as the user named it; `-` for standard input.
    pub name: String,
    /// The contents, without a byte order mark.
    pub text: String,
}

impl Source {
    /// A place in this source.
    pub fn location(&self, line: usize, column: usize) -> Location {
        Location { file: self.name.as_str().into(), line, column }
    }

    /// A source of bytes that were read already.
    pub fn from_bytes(name: String, bytes: Vec<u8>) -> Result<Self, InputError> {
        let text = String::from_utf8(bytes).map_err(|error| {
            let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
            InputError::from(
                Diagnostic::new("the file is not UTF-8 text")
                    .at(Location { file: name.as_str().into(), line, column: 0 })
                    .hint("save it as UTF-8"),
            )
        })?;
        let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
        Ok(Self { name, text })
    }
}

/// Reads what `-f` names, as `kubectl apply` does: a file, standard input (`-`), or the
/// `.yaml`, `.yml` and `.json` files of a directory, with `recursive` those of its subdirectories too.
/// Files of a directory come in the order of their names; a file that is reached twice counts once.
pub fn read_sources(paths: &[PathBuf], recursive: bool) -> Result<Vec<Source>, InputError> {
    let mut sources = Vec::new();
    let mut seen = BTreeSet::new();
    for path in paths {
        if path.as_os_str() == "-" {
            sources.push(read_from(Path::new("-"), io::stdin().lock())?);
        } else if path.is_dir() {
            let mut files = Vec::new();
            list(path, recursive, &mut seen, &mut files)?;
            if files.is_empty() {
                let hint = if recursive { "name the files" } else { "name the files, or use -R for subdirectories" };
                let diagnostic = Diagnostic::new("no .yaml, .yml or .json file in this directory")
                    .at(Location { file: path.display().to_string().into(), line: 0, column: 0 })
                    .hint(hint);
                return Err(diagnostic.into());
            }
            for file in files.into_iter().flatten() {
                sources.push(read_file(&file)?);
            }
        } else if is_new(path, &mut seen) {
            sources.push(read_file(path)?);
        }
    }
    Ok(sources)
}

/// Whether a file or directory is reached for the first time, by whatever name. Pipes are always new.
fn is_new(path: &Path, seen: &mut BTreeSet<PathBuf>) -> bool {
    match (fs::metadata(path), fs::canonicalize(path)) {
        (Ok(metadata), Ok(real)) if metadata.is_file() || metadata.is_dir() => seen.insert(real),
        _ => true,
    }
}

/// Gathers the files of a directory; `None` for one that was reached before.
fn list(
    directory: &Path,
    recursive: bool,
    seen: &mut BTreeSet<PathBuf>,
    files: &mut Vec<Option<PathBuf>>,
) -> Result<(), InputError> {
    if recursive && !is_new(directory, seen) {
        files.push(None);
        return Ok(());
    }
    let mut entries: Vec<PathBuf> = fs::read_dir(directory)
        .and_then(|entries| entries.map(|entry| entry.map(|e| e.path())).collect())
        .map_err(|error| unreadable(directory, &error))?;
    entries.sort();
    for entry in entries {
        // A loop of links is no file and no directory.
        let Ok(metadata) = fs::metadata(&entry) else { continue };
        if metadata.is_dir() {
            if recursive {
                list(&entry, recursive, seen, files)?;
            }
        } else if metadata.is_file()
            && matches!(entry.extension().and_then(|e| e.to_str()), Some("yaml" | "yml" | "json"))
        {
            files.push(is_new(&entry, seen).then_some(entry));
        }
    }
    Ok(())
}

fn read_file(path: &Path) -> Result<Source, InputError> {
    read_from(path, fs::File::open(path).map_err(|error| unreadable(path, &error))?)
}

/// A file, or standard input for `-`.
pub fn open(path: &Path) -> Result<Box<dyn Read + Send>, InputError> {
    if path.as_os_str() == "-" {
        return Ok(Box::new(io::stdin()));
    }
    Ok(Box::new(fs::File::open(path).map_err(|error| unreadable(path, &error))?))
}

fn read_from(path: &Path, input: impl Read) -> Result<Source, InputError> {
    let mut bytes = Vec::new();
    input.take(LARGEST_FILE + 1).read_to_end(&mut bytes).map_err(|error| unreadable(path, &error))?;
    if bytes.len() as u64 > LARGEST_FILE {
        let location = Location { file: path.display().to_string().into(), line: 0, column: 0 };
        return Err(Diagnostic::new(format!("is larger than {} MiB", LARGEST_FILE >> 20)).at(location).into());
    }
    Source::from_bytes(path.display().to_string(), bytes)
}

/// An error that names the file and says what the operating system said.
pub(super) fn unreadable(path: &Path, error: &io::Error) -> InputError {
    let location = Location { file: path.display().to_string().into(), line: 0, column: 0 };
    let message = match error.kind() {
        io::ErrorKind::NotFound => "no such file or directory".to_owned(),
        _ => format!("cannot be read: {error}"),
    };
    Diagnostic::new(message).at(location).into()
}
