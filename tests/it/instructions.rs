//! What things cost in instructions, counted by valgrind's callgrind; see `benches/README.md`.

use std::io::Write;
use std::path::Path;
use std::process::Command;

use crate::support::{many_objects, project, write};

/// The engine alone, as what the project aims at; 1,854 were measured.
const MOST_OF_THE_ENGINE: u64 = 1_900;
/// What was measured, 2,414 with the reading of the rows and what is printed of the changes, and a little more for another
/// compiler.
const MOST_FOR_A_SYNC: u64 = 2_680;

/// For the figures of `benches/README.md`.
fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// The instructions of the release binary with these arguments.
fn count(arguments: &[&str]) -> u64 {
    count_in(&[], arguments)
}

/// The same, counted as valgrind's options say.
fn count_in(options: &[&str], arguments: &[&str]) -> u64 {
    let binary = project("target/release/hpasim");
    assert!(binary.exists(), "run `cargo build --release` first");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .args(options)
        .arg(&binary)
        .args(arguments)
        .current_dir(project(""))
        // Threads that wait for work count, too.
        .env("RAYON_NUM_THREADS", "1")
        .output()
        .expect("valgrind can be run");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let line = text.lines().find(|line| line.contains("Collected")).unwrap_or_else(|| panic!("no count: {text}"));
    line.rsplit(' ').next().and_then(|count| count.parse().ok()).expect("the count is a number")
}

/// Two days of a load that changes every minute.
fn two_days(folder: &Path) -> String {
    let mut text = String::from("time,cpu,memory\n");
    for minute in 0..2 * 1440 {
        let phase = f64::from(minute) / 1440.0 * std::f64::consts::TAU;
        // Something that is not the same from minute to minute.
        let noise = f64::from(minute * 7919 % 101) / 101.0;
        let (cpu, memory) = (1.5 - phase.cos() + 0.2 * noise, 1.5e9 - 8e8 * phase.cos() + 2e7 * noise);
        text += &format!("{},{cpu:.4},{memory:.0}\n", minute * 60);
    }
    let file = folder.join("two-days.csv");
    write(&file, &text);
    file.to_str().expect("the path is UTF-8").to_owned()
}

#[test]
#[ignore = "needs valgrind and a release build: see benches/README.md"]
fn a_sync_stays_cheap() {
    let folder = tempfile::tempdir().unwrap();
    let load = two_days(folder.path());
    let day = |duration: &str| {
        let offsets = ["--sync-offset", "0s", "--metric-offset", "0s", "--housekeeping-offset", "0s"];
        let what = ["simulate", "-f", "scenarios/rag-system/k8s", "--load", &load, "--duration", duration];
        count(&[&what[..], &offsets].concat())
    };
    // 5,760 syncs; with them the rows of a day are read.
    let per_sync = (day("2d") - day("1d")) / 5_760;
    note(&format!("{per_sync} instructions for a sync"));
    assert!(per_sync < MOST_FOR_A_SYNC, "{per_sync} instructions for a sync");
    // One phase of a plan is simulated once, from rows that have been read; what is around it does not count.
    let engine = ["--toggle-collect=hpasim::sim::world::simulate"];
    let plan = ["plan", "-f", "scenarios/rag-system/k8s", "--load", &load, "--phases", "1"];
    let per_sync = count_in(&engine, &plan) / 11_520;
    note(&format!("{per_sync} instructions for a sync in the engine alone"));
    // Without the function's name nothing would be counted.
    assert!((500..MOST_OF_THE_ENGINE).contains(&per_sync), "{per_sync} instructions for a sync in the engine alone");
}

#[test]
#[ignore = "needs valgrind and a release build: see benches/README.md"]
fn twice_as_much_takes_twice_as_long() {
    let folder = tempfile::tempdir().unwrap();
    let files = [500, 1000].map(|pairs| {
        let file = folder.path().join(format!("{pairs}.yaml"));
        write(&file, &many_objects(pairs));
        file.to_str().expect("the path is UTF-8").to_owned()
    });
    let simulate = ["simulate", "--constant", "cpu=1", "--duration", "10m", "--phases", "1"];
    let out = folder.path().join("out");
    let with_files = ["plan", "-o", out.to_str().expect("the path is UTF-8")];
    for command in [&["plan"][..], &with_files, &["lint"], &simulate] {
        let [one, two] = files.each_ref().map(|file| count(&[command, &["-f", file]].concat()) as f64);
        note(&format!("{command:?}: {one} and {two} instructions, {:.2} times as many", two / one));
        assert!(two / one < 2.2, "{command:?}: {one} and {two} instructions");
    }
}
