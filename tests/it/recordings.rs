//! Recordings: one course, written as each tool writes it, is read as that course; what is damaged is refused with its place.

use std::fmt::Write;

use hpasim::input::recording::{self, Options, Subject, observed};
use hpasim::model::{Column, Observed, TimeBase};
use predicates::prelude::*;
use predicates::str::contains;
use proptest::prelude::*;

use crate::support::{hpasim, project, write};

/// 2026-11-24 09:00:00 UTC.
const START: i64 = 1_795_510_800;
const K8S: &str = "scenarios/rag-system/k8s";
const PODS: [&str; 2] = ["rag-backend-7d9f8b6c5d-abcde", "rag-backend-7d9f8b6c5d-xq2zt"];

/// Ten requests a second, and twenty from the second minute on, each of a fifth of a second.
fn sent() -> impl Iterator<Item = f64> {
    (0..60)
        .flat_map(|second| (0..10).map(move |n| f64::from(second) + f64::from(n) / 10.0))
        .chain((60..120).flat_map(|second| (0..20).map(move |n| f64::from(second) + f64::from(n) / 20.0)))
}

fn lines(header: &str, each: impl Iterator<Item = String>) -> String {
    std::iter::once(header.to_owned()).chain(each).filter(|line| !line.is_empty()).map(|line| line + "\n").collect()
}

fn instant(at: f64) -> jiff::Timestamp {
    jiff::Timestamp::from_millisecond(START * 1000 + (at * 1e3).round() as i64).unwrap()
}

/// The course as everything that lists or counts requests writes it.
fn requests() -> Vec<(&'static str, String)> {
    let log = |at: f64| instant(at).strftime("%d/%b/%Y:%H:%M:%S +0000").to_string();
    vec![
        (
            "hey, CSV",
            lines(
                "response-time,DNS+dialup,DNS,Request-write,Response-delay,Response-read,status-code,offset",
                sent().map(|at| format!("0.2000,0.0001,0.0000,0.0000,0.1990,0.0001,200,{at:.4}")),
            ),
        ),
        (
            "k6, CSV",
            lines(
                "metric_name,timestamp,metric_value,check,error,error_code,expected_response,group,method,name",
                sent().map(|at| {
                    let end = START as f64 + at + 0.2;
                    format!("http_reqs,{end:.3},1.000000,,,,true,,GET,http://x\nhttp_req_duration,{end:.3},200.000000,,,,true,,GET,http://x")
                }),
            ),
        ),
        (
            "k6, JSON",
            lines(
                r#"{"type":"Metric","data":{"name":"http_reqs","type":"counter"},"metric":"http_reqs"}"#,
                sent().map(|at| {
                    let end = instant(at + 0.2);
                    format!(r#"{{"metric":"http_reqs","type":"Point","data":{{"time":"{end}","value":1,"tags":{{"status":"200"}}}}}}
{{"metric":"http_req_duration","type":"Point","data":{{"time":"{end}","value":200.0,"tags":{{"status":"200"}}}}}}"#)
                }),
            ),
        ),
        (
            "JMeter",
            lines(
                "timeStamp,elapsed,label,responseCode,responseMessage,threadName,success,bytes,grpThreads,allThreads,Latency",
                sent().map(|at| format!("{},200,GET /,200,OK,g 1-1,true,100,4,4,199", instant(at).as_millisecond())),
            ),
        ),
        (
            "access log",
            lines("", sent().map(|at| {
                format!(
                    r#"10.0.0.1 - - [{}] "GET /api?a=[1] HTTP/1.1" 200 612 "-" "curl/7.58.123 (x; 1.234)" 345 0.200 [rag-8000] [] 10.1.1.1:8000 612 0.199 200 ab"#,
                    log(at)
                )
            })),
        ),
        (
            "access log",
            lines("", sent().map(|at| {
                format!(r#"[{:.3}] "GET /api HTTP/2" 200 - 0 154 200 12 "-" "curl" "id" "host" "10.0.0.1:80""#, instant(at))
            })),
        ),
        (
            "access log, JSON",
            lines("", sent().map(|at| {
                format!(r#"{{"start_time":"{:.3}","method":"GET","path":"/","response_code":200,"duration":200}}"#, instant(at))
            })),
        ),
        (
            "Locust, stats history",
            lines(
                "Timestamp,User Count,Type,Name,Requests/s,Failures/s,50%,Total Request Count,Total Average Response Time",
                (0..=120_i64).map(|second| {
                    let count = sent().filter(|at| *at < second as f64).count();
                    format!("{0},7,GET,/,1,0,200,{count},200.0\n{0},7,,Aggregated,1,0,200,{count},200.0", START + second)
                }),
            ),
        ),
        (
            "Prometheus, JSON",
            {
                let values: Vec<String> = (0..=120_i64)
                    .map(|second| format!("[{},\"{}\"]", START + second, sent().filter(|at| *at < second as f64).count()))
                    .collect();
                format!(
                    r#"{{"status":"success","data":{{"resultType":"matrix","result":[{{"metric":{{"__name__":"http_requests_total","code":"200"}},"values":[{}]}},{{"metric":{{"__name__":"up"}},"values":[[{START},"1"]]}}]}}}}"#,
                    values.join(",")
                )
            },
        ),
        (
            "OpenMetrics",
            lines(
                "# TYPE http_requests counter",
                (0..=120_i64)
                    .map(|second| {
                        let count = sent().filter(|at| *at < second as f64).count();
                        format!("http_requests_total{{path=\"/a b\\\"{{}}\"}} {count} {}.000", START + second)
                    })
                    .chain(["# EOF".to_owned()]),
            ),
        ),
        (
            "CSV",
            lines(
                "\"Time\",\"Requests/s\"",
                (0..120).map(|second| {
                    let at = instant(f64::from(second)).strftime("%Y-%m-%d %H:%M:%S");
                    format!("\"{at}\",{} req/s", if second < 60 { 10 } else { 20 })
                }),
            ),
        ),
    ]
}

fn read(name: &str, text: &str) -> Observed {
    let recording = recording::read(name, text.as_bytes(), &Options::default()).unwrap();
    observed(&[(name.to_owned(), recording)], &Subject::default(), None).unwrap()
}

fn column<'a>(observed: &'a Observed, wanted: &Column) -> &'a [f64] {
    &observed.load.iter().find(|(column, _)| column == wanted).unwrap().1
}

#[test]
fn one_course_of_requests_in_every_form() {
    for (format, text) in requests() {
        let recording = recording::read("x", text.as_bytes(), &Options::default()).unwrap();
        assert_eq!(recording.format, format, "{text:.200}");
        let observed = observed(&[("x".to_owned(), recording)], &Subject::default(), Some(1)).unwrap();
        let rps = column(&observed, &Column::Rps);
        // A gauge beside it holds for a second more.
        let rps = &rps[..rps.len().min(120)];
        let all: f64 = rps.iter().sum();
        assert!((all - 1800.0).abs() < 1e-6, "{format}: {all} requests");
        assert_eq!(rps.len(), 120, "{format}");
        for (second, value) in rps.iter().enumerate() {
            let right = if second < 60 { 10.0 } else { 20.0 };
            assert!((value - right).abs() < 1e-6, "{format}: {value} at {second}");
        }
        if format != "hey, CSV" {
            assert_eq!((observed.grid.base, observed.grid.start), (TimeBase::Epoch(0), START), "{format}");
        }
        let response = observed.recorded.iter().find(|(name, _)| name == "response_ms");
        if !matches!(format, "CSV" | "Prometheus, JSON" | "OpenMetrics") {
            let response = &response.unwrap().1;
            assert!(response.iter().flatten().all(|ms| (ms - 200.0).abs() < 1e-6), "{format}: {response:?}");
        }
    }
}

/// Two pods that use half a core and 300 MiB each, in the listings of kubectl and in Grafana's columns.
#[test]
fn one_course_of_pods_in_every_form() {
    let listing = |stamp: &dyn Fn(i64) -> String| {
        (0..8).fold(String::new(), |mut text, listing| {
            let _ = writeln!(text, "{}", stamp(listing * 15));
            text += "POD                            NAME      CPU(cores)   MEMORY(bytes)\n";
            PODS.iter().for_each(|pod| {
                let _ = writeln!(text, "{pod}   backend   450m         290Mi\n{pod}   proxy     50m          10Mi");
            });
            text
        })
    };
    let date = |at: i64| instant(at as f64).strftime("%a %b %e %H:%M:%S UTC %Y").to_string();
    let grafana = lines(
        &format!(
            "Time;{0};{1}",
            PODS.map(|pod| format!(
                "\"container_cpu_usage_seconds_total{{pod=\"\"{pod}\"\",container=\"\"backend\"\"}}\""
            ))
            .join(";"),
            PODS.map(|pod| format!(
                "\"container_memory_working_set_bytes{{pod=\"\"{pod}\"\",container=\"\"backend\"\"}}\""
            ))
            .join(";"),
        ),
        (0..=8).map(|n| format!("{};{1};{1};300 MiB;300 MiB", (START + n * 15) * 1000, n as f64 * 7.5)),
    );
    for (name, text, base) in [
        ("dates", listing(&date), TimeBase::Epoch(0)),
        ("epochs", listing(&|at| (START + at).to_string()), TimeBase::Epoch(0)),
        ("zone", listing(&|at| format!("--- {}", instant(at as f64))).replace("--- ", ""), TimeBase::Epoch(0)),
        ("grafana", grafana, TimeBase::Epoch(0)),
    ] {
        let observed = read(name, &text);
        assert_eq!((observed.grid.base, observed.grid.start, observed.grid.step), (base, START, 15), "{name}");
        let (cpu, memory) = (column(&observed, &Column::Cpu), column(&observed, &Column::Memory));
        assert!((8..=9).contains(&cpu.len()) && cpu.iter().all(|cores| (cores - 1.0).abs() < 1e-9), "{name}: {cpu:?}");
        assert!(memory.iter().all(|bytes| *bytes == 600.0 * 1_048_576.0), "{name}: {memory:?}");
    }
    let error = recording::read("x", listing(&|_| String::new()).as_bytes(), &Options::default()).unwrap_err();
    assert!(error.to_string().contains("has 8 listings without their times"), "{error}");
    let steps = Options { step: Some(15), ..Options::default() };
    let recording = recording::read("x", listing(&|_| String::new()).as_bytes(), &steps).unwrap();
    let observed = observed(&[("x".to_owned(), recording)], &Subject::default(), None).unwrap();
    assert_eq!((observed.grid.base, observed.grid.step, observed.grid.steps), (TimeBase::Start, 15, 8));
}

#[test]
fn what_the_hpa_showed_is_multiplied_back() {
    let text = "NAME              REFERENCE                TARGETS                         MINPODS   MAXPODS   REPLICAS   AGE\n\
                rag-backend-hpa   Deployment/rag-backend   cpu: 60%/70%, memory: 50%/80%   3         10        3          30s\n\
                rag-backend-hpa   Deployment/rag-backend   cpu: 90%/70%, memory: 50%/80%   3         10        3          60s\n\
                rag-backend-hpa   Deployment/rag-backend   cpu: <unknown>/70%, memory: 50%/80%   3   10        4          2m\n";
    let observed = read("hpa.log", text);
    let names: Vec<&str> = observed.load.iter().map(|(column, _)| column.name()).collect();
    assert_eq!(names, ["cpu_utilization", "memory_utilization", "replicas"]);
    assert_eq!(column(&observed, &Column::CpuUtilization)[0], 60.0);
    assert_eq!(column(&observed, &Column::Replicas).last(), Some(&4.0));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// What counters counted is in the load, whenever they are read, however often they begin anew, and whatever the step.
    #[test]
    fn nothing_that_was_counted_is_lost(
        offsets in prop::collection::vec(0i64..15_000, 1..5),
        rates in prop::collection::vec(0.0f64..3.0, 20..60),
        resets in prop::collection::vec(0usize..60, 0..3),
        step in 1i64..60,
    ) {
        let mut json = String::new();
        let mut counted = 0.0;
        let mut ends = (i64::MAX, 0);
        for (pod, offset) in offsets.iter().enumerate() {
            let (mut value, mut all, mut values) = (5.0, 0.0, Vec::new());
            for (sample, rate) in rates.iter().enumerate() {
                let at = START * 1000 + offset + sample as i64 * 15_000;
                if sample > 0 {
                    let more = rate * 15.0;
                    // A container that began anew has used what it counts since.
                    value = if resets.contains(&sample) && more < value { more } else { value + more };
                    all += more;
                }
                values.push(format!("[{}.{:03},\"{value}\"]", at / 1000, at % 1000));
                ends = (ends.0.min(at), ends.1.max(at));
            }
            counted += all;
            let comma = if pod > 0 { "," } else { "" };
            let _ = write!(json, r#"{comma}{{"metric":{{"__name__":"container_cpu_usage_seconds_total","pod":"web-{pod}","container":"app"}},"values":[{}]}}"#, values.join(","));
        }
        let text = format!(r#"{{"status":"success","data":{{"resultType":"matrix","result":[{json}]}}}}"#);
        let recording = recording::read("x", text.as_bytes(), &Options::default()).unwrap();
        let observed = observed(&[("x".to_owned(), recording)], &Subject::default(), Some(step)).unwrap();
        let cpu = column(&observed, &Column::Cpu);
        let found: f64 = cpu.iter().sum::<f64>() * step as f64;
        // At both ends what a pod is not read of goes on, and of the last step only a part may be there.
        let edges = 3.0 * offsets.len() as f64 * (30.0 + step as f64);
        prop_assert!(found >= counted - edges && found <= counted + edges, "{found} of {counted}");
        // In the middle it is exact: constant rates stay what they are.
        if rates.iter().all(|rate| *rate == rates[0]) {
            prop_assert!(cpu.iter().all(|cores| (cores - rates[0] * offsets.len() as f64).abs() < 1e-6), "{cpu:?}");
        }
        prop_assert!(cpu.iter().all(|cores| *cores >= 0.0 && *cores <= 3.0 * offsets.len() as f64 + 1e-9));
    }

    /// Whatever is wrong with a recording, it is refused with its name, or read; never a panic.
    #[test]
    fn damaged_recordings_are_refused_or_read(which in 0usize..13, edits in prop::collection::vec((0usize..4000, any::<u8>()), 1..6), cut in prop::option::of(0usize..4000)) {
        let mut all: Vec<String> = requests().into_iter().map(|(_, text)| text).collect();
        all.push("NAME REFERENCE TARGETS MINPODS MAXPODS REPLICAS AGE\nweb Deployment/web cpu: 43%/70% 3 10 3 12s\nweb Deployment/web cpu: 43%/70% 3 10 3 75s\n".to_owned());
        all.push("LAST SEEN TYPE REASON OBJECT MESSAGE\n5m Normal SuccessfulRescale hpa/web New size: 6\n".to_owned());
        let mut bytes = all[which].clone().into_bytes();
        for (at, byte) in edits {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut);
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        match recording::read("damaged", text.as_bytes(), &Options::default()) {
            Ok(recording) => {
                if let Ok(observed) = observed(&[("damaged".to_owned(), recording)], &Subject::default(), None) {
                    prop_assert!(observed.load.iter().all(|(_, values)| values.iter().all(|value| value.is_finite())));
                }
            }
            Err(error) => prop_assert!(error.diagnostics().iter().all(|one| one.location.is_some()), "{error}"),
        }
    }
}

/// From files to a folder, and from the folder to a simulation.
#[test]
fn a_folder_is_a_load() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (json, log, out) = (path("observed.json"), path("access.log"), path("observed"));
    let series = |name: &str, pod: &str, value: &dyn Fn(i64) -> f64| {
        let values: Vec<String> = (0..=40).map(|n| format!("[{},\"{}\"]", START + n * 15, value(n))).collect();
        format!(
            r#"{{"metric":{{"__name__":"{name}","namespace":"rag-system","pod":"{pod}","container":"backend"}},"values":[{}]}}"#,
            values.join(",")
        )
    };
    let all = [
        series("container_cpu_usage_seconds_total", PODS[0], &|n| n as f64 * 6.0),
        series("container_cpu_usage_seconds_total", PODS[1], &|n| n as f64 * 6.0),
        series("container_memory_working_set_bytes", PODS[0], &|_| 3e8),
        series("container_cpu_usage_seconds_total", "redis-6c9f8b6c5d-abcde", &|n| n as f64 * 60.0),
        series("kube_pod_created", PODS[1], &|_| START as f64 - 30.0),
        series("kube_pod_status_ready_time", PODS[1], &|_| START as f64 - 5.0),
    ];
    let text = format!(r#"{{"status":"success","data":{{"resultType":"matrix","result":[{}]}}}}"#, all.join(","));
    write(folder.path().join("observed.json").as_path(), &text);
    let (_, access) = requests().swap_remove(4);
    write(folder.path().join("access.log").as_path(), &access);
    // Two workloads are not one load.
    hpasim(&["import", &json]).assert().code(2).stderr(contains("2 workloads were recorded: rag-backend, redis"));
    let import = ["import", &json, &log, "-f", K8S, "-o", &out, "--step", "15s"];
    hpasim(&import).assert().success().stdout(contains("cpu up to 0.8 cores").and(contains("access.log")));
    let read = |name: &str| std::fs::read_to_string(folder.path().join("observed").join(name)).unwrap();
    assert!(
        read("load.csv").starts_with("time,cpu,memory,rps\n2026-11-24T09:00:00Z,0.8,300000000,10\n"),
        "{:.200}",
        read("load.csv")
    );
    assert!(
        read("pods.csv").contains(&format!("{},2026-11-24T08:59:30Z,,,2026-11-24T08:59:55Z,25\n", PODS[1])),
        "{}",
        read("pods.csv")
    );
    assert!(
        read("recorded.csv").starts_with("time,cpu,rps,measured_pods,response_ms\n"),
        "{:.200}",
        read("recorded.csv")
    );
    let simulate = |load: &str| {
        let output =
            hpasim(&["simulate", "-f", K8S, "--load", load, "--phases", "1", "--format", "json"]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        (json["targets"][0]["podHours"].clone(), json["targets"][0]["start"].clone())
    };
    // The file itself, of which only the target's series count.
    let from_file = simulate(&json);
    assert_eq!(from_file.1, "2026-11-24T09:00:00Z");
    assert_eq!(simulate(&out).1, from_file.1);
    hpasim(&["simulate", "-f", K8S, "--load", folder.path().to_str().unwrap()])
        .assert()
        .code(2)
        .stderr(contains("has no load.csv").and(contains("hpasim import")));
}

#[test]
fn what_cannot_be_read_is_refused_with_advice() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        write(folder.path().join(name).as_path(), text);
        folder.path().join(name).display().to_string()
    };
    let nameless = file(
        "cpu.json",
        &format!(
            r#"{{"status":"success","data":{{"result":[{{"metric":{{}},"values":[[{START},"1"],[{},"2"]]}}]}}}}"#,
            START + 15
        ),
    );
    let failed = file("failed.json", r#"{"status":"error","errorType":"bad_data","error":"invalid parameter"}"#);
    let hpa = file(
        "hpa.log",
        "NAME REFERENCE TARGETS MINPODS MAXPODS REPLICAS AGE\nweb Deployment/web cpu: 43%/70% 3 10 3 12s\n",
    );
    let words = file("notes.txt", "nothing to see here\n");
    let local = file("local.csv", "Time,cpu\n2026-11-24 09:00:00,1\n2026-11-24 09:00:15,2\n");
    let ours = file("ours.csv", "time,cpu\n2026-11-24 09:00:00,1\n2026-11-24 09:00:15,2\n");
    let bad = file("bad.csv", "Time,cpu\n2026-11-24 09:00:00,1\n2026-11-24 09:00:15,lots\n");
    for (args, said) in [
        (vec![nameless.as_str()], "has no series whose meaning is known"),
        (vec![failed.as_str()], "Prometheus did not answer the query: invalid parameter"),
        (vec![words.as_str()], "is none of the recordings that are known"),
        (vec![bad.as_str()], "bad.csv:3: cpu: `lots` is not a number"),
        (vec![nameless.as_str(), hpa.as_str()], "has no series"),
        (vec!["no-such-file"], "no such file"),
        (vec![hpa.as_str(), local.as_str()], "say when those began: --start"),
        (vec![hpa.as_str(), "--zone", "Mars"], "is no time zone"),
    ] {
        hpasim(&["import"]).args(&args).assert().code(2).stderr(contains(said));
    }
    let import =
        |args: &[&str]| String::from_utf8(hpasim(&[&["import"], args].concat()).output().unwrap().stdout).unwrap();
    assert!(import(&[&format!("cpu={nameless}")]).contains("cpu up to 2 cores"));
    // A zone is assumed with a word, or stated.
    assert!(import(&[&local]).contains("times without a zone are read in UTC"));
    assert!(import(&[&local]).contains("from 2026-11-24T09:00:00Z"));
    assert!(import(&[&local, "--zone", "Europe/Berlin"]).contains("from 2026-11-24T09:00:00+01:00"));
    assert!(import(&[&local, "--zone", "+05:30"]).contains("from 2026-11-24T09:00:00+05:30"));
    let simulate = ["simulate", "-f", K8S, "--load", &ours, "--constant", "memory=1Gi", "--phases", "1"];
    hpasim(&simulate).assert().success().stderr(contains("have no zone: they are read as UTC"));
    assert!(import(&[&hpa, "--start", "2026-11-24T09:00:00Z"]).contains("from 2026-11-24T09:00:00Z"));
    // Standard input, and a column that says nothing by itself.
    let odd = "Time,A-series\n1795510800,1.5\n1795510815,2.5\n";
    let taken = hpasim(&["import", "-", "--column", "A-series=cpu"]).write_stdin(odd).output().unwrap();
    assert!(String::from_utf8(taken.stdout).unwrap().contains("cpu up to 2.5 cores"));
    let described = hpasim(&["trace", "describe", "-"]).write_stdin(odd).output().unwrap();
    assert!(String::from_utf8(described.stdout).unwrap().contains("A-series"));
    assert!(project("docs").is_dir());
}

/// A trace of ours that is imported is the same trace; a short peak between rows that are far apart is not lost.
#[test]
fn a_trace_stays_what_it_is() {
    let workday = std::fs::read_to_string(project("scenarios/rag-system/traces/workday.csv")).unwrap();
    let observed = read("workday.csv", &workday);
    let rows: Vec<Vec<f64>> =
        workday.lines().skip(1).map(|line| line.split(',').map(|cell| cell.parse().unwrap()).collect()).collect();
    assert_eq!((observed.grid.step, observed.grid.steps), (60, rows.len()));
    for (index, row) in rows.iter().enumerate() {
        assert_eq!(
            (column(&observed, &Column::Cpu)[index], column(&observed, &Column::Memory)[index]),
            (row[1], row[2])
        );
    }
    let peak = read("peak.csv", "Time,rps\n0,10\n600,10\n630,500\n660,10\n1800,10\n2400,10\n3000,10\n");
    let rps = column(&peak, &Column::Rps);
    let all: f64 = rps.iter().sum::<f64>() * peak.grid.step as f64;
    assert!((all - (10.0 * 3600.0 + 490.0 * 30.0)).abs() < 1.0, "{all} requests in steps of {} s", peak.grid.step);
    assert!(rps.iter().any(|rps| *rps > 150.0), "{rps:?}");
}

/// A pod that was not read before has used what its counter says, but not in a moment.
#[test]
fn a_counter_that_was_read_late_is_no_peak() {
    let series = |pod: &str, from: i64, before: f64| {
        let values: Vec<String> =
            (from..=40).map(|n| format!("[{},\"{}\"]", START + n * 15, before + (n - from) as f64 * 7.5)).collect();
        format!(
            r#"{{"metric":{{"__name__":"container_cpu_usage_seconds_total","pod":"{pod}","container":"c"}},"values":[{}]}}"#,
            values.join(",")
        )
    };
    for (before, most) in [(5.0, 1.0 + 1e-9), (90_000.0, 1.0 + 1e-9)] {
        let all = [series(PODS[0], 0, 90_000.0), series(PODS[1], 20, before)].join(",");
        let observed =
            read("x", &format!(r#"{{"status":"success","data":{{"resultType":"matrix","result":[{all}]}}}}"#));
        let cpu = column(&observed, &Column::Cpu);
        assert!(cpu.iter().all(|cores| (0.5 - 1e-9..=most).contains(cores)), "{cpu:?}");
        // What it used before its first sample is counted where it can be of then.
        assert_eq!(cpu[19] > 0.6, before < 100.0, "{cpu:?}");
        assert_eq!(observed.notes.iter().any(|note| note.contains("long before")), before > 100.0);
    }
}

/// A proxy counts the requests of many; its own pod and namespace are not those of who serves them.
#[test]
fn requests_are_those_of_the_service() {
    let folder = tempfile::tempdir().unwrap();
    let series = |pod: &str, service: &str, rate: i64| {
        let values: Vec<String> = (0..=20).map(|n| format!("[{},\"{}\"]", START + n * 15, n * 15 * rate)).collect();
        format!(
            r#"{{"metric":{{"__name__":"nginx_ingress_controller_requests","namespace":"ingress","pod":"{pod}","exported_namespace":"rag-system","exported_service":"{service}","status":"200"}},"values":[{}]}}"#,
            values.join(",")
        )
    };
    let all = [
        series("ingress-nginx-controller-6b9c4d7f5c-2kq7n", "rag-backend-service", 5),
        series("ingress-nginx-controller-6b9c4d7f5c-8xw4d", "rag-backend-service", 7),
        series("ingress-nginx-controller-6b9c4d7f5c-8xw4d", "another", 100),
    ];
    let text = format!(r#"{{"status":"success","data":{{"resultType":"matrix","result":[{}]}}}}"#, all.join(","));
    write(folder.path().join("ingress.json").as_path(), &text);
    let file = folder.path().join("ingress.json").display().to_string();
    hpasim(&["import", &file, "-f", K8S]).assert().success().stdout(contains("rps up to 12 requests/s"));
    hpasim(&["import", &file])
        .assert()
        .code(2)
        .stderr(contains("requests of 2 services").and(contains("--service NAME")));
    hpasim(&["import", &file, "--service", "another"]).assert().success().stdout(contains("rps up to 100 requests/s"));
}

/// What Grafana exports has legends for names: it is said what they are, and nothing is taken for something else without a word.
#[test]
fn legends_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, header: &str| {
        let rows = (0..4).map(|n| format!("{},0.5,0.25", (START + n * 15) * 1000));
        write(folder.path().join(name).as_path(), &lines(header, rows));
        folder.path().join(name).display().to_string()
    };
    let legends = file("legends.csv", &format!("\"Time\",\"{}\",\"{}\"", PODS[0], PODS[1]));
    let labels = file(
        "labels.csv",
        &PODS.iter().fold("\"Time\"".to_owned(), |text, pod| text + &format!(",\"{{pod=\"\"{pod}\"\"}}\"")),
    );
    for path in [&legends, &labels] {
        let meant = format!("cpu={path}");
        hpasim(&["import", &meant]).assert().success().stdout(contains("cpu up to 0.75 cores"));
        let simulate =
            ["simulate", "-f", K8S, "--load", &meant, "--constant", "memory=1Gi", "--phases", "1", "--duration", "1m"];
        hpasim(&simulate).assert().success();
    }
    hpasim(&["import", &labels]).assert().code(2).stderr(contains("has no series whose meaning is known"));
    hpasim(&["import", &legends]).assert().success().stdout(contains("taken as custom metrics of these names"));
    // kubectl before 1.30 names no metric; the manifests do.
    let old = "NAME REFERENCE TARGETS MINPODS MAXPODS REPLICAS AGE\n\
               rag-backend-hpa Deployment/rag-backend 60%/70%, 50%/80% 3 10 3 30s\n\
               rag-backend-hpa Deployment/rag-backend 90%/70%, 50%/80% 3 10 4 60s\n";
    write(folder.path().join("hpa.log").as_path(), old);
    let hpa = folder.path().join("hpa.log").display().to_string();
    hpasim(&["import", &hpa]).assert().success().stdout(contains("the manifests (-f) tell the names"));
    hpasim(&["import", &hpa, "-f", K8S]).assert().success().stdout(contains("cpu_utilization up to 90 %"));
}

/// Published traces of clouds: what their columns say.
#[test]
fn traces_of_clouds_are_loads() {
    let minutes: Vec<String> = (1..=1440).map(|minute: i32| minute.to_string()).collect();
    let row = |count: i32| vec![count.to_string(); 1440].join(",");
    let azure = format!(
        "HashOwner,HashApp,HashFunction,Trigger,{}\no,a,f,http,{}\no,a,g,timer,{}\n",
        minutes.join(","),
        row(120),
        row(60)
    );
    let found = read("azure.csv", &azure);
    assert_eq!((found.grid.step, found.grid.steps, found.grid.base), (60, 1440, TimeBase::Start));
    assert!(found.load.iter().any(|(column, values)| *column == Column::Rps && values.iter().all(|rps| *rps == 3.0)));
    let header = "timestamp,msname,msinstanceid,nodeid,cpu_utilization,memory_utilization";
    let row =
        |minute: i32, pod: i32| format!("{},cart,cart_{pod},n,{},0.25", minute * 60_000, 0.25 + 0.25 * f64::from(pod));
    let alibaba = lines(header, (0..10).flat_map(|minute| (0..3).map(move |pod| row(minute, pod))));
    let found = read("alibaba.csv", &alibaba);
    assert_eq!((found.grid.step, found.grid.steps), (60, 10));
    let of = |wanted: Column| found.load.iter().find(|(column, _)| *column == wanted).map(|(_, values)| values[5]);
    assert_eq!(of(Column::CpuUtilization), Some(50.0));
    assert_eq!((of(Column::MemoryUtilization), of(Column::Replicas)), (Some(25.0), Some(3.0)));
    for (name, text, wrong) in [
        ("azure.csv", azure.replace("120,120,120\n", "120,120,many\n"), "`many` is no number of at least 0"),
        ("alibaba.csv", alibaba.replace("60000,cart,", "60000,web,"), "has 2 microservices: cart, web"),
        ("alibaba.csv", alibaba.replace("120000,", "-1,"), "`-1` is no number of at least 0"),
    ] {
        let error = recording::read(name, text.as_bytes(), &Options::default()).unwrap_err();
        assert!(error.to_string().contains(wrong), "{error}");
    }
}

/// Traces of SimKube, as MessagePack, as JSON, and as the list that older ones are: replicas and changed templates of each workload.
#[test]
fn traces_of_simkube_have_replicas_and_rollouts() {
    let deployment = |name: &str, replicas: i32, image: &str| {
        serde_json::json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "shop"},
            "spec": {"replicas": replicas, "template": {"spec": {"containers": [{"name": "c", "image": image}]}}}})
    };
    let event = |at: i64, objects: &[serde_json::Value]| serde_json::json!({"ts": 1_795_507_200 + at, "applied_objs": objects, "deleted_objs": []});
    let events = serde_json::json!([
        event(0, &[deployment("web", 3, "web:1"), deployment("api", 2, "api:1")]),
        event(60, &[deployment("web", 5, "web:1")]),
        event(90, &[deployment("api", 2, "api:2")]),
        event(120, &[deployment("web", 5, "web:2")]),
    ]);
    let config =
        serde_json::json!({"trackedObjects": {"apps/v1.Deployment": {"podSpecTemplatePath": "/spec/template"}}});
    let newer =
        serde_json::json!({"version": 2, "config": config, "events": events, "index": {}, "pod_lifecycles": {}});
    let older = serde_json::json!([config, events, {}, {}]);
    let cpu = "time,cpu\n2026-11-24T08:00:00Z,1\n2026-11-24T08:00:30Z,1.5\n2026-11-24T08:03:00Z,2\n";
    let subject = Subject { namespace: Some("shop".into()), workload: Some("web".into()), ..Subject::default() };
    let forms =
        [rmp_serde::to_vec(&newer).unwrap(), newer.to_string().into_bytes(), rmp_serde::to_vec(&older).unwrap()];
    for bytes in forms {
        let read =
            |name: &str, bytes: &[u8]| (name.to_owned(), recording::read(name, bytes, &Options::default()).unwrap());
        let all = [read("trace.sktrace", &bytes), read("cpu.csv", cpu.as_bytes())];
        assert_eq!(all[0].1.format, "SimKube");
        let found = observed(&all, &subject, Some(30)).unwrap();
        let (_, desired) = found.recorded.iter().find(|(name, _)| name == "desired").unwrap();
        assert_eq!(desired[..4], [3.0, 3.0, 5.0, 5.0].map(Some));
        let events: Vec<(i64, &str)> =
            found.events.iter().map(|(at, event)| (*at, event.simulated.as_deref().unwrap())).collect();
        assert_eq!(events, [(120, "{at: 2026-11-24T08:02:00Z, rollout: {}}")], "those of api are another's");
    }
    // What is damaged is refused or read.
    let whole = rmp_serde::to_vec(&newer).unwrap();
    for place in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[place] ^= 0xd5;
        for bytes in [&damaged[..], &whole[..place]] {
            if let Ok(found) = recording::read("trace.sktrace", bytes, &Options::default()) {
                let _ = observed(&[("trace.sktrace".to_owned(), found)], &subject, None);
            }
        }
    }
    let nothing = newer.to_string().replace("Deployment\",\"meta", "Job\",\"meta");
    let error = recording::read("trace.json", nothing.as_bytes(), &Options::default()).unwrap_err();
    assert!(error.to_string().contains("has no Deployment, StatefulSet or HorizontalPodAutoscaler"), "{error}");
}

/// What `kubectl get events` lists of a namespace is of all that is in it: what happened to others is not simulated.
#[test]
fn events_of_other_workloads_are_left_out() {
    let event = |minute: i32, reason: &str, object: (&str, &str, &str), message: &str| {
        let at = format!("2026-11-24T08:{minute:02}:00Z");
        serde_json::json!({"kind": "Event", "reason": reason, "message": message, "lastTimestamp": at, "metadata": {},
            "involvedObject": {"kind": object.0, "namespace": object.1, "name": object.2}})
    };
    let killing = "Container c failed liveness probe, will be restarted";
    let scaled = |set: &str| format!("Scaled up replica set {set} to 3");
    let list = serde_json::json!({"kind": "List", "apiVersion": "v1", "items": [
        event(1, "Killing", ("Pod", "shop", "web-6c9d8f7b5-x2x4z"), killing),
        event(2, "Killing", ("Pod", "shop", "api-6c9d8f7b5-x2x4z"), killing),
        event(3, "Killing", ("Pod", "test", "web-6c9d8f7b5-x2x4z"), killing),
        event(4, "ScalingReplicaSet", ("Deployment", "shop", "web"), &scaled("web-6c9d8f7b5")),
        event(5, "ScalingReplicaSet", ("Deployment", "shop", "api"), &scaled("api-6c9d8f7b5")),
        event(6, "ScalingReplicaSet", ("Deployment", "shop", "web"), &scaled("web-6c9d8f7b5")),
        event(7, "ScalingReplicaSet", ("Deployment", "shop", "web"), &scaled("web-7d4f6c8b9")),
        event(8, "SuccessfulRescale", ("HorizontalPodAutoscaler", "shop", "api"), "New size: 4"),
        event(9, "NodeNotReady", ("Node", "", "node-1"), "Node node-1 status is now: NodeNotReady"),
    ]});
    let cpu = "time,cpu\n2026-11-24T08:00:00Z,1\n2026-11-24T08:10:00Z,2\n";
    let read = |name: &str, text: &str| {
        (name.to_owned(), recording::read(name, text.as_bytes(), &Options::default()).unwrap())
    };
    let all = [read("events.json", &list.to_string()), read("cpu.csv", cpu)];
    let simulated = |subject: &Subject| -> Vec<String> {
        let found = observed(&all, subject, None).unwrap();
        found.events.into_iter().filter_map(|(_, event)| event.simulated).collect()
    };
    let name = |name: &str| Some(name.to_owned());
    let web = Subject { namespace: name("shop"), hpa: name("web"), workload: name("web"), services: Vec::new() };
    let at = |minute: i32, what: &str| format!("{{at: 2026-11-24T08:{minute:02}:00Z, {what}}}");
    let (killed, lost) = ("killPods: {pods: 1, which: oldest}", "loseNodes: {nodes: 1}");
    assert_eq!(simulated(&web), [at(1, killed), at(7, "rollout: {}"), at(9, lost)]);
    // Of whom nobody says: all that happened, but a Deployment is no new version of another.
    let all_of_them = [at(1, killed), at(2, killed), at(3, killed), at(7, "rollout: {}"), at(9, lost)];
    assert_eq!(simulated(&Subject::default()), all_of_them);
}
