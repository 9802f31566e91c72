//! `hpasim init`: what it writes runs as it stands, and tells what the manifests have.

use predicates::prelude::*;
use predicates::str::contains;

use crate::support::{hpasim, project};

fn in_folder(folder: &std::path::Path, args: &[&str]) -> assert_cmd::Command {
    let mut command = hpasim(args);
    command.current_dir(folder);
    command
}

/// Every HPA that lint's good manifests have, and the built-in ones: a scenario that replays.
#[test]
fn what_it_writes_runs_as_it_stands() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("made/scenario.yaml");
    let (file, mut made) = (file.to_str().unwrap(), 0);
    let mut inputs: Vec<_> = std::fs::read_dir(project("tests/data/lint")).unwrap().collect::<Result<_, _>>().unwrap();
    inputs.sort_by_key(std::fs::DirEntry::file_name);
    let goods = inputs.iter().map(|entry| entry.path().join("good.yaml")).filter(|path| path.is_file());
    for path in goods.chain([project("scenarios/rag-system/k8s"), project("scenarios/shop/k8s")]) {
        let output = hpasim(&["init", "--force", "-o", file, "-f", path.to_str().unwrap()]).output().unwrap();
        if output.status.success() {
            hpasim(&["replay", "--phases", "1", file]).assert().success();
            made += 1;
        } else {
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(said.contains("error: ") && output.status.code() == Some(2), "{}: {said}", path.display());
        }
    }
    assert!(made > 30, "{made} scenarios");
}

/// As on a first day: in the folder of the manifests, with nothing else.
#[test]
fn it_begins_in_the_folder_of_the_manifests() {
    let folder = tempfile::tempdir().unwrap();
    let manifests = project("scenarios/rag-system/k8s/backend-deployment.yaml");
    std::fs::copy(manifests, folder.path().join("backend.yaml")).unwrap();
    in_folder(folder.path(), &["init"]).assert().success().stderr(contains("wrote: scenario.yaml"));
    let text = std::fs::read_to_string(folder.path().join("scenario.yaml")).unwrap();
    for told in
        ["manifests: [.]", "hpa: rag-backend-hpa", "3 to 10 pods by cpu, memory", "readiness after 10s, every 5s"]
    {
        assert!(text.contains(told), "{told}: {text}");
    }
    // Again with the scenario among the manifests; it is not touched.
    in_folder(folder.path(), &["init"]).assert().code(2).stderr(contains("--force"));
    in_folder(folder.path(), &["replay", "scenario.yaml", "--phases", "1"]).assert().success();
    in_folder(
        folder.path(),
        &["simulate", "-f", ".", "--constant", "cpu=1", "--constant", "memory=1Gi", "--duration", "5m"],
    )
    .assert()
    .success();
    // What is edited counts: three times the load at two.
    let edited = text.replace("# events:", "events:").replace("#   - {at: 14h", "  - {at: 14h");
    crate::support::write(&folder.path().join("edited.yaml"), &edited);
    in_folder(folder.path(), &["replay", "edited.yaml", "--phases", "1"])
        .assert()
        .success()
        .stdout(contains("3 times the load, for 30m"));
}

#[test]
fn what_it_cannot_name_is_refused() {
    for (args, said) in [
        (&["init", "-f", "-"][..], "render first"),
        (&["init", "-f", "scenarios/rag-system/k8s", "--set", "hpa.maxReplicas=2"], "--set"),
        (&["init", "-f", "tests/data/lint/HPA001/nothing.yaml"], "no such file"),
        (&["init", "-f", "scenarios/rag-system/traces"], "error: "),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("s.yaml");
        hpasim(args)
            .args(["-o", file.to_str().unwrap()])
            .assert()
            .code(2)
            .stderr(contains(said).and(contains("error: ")));
        assert!(!file.exists());
    }
}
