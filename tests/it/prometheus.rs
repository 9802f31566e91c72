//! `import prometheus`: against a server that answers like one and is difficult at times, and against a real one.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, LazyLock, Mutex};

use predicates::prelude::*;
use predicates::str::contains;

use crate::circle;
use crate::support::{hpasim, project, write};

const START: i64 = 1_795_510_800;
const K8S: &str = "scenarios/rag-system/k8s";
const RECORDED: &str = "scenarios/rag-system/recordings/monitoring.json";
const TOKEN: &str = "s3cret-t0ken";

/// A request as it came: its headers, and its form.
type Asked = (BTreeMap<String, String>, BTreeMap<String, String>);

fn decoded(text: &str) -> String {
    let text = text.replace('+', " ");
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        if *first == b'%' && after.len() >= 2 {
            let hex = std::str::from_utf8(&after[..2]).unwrap();
            bytes.push(u8::from_str_radix(hex, 16).unwrap());
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).unwrap()
}

fn asked(stream: &TcpStream) -> Option<Asked> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|length| *length > 0)?;
    assert!(line.starts_with("POST /prometheus/api/v1/query_range "), "{line}");
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let Some((name, value)) = line.trim().split_once(':') else { break };
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
    let mut body = vec![0; headers["content-length"].parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    let body = String::from_utf8(body).unwrap();
    let form =
        body.split('&').filter_map(|pair| pair.split_once('=')).map(|(name, value)| (decoded(name), decoded(value)));
    Some((headers, form.collect()))
}

/// A metric, its labels and its samples.
type Series = (String, BTreeMap<String, String>, Vec<(i64, String)>);

/// Series of the kept answer, by their metric.
fn recorded() -> &'static [Series] {
    static ALL: LazyLock<Vec<Series>> = LazyLock::new(read);
    &ALL
}

fn read() -> Vec<Series> {
    let text = std::fs::read_to_string(project(RECORDED)).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let result = json["data"]["result"].as_array().unwrap();
    let series = result.iter().map(|one| {
        let labels: BTreeMap<String, String> = serde_json::from_value(one["metric"].clone()).unwrap();
        let values: Vec<(i64, String)> = serde_json::from_value(one["values"].clone()).unwrap();
        (labels["__name__"].clone(), labels, values)
    });
    series.collect()
}

/// What a server does: it wants a tenant and a token, fails now and then, gives no more than fifty instants at once.
fn answer((headers, form): &Asked, count: usize) -> (u16, String) {
    let error = |status: u16, kind: &str, words: &str| {
        (status, format!(r#"{{"status":"error","errorType":"{kind}","error":"{words}"}}"#))
    };
    if headers.get("authorization").map(String::as_str) != Some(&format!("Bearer {TOKEN}")) {
        return error(401, "unauthorized", "no");
    }
    if headers.get("x-scope-orgid").map(String::as_str) != Some("shop") {
        return error(400, "bad_data", "no org id");
    }
    let number = |name: &str| form[name].parse::<i64>().unwrap();
    let (start, end, step) = (number("start"), number("end"), number("step"));
    if count % 23 == 3 {
        return error(503, "unavailable", "try again");
    }
    if (end - start) / step + 1 > 50 {
        return error(400, "bad_data", "exceeded maximum resolution of 50 points per timeseries");
    }
    let metric = form["query"].split('{').next().unwrap();
    let result = recorded().iter().filter(|(name, ..)| name == metric).filter_map(|(_, labels, values)| {
        let at = |instant: i64| values.iter().rev().find(|(at, _)| *at <= instant && instant - at < 15);
        let points: Vec<String> = (start..=end)
            .step_by(step as usize)
            .filter_map(|instant| at(instant).map(|(_, value)| format!("[{instant},\"{value}\"]")))
            .collect();
        let labels = serde_json::to_string(labels).unwrap();
        (!points.is_empty()).then(|| format!(r#"{{"metric":{labels},"values":[{}]}}"#, points.join(",")))
    });
    let result: Vec<String> = result.collect();
    (200, format!(r#"{{"status":"success","data":{{"resultType":"matrix","result":[{}]}}}}"#, result.join(",")))
}

/// A server in a thread of its own; what it was asked.
fn server() -> (String, Arc<Mutex<Vec<Asked>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/prometheus", listener.local_addr().unwrap());
    let all = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&all);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let Some(asked) = asked(&stream) else { continue };
            let mut kept = kept.lock().unwrap();
            let (status, body) = answer(&asked, kept.len());
            kept.push(asked);
            let head = format!(
                "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all((head + &body).as_bytes());
        }
    });
    (url, all)
}

#[test]
fn a_difficult_server_is_asked_until_all_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    write(&folder.path().join("token"), &format!("{TOKEN}\n"));
    let (url, all) = server();
    let (start, end) = (START.to_string(), (START + 45 * 60).to_string());
    let import = ["import", "prometheus", "--url", &url, "-f", K8S, "--start", &start, "--end", &end];
    // Without credentials, and without the tenant, it is said what is wrong.
    hpasim(&import).assert().code(2).stderr(contains("answers 401").and(contains("--bearer-token-file")));
    let token = ["--bearer-token-file", &path("token")];
    hpasim(&import).args(token).assert().code(2).stderr(contains("no org id").and(contains(TOKEN).not()));
    all.lock().unwrap().clear();
    let asked =
        hpasim(&import).args(token).args(["--header", "X-Scope-OrgID: shop", "-o", &path("asked")]).output().unwrap();
    let said = String::from_utf8_lossy(&asked.stdout).into_owned() + &String::from_utf8_lossy(&asked.stderr);
    assert!(asked.status.success() && !said.contains(TOKEN), "{said}");
    assert!(said.contains("nothing was recorded of cpu_periods"), "{said}");
    // Each instant of a question has one answer.
    let mut answered: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for (count, one) in all.lock().unwrap().iter().enumerate() {
        if answer(one, count).0 == 200 {
            let number = |name: &str| one.1[name].parse::<i64>().unwrap();
            let instants = (number("start")..=number("end")).step_by(number("step") as usize);
            answered.entry(one.1["query"].clone()).or_default().extend(instants);
        }
    }
    assert!(answered.len() >= 13, "{}", answered.len());
    let right: Vec<i64> = (0..=180).map(|n| START + n * 15).collect();
    assert!(answered.values().all(|instants| *instants == right));
    same_load(&folder.path().join("asked"), &from_file(folder.path()), 0.01);
}

fn from_file(folder: &Path) -> std::path::PathBuf {
    let out = folder.join("file");
    hpasim(&["import", RECORDED, "-f", K8S, "-o", out.to_str().unwrap()]).assert().success();
    out
}

/// Samples that were taken at other seconds are late by a step at most: the sums are the same.
fn same_load(one: &Path, other: &Path, most: f64) {
    let sums = |folder: &Path| {
        let text = std::fs::read_to_string(folder.join("load.csv")).unwrap();
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some("time,cpu,memory"));
        let rows: Vec<Vec<f64>> =
            lines.map(|line| line.split(',').skip(1).map(|cell| cell.parse().unwrap()).collect()).collect();
        assert!((180..=181).contains(&rows.len()), "{} rows", rows.len());
        [0, 1].map(|column| rows.iter().take(180).map(|row| row[column]).sum::<f64>())
    };
    let (one, other) = (sums(one), sums(other));
    assert!((one[0] / other[0] - 1.0).abs() < 0.01 && (one[1] / other[1] - 1.0).abs() < most, "{one:?} {other:?}");
}

#[test]
fn what_is_asked_is_printed_and_can_be_replaced() {
    let import = ["import", "prometheus", "--url", "http://localhost:9", "--dry-run"];
    hpasim(&import).assert().code(2).stderr(contains("derived from the manifests"));
    let printed = |more: &[&str]| {
        let output = hpasim(&[&import[..], &["-f", K8S], more].concat()).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(printed(&[]).contains(
        "cpu: container_cpu_usage_seconds_total{namespace=\"rag-system\",pod=~\"rag-backend-[a-z0-9]+-[a-z0-9]{5}\",container!=\"\","
    ));
    let replaced = printed(&[
        "--query",
        "cpu=sum(app:cpu)",
        "--query",
        "queue_length=q",
        "--requests",
        "http_request_duration_seconds",
    ]);
    assert!(replaced.contains("cpu: sum(app:cpu)\n") && replaced.contains("queue_length: q\n"), "{replaced}");
    assert!(
        replaced.contains("rps: http_request_duration_seconds_count{")
            && replaced.contains("response_seconds: http_request_duration_seconds_sum{")
    );
    for (source, metric) in [
        ("istio", "istio_requests_total"),
        ("envoy", "envoy_cluster_upstream_rq_total"),
        ("ingress-nginx", "exported_service=\"rag-backend-service\""),
    ] {
        assert!(printed(&["--requests", source]).contains(metric), "{source}");
    }
    hpasim(&["import", "prometheus", "--url", "http://127.0.0.1:9", "-f", K8S, "--timeout", "1s"])
        .assert()
        .code(2)
        .stderr(contains("cannot be reached"));
    let backwards = ["--start", "2026-11-24T09:00:00Z", "--end", "2026-11-23T09:00:00Z"];
    hpasim(&["import", "prometheus", "--url", "http://127.0.0.1:9", "-f", K8S]).args(backwards).assert().code(2);
}

/// Ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whether there is a real Prometheus (Debian's package); says so if not.
fn is_there() -> bool {
    let is_there = ["prometheus", "promtool"].iter().all(|tool| Command::new(tool).arg("--version").output().is_ok());
    if !is_there {
        let _ = writeln!(std::io::stderr(), "SKIPPED: there is no prometheus and promtool");
    }
    is_there
}

/// One that has the samples of a file in a folder; and where it answers.
fn prometheus(folder: &Path, samples: &str, options: &[&str]) -> (Running, String) {
    let path = |name: &str| folder.join(name).display().to_string();
    write(&folder.join("prometheus.yml"), "global: {}\n");
    let filled = Command::new("promtool")
        .args(["tsdb", "create-blocks-from", "openmetrics", &path(samples), &path("data")])
        .output()
        .unwrap();
    assert!(filled.status.success(), "{}", String::from_utf8_lossy(&filled.stderr));
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let running = Running(
        Command::new("prometheus")
            .arg(format!("--config.file={}", path("prometheus.yml")))
            .arg(format!("--storage.tsdb.path={}", path("data")))
            .arg("--storage.tsdb.retention.time=10y")
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .args(options)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    );
    let ready = (0..100).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(200));
        TcpStream::connect(("127.0.0.1", port)).is_ok()
    });
    assert!(ready, "Prometheus does not listen");
    (running, format!("http://127.0.0.1:{port}"))
}

/// Fills a real Prometheus and asks it.
#[test]
#[ignore = "needs prometheus and promtool: .ci/run installs them"]
fn a_real_prometheus_answers() {
    if !is_there() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    // Of a family all samples stand together.
    let mut families: BTreeMap<String, String> = BTreeMap::new();
    for (name, mut labels, values) in recorded().iter().cloned() {
        labels.remove("__name__");
        let labels: Vec<String> = labels.iter().map(|(key, value)| format!("{key}=\"{value}\"")).collect();
        let lines = families.entry(name.clone()).or_default();
        values.iter().for_each(|(at, value)| {
            let _ = writeln!(lines, "{name}{{{}}} {value} {at}", labels.join(","));
        });
    }
    let mut samples = String::new();
    for (name, lines) in families {
        let counter = name.strip_suffix("_total").map(|family| (family, "counter"));
        let (family, kind) = counter.unwrap_or((name.as_str(), "gauge"));
        let _ = write!(samples, "# TYPE {family} {kind}\n{lines}");
    }
    write(&folder.path().join("samples"), &(samples + "# EOF\n"));
    let (_running, url) = prometheus(folder.path(), "samples", &[]);
    let (start, end) = (START.to_string(), (START + 45 * 60).to_string());
    let out = path("asked");
    hpasim(&[
        "import",
        "prometheus",
        "--url",
        &url,
        "-f",
        K8S,
        "--start",
        &start,
        "--end",
        &end,
        "-o",
        &out,
        "--max-points",
        "50",
    ])
    .assert()
    .success();
    // What was filled in has no marks of its ends: the last sample holds for five minutes.
    same_load(&folder.path().join("asked"), &from_file(folder.path()), 0.05);
    // A question that it does not understand is told with its words.
    hpasim(&[
        "import",
        "prometheus",
        "--url",
        &url,
        "-f",
        K8S,
        "--start",
        &start,
        "--end",
        &end,
        "--query",
        "cpu=sum(",
    ])
    .assert()
    .code(2)
    .stderr(contains("parse error"));
}

/// A simulated cluster in a real Prometheus: what is imported from it and calibrated are the settings that it had.
#[test]
#[ignore = "needs prometheus and promtool: .ci/run installs them"]
fn what_was_simulated_is_calibrated_through_a_real_prometheus() {
    if !is_there() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let _file = circle::exported(folder.path());
    // A server that scrapes marks where a series ends; what fills it cannot: no sample is to hold for longer than a scrape.
    let (_running, url) = prometheus(folder.path(), "exported.om", &["--query.lookback-delta=16s"]);
    let (start, end) = (circle::START.to_string(), (circle::START + circle::LASTS).to_string());
    let observed = folder.path().join("observed");
    let import = ["import", "prometheus", "--url", &url, "-f", circle::K8S, "--requests", "ingress-nginx"];
    hpasim(&import).args(["--start", &start, "--end", &end, "-o", observed.to_str().unwrap()]).assert().success();
    circle::has_the_settings(&observed);
}
