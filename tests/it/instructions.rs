//! The cost of a simulated day in instructions, counted by valgrind's callgrind; see `benches/README.md`.

use std::process::Command;

use crate::support::project;

/// About twice what was measured when the bound was set: 26.7 million instructions for 5,760 syncs, release build.
const MOST_INSTRUCTIONS_PER_DAY: u64 = 55_000_000;

#[test]
#[ignore = "needs valgrind and a release build: see benches/README.md"]
fn a_simulated_day_stays_cheap() {
    let binary = project("target/release/hpasim");
    assert!(binary.exists(), "run `cargo build --release` first");
    let count = |duration: &str| -> u64 {
        let output = Command::new("valgrind")
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
            .arg(&binary)
            .args(["simulate", "-f", "scenarios/rag-system/k8s", "--load", "scenarios/rag-system/traces/workday.csv"])
            .args([
                "--sync-offset",
                "0s",
                "--metric-offset",
                "0s",
                "--housekeeping-offset",
                "0s",
                "--duration",
                duration,
            ])
            .current_dir(project(""))
            .output()
            .expect("valgrind can be run");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        let line = text.lines().find(|line| line.contains("Collected")).expect("callgrind reports a count");
        line.rsplit(' ').next().and_then(|count| count.parse().ok()).expect("the count is a number")
    };
    // The second day holds the last row: what is measured is the engine, not the reading of the trace.
    let per_day = count("2d") - count("1d");
    assert!(per_day < MOST_INSTRUCTIONS_PER_DAY, "{per_day} instructions for a simulated day");
}
