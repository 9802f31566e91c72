//! Finding and reading the files behind `-f`.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::{Diagnostic, InputError, Location};

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
        Location { file: self.name.clone(), line, column }
    }
}

/// Reads what `-f` names, as `kubectl apply` does: a file, standard input (`-`), or the
/// `.yaml`, `.yml` and `.json` files of a directory, with `recursive` those of its subdirectories too.
/// Files of a directory come in the order of their names.
pub fn read_sources(paths: &[PathBuf], recursive: bool) -> Result<Vec<Source>, InputError> {
    let mut sources = Vec::new();
    for path in paths {
        if path.as_os_str() == "-" {
            let mut bytes = Vec::new();
            std::io::stdin().lock().read_to_end(&mut bytes).map_err(|error| unreadable(Path::new("-"), &error))?;
            sources.push(text_of("-".into(), bytes)?);
        } else if path.is_dir() {
            let mut files = Vec::new();
            list(path, recursive, &mut files)?;
            if files.is_empty() {
                let hint = if recursive { "name the files" } else { "name the files, or use -R for subdirectories" };
                let diagnostic = Diagnostic::new("no .yaml, .yml or .json file in this directory")
                    .at(Location { file: path.display().to_string(), line: 0, column: 0 })
                    .hint(hint);
                return Err(diagnostic.into());
            }
            for file in files {
                sources.push(read_file(&file)?);
            }
        } else {
            sources.push(read_file(path)?);
        }
    }
    Ok(sources)
}

fn list(directory: &Path, recursive: bool, files: &mut Vec<PathBuf>) -> Result<(), InputError> {
    let mut entries: Vec<PathBuf> = fs::read_dir(directory)
        .and_then(|entries| entries.map(|entry| entry.map(|e| e.path())).collect())
        .map_err(|error| unreadable(directory, &error))?;
    entries.sort();
    for entry in entries {
        if entry.is_dir() {
            if recursive {
                list(&entry, recursive, files)?;
            }
        } else if matches!(entry.extension().and_then(|e| e.to_str()), Some("yaml" | "yml" | "json")) {
            files.push(entry);
        }
    }
    Ok(())
}

fn read_file(path: &Path) -> Result<Source, InputError> {
    let bytes = fs::read(path).map_err(|error| unreadable(path, &error))?;
    text_of(path.display().to_string(), bytes)
}

fn text_of(name: String, bytes: Vec<u8>) -> Result<Source, InputError> {
    let text = String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
        InputError::from(
            Diagnostic::new("the file is not UTF-8 text")
                .at(Location { file: name.clone(), line, column: 0 })
                .hint("save it as UTF-8"),
        )
    })?;
    let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
    Ok(Source { name, text })
}

/// An error that names the file and says what the operating system said.
pub(super) fn unreadable(path: &Path, error: &std::io::Error) -> InputError {
    let location = Location { file: path.display().to_string(), line: 0, column: 0 };
    let message = match error.kind() {
        std::io::ErrorKind::NotFound => "no such file or directory".to_owned(),
        _ => format!("cannot be read: {error}"),
    };
    Diagnostic::new(message).at(location).into()
}
