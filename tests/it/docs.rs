//! The README and the pages of docs/: every command runs as it stands, and prints what the page says that it prints.

#![cfg(unix)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex, OnceLock};

use crate::support::project;

/// A command of a page, and what stands below it.
struct Shown {
    line: String,
    output: Vec<String>,
}

fn pages() -> Vec<PathBuf> {
    let mut all = vec![project("README.md")];
    for folder in ["docs", "docs/book"] {
        let entries = std::fs::read_dir(project(folder)).unwrap().map(|entry| entry.unwrap().path());
        all.extend(entries.filter(|path| path.extension().is_some_and(|ending| ending == "md")));
    }
    all.sort();
    all
}

/// Indented lines: commands, with `$ ` before them where their output follows.
fn shown(page: &Path) -> Vec<Shown> {
    let text = std::fs::read_to_string(page).unwrap().replace("\\\n", " ");
    let mut all: Vec<Shown> = Vec::new();
    let mut has_output = false;
    for line in text.lines() {
        let Some(line) = line.strip_prefix("    ") else {
            has_output &= line.trim().is_empty();
            continue;
        };
        let (is_shown, command) = line.strip_prefix("$ ").map_or((false, line.trim_start()), |rest| (true, rest));
        let ours = ["hpasim ", "cargo run --release -- "].iter().find_map(|name| command.strip_prefix(name));
        match ours {
            Some(arguments) => {
                all.push(Shown { line: arguments.to_owned(), output: Vec::new() });
                has_output = is_shown;
            }
            None if has_output => all.last_mut().unwrap().output.push(line.trim().to_owned()),
            None => {}
        }
    }
    all
}

/// What commands printed that several pages have and that read and write no file.
type Shared = Mutex<BTreeMap<String, Arc<OnceLock<Output>>>>;

fn run(command: &str, folder: &Path, shared: &Shared) -> Output {
    let once = || {
        let line = format!("{} {command}", assert_cmd::cargo::cargo_bin("hpasim").display());
        Command::new("sh").args(["-c", &line]).current_dir(folder).output().unwrap()
    };
    if command.contains(['/', '.', '>', '|']) || command.contains(" -o") {
        return once();
    }
    let known = shared.lock().unwrap().entry(command.trim().to_owned()).or_default().clone();
    known.get_or_init(once).clone()
}

/// Runs the commands of a page: how many there are, and how many lines of output were compared.
fn check(page: &Path, shared: &Shared) -> (usize, usize) {
    let (mut commands, mut compared) = (0, 0);
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(project("scenarios"), folder.path().join("scenarios")).unwrap();
    for Shown { line, output } in shown(page) {
        let (command, remark) = line.split_once(" #").unwrap_or((&line, ""));
        let expected = i32::from(remark.contains("ends with 1"));
        let done = run(command, folder.path(), shared);
        let said = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(expected), "{}: {command}: {said}", page.display());
        commands += 1;
        let printed = String::from_utf8_lossy(&done.stdout).into_owned() + &said;
        let mut printed = printed.lines().map(str::trim);
        for wanted in output.iter().filter(|line| !line.is_empty() && *line != "...") {
            let found = printed.any(|line| line == wanted);
            assert!(found, "{}: {command} does not print, there: {wanted}", page.display());
            compared += 1;
        }
    }
    (commands, compared)
}

#[test]
fn every_command_runs_and_prints_what_the_page_says() {
    let (pages, shared) = (pages(), Shared::default());
    let counts: Vec<(usize, usize)> = std::thread::scope(|scope| {
        let runs: Vec<_> = pages.iter().map(|page| scope.spawn(|| check(page, &shared))).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    let (commands, compared) = counts.iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    assert!(commands >= 35 && compared >= 150, "{commands} commands, {compared} lines");
}

/// The README shows a comparison as a pull request does: what is printed and drawn, but for the places of heading and picture.
#[test]
fn the_readme_shows_what_compare_prints() {
    let folder = tempfile::tempdir().unwrap();
    let k8s = "scenarios/rag-system/k8s";
    let changed = "scenarios/rag-system/changes/target-60.yaml";
    let load = "scenarios/rag-system/traces/workday.csv";
    let mut command =
        crate::support::hpasim(&["compare", "--base", k8s, "--head", k8s, "--head", changed, "--load", load]);
    let output = command.args(["--format", "markdown", "-o"]).arg(folder.path()).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let (_, printed) = printed.split_once("\n\n").unwrap();
    let printed = printed.replace("## ", "#### ").replace("](compare.png)", "](docs/compare.png)");
    let readme = std::fs::read_to_string(project("README.md")).unwrap();
    assert!(readme.contains(printed.trim_end()), "README.md does not have this:\n{printed}");
    let pictures =
        [folder.path().join("compare.png"), project("docs/compare.png")].map(|path| std::fs::read(path).unwrap());
    assert!(pictures[0] == pictures[1], "docs/compare.png is not what is drawn");
}

/// What is linked to is there.
#[test]
fn every_link_leads_somewhere() {
    for page in
        pages().into_iter().chain([project("CONTRIBUTING.md"), project("RELEASING.md"), project("ARCHITECTURE.md")])
    {
        let text = std::fs::read_to_string(&page).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            if file.starts_with("http") {
                continue;
            }
            let target = if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            assert!(target.exists(), "{}: {link}", page.display());
            if !anchor.is_empty() {
                let headings = std::fs::read_to_string(&target).unwrap().to_lowercase();
                let slug = |line: &str| {
                    line.trim_start_matches('#').trim().replace(' ', "-").replace([',', '?', '.', ':'], "")
                };
                assert!(
                    headings.lines().any(|line| line.starts_with('#') && slug(line) == anchor),
                    "{}: {link}",
                    page.display()
                );
            }
        }
    }
}
