//! `hpasim import prometheus`: what a Prometheus recorded of a workload.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use anyhow::Context;
use base64::Engine;
use base64::prelude::BASE64_STANDARD as BASE64;
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::Timestamp;

use super::Outcome;
use super::args::positive_span;
use super::output::{self, ColorChoice};
use super::recorded::{Common, Whose};
use crate::input::open;
use crate::input::prometheus::{Access, Query, Range, Requests, Server, queries};
use crate::input::recording::Subject;
use crate::model::{Recording, Signal};
use crate::units::Span;

/// Ask a Prometheus what a workload did (also Thanos, Mimir, VictoriaMetrics)
///
/// The questions are derived from the manifests: CPU, working set, throttling and OOM kills of the target's pods (cAdvisor), replicas,
/// utilization, restarts and pod times (kube-state-metrics), and the HPA's own metrics. --dry-run prints them, --query replaces
/// one. Long ranges are asked in parts, what fails in passing is asked again.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  hpasim import prometheus --url http://localhost:9090 -f k8s/ --start -7d -o observed/\n  hpasim import prometheus --url https://mimir.example/prometheus --header 'X-Scope-OrgID: shop' --bearer-token-file token -f k8s/ -o observed/\n  hpasim import prometheus --url http://localhost:9090 -f k8s/ --dry-run"
)]
pub(super) struct PrometheusArgs {
    /// Its address, up to where /api/v1 begins
    #[arg(long, value_name = "URL", env = "HPASIM_PROMETHEUS_URL")]
    url: String,
    /// From when: a span back from now, or a timestamp
    #[arg(long, value_name = "TIME", default_value = "-1d", allow_hyphen_values = true)]
    start: Moment,
    /// Until when [default: now]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    end: Option<Moment>,
    /// What counts requests: ingress-nginx, istio, envoy, or a histogram or counter of the pods
    #[arg(long, value_name = "SOURCE")]
    requests: Option<Requests>,
    /// Ask this in place of what is derived, or besides: cpu, memory, rps, ..., or the name of a metric; repeatable
    #[arg(long, value_name = "NAME=PROMQL", value_parser = stated)]
    query: Vec<(String, String)>,
    /// Print the questions, and ask nothing
    #[arg(long)]
    dry_run: bool,
    /// The most instants that are asked for at once
    #[arg(long, value_name = "N", default_value_t = 11_000, value_parser = clap::value_parser!(i64).range(2..))]
    max_points: i64,
    /// Send this header, such as 'X-Scope-OrgID: TENANT'; repeatable
    #[arg(long, value_name = "NAME: VALUE", value_parser = header)]
    header: Vec<(String, String)>,
    /// File with a bearer token [default: what HPASIM_BEARER_TOKEN has]
    #[arg(long, value_name = "FILE")]
    bearer_token_file: Option<PathBuf>,
    /// User of basic authentication; the password is in --password-file, or in HPASIM_PASSWORD
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// File with the user's password
    #[arg(long, value_name = "FILE", requires = "user")]
    password_file: Option<PathBuf>,
    /// Certificates that are trusted, in PEM [default: those of Mozilla]
    #[arg(long, value_name = "FILE")]
    ca_cert: Option<PathBuf>,
    /// Certificate to show, in PEM
    #[arg(long, value_name = "FILE", requires = "client_key")]
    client_cert: Option<PathBuf>,
    /// Its key, in PEM
    #[arg(long, value_name = "FILE", requires = "client_cert")]
    client_key: Option<PathBuf>,
    /// Trust whatever certificate the server shows
    #[arg(long)]
    insecure_skip_tls_verify: bool,
    /// How long an answer may take
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = positive_span)]
    timeout: Span,
    #[command(flatten)]
    common: Common,
}

/// A span back from now, or an instant.
#[derive(Clone, Copy, Debug)]
enum Moment {
    Back(Span),
    At(i64),
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("`{text}` is no time: write -7d (back from now), 2026-11-24T09:00:00Z, or seconds since 1970");
        if let Some(span) = text.strip_prefix('-') {
            return span.parse().map(Self::Back).map_err(|_| wrong());
        }
        let seconds = text.parse::<Timestamp>().map(Timestamp::as_second).ok().or_else(|| text.parse().ok());
        seconds.map(Self::At).ok_or_else(wrong)
    }
}

impl Moment {
    fn seconds(self, now: i64) -> i64 {
        match self {
            Self::Back(span) => now - span.seconds(),
            Self::At(seconds) => seconds,
        }
    }
}

fn stated(text: &str) -> Result<(String, String), String> {
    let (name, promql) =
        text.split_once('=').ok_or("write NAME=PROMQL, such as rps='sum(rate(http_requests_total[1m]))'")?;
    Ok((name.to_owned(), promql.to_owned()))
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("write NAME: VALUE, such as X-Scope-OrgID: shop")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

/// The step that is asked for, unless it is said.
const STEP: i64 = 15;

/// Runs the command.
pub(super) fn run(args: &PrometheusArgs, color: ColorChoice) -> anyhow::Result<Outcome> {
    args.common.check()?;
    let everyone = args.questions()?;
    if args.dry_run {
        let of = |(whose, queries): &(Whose, Vec<Query>)| -> String {
            let title = whose.folder.as_ref().map(|folder| format!("# {folder}\n"));
            let all = queries.iter().map(|query| format!("{}: {}\n", query.name, query.promql));
            title.into_iter().chain(all).collect()
        };
        return output::print(&everyone.iter().map(of).collect::<String>()).map(|()| Outcome::Done);
    }
    let range = args.range()?;
    let server = Server::new(args.access()?)?;
    let parts = range.parts(args.max_points).count();
    let bar = bar(parts * everyone.iter().map(|(_, queries)| queries.len()).sum::<usize>());
    let mut all = Vec::new();
    for (whose, queries) in everyone {
        let recordings = asked(args, (&server, range), (&whose, &queries), &bar)?;
        if recordings.iter().any(|(_, found)| !found.series.is_empty()) {
            all.push((whose, recordings));
        } else if let Some(folder) = &whose.folder {
            output::complain("note", &format!("{folder}: {} has nothing of it in that time", args.url));
        }
    }
    bar.finish_and_clear();
    if all.is_empty() {
        anyhow::bail!("{} has nothing of this workload in that time; --dry-run prints what is asked", args.url);
    }
    args.common.finish(&all, color)
}

/// The answers to the questions about an HPA.
fn asked(
    args: &PrometheusArgs,
    (server, range): (&Server, Range),
    (whose, queries): (&Whose, &[Query]),
    bar: &ProgressBar,
) -> anyhow::Result<Vec<(String, Recording)>> {
    let (mut recordings, mut without) = (Vec::new(), Vec::new());
    for query in queries {
        let told = || {
            bar.inc(1);
            if bar.is_hidden() && bar.elapsed() > Duration::from_secs(1) {
                bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(5));
            }
        };
        let found = server.query_range(query, range, args.max_points, &whose.options, (&std::thread::sleep, &told))?;
        if found.series.is_empty() && found.notes.is_empty() {
            without.push(query.name.as_str());
            continue;
        }
        recordings.push((query.name.clone(), found));
    }
    if !without.is_empty() && !recordings.is_empty() {
        let of = whose.folder.as_ref().map_or_else(String::new, |folder| format!("{folder}: "));
        let without = without.join(", ");
        output::complain("note", &format!("{of}nothing was recorded of {without} (--dry-run prints what is asked)"));
    }
    Ok(recordings)
}

fn bar(parts: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos} of {len} answers, {eta} left");
    let bar = ProgressBar::with_draw_target(Some(parts as u64), ProgressDrawTarget::hidden());
    style.map_or(bar.clone(), |style| bar.with_style(style))
}

/// A secret of a file, or of the environment.
fn secret(file: Option<&Path>, variable: &str) -> anyhow::Result<Option<String>> {
    let text = match file {
        Some(path) => {
            Some(String::from_utf8(bytes(path)?).with_context(|| format!("{} is not UTF-8 text", path.display()))?)
        }
        None => std::env::var(variable).ok(),
    };
    Ok(text.map(|text| text.trim_end_matches(['\n', '\r']).to_owned()).filter(|text| !text.is_empty()))
}

fn bytes(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut all = Vec::new();
    std::io::Read::read_to_end(&mut std::io::Read::take(open(path)?, 1 << 20), &mut all)?;
    Ok(all)
}

impl PrometheusArgs {
    /// Whose recordings they are, and what is asked about each.
    fn questions(&self) -> anyhow::Result<Vec<(Whose, Vec<Query>)>> {
        if !self.common.has_manifests() {
            anyhow::bail!("the questions are derived from the manifests: give them with -f FILE|DIR, or -k DIR");
        }
        let of = |whose: Whose| {
            let service = whose.subject.services.first().map(String::as_str);
            let mut all =
                whose.hpa.as_ref().map(|hpa| queries(hpa, service, self.requests.as_ref())).unwrap_or_default();
            for (name, promql) in &self.query {
                let stated = Query { name: name.clone(), signal: Some(Signal::of_name(name)), promql: promql.clone() };
                match all.iter_mut().find(|query| query.name == *name) {
                    Some(query) => *query = stated,
                    None => all.push(stated),
                }
            }
            // What is asked for of a service is that service's.
            let subject = Subject { services: Vec::new(), ..whose.subject.clone() };
            (Whose { subject, ..whose }, all)
        };
        Ok(self.common.whose()?.into_iter().map(of).collect())
    }

    fn range(&self) -> anyhow::Result<Range> {
        // What is asked for is said in instants, so that it can be asked for again.
        let now = Timestamp::now().as_second();
        let step = self.common.step.map_or(STEP, Span::seconds);
        let (start, end) = (self.start.seconds(now), self.end.map_or(now, |end| end.seconds(now)));
        if end <= start {
            anyhow::bail!("--end is not after --start");
        }
        // At whole steps, so that what is asked for again is the same.
        Ok(Range { start: start.div_euclid(step) * step, end, step })
    }

    fn access(&self) -> anyhow::Result<Access> {
        let mut headers = self.header.clone();
        if let Some(user) = &self.user {
            let password = secret(self.password_file.as_deref(), "HPASIM_PASSWORD")?.unwrap_or_default();
            headers
                .push(("Authorization".to_owned(), format!("Basic {}", BASE64.encode(format!("{user}:{password}")))));
        } else if let Some(token) = secret(self.bearer_token_file.as_deref(), "HPASIM_BEARER_TOKEN")? {
            headers.push(("Authorization".to_owned(), format!("Bearer {token}")));
        }
        let identity = match (&self.client_cert, &self.client_key) {
            (Some(certificate), Some(key)) => Some((bytes(certificate)?, bytes(key)?)),
            _ => None,
        };
        Ok(Access {
            url: self.url.clone(),
            headers,
            authority: self.ca_cert.as_deref().map(bytes).transpose()?,
            identity,
            insecure: self.insecure_skip_tls_verify,
            timeout: Some(Duration::from_secs(self.timeout.seconds().unsigned_abs())),
        })
    }
}
