//! Asking Prometheus (or Thanos, Mimir, VictoriaMetrics, which answer alike) what a workload did.

mod queries;

use std::io::Read;
use std::time::Duration;

use serde::Deserialize;
use ureq::Agent;
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};

pub use queries::{Query, Requests, queries};

use super::recording::{self, Options};
use super::{Diagnostic, InputError};
use crate::model::{Recording, piece};

/// How a server is reached. What is secret is never printed.
#[derive(Clone, Default)]
pub struct Access {
    /// Its address, up to where `/api/v1` begins.
    pub url: String,
    /// Headers that go with each request, such as a tenant's or the credentials.
    pub headers: Vec<(String, String)>,
    /// Certificates that are trusted in place of the usual ones, in PEM.
    pub authority: Option<Vec<u8>>,
    /// Our own certificate and its key, in PEM.
    pub identity: Option<(Vec<u8>, Vec<u8>)>,
    /// Whether the server's certificate is not verified.
    pub insecure: bool,
    /// How long an answer may take.
    pub timeout: Option<Duration>,
}

/// A time with its steps; seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The first instant.
    pub start: i64,
    /// The last one.
    pub end: i64,
    /// How far they are apart.
    pub step: i64,
}

/// A server that is asked.
pub struct Server {
    agent: Agent,
    access: Access,
}

/// No answer is larger.
const LARGEST_ANSWER: u64 = 1 << 30;
/// Waits between attempts, each twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const ATTEMPTS: u32 = 5;

/// Why a question has no answer.
enum Failure {
    /// It may have one later.
    Passing(String),
    /// It is of too much at once.
    TooMuch(String),
    /// It has none.
    Final(Diagnostic),
}

/// An answer that is an error.
#[derive(Deserialize)]
struct Refusal {
    error: Option<String>,
}

impl Range {
    /// Parts of it with no more instants than this, which do not overlap.
    pub fn parts(self, most: i64) -> impl Iterator<Item = Self> {
        let length = (most.max(1) - 1) * self.step;
        let mut start = self.start;
        std::iter::from_fn(move || {
            if start > self.end {
                return None;
            }
            let part = Self { start, end: (start + length).min(self.end), ..self };
            start = part.start + ((part.end - part.start) / self.step + 1) * self.step;
            Some(part)
        })
    }
}

impl Server {
    /// A server, which is not asked yet.
    pub fn new(access: Access) -> Result<Self, InputError> {
        let wrong = |what: &str, error: &ureq::Error| Diagnostic::new(format!("{what} cannot be used: {error}"));
        let mut tls = TlsConfig::builder().disable_verification(access.insecure);
        if let Some(pem) = &access.authority {
            let all: Result<Vec<Certificate<'static>>, ureq::Error> = ureq::tls::parse_pem(pem)
                .filter_map(|item| match item {
                    Ok(ureq::tls::PemItem::Certificate(certificate)) => Some(Ok(certificate)),
                    Ok(_) => None,
                    Err(error) => Some(Err(error)),
                })
                .collect();
            let all = all.map_err(|error| wrong("the CA certificate", &error))?;
            if all.is_empty() {
                return Err(Diagnostic::new("the file of the CA has no certificate").into());
            }
            tls = tls.root_certs(RootCerts::from(all));
        }
        if let Some((certificate, key)) = &access.identity {
            let certificate =
                Certificate::from_pem(certificate).map_err(|error| wrong("the client certificate", &error))?;
            let key = PrivateKey::from_pem(key).map_err(|error| wrong("the client key", &error))?;
            tls = tls.client_cert(Some(ClientCert::new_with_certs(&[certificate], key)));
        }
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(access.timeout)
            .tls_config(tls.build())
            .user_agent(concat!("hpasim/", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Self { agent: config.into(), access })
    }

    /// What a query comes to over a range, in parts of so many instants; `pause` waits, `told` is called after each part.
    pub fn query_range(
        &self,
        query: &Query,
        range: Range,
        most: i64,
        options: &Options,
        (pause, told): (&dyn Fn(Duration), &dyn Fn()),
    ) -> Result<Recording, InputError> {
        let mut whole = Recording::default();
        for part in range.parts(most) {
            let answer = match self.persistently(query, part, options, pause) {
                Err(Failure::TooMuch(_)) if most > 2 && part.end > part.start => {
                    self.query_range(query, part, most / 2, options, (pause, &|| {}))?
                }
                other => other.map_err(|failure| self.refused(query, failure))?,
            };
            join(&mut whole, answer);
            told();
        }
        Ok(whole)
    }

    fn refused(&self, query: &Query, failure: Failure) -> Diagnostic {
        match failure {
            Failure::Final(diagnostic) => diagnostic,
            Failure::Passing(message) | Failure::TooMuch(message) => {
                Diagnostic::new(format!("{}: {}: {message}", piece(&self.access.url), piece(&query.name)))
            }
        }
    }

    /// Asks again where that may help.
    fn persistently(
        &self,
        query: &Query,
        range: Range,
        options: &Options,
        pause: &dyn Fn(Duration),
    ) -> Result<Recording, Failure> {
        let mut wait = FIRST_WAIT;
        for _ in 1..ATTEMPTS {
            match self.ask(query, range, options) {
                Err(Failure::Passing(_)) => pause(wait),
                other => return other,
            }
            wait *= 2;
        }
        self.ask(query, range, options)
    }

    fn ask(&self, query: &Query, range: Range, options: &Options) -> Result<Recording, Failure> {
        let url = format!("{}/api/v1/query_range", self.access.url.trim_end_matches('/'));
        let mut request = self.agent.post(&url);
        for (name, value) in &self.access.headers {
            request = request.header(name, value);
        }
        let [start, end, step] = [range.start, range.end, range.step].map(|number| number.to_string());
        let form = [("query", query.promql.as_str()), ("start", &start), ("end", &end), ("step", &step)];
        let mut response = request.send_form(form).map_err(|error| self.unreachable(&error))?;
        let status = response.status().as_u16();
        let mut body = response.body_mut().with_config().limit(LARGEST_ANSWER).reader();
        if status == 200 {
            let options = Options { meaning: query.signal.clone(), ..options.clone() };
            let name = format!("{} ({})", self.access.url, query.name);
            return recording::answer(&name, body, &options).map_err(|error| match error.diagnostics() {
                [only] => Failure::Final(only.clone()),
                _ => Failure::Final(Diagnostic::new(error.to_string())),
            });
        }
        let mut text = String::new();
        let _ = (&mut body).take(1 << 16).read_to_string(&mut text);
        let said = serde_json::from_str::<Refusal>(&text).ok().and_then(|refusal| refusal.error);
        Err(self.failure(query, status, said))
    }

    /// What an answer means that is none.
    fn failure(&self, query: &Query, status: u16, said: Option<String>) -> Failure {
        let words = said.map_or_else(String::new, |said| format!(": {}", piece(&said)));
        let message = format!("{} answers {status}{words}", piece(&self.access.url));
        let is_too_much = ["exceeded maximum resolution", "too many samples", "too many points", "limit"];
        match status {
            401 | 403 => Failure::Final(
                Diagnostic::new(message)
                    .hint("give credentials: --bearer-token-file FILE, --user NAME, or a tenant with --header"),
            ),
            404 => Failure::Final(
                Diagnostic::new(message)
                    .hint("give the address up to where /api/v1 begins, such as http://localhost:9090"),
            ),
            429 | 500 | 502..=504 => Failure::Passing(format!("answers {status}{words}")),
            400 | 413 | 422 if is_too_much.iter().any(|known| words.to_lowercase().contains(known)) => {
                Failure::TooMuch(format!("answers {status}{words}"))
            }
            _ => Failure::Final(
                Diagnostic::new(message).field(query.name.clone()).hint(format!("the query is {}", query.promql)),
            ),
        }
    }

    fn unreachable(&self, error: &ureq::Error) -> Failure {
        match error {
            ureq::Error::Io(_)
            | ureq::Error::Timeout(_)
            | ureq::Error::ConnectionFailed
            | ureq::Error::HostNotFound => Failure::Passing(format!("cannot be reached: {error}")),
            other => Failure::Final(Diagnostic::new(format!("{}: {other}", piece(&self.access.url)))),
        }
    }
}

/// Adds what another part of the time has: of each series what follows.
fn join(whole: &mut Recording, part: Recording) {
    if whole.series.is_empty() {
        let notes = std::mem::take(&mut whole.notes);
        *whole = part;
        whole.notes.splice(0..0, notes);
        return;
    }
    for series in part.series {
        let same = whole.series.iter_mut().find(|known| known.signal == series.signal && known.about == series.about);
        match same {
            Some(known) => known.points.extend(series.points),
            None => whole.series.push(series),
        }
    }
    for note in part.notes {
        if !whole.notes.contains(&note) {
            whole.notes.push(note);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_have_each_instant_once() {
        for (start, end, step, most) in
            [(0, 100, 15, 3), (7, 7, 15, 3), (0, 90, 15, 1), (0, 90, 15, 100), (5, 1_000_003, 60, 11_000)]
        {
            let whole = Range { start, end, step };
            let instants: Vec<i64> = whole
                .parts(most)
                .flat_map(|part| {
                    let all: Vec<i64> = (0..).map(|n| part.start + n * step).take_while(|at| *at <= part.end).collect();
                    assert!(all.len() as i64 <= most, "{part:?}");
                    all
                })
                .collect();
            let right: Vec<i64> = (0..).map(|n| start + n * step).take_while(|at| *at <= end).collect();
            assert_eq!(instants, right);
        }
    }
}
