//! Which target? A day of load under several, with the library: `cargo run --example which_target`.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let yaml = include_str!("../scenarios/rag-system/k8s/backend-deployment.yaml");
    let load = hpasim::read_load(include_str!("../scenarios/rag-system/traces/workday.csv"))?;
    let options = hpasim::Options::default();
    for target in [50, 60, 70, 80] {
        let changed = yaml.replacen("averageUtilization: 70", &format!("averageUtilization: {target}"), 1);
        let manifests = hpasim::read_manifests([("backend-deployment.yaml", changed.as_str())], &options)?;
        for outcome in hpasim::simulate(&manifests, &load, &options)? {
            let summary = &outcome.summary;
            let hours = summary.pod_seconds() as f64 / 3600.0;
            let most = summary.max_replicas();
            say(&format!("{} at {target}%: {hours:.1} pod-hours, at most {most} pods", outcome.hpa))?;
        }
    }
    Ok(())
}

fn say(line: &str) -> std::io::Result<()> {
    use std::io::Write;
    writeln!(std::io::stdout(), "{line}")
}
