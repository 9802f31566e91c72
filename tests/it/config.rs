//! `hpasim.toml`: options that a team repeats count as if they were typed, are said, and are checked with their place.

use predicates::prelude::*;
use predicates::str::contains;

use crate::support::{hpasim, project, write};

/// In a folder with this configuration.
fn with(text: &str, args: &[&str]) -> (assert_cmd::Command, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("hpasim.toml"), text);
    let mut command = hpasim(args);
    command.current_dir(folder.path());
    (command, folder)
}

fn k8s() -> String {
    project("scenarios/rag-system/k8s").display().to_string()
}

#[test]
fn what_it_says_is_as_if_it_were_typed() {
    let config = format!(
        "filename = [\"{}\"]\nset = [\"hpa.maxReplicas=6\"]\nphases = 1\n\n[simulate]\nconstant = [\"cpu=2\", \"memory=1Gi\"]\nduration = \"20m\"\n\n[plan]\nset = [\"hpa.maxReplicas=12\"]\n",
        k8s()
    );
    let typed = ["simulate", "-f", &k8s(), "--set", "hpa.maxReplicas=6", "--phases", "1", "--constant", "cpu=2"];
    let typed = hpasim(&typed).args(["--constant", "memory=1Gi", "--duration", "20m"]).output().unwrap();
    let (mut command, _folder) = with(&config, &["simulate"]);
    let configured = command.output().unwrap();
    assert_eq!(String::from_utf8(configured.stdout).unwrap(), String::from_utf8(typed.stdout).unwrap());
    let said = String::from_utf8(configured.stderr).unwrap();
    assert!(said.starts_with("note: hpasim.toml says --filename "), "{said}");
    assert!(said.contains("--duration 20m"), "{said}");
    // The command line counts more, a table of a command more than what is for all.
    let (mut command, _folder) = with(&config, &["simulate", "--set", "hpa.maxReplicas=8"]);
    command.assert().success().stdout(contains("Changed by --set: hpa.maxReplicas=8."));
    let (mut command, _folder) = with(&config, &["plan"]);
    command.assert().success().stdout(contains("Changed by --set: hpa.maxReplicas=12."));
    let (mut command, _folder) = with(&config, &["simulate", "--no-config"]);
    command.assert().code(2).stderr(contains("no manifests are given"));
    // A scenario that is named is not overlooked because of manifests that are configured.
    let (mut command, _folder) = with(&config, &["explain", "--scenario", "2-high-load", "--at", "45s"]);
    command.assert().success().stdout(contains("2-high-load"));
}

#[test]
fn another_file_can_be_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("team.toml");
    write(&file, "[lint]\nfail-on = \"never\"\n");
    let args = ["lint", "-f", "tests/data/lint/HPA001/bad.yaml", "--config", file.to_str().unwrap()];
    hpasim(&args).assert().success();
    hpasim(&args[..3]).env("HPASIM_CONFIG", &file).assert().success();
    hpasim(&args[..3]).assert().code(1);
    hpasim(&["lint", "--config", "no-such.toml"]).assert().code(2).stderr(contains("no-such.toml"));
}

#[test]
fn what_is_wrong_in_it_is_said_with_its_place() {
    for (text, said) in [
        ("slo = \"fast\"", "hpasim.toml:1:1: slo: invalid value 'fast'"),
        ("\n  sloo = \"p95<1s\"", "hpasim.toml:2:3: no command has the option `sloo`"),
        ("sloo = 1", "did you mean `slo`?"),
        ("[simulat]\nslo = \"p95<1s\"", "hpasim.toml:1:2: `simulat` must be"),
        ("[replay]\nslo = \"p95<1s\"", "hpasim.toml:2:1: replay does not have the option `slo`"),
        ("slo = ", "hpasim.toml:1:"),
        ("strict = \"maybe\"", "strict: must be true or false"),
        ("duration = [\"1m\", \"2m\"]", "duration: takes one value"),
        ("duration = []", "must be a text, a number"),
        ("duration = 2026-11-02", "must be a text, a number"),
        ("config = \"other.toml\"", "no command has the option `config`"),
        ("set = [\"hpa.maxReplicas\"]", "set: invalid value"),
    ] {
        let (mut command, _folder) = with(text, &["simulate", "-f", &k8s()]);
        command.assert().code(2).stderr(contains("error: ").and(contains(said)));
    }
}

/// The one that the documents show is one.
#[test]
fn the_documents_show_one_that_is_read() {
    let page = std::fs::read_to_string(project("docs/manifests-and-load.md")).unwrap();
    let text = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let (mut command, _folder) = with(text, &["simulate"]);
    let said = command.assert().code(2);
    let said = String::from_utf8_lossy(&said.get_output().stderr).into_owned();
    assert!(said.starts_with("note: hpasim.toml says --filename k8s/, "), "{said}");
    assert!(said.contains("--fail-on slo at-max>30m") && said.contains("error: k8s/: "), "{said}");
}
