//! What stands around the program: the action, the hook and the plugin's manifest do what they say.

#![cfg(unix)]

use std::process::Command;

use serde_yaml::Value;

use crate::support::{hpasim, project};

fn yaml(file: &str) -> Value {
    serde_yaml::from_str(&std::fs::read_to_string(project(file)).unwrap()).unwrap()
}

/// The steps of the action that are scripts of our own, run as a workflow would.
fn action(manifests: &str, load: &str, args: &str) -> (bool, String, tempfile::TempDir) {
    let action = yaml("action.yml");
    let folder = tempfile::tempdir().unwrap();
    let binary = assert_cmd::cargo::cargo_bin("hpasim");
    let path = format!("{}:{}", binary.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let summary = folder.path().join("summary.md");
    let (mut codes, mut said) =
        (vec![("LINT".to_owned(), "0".to_owned()), ("SIMULATE".into(), "0".into())], String::new());
    for step in action["runs"]["steps"].as_sequence().unwrap() {
        let name = step["name"].as_str().unwrap();
        if !["Lint", "Simulate", "Summary", "Result"].contains(&name) || (name == "Simulate" && load.is_empty()) {
            continue;
        }
        let outputs = folder.path().join(format!("{name}.outputs"));
        let output = Command::new("bash")
            .args(["-e", "-o", "pipefail", "-c", step["run"].as_str().unwrap()])
            .current_dir(folder.path())
            .env("PATH", &path)
            .env("MANIFESTS", project(manifests))
            .env("LOAD", project(load))
            .env("ARGS", args)
            .env("FAIL_ON", "error")
            .env("GITHUB_OUTPUT", &outputs)
            .env("GITHUB_STEP_SUMMARY", &summary)
            .envs(codes.clone())
            .output()
            .unwrap();
        said += &String::from_utf8_lossy(&output.stdout);
        if name == "Result" {
            return (output.status.success(), said, folder);
        }
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        let code =
            std::fs::read_to_string(outputs).ok().and_then(|text| text.trim().strip_prefix("code=").map(str::to_owned));
        codes.extend(code.map(|code| (name.to_uppercase(), code)));
    }
    panic!("the action has no result");
}

#[test]
fn the_action_comments_and_fails_as_it_should() {
    let (k8s, workday) = ("scenarios/rag-system/k8s", "scenarios/rag-system/traces/workday.csv");
    let (passed, _, folder) = action(k8s, workday, "");
    assert!(passed);
    let out = folder.path().join("hpasim-out");
    let comment = std::fs::read_to_string(out.join("short.md")).unwrap();
    assert!(comment.contains("rag-backend-hpa under load") && comment.contains("What will go wrong"), "{comment}");
    assert_eq!(comment, std::fs::read_to_string(folder.path().join("summary.md")).unwrap());
    let sarif: serde_json::Value = serde_json::from_slice(&std::fs::read(out.join("hpasim.sarif")).unwrap()).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
    assert!(out.join("report.html").is_file());
    // A bound that is broken; arguments are words and no commands.
    let (passed, said, folder) =
        action(k8s, workday, "--fail-on 'replicas>4' --set 'hpa.maxReplicas=6' --seed $(touch forged)");
    assert!(!passed, "{said}");
    assert!(!folder.path().join("forged").exists());
    let (passed, said, _) = action(k8s, workday, "--fail-on 'replicas>4'");
    assert!(!passed && said.contains("::error title=--fail-on"), "{said}");
    // Findings that are errors.
    let (passed, said, _) = action("tests/data/lint/HPA001/bad.yaml", "", "");
    assert!(!passed && said.contains("::error file="), "{said}");
}

#[test]
fn the_hook_finds_what_lint_finds() {
    let hooks = yaml(".pre-commit-hooks.yaml");
    let hook = &hooks[0];
    let entry: Vec<&str> = hook["entry"].as_str().unwrap().split(' ').collect();
    assert_eq!((entry[0], hook["pass_filenames"].as_bool()), ("hpasim", Some(false)));
    hpasim(&entry[1..]).args(["-f", "tests/data/lint/HPA001/bad.yaml"]).assert().code(1);
    hpasim(&entry[1..]).args(["-f", "tests/data/lint/HPA001/good.yaml"]).assert().code(0);
}

/// Archives are fetched by the names that `packaging/archive` gives them.
#[test]
fn the_plugin_is_fetched_from_what_is_archived() {
    let krew = yaml("packaging/krew.yaml");
    let version = krew["spec"]["version"].as_str().unwrap();
    assert_eq!(version, format!("v{}", env!("CARGO_PKG_VERSION")));
    let platforms = krew["spec"]["platforms"].as_sequence().unwrap();
    assert_eq!(platforms.len(), 5);
    for platform in platforms {
        let (uri, bin) = (platform["uri"].as_str().unwrap(), platform["bin"].as_str().unwrap());
        let (folder, file) = bin.split_once('/').unwrap();
        let ending = if folder.contains("windows") { "zip" } else { "tar.gz" };
        assert!(uri.ends_with(&format!("/{version}/{folder}.{ending}")), "{uri}");
        assert_eq!(file.trim_end_matches(".exe"), "kubectl-hpasim");
    }
}
