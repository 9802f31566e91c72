//! What is right for requests: what VPA says, what comes of that, and what was found.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Tuning;
use super::document::span;
use crate::report::amounts::decimal;
use crate::report::document::{Block, Column, Section, Table};
use crate::study::tune::template::Resource;
use crate::study::tune::vpa::{Estimate, Recommended};
use crate::study::tune::{Row, Scores, Service};
use crate::units::Quantity;

/// Seconds of a day.
const DAY: f64 = 86_400.0;
/// Of so much fewer pods, as a part, each is said to be more to lose.
const FEWER: f64 = 0.8;

/// What VPA recommends for a container: millicores, or bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OfVpa {
    container: String,
    /// Lower bound, target and upper bound, millicores.
    cpu: [i64; 3],
    /// The same of memory, bytes; null where it is not known how much is used.
    memory: Option<[i64; 3]>,
}

impl From<&Recommended> for OfVpa {
    fn from(one: &Recommended) -> Self {
        let of = |estimate: Estimate| [estimate.lower, estimate.target, estimate.upper];
        Self { container: one.container.clone(), cpu: of(one.cpu), memory: one.memory.map(of) }
    }
}

/// What comes of doing what VPA recommends, once more in each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Followed {
    /// What a pod requests: millicores, and MiB.
    pub requests: [i64; 2],
    /// Pods on average.
    pub pods: f64,
    /// What they request on average: cores, and GiB.
    pub cores: f64,
    /// See `cores`.
    pub gib: f64,
    /// Time above their requests a day, seconds.
    pub above: f64,
}

/// What VPA would make of the pods.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sized {
    /// What it recommends.
    pub containers: Vec<OfVpa>,
    /// Today, and what comes of following it again and again.
    pub rounds: Vec<Followed>,
    /// Whether the HPA has a target of utilization, which is a part of the requests.
    pub is_by_utilization: bool,
}

/// What a container requests, and is to request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Size {
    /// Its name.
    pub container: String,
    /// `cpu` or `memory`.
    pub resource: String,
    /// What it requests.
    pub today: String,
    /// What is recommended.
    pub recommended: String,
}

impl Sized {
    /// VPA's bounds and target of a container in words.
    fn told(&self, size: &Size) -> [String; 2] {
        let unknown = ["not known".to_owned(), String::new()];
        let Some(found) = self.containers.iter().find(|one| one.container == size.container) else { return unknown };
        let (values, told): (_, fn(i64) -> String) = match size.resource.as_str() {
            "cpu" => (Some(found.cpu), |value| Quantity::from_milli(value).to_string()),
            // Bytes that VPA says are nobody's round numbers.
            _ => (found.memory, |value| format!("{}Mi", decimal(value as f64 / f64::from(1 << 20), 0))),
        };
        let Some([lower, target, upper]) = values else { return unknown };
        [told(target), format!("{} to {}", told(lower), told(upper))]
    }
}

impl Tuning<'_> {
    /// The sections about requests.
    pub(super) fn sizing(&self, title: &dyn Fn(&str) -> String) -> Vec<Section> {
        let Some(sized) = &self.frame.sized else { return Vec::new() };
        let row = |size: &Size| {
            let [target, bounds] = sized.told(size);
            let (container, resource) = (size.container.clone(), size.resource.clone());
            vec![container, resource, size.today.clone(), size.recommended.clone(), target, bounds]
        };
        let columns = vec![
            Column::text("CONTAINER"),
            Column::text("RESOURCE"),
            Column::number("TODAY"),
            Column::number("RECOMMENDED"),
            Column::number("VPA'S TARGET"),
            Column::number("VPA'S BOUNDS"),
        ];
        let table = Table::new(columns, self.spelled.sizes.iter().map(row).collect::<Vec<_>>());
        let mut section = Section::new(title("Requests"), table, Vec::new());
        section.blocks.push(Block::Table(self.followed(sized)));
        section.blocks.push(Block::Notes(self.vpa_notes(sized)));
        vec![section]
    }

    /// That each pod is more to lose, where there are much fewer.
    pub(super) fn fewer_pods(&self) -> Option<String> {
        let today = self.frame.sized.as_ref()?.rounds.first()?.requests[0];
        let seen = |row: &Row, request: i64| {
            let pods = row.seen(|score| score.cores) / (request as f64 / 1000.0) / self.frame.seen.max(1) as f64;
            (request > 0 && pods > 0.0).then_some(pods)
        };
        let (own, before) = (seen(self.best(), self.spelled.requests?[0])?, seen(self.today(), today)?);
        (own < before * FEWER).then(|| {
            format!(
                "There are {} pods on average in place of {}: one that is lost is {}% of them in place of {}% (--headroom keeps such a part \
                 spare).",
                decimal(own, 1),
                decimal(before, 1),
                decimal(100.0 / own, 0),
                decimal(100.0 / before, 0)
            )
        })
    }

    /// What comes of following VPA, and of what is recommended.
    fn followed(&self, sized: &Sized) -> Table {
        let row = |name: String, one: &Followed| {
            let [cpu, memory] = one.requests;
            vec![
                name,
                Resource::Cpu.told(cpu),
                Resource::Memory.told(memory),
                decimal(one.pods, 1),
                decimal(one.cores, 2),
                decimal(one.gib, 2),
                span(one.above),
            ]
        };
        let name = |index: usize| match index {
            0 => "today's".to_owned(),
            1 => "VPA's, with today's HPA".to_owned(),
            _ => format!("VPA's, round {index}"),
        };
        let mut rows: Vec<Vec<String>> =
            sized.rounds.iter().enumerate().map(|(index, one)| row(name(index), one)).collect();
        let best = self.ours(&self.best().known.seen, self.frame.seen);
        rows.extend(best.map(|best| row("recommended".to_owned(), &best)));
        let columns = vec![
            Column::text("REQUESTS"),
            Column::number("CPU REQUEST"),
            Column::number("MEMORY REQUEST"),
            Column::number("PODS"),
            Column::number("CORES REQUESTED"),
            Column::number("GIB REQUESTED"),
            Column::number("ABOVE REQUESTS A DAY"),
        ];
        Table::new(columns, rows)
    }

    /// The same figures of what is recommended, on average of all runs.
    fn ours(&self, scores: &Scores, seconds: i64) -> Option<Followed> {
        let requests = self.spelled.requests?;
        let seconds = seconds.max(1) as f64;
        let cores = scores.mean(|score| score.cores) / seconds;
        Some(Followed {
            requests,
            pods: if requests[0] > 0 { cores / (requests[0] as f64 / 1000.0) } else { 0.0 },
            cores,
            gib: scores.mean(|score| score.gib) / seconds,
            above: scores.mean(|score| if self.frame.service == Service::Cpu { score.bad } else { score.above }) * DAY
                / seconds,
        })
    }

    fn vpa_notes(&self, sized: &Sized) -> Vec<String> {
        let mut all = Vec::new();
        if let (true, Some([first, .., last])) = (sized.is_by_utilization, Some(sized.rounds.as_slice())) {
            let way = match last.requests[0].cmp(&first.requests[0]) {
                std::cmp::Ordering::Less => "smaller and more",
                std::cmp::Ordering::Greater => "larger and fewer",
                std::cmp::Ordering::Equal => "no other",
            };
            all.push(format!(
                "VPA goes by what pods use, and the HPA holds what pods use at a part of what they request: each is the measure of the other. \
                 Followed with the HPA as it is, VPA makes pods {way}, from {} to {} of CPU in {} rounds. The recommended requests were searched \
                 together with the targets.",
                Resource::Cpu.told(first.requests[0]),
                Resource::Cpu.told(last.requests[0]),
                sized.rounds.len() - 1
            ));
        }
        all
    }
}
