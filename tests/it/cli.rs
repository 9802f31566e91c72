//! The command line as a user meets it: help, output, files, exit codes.

use predicates::prelude::*;
use predicates::str::contains;

use crate::support::{hpasim, project};

const K8S: &str = "scenarios/rag-system/k8s";
const WORKDAY: &str = "scenarios/rag-system/traces/workday.csv";

/// The help of every command, as a reader of `--help` sees it.
#[test]
fn command_reference() {
    fn help_of(command: &mut clap::Command, name: &str, text: &mut String) {
        *text += &format!("$ {name} --help\n{}\n", command.render_long_help());
        let subcommands: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
        for sub in subcommands.iter().filter(|sub| *sub != "help") {
            help_of(command.find_subcommand_mut(sub).unwrap(), &format!("{name} {sub}"), text);
        }
    }
    let mut text = String::new();
    let mut command = hpasim::cli::command().term_width(100);
    command.build();
    help_of(&mut command, "hpasim", &mut text);
    insta::assert_snapshot!(text);
}

#[test]
fn without_arguments_it_helps() {
    hpasim(&[]).assert().success().stdout(contains("simulate").and(contains("conformance")));
}

#[test]
fn wrong_usage_is_2() {
    for args in [
        &["simulate"][..],
        &["simulate", "-f", K8S],
        &["simulate", "-f", "no-such-folder", "--load", WORKDAY],
        &["simulate", "-f", K8S, "--load", "no-such-file.csv"],
        &["simulate", "-f", K8S, "--load", WORKDAY, "--kubernetes-version", "1.22"],
        &["simulate", "-f", K8S, "--load", WORKDAY, "--startup", "soon"],
        &["simulate", "-f", K8S, "--load", WORKDAY, "--hpa", "other"],
        &["trace", "generate", "--column", "cpu=bumps:height=1"],
        &["conformance", "no-such-file.jsonl"],
        &["frobnicate"],
    ] {
        hpasim(args).assert().code(2).stderr(contains("error: "));
    }
}

#[test]
fn summary_of_the_workday() {
    let output = hpasim(&["simulate", "-f", K8S, "--load", WORKDAY]).output().unwrap();
    assert!(output.status.success());
    insta::assert_snapshot!(String::from_utf8(output.stdout).unwrap());
}

#[test]
fn watch_prints_a_line_for_every_change() {
    let args = ["simulate", "-f", K8S, "--constant", "cpu=1.2", "--constant", "memory=1Gi", "--duration", "3m", "-w"];
    let output = hpasim(&args).output().unwrap();
    insta::assert_snapshot!(String::from_utf8(output.stdout).unwrap());
}

#[test]
fn files_are_complete_and_the_same_every_time() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str| {
        let out = folder.path().join(name);
        hpasim(&["simulate", "-f", K8S, "--load", WORKDAY, "-o", out.to_str().unwrap()]).assert().success();
        out
    };
    let (first, second) = (write("first"), write("second"));
    let mut names: Vec<_> = std::fs::read_dir(&first).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["events.csv", "report.html", "report.md", "summary.json", "timeline.csv", "timeline.png"]);
    for name in names {
        assert!(std::fs::read(first.join(&name)).unwrap() == std::fs::read(second.join(&name)).unwrap(), "{name:?}");
    }
    let timeline = std::fs::read_to_string(first.join("timeline.csv")).unwrap();
    assert_eq!(timeline.lines().count(), 1 + 5760, "a row for each sync of a day");
    let head: Vec<&str> = timeline.lines().take(3).collect();
    insta::assert_snapshot!(head.join("\n"));
    let summary = std::fs::read_to_string(first.join("summary.json")).unwrap();
    let mut json: serde_json::Value = serde_json::from_str(&summary).unwrap();
    let events = json["events"].as_array_mut().unwrap();
    let csv = std::fs::read_to_string(first.join("events.csv")).unwrap();
    assert_eq!(csv.lines().count(), 1 + events.len());
    events.truncate(2);
    insta::assert_snapshot!(serde_json::to_string_pretty(&json).unwrap());
}

/// A picture that cannot be written leaves nothing behind.
#[test]
fn output_that_cannot_be_written_leaves_nothing() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let inside_a_file = file.path().join("out");
    hpasim(&["simulate", "-f", K8S, "--load", WORKDAY, "-o", inside_a_file.to_str().unwrap()])
        .assert()
        .code(2)
        .stdout("")
        .stderr(contains("cannot make the directory"));
}

#[test]
fn manifests_come_from_a_pipe_a_list_or_several_files() {
    let read = |name: &str| std::fs::read_to_string(project(K8S).join(name)).unwrap();
    let load = ["--constant", "cpu=1", "--constant", "memory=1Gi", "--duration", "1m"];
    let piped = hpasim(&[&["simulate", "-f", "-"], &load[..]].concat())
        .write_stdin(read("backend-deployment.yaml"))
        .assert()
        .success();
    let yaml = read("backend-deployment.yaml");
    let items: Vec<serde_json::Value> =
        yaml.split("\n---\n").map(|document| serde_yaml::from_str(document).unwrap()).collect();
    let list = serde_json::json!({ "apiVersion": "v1", "kind": "List", "items": items }).to_string();
    let listed = hpasim(&[&["simulate", "-f", "-"], &load[..]].concat()).write_stdin(list).assert().success();
    assert_eq!(piped.get_output().stdout, listed.get_output().stdout);
    let (backend, redis) = (format!("{K8S}/backend-deployment.yaml"), format!("{K8S}/redis-deployment.yaml"));
    let several = hpasim(&[&["simulate", "-f", &redis, "-f", &backend], &load[..]].concat()).assert().success();
    assert_eq!(piped.get_output().stdout, several.get_output().stdout);
}

#[test]
fn timestamps_appear_where_the_trace_has_them() {
    let mut trace = tempfile::Builder::new().suffix(".csv").tempfile().unwrap();
    std::io::Write::write_all(
        &mut trace,
        b"time,cpu,memory\n2026-11-02T09:00:00Z,1,1Gi\n2026-11-02T09:10:00Z,2,1Gi\n2026-11-02T09:20:00Z,2,1Gi\n",
    )
    .unwrap();
    let fixed = ["--sync-offset", "0s", "--metric-offset", "0s", "--housekeeping-offset", "0s"];
    hpasim(&[&["simulate", "-f", K8S, "--load", trace.path().to_str().unwrap()], &fixed[..]].concat())
        .assert()
        .success()
        .stdout(contains("2026-11-02T09:10:15Z"));
}

/// The shipped trace is what its README says made it.
#[test]
fn the_workday_can_be_made_again() {
    let readme = std::fs::read_to_string(project("scenarios/rag-system/traces/README.md")).unwrap();
    let command: String = readme
        .lines()
        .skip_while(|line| !line.trim_start().starts_with("hpasim trace generate"))
        .take_while(|line| !line.trim().is_empty())
        .map(|line| line.trim().trim_end_matches('\\').to_owned() + " ")
        .collect();
    let args: Vec<&str> = command.split_whitespace().skip(1).take_while(|arg| *arg != ">").collect();
    let made = hpasim(&args).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    assert!(made.stdout == std::fs::read(project(WORKDAY)).unwrap());
}

/// Nodes, a closed loop and a promise, from the command line; the same seed gives the same bytes.
#[test]
fn a_cluster_from_the_command_line() {
    let nodes = "scenarios/rag-system/nodes.yaml";
    let args = |seed: &'static str| {
        let mut args = vec!["simulate", "-f", K8S, "--constant", "clients=120", "--duration", "20m", "--seed", seed];
        args.extend(["--cpu-per-request", "20m", "--request-wait", "300ms", "--memory-base", "200Mi"]);
        args.extend(["--startup", "lognormal:30s,0.8", "--balancing", "random", "--slo", "p95<350ms"]);
        args.extend(["--nodes", nodes, "--node-count", "general-4x16=1", "--cluster-autoscaler"]);
        args
    };
    let text = |seed| String::from_utf8(hpasim(&args(seed)).output().unwrap().stdout).unwrap();
    let first = text("1");
    for shown in ["p95 < 350ms", "Nodes ", "mean 1.", "Pods without a node"] {
        assert!(first.contains(shown), "{shown}: {first}");
    }
    assert_eq!(first, text("1"));
    assert_ne!(first, text("2"));
    let unknown = ["simulate", "-f", K8S, "--constant", "cpu=1", "--constant", "memory=1Gi", "--duration", "1m"];
    let with = [&unknown[..], &["--nodes", nodes, "--node-count", "huge=1"]].concat();
    hpasim(&with).assert().code(2).stderr(contains(
        "--node-count huge: scenarios/rag-system/nodes.yaml has no shape `huge`; there is general-4x16",
    ));
    let with = [&unknown[..], &["--slo", "p95<1s"]].concat();
    hpasim(&with).assert().success().stderr(contains("--slo has no effect"));
    let both = ["--base", K8S, "--head", K8S];
    let compare = [&["compare"][..], &both, &with[3..]].concat();
    hpasim(&compare).assert().success().stderr(contains("--slo has no effect"));
    let tune = [&["tune"][..], &with[1..], &["--candidates", "20", "--phases", "1"]].concat();
    hpasim(&tune).assert().success().stderr(contains("--slo has no effect"));
}

/// Each shell gets a script in which every command stands, and each command has a man page.
#[test]
fn completions_and_man_pages_know_every_command() {
    let folder = tempfile::tempdir().unwrap();
    hpasim(&["man", "-o", folder.path().to_str().unwrap()]).assert().success();
    let scripts = ["bash", "zsh", "fish", "powershell", "elvish"].map(|shell| {
        String::from_utf8(hpasim(&["completion", shell]).assert().success().get_output().stdout.clone()).unwrap()
    });
    let commands = hpasim::cli::command();
    for command in commands.get_subcommands() {
        let name = command.get_name();
        for script in &scripts {
            assert!(script.contains(name), "{name}");
        }
        let page = std::fs::read_to_string(folder.path().join(format!("hpasim-{name}.1"))).unwrap();
        for option in command.get_arguments().filter_map(clap::Arg::get_long) {
            assert!(page.contains(&option.replace('-', "\\-")), "{name} --{option}");
        }
    }
}

/// A pipeline stops where a figure is over its bound in some phase, and says which.
#[test]
fn bounds_of_a_pipeline() {
    let load = ["--constant", "cpu=4", "--constant", "memory=1Gi", "--duration", "20m"];
    let with = |bounds: &[&str]| hpasim(&[&["simulate", "-f", K8S], &load[..], bounds].concat());
    with(&["--fail-on", "replicas>10", "--fail-on", "waiting>20m"]).assert().success();
    let over = with(&["--fail-on", "replicas>8", "--fail-on", "waiting>20m"]).assert().code(1);
    over.stderr(contains("failed: replicas > 8: rag-system/rag-backend-hpa has up to 10 in 100 of 100 phases"));
    // What cannot be broken is no bound: it is refused before anything is simulated or written.
    let observed = ["simulate", "-f", K8S, "--constant", "cpu_utilization=90", "--constant", "memory_utilization=40"];
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let unknown = ["--duration", "20m", "--fail-on", "waiting", "-o", out.to_str().unwrap()];
    hpasim(&[&observed[..], &unknown].concat()).assert().code(2).stderr(contains("not known: the load is no demand"));
    assert!(!out.exists());
    with(&["--fail-on", "slo"]).assert().code(2).stderr(contains("--fail-on slo: not known: there is no promise"));
    with(&["--fail-on", "replica>8"]).assert().code(2).stderr(contains("did you mean `replicas`?"));
}

/// kubectl finds a plugin by the name of its file, and shows it by the words that were typed.
#[test]
fn it_is_a_plugin_of_kubectl() {
    let folder = tempfile::tempdir().unwrap();
    let plugin = folder.path().join("kubectl-hpasim");
    std::fs::copy(assert_cmd::cargo::cargo_bin("hpasim"), &plugin).unwrap();
    let run = |args: &[&str]| std::process::Command::new(&plugin).args(args).output().unwrap();
    let help = String::from_utf8(run(&["simulate", "--help"]).stdout).unwrap();
    assert!(help.contains("Usage: kubectl hpasim simulate"), "{help}");
    assert_eq!(run(&["schema", "simulate"]).stdout, hpasim(&["schema", "simulate"]).output().unwrap().stdout);
}

/// Words as a shell makes them: quotes of both kinds, comments, and what comes before a pipe or after `&&`.
fn commands_of(line: &str) -> Vec<Vec<String>> {
    let (mut all, mut words, mut word, mut quote) = (Vec::new(), Vec::<String>::new(), None::<String>, None);
    for c in line.chars().chain([' ']) {
        match (quote, c) {
            (None, '#') if word.is_none() => break,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (Some(open), c) if c == open => quote = None,
            (None, ' ') => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.push("&&".into());
    for group in words.split_inclusive(|word| ["&&", "|", ">"].contains(&word.as_str())) {
        all.push(group[..group.len() - 1].to_vec());
    }
    all.retain(|words| words.first().is_some_and(|first| first == "hpasim"));
    all
}

/// Each help has examples, and each of them is one that hpasim takes.
#[test]
fn every_help_has_examples_that_parse() {
    fn examples(command: &clap::Command, all: &mut Vec<(String, Vec<String>)>) {
        let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let has_subcommands = command.get_subcommands().any(|sub| sub.get_name() != "help");
        let name = command.get_name().to_owned();
        let lines = text.lines().filter(|line| line.contains("hpasim "));
        let found: Vec<_> = lines.flat_map(commands_of).map(|words| (name.clone(), words)).collect();
        assert!(!found.is_empty() || (has_subcommands && name != "hpasim"), "{name} has no example");
        all.extend(found);
        command.get_subcommands().filter(|sub| sub.get_name() != "help").for_each(|sub| examples(sub, all));
    }
    let mut all = Vec::new();
    examples(&hpasim::cli::command(), &mut all);
    assert!(all.len() > 20, "{all:?}");
    for (of, words) in all {
        let parsed = hpasim::cli::command().try_get_matches_from(&words);
        assert!(parsed.is_ok(), "{of}: {words:?}: {}", parsed.unwrap_err());
    }
}

/// Quiet means complaints alone; the output is the same.
#[test]
fn quiet_and_verbose() {
    let args = ["simulate", "-f", K8S, "--constant", "cpu=1", "--constant", "memory=1Gi", "--duration", "5m"];
    let said = |more: &[&str]| {
        let output = hpasim(&args).args(more).output().unwrap();
        assert!(output.status.success());
        (output.stdout, String::from_utf8(output.stderr).unwrap())
    };
    let (usual, quiet, verbose) = (said(&[]), said(&["-q"]), said(&["-v"]));
    assert_eq!((&usual.0, &quiet.0), (&quiet.0, &verbose.0));
    assert!(usual.1.contains("note: ") && !usual.1.contains("read for Kubernetes"));
    assert_eq!(quiet.1, "");
    assert!(verbose.1.contains("read for Kubernetes 1.38: scenarios/rag-system/k8s/"), "{}", verbose.1);
    hpasim(&["simulate", "-q"]).assert().code(2).stderr(contains("error: "));
}
