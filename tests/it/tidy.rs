//! The house: import arrows, sizes, forgotten files, nothing that may not be there.

use std::path::{Path, PathBuf};

use crate::support::project;

/// Every file below a folder with this ending.
fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    fn walk(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
        let mut entries: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
        entries.sort();
        for entry in entries {
            if entry.is_dir() {
                walk(&entry, ending, found);
            } else if entry.extension().is_some_and(|found| found == ending) {
                found.push(entry);
            }
        }
    }
    let mut found = Vec::new();
    walk(&project(folder), ending, &mut found);
    found
}

fn name(file: &Path) -> String {
    file.strip_prefix(project("")).unwrap().to_str().unwrap().to_owned()
}

/// The part of a source file that is not its unit tests.
fn code(file: &Path) -> String {
    let text = std::fs::read_to_string(file).unwrap();
    text.split("#[cfg(test)]").next().unwrap().to_owned()
}

/// What each module may import. `input` builds models and patterns, only `cli` sees everything.
const ARROWS: [(&str, &[&str]); 13] = [
    ("units", &[]),
    ("model", &["units"]),
    ("hpa", &["units", "model"]),
    ("placement", &["units", "model"]),
    ("sim", &["units", "model", "hpa", "placement"]),
    ("plan", &["units", "model", "placement"]),
    ("study", &["units", "model", "sim", "plan"]),
    ("lint", &["units", "model", "sim", "plan"]),
    ("report", &["units", "model", "hpa", "sim", "plan", "study", "lint"]),
    ("replay", &["units", "model", "hpa", "sim", "study", "report"]),
    ("input", &["units", "model", "hpa"]),
    ("conformance", &["hpa", "report", "input"]),
    ("cli", &["units", "model", "sim", "plan", "study", "lint", "report", "replay", "input", "conformance"]),
];

#[test]
fn imports_go_one_way() {
    let modules: Vec<&str> = ARROWS.iter().map(|(module, _)| *module).collect();
    let mut wrong = Vec::new();
    for (module, allowed) in ARROWS {
        let mut used = Vec::new();
        for file in files(&format!("src/{module}"), "rs") {
            for imported in named_after(&code(&file), "crate::") {
                let known = modules.contains(&imported.as_str());
                if known && imported != module && !allowed.contains(&imported.as_str()) {
                    wrong.push(format!("{} imports {imported}", name(&file)));
                }
                used.push(imported);
            }
        }
        let unused = allowed.iter().filter(|arrow| !used.iter().any(|used| used == *arrow));
        wrong.extend(unused.map(|arrow| format!("{module} may import {arrow}, and does not")));
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// The names that follow a path, one after it or several in braces.
fn named_after(text: &str, path: &str) -> Vec<String> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut names = Vec::new();
    for (at, _) in text.match_indices(path).filter(|(at, _)| !text[..*at].ends_with(|c| is_word(c) || c == ':')) {
        let rest = &text[at + path.len()..];
        // Only what stands right in the braces.
        let inner = rest.strip_prefix('{').map(|rest| rest.split('}').next().unwrap_or(rest));
        let parts: Vec<&str> = inner.map_or_else(|| vec![rest], |inner| inner.split(',').collect());
        names
            .extend(parts.iter().map(|part| part.trim_start().chars().take_while(|c| is_word(*c)).collect::<String>()));
    }
    names
}

/// Within a folder imports go one way, too: no file needs, by others or at once, itself.
#[test]
fn files_of_a_folder_import_in_no_circle() {
    let mut folders: Vec<PathBuf> = files("src", "rs").iter().map(|file| file.parent().unwrap().to_owned()).collect();
    folders.dedup();
    let mut circles = Vec::new();
    for folder in folders.iter().filter(|folder| **folder != project("src")) {
        let own: Vec<PathBuf> = files(&name(folder), "rs").into_iter().filter(|f| f.parent() == Some(folder)).collect();
        let stem = |file: &PathBuf| file.file_stem().unwrap().to_str().unwrap().to_owned();
        let imports = |file: &PathBuf| named_after(&code(file), "super::");
        let arrows: Vec<(String, Vec<String>)> =
            own.iter().filter(|file| stem(file) != "mod").map(|file| (stem(file), imports(file))).collect();
        for (start, _) in &arrows {
            let (mut reached, mut next) = (Vec::<&str>::new(), vec![start.as_str()]);
            while let Some(at) = next.pop() {
                let from = arrows.iter().find(|(file, _)| file == at);
                for to in from.iter().flat_map(|(_, to)| to).filter(|to| arrows.iter().any(|(file, _)| file == *to)) {
                    if !reached.contains(&to.as_str()) {
                        reached.push(to);
                        next.push(to);
                    }
                }
            }
            if reached.contains(&start.as_str()) {
                circles.push(format!("{}/{start}.rs", name(folder)));
            }
        }
    }
    assert_eq!(circles, Vec::<String>::new());
}

/// Every module has its arrow, and every file is part of the crate.
#[test]
fn no_file_is_forgotten() {
    let lib = std::fs::read_to_string(project("src/lib.rs")).unwrap();
    for (module, _) in ARROWS {
        assert!(lib.contains(&format!("pub mod {module};")), "{module}");
    }
    assert_eq!(lib.matches("pub mod ").count(), ARROWS.len(), "a module without an arrow");
    for file in files("src", "rs") {
        let stem = file.file_stem().unwrap().to_str().unwrap();
        if ["main", "lib", "mod"].contains(&stem) {
            continue;
        }
        let parents = ["mod.rs", "lib.rs"].map(|parent| std::fs::read_to_string(file.with_file_name(parent)));
        let parent = parents.into_iter().flatten().collect::<String>();
        assert!(parent.contains(&format!("mod {stem};")), "{} is not part of the crate", name(&file));
    }
}

#[test]
fn files_and_functions_are_of_a_size_to_be_read() {
    let mut wrong = Vec::new();
    for file in files("src", "rs") {
        let text = code(&file);
        let lines: Vec<&str> = text.lines().collect();
        if lines.len() > 500 {
            wrong.push(format!("{} has {} lines", name(&file), lines.len()));
        }
        let mut start = None;
        for (index, line) in lines.iter().enumerate() {
            let indent = line.len() - line.trim_start().len();
            let is_fn = ["fn ", "pub fn ", "pub(crate) fn ", "pub(super) fn "]
                .iter()
                .any(|prefix| line.trim_start().starts_with(prefix));
            if is_fn && line.ends_with(['{', '(']) {
                start = Some((index, indent));
            }
            if let Some((from, depth)) = start
                && *line == format!("{}}}", " ".repeat(depth))
            {
                if index - from > 75 {
                    wrong.push(format!("{}:{} is a function of {} lines", name(&file), from + 1, index - from));
                }
                start = None;
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// Nothing that a user supplies may end in a panic.
#[test]
fn no_unwrap_in_the_sources() {
    let mut wrong = Vec::new();
    for file in files("src", "rs") {
        for (index, line) in code(&file).lines().enumerate() {
            let banned = [".unwrap()", ".expect(", "panic!(", "unreachable!(", "todo!(", "println!("];
            if banned.iter().any(|word| line.contains(word)) && !line.trim_start().starts_with("//") {
                wrong.push(format!("{}:{}: {}", name(&file), index + 1, line.trim()));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// Only `input` reads what users wrote, only `cli` writes.
#[test]
fn only_input_reads_and_only_cli_writes() {
    let mut wrong = Vec::new();
    for file in files("src", "rs") {
        let (text, path) = (code(&file), name(&file));
        let is_in = |module: &str| path.starts_with(&format!("src/{module}/"));
        // The parts of a search are hpasim's own.
        let is_of_parts = ["study", "report", "cli"].iter().any(|module| is_in(&format!("{module}/tune")));
        for (word, allowed) in [
            ("std::fs", is_in("input") || is_in("cli")),
            ("serde_yaml", is_in("input")),
            // Settings are declared once, with how they are written.
            ("Deserialize", is_in("input") || is_in("model") || is_in("units") || is_of_parts),
            ("io::stdin", is_in("input")),
            ("io::stdout", is_in("cli")),
            ("anyhow", is_in("cli")),
        ] {
            if text.contains(word) && !allowed {
                wrong.push(format!("{path} uses {word}"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// Each snapshot belongs to a test.
#[test]
fn no_snapshot_is_forgotten() {
    let tests: String = ["src", "tests"]
        .iter()
        .flat_map(|folder| files(folder, "rs"))
        .map(|file| std::fs::read_to_string(file).unwrap())
        .collect();
    for folder in ["src", "tests"] {
        for snapshot in files(folder, "snap") {
            let stem = snapshot.file_stem().unwrap().to_str().unwrap();
            let test = stem.rsplit("__").next().unwrap().trim_end_matches(|c: char| c == '-' || c.is_ascii_digit());
            assert!(tests.contains(&format!("fn {test}")), "{}", name(&snapshot));
        }
    }
}

#[test]
fn the_architecture_page_stays_short() {
    let lines = std::fs::read_to_string(project("ARCHITECTURE.md")).unwrap().lines().count();
    assert!(lines < 100, "{lines} lines");
}
