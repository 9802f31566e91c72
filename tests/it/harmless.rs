//! No harm done: outputs go through what is there, foreign files are not shown, names are data, amounts have bounds.

use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;

use crate::support::{hpasim, project, write};

const TRACE: [&str; 6] = ["trace", "generate", "--column", "cpu=constant:value=1", "--duration", "2m"];
const CSV: &str = "time,cpu\n0,1\n60,1\n";

fn generate(path: &std::path::Path) -> assert_cmd::assert::Assert {
    hpasim(&[TRACE.as_slice(), &["-o", path.to_str().unwrap()]].concat()).assert()
}

#[cfg(unix)]
#[test]
fn what_is_no_plain_file_is_never_replaced() {
    use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
    let kind = |path: &str| std::fs::symlink_metadata(path).unwrap().file_type();
    generate("/dev/null".as_ref()).success();
    assert!(kind("/dev/null").is_char_device());

    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    // A link to nothing yet, and then to a file whose mode is kept.
    symlink("real.csv", at("link.csv")).unwrap();
    generate(&at("link.csv")).success();
    assert!(std::fs::symlink_metadata(at("link.csv")).unwrap().file_type().is_symlink());
    std::fs::set_permissions(at("real.csv"), std::fs::Permissions::from_mode(0o640)).unwrap();
    generate(&at("link.csv")).success();
    assert_eq!(std::fs::read_to_string(at("real.csv")).unwrap(), CSV);
    assert_eq!(std::fs::metadata(at("real.csv")).unwrap().permissions().mode() & 0o777, 0o640);

    let pipe = at("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let reader = std::thread::spawn({
        let pipe = pipe.clone();
        move || std::fs::read_to_string(pipe).unwrap()
    });
    generate(&pipe).success();
    assert_eq!(reader.join().unwrap(), CSV);
    assert!(std::fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo());
    // A directory is refused, and nothing temporary is left.
    generate(folder.path()).code(2);
    let mut names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["link.csv", "pipe", "real.csv"]);
}

#[cfg(unix)]
#[test]
fn new_files_have_the_mode_that_the_umask_leaves() {
    use std::os::unix::fs::PermissionsExt;
    for (umask, mode) in [("077", 0o600), ("022", 0o644)] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("t.csv");
        let binary = assert_cmd::cargo::cargo_bin("hpasim");
        let command = format!("umask {umask}; exec {} {} -o {}", binary.display(), TRACE.join(" "), file.display());
        assert!(std::process::Command::new("sh").args(["-c", &command]).status().unwrap().success());
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, mode);
    }
}

/// Killed in the middle of writing: no file, no temporary file, and the signal is what ended it.
#[cfg(unix)]
#[test]
fn a_signal_leaves_nothing_behind() {
    use std::os::unix::process::ExitStatusExt;
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    std::fs::create_dir(&out).unwrap();
    // The last file is a pipe that nobody reads: the others wait for it under temporary names.
    assert!(std::process::Command::new("mkfifo").arg(out.join("timeline.png")).status().unwrap().success());
    let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin("hpasim"))
        .current_dir(project(""))
        .args(["simulate", "-f", "scenarios/rag-system/k8s", "--constant", "cpu=1", "--constant", "memory=1Gi"])
        .args(["--duration", "1h", "-o", out.to_str().unwrap()])
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let files = || std::fs::read_dir(&out).unwrap().count();
    for _ in 0..3000 {
        if files() == 6 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let there = files();
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().signal(), Some(15));
    assert_eq!(there, 6, "five temporary files beside the pipe");
    assert_eq!(files(), 1);
}

const SECRET: &str = "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n";

/// A file that is something else is not shown: at most a short piece of a scalar.
#[test]
fn nothing_of_a_foreign_file_is_echoed() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    write(at("foreign").as_ref(), &SECRET.repeat(50));
    let series = "{\"metric\":{\"__name__\":\"container_cpu\"},\"values\":[[1,\"2\"]]},".repeat(2000);
    write(at("prometheus.json").as_ref(), &format!("{{\"status\":\"success\",\"data\":[{series}0]}}"));
    let scenario = |load: &str, more: &str| {
        let k8s = project("scenarios/rag-system/k8s");
        format!(
            "name: s\ntitle: t\nmanifests: [{}]\nstart: {{replicas: 3}}\nload: {load}\n{more}duration: 10m\nclaims: []\n",
            k8s.display()
        )
    };
    let values = "{values: {cpu_utilization: 80, memory_utilization: 60}}";
    for foreign in ["foreign", "prometheus.json"] {
        let nodes = format!("cluster: {{nodes: {{file: {}, start: {{a: 1}}}}}}\n", at(foreign));
        write(at("nodes.yaml").as_ref(), &scenario(values, &nodes));
        write(at("trace.yaml").as_ref(), &scenario(&format!("{{trace: {}}}", at(foreign)), ""));
        let (path, rag) = (at(foreign), "scenarios/rag-system/k8s");
        for args in [
            vec!["replay", &at("nodes.yaml")],
            vec!["replay", &at("trace.yaml")],
            vec!["simulate", "-f", rag, "--load", &path],
            vec!["simulate", "-f", rag, "--repair", "--load", &path],
            vec!["simulate", "-f", &path, "--constant", "cpu=1", "--duration", "1h"],
            vec!["plan", "-f", rag, "--nodes", &path],
            vec!["plan", "-f", rag, "--claims", &path],
            vec!["lint", "-f", &path],
            vec!["conformance", &path],
        ] {
            let run = hpasim(&args).assert().code(2);
            let stderr = String::from_utf8(run.get_output().stderr.clone()).unwrap();
            let shown = ["root:", "daemon", "container_cpu", "nologin"].iter().any(|piece| stderr.contains(piece));
            assert!(!shown && stderr.len() < 2000, "{args:?}: {stderr}");
        }
    }
    let secret =
        "apiVersion: v1\nkind: Secret\nmetadata: {name: s, annotations: {a: 87654321}}\nstringData: {p: 12345678}\n";
    let run = hpasim(&["plan", "-f", "-"]).write_stdin(secret).assert().code(2);
    run.stderr(contains("87654321").not().and(contains("12345678").not()));
}

/// What is written or printed for people has no control characters but line breaks.
fn assert_plain(text: &str, what: &str) {
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{what}: {text:?}");
}

#[test]
fn names_are_data() {
    let yaml = "apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  maxReplicas: 5
  metrics:
    - {type: External, external: {metric: {name: \"=HYPERLINK(\\e[31m|x)\"}, target: {type: AverageValue, averageValue: 10}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: web, image: w, resources: {requests: {cpu: 100m, example.org/g*p*u: 1}}}]
      volumes: [{name: \"@<img src=x>\\a\", emptyDir: {sizeLimit: 1Gi}}]
";
    let out = tempfile::tempdir().unwrap();
    let path = out.path().to_str().unwrap();
    let load = "=HYPERLINK(\u{1b}[31m|x)=40";
    let args = ["-f", "-", "--constant", load, "--duration", "5m", "-o", path];
    for command in ["simulate", "plan"] {
        let run = hpasim(&[&[command], args.as_slice()].concat()).write_stdin(yaml).assert().success();
        assert_plain(&String::from_utf8_lossy(&run.get_output().stdout), command);
        assert_plain(&String::from_utf8_lossy(&run.get_output().stderr), command);
    }
    let read = |name: &str| std::fs::read_to_string(out.path().join(name)).unwrap();
    for name in ["timeline.csv", "events.csv", "plan.csv", "storage.csv", "plan.md", "summary.json", "plan.json"] {
        assert_plain(&read(name), name);
    }
    for name in ["timeline.csv", "events.csv", "plan.csv", "storage.csv"] {
        for record in csv::Reader::from_reader(read(name).as_bytes()).into_records() {
            let record = record.unwrap();
            let acts = |cell: &str| cell.starts_with(['=', '+', '-', '@']) && cell.parse::<f64>().is_err();
            assert!(!record.iter().any(acts), "{name}: {record:?}");
        }
        let text = read(name);
        let header = text.lines().next().unwrap();
        assert!(!header.split(',').any(|cell| cell.trim_matches('"').starts_with('=')), "{header}");
    }
    assert!(read("events.csv").contains("'=HYPERLINK"));
    assert!(read("plan.md").contains("@\\<img src=x>") && read("plan.md").contains("g\\*p\\*u"), "{}", read("plan.md"));
    hpasim(&["lint", "-f", "-"]).write_stdin(yaml).assert().stdout(contains("\u{1b}").not());
    // A scenario's words reach the terminal and the report.
    let scenario = out.path().join("s.yaml");
    let text = std::fs::read_to_string(project("scenarios/rag-system/scenarios/2-high-load.yaml")).unwrap();
    let k8s = project("scenarios/rag-system/k8s");
    let text = text.replace("../k8s", k8s.to_str().unwrap()).replacen("says: \"", "says: \"\\e[2J<b>*|", 1);
    write(&scenario, &text);
    let run = hpasim(&["replay", scenario.to_str().unwrap(), "-o", path]).assert();
    assert_plain(&String::from_utf8_lossy(&run.get_output().stdout), "replay");
    assert!(read("report.md").contains("\\\\u{1b}\\[2J\\<b>\\*\\|"), "{}", read("report.md"));
}

#[cfg(unix)]
#[test]
fn loops_of_links_end_and_a_file_that_is_reached_twice_counts_once() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::copy(project("scenarios/rag-system/k8s/backend-deployment.yaml"), at("a.yaml")).unwrap();
    symlink(".", at("x")).unwrap();
    symlink(".", at("y")).unwrap();
    symlink("loop.yaml", at("loop.yaml")).unwrap();
    symlink("a.yaml", at("b.yaml")).unwrap();
    let path = folder.path().to_str().unwrap();
    let run = hpasim(&["plan", "-R", "-f", path, "-f", path, "-f", at("a.yaml").to_str().unwrap()]).assert().success();
    run.stderr(contains("stands there twice").not());
}

/// Scenarios of several files may not write over each other's output.
#[test]
fn outputs_of_one_name_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(project("scenarios/rag-system/scenarios/2-high-load.yaml")).unwrap();
    let text = text.replace("../k8s", project("scenarios/rag-system/k8s").to_str().unwrap());
    let out = folder.path().join("out");
    let mut args = vec!["replay".to_owned(), "-o".into(), out.to_str().unwrap().into()];
    for (file, name) in [("a.yaml", "Same"), ("b.yaml", "same")] {
        let path = folder.path().join(file);
        write(&path, &text.replace("name: 2-high-load", &format!("name: {name}")));
        args.push(path.to_str().unwrap().into());
    }
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    hpasim(&args).assert().code(2).stderr(contains("would both write"));
    assert!(!out.exists());
}

/// What is larger than anything real is refused where it is read, with the bound; nothing overflows and nothing hangs.
#[test]
fn amounts_have_bounds() {
    let rag = ["simulate", "-f", "scenarios/rag-system/k8s", "--constant", "memory=1Gi"];
    let max = "9223372036854775807";
    for args in [
        vec!["--constant", "cpu=1", "--duration", max],
        vec!["--constant", "cpu=1", "--duration", "1h", "--startup", max],
        vec!["--constant", "cpu=1", "--duration", "1h", "--startup", "lognormal:9e18s,1"],
        vec!["--constant", "cpu=1", "--duration", "1h", "--metric-resolution", max],
        vec!["--constant", "cpu=1", "--duration", "1h", "--queue-timeout", max],
        vec!["--constant", "cpu=1", "--duration", "1h", "--horizontal-pod-autoscaler-sync-period", max],
        vec!["--constant", "cpu=1", "--duration", "1h", "--replicas", "2147483647"],
        vec!["--constant", "cpu=-1", "--duration", "1h"],
        vec!["--constant", "cpu=1e300", "--duration", "1h"],
        vec!["--constant", "cpu=inf", "--duration", "1h"],
        vec!["--constant", "rps=1e18", "--cpu-per-request", "1", "--duration", "1h"],
        vec!["--constant", "cpu=1", "--duration", "1h", "--request-wait", "1e30s"],
    ] {
        let run = hpasim(&[rag.as_slice(), &args].concat()).assert().code(2);
        run.stderr(contains("error: "));
    }
    hpasim(&["trace", "generate", "--column", "cpu=constant:value=1", "--duration", "36500d", "--step", "1s"])
        .assert()
        .code(2)
        .stderr(contains("are too many"));
    for (row, message) in [
        ("9223372036854775807,1", "is not a time"),
        ("-9223372036854775808,1", "is not a time"),
        ("4000000000,1", "a hundred years after"),
        ("60,1e300", "must not be more than"),
        ("60,-1", "must not be negative"),
    ] {
        let trace = format!("time,cpu\n0,1\n{row}\n");
        let args = [rag.as_slice(), &["--load", "-"]].concat();
        hpasim(&args).write_stdin(trace).assert().code(2).stderr(contains(message));
    }
    // The largest that are taken do not overflow.
    for args in [
        vec!["--constant", "cpu=1e7", "--duration", "10m", "--startup", "3155760000"],
        vec!["--constant", "cpu=1e7", "--duration", "10m", "--background-cpu", "9E", "--startup-cpu", "9E"],
        vec!["--constant", "rps=1e9", "--cpu-per-request", "9E", "--memory-per-rps", "9E", "--duration", "10m"],
        vec!["--constant", "rps=1e9", "--cpu-per-request", "1", "--memory-per-request", "9E", "--duration", "10m"],
        vec![
            "--constant",
            "clients=1e9",
            "--cpu-per-request",
            "1n",
            "--think-time",
            "3155760000s",
            "--duration",
            "10m",
        ],
        vec!["--constant", "cpu=1", "--memory-base", "9E", "--memory-growth", "9E", "--duration", "10m"],
        vec!["--constant", "cpu=1", "--duration", "10m", "--queue-limit", "9E", "--queue", "per-pod"],
    ] {
        hpasim(&[rag.as_slice(), &args].concat()).assert().success();
    }
    let huge = |text: &str| {
        let manifest = std::fs::read_to_string(project("scenarios/rag-system/k8s/backend-deployment.yaml")).unwrap();
        let manifest = manifest.replace("maxReplicas: 10", "maxReplicas: 2147483647");
        manifest.replace("memory: \"512Mi\"", text).replace("memory: 512Mi", text)
    };
    let args = ["-f", "-", "--constant", "cpu=1e7", "--constant", "memory=1e17", "--duration", "10m"];
    hpasim(&[&["simulate"], args.as_slice()].concat()).write_stdin(huge("memory: 512Mi")).assert().success();
    hpasim(&["plan", "-f", "-"]).write_stdin(huge("memory: 2Gi")).assert().success();
}
