//! What to set: what `hpasim tune` says and writes.

mod document;
pub mod job;
mod sizing;
mod why;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::amounts::decimal;
use super::json::Kind;
use crate::model::HOURS_OF_A_MONTH;
use crate::study::phases::Range;
use crate::study::tune::{Axis, Cost, Found, Objective, Problem, Row, Score, Scores, Service, Step, Tuned, combined};
use crate::units::Clock;
pub use document::without;
pub use sizing::{Followed, OfVpa, Size, Sized};

/// The files of the patch, of the same as a change of the user's files, and of the picture.
pub const PATCH: &str = "patch.yaml";
/// See `PATCH`.
pub const DIFF: &str = "manifests.diff";
/// See `PATCH`.
pub const PICTURE: &str = "front.png";

type Figure = fn(&Score) -> f64;

/// Who is without service for such a part of the time does not serve.
const BADLY: f64 = 0.1;

/// An HPA and how it is tuned: what is the same for all searches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Frame {
    /// The HPA, with its namespace.
    pub name: String,
    /// What may change.
    pub axes: Vec<Told>,
    /// What service is.
    pub service: Service,
    /// What cost is.
    pub cost: Cost,
    /// Whether time above requests is told besides what service is.
    pub tells_above: bool,
    /// Whether others are simulated beside it, of which time without service is told.
    pub tells_others: bool,
    /// What VPA would make of its pods, where requests are tuned.
    pub sized: Option<Sized>,
    /// The price of a node for a month, where all are of one kind that has one.
    pub price: Option<f64>,
    /// In how many phases the best are simulated.
    pub phases: usize,
    /// The part of the load that the search sees, and all of it, seconds.
    pub seen: i64,
    /// See `seen`.
    pub end: i64,
    /// The instant from which on the load is not seen.
    pub rest: String,
    /// What its times are on a clock.
    pub clock: Option<Clock>,
    /// By what part the load may be another one.
    pub uncertainty: f64,
    /// The seed.
    pub seed: u64,
    /// What is to be least.
    pub least: Objective,
    /// What is allowed, in words, where it is not what today's settings come to.
    pub bounds: Vec<String>,
    /// What is to be known before anything else.
    pub warnings: Vec<String>,
    /// What else is to be known.
    pub notes: Vec<String>,
}

/// A field with its values, in words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Told {
    /// Its path in the spec.
    pub path: String,
    /// What it is called in tables.
    pub title: String,
    /// Its values: amounts and tolerances in thousandths, windows in seconds, CPU in millicores, memory in MiB.
    pub values: Vec<i64>,
    /// The same in words.
    pub words: Vec<String>,
    /// The index of the one that it has.
    pub own: usize,
}

impl Told {
    /// An axis of a problem.
    pub fn of(problem: &Problem<'_>, axis: &Axis) -> Self {
        let today = problem.today();
        Self {
            path: axis.field.path(&today),
            title: axis.field.title(&today),
            values: axis.values.clone(),
            words: axis.values.iter().map(|value| axis.field.told(&today.hpa, *value)).collect(),
            own: axis.own,
        }
    }
}

/// How the best of a search is set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Spelled {
    /// The values as options of the commands that simulate; none if they are today's.
    pub options: Vec<String>,
    /// The same as a strategic merge patch.
    pub patch: Option<String>,
    /// The same as a change of the files that were read.
    pub diff: Option<String>,
    /// What lint finds of it that it does not find of today's.
    pub findings: Vec<String>,
    /// Why one of the forms is not there.
    pub notes: Vec<String>,
    /// What a pod then requests, millicores and MiB, and what each container does.
    pub requests: Option<[i64; 2]>,
    /// See `requests`.
    pub sizes: Vec<Size>,
}

/// What one of the searches of an HPA found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// The index of the HPA.
    pub hpa: usize,
    /// The index of the search.
    pub search: usize,
    /// What it found.
    pub found: Found,
    /// How its best is set.
    pub spelled: Spelled,
}

/// What came of tuning an HPA.
#[derive(Clone, Debug)]
pub struct Tuning<'a> {
    /// The HPA.
    pub frame: &'a Frame,
    /// What came of it.
    pub tuned: Tuned,
    /// How the best is set.
    pub spelled: &'a Spelled,
}

/// What came of tuning all HPAs.
#[derive(Clone, Debug)]
pub struct Tunings<'a>(Vec<Tuning<'a>>);

impl<'a> Tunings<'a> {
    /// All parts put together, in whatever order they are.
    pub fn of(frames: &'a [Frame], parts: &'a [Part]) -> Self {
        let of_frame = |(index, frame): (usize, &'a Frame)| {
            let mut own: Vec<&Part> = parts.iter().filter(|part| part.hpa == index).collect();
            own.sort_by_key(|part| part.search);
            let tuned = combined(&own.iter().map(|part| &part.found).collect::<Vec<_>>());
            let spelled = &own.get(tuned.search)?.spelled;
            Some(Tuning { frame, tuned, spelled })
        };
        Self(frames.iter().enumerate().filter_map(of_frame).collect())
    }

    /// The patches, one after the other, if there are any.
    pub fn patch(&self) -> Option<String> {
        let all: Vec<&str> = self.0.iter().filter_map(|tuning| tuning.spelled.patch.as_deref()).collect();
        (!all.is_empty()).then(|| all.join("---\n"))
    }

    /// The changes of the files, if there are any.
    pub fn diff(&self) -> Option<String> {
        let all: Vec<&str> = self.0.iter().filter_map(|tuning| tuning.spelled.diff.as_deref()).collect();
        (!all.is_empty()).then(|| all.concat())
    }

    /// For programs.
    pub fn json(&self) -> TuningResult {
        TuningResult { hpas: self.0.iter().map(Tuning::json).collect() }
    }
}

/// A figure over the phases.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Over {
    mean: f64,
    least: f64,
    most: f64,
}

/// What a setting comes to.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Figures {
    /// For the time that it is of, as `costUnit` says.
    cost: Over,
    /// Against today's settings, in the same phases.
    cost_difference: Over,
    /// A month of it on average, in the unit of the prices; null without any.
    cost_per_month: Option<f64>,
    /// What pods request over time.
    core_hours: Over,
    gib_hours: Over,
    /// Time without the service, as `service` says.
    bad_seconds: Over,
    /// Time in which pods use more than they request; null where that is not watched besides what service is.
    above_requests_seconds: Option<Over>,
    /// Work lost, or dropped from queues, of all that are simulated.
    lost_core_seconds: Over,
    /// Time without their service of those that are simulated beside it; null where there are none.
    others_bad_seconds: Option<Over>,
    scaling_events: Over,
}

/// A field of a setting.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct FieldOf {
    path: String,
    /// Amounts and tolerances in thousandths, windows in seconds, CPU in millicores, memory in MiB.
    value: i64,
    today: i64,
}

/// A setting.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct SettingOf {
    chosen_for: Vec<&'static str>,
    recommended: bool,
    fields: Vec<FieldOf>,
    /// Where it differs most from today's settings, in the first phase; null where it does not, and for today's.
    why: Option<String>,
    seen: Figures,
    /// On the part of the load that the search did not see; null if it saw all.
    unseen: Option<Figures>,
}

/// What a step of a field comes to.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct StepOf {
    path: String,
    value: i64,
    figures: Figures,
}

/// What came of it for an HPA.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct HpaTuned {
    hpa: String,
    cost_unit: &'static str,
    service: &'static str,
    phases: usize,
    tried: usize,
    seen_seconds: i64,
    load_seconds: i64,
    settings: Vec<SettingOf>,
    /// From the recommended setting on.
    steps: Vec<StepOf>,
    options: Vec<String>,
    patch: Option<String>,
    /// The same as a change of the files that were read.
    diff: Option<String>,
    /// Where the recommended setting differs most from today's, in the first phase.
    why: Vec<String>,
    /// What `hpasim lint` finds with the recommended setting, and not today.
    new_findings: Vec<String>,
    /// What is to be least: cost, withoutService, lost or events.
    minimized: &'static str,
    /// What is allowed besides being no worse than today.
    bounds: Vec<String>,
    /// Whether the recommended setting keeps within what is allowed.
    within_bounds: bool,
    warnings: Vec<String>,
    notes: Vec<String>,
    /// What containers request, where that was tuned.
    requests: Vec<Size>,
    /// What VPA recommends for today's pods, and what comes of doing that again and again while the HPA stays as it is.
    vpa: Vec<OfVpa>,
    vpa_followed: Vec<Followed>,
}

/// What came of it, for programs.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TuningResult {
    hpas: Vec<HpaTuned>,
}

impl Kind for TuningResult {
    const KIND: &'static str = "Tuning";
}

impl Tuning<'_> {
    fn today(&self) -> &Row {
        &self.tuned.rows[0]
    }

    fn best(&self) -> &Row {
        &self.tuned.rows[self.tuned.best]
    }

    fn unit(&self) -> &'static str {
        match self.frame.cost {
            Cost::Pods => "pod-hours",
            Cost::Nodes => "node-hours",
            Cost::Requests(_) | Cost::NodePrices => "cost",
        }
    }

    /// What a month costs where so many seconds cost so much.
    fn per_month(&self, scores: &Scores, seconds: i64) -> Option<f64> {
        let cost = scores.mean(|score| score.cost) / seconds.max(1) as f64;
        match self.frame.cost {
            Cost::Requests(_) => Some(cost * HOURS_OF_A_MONTH),
            Cost::NodePrices => Some(cost),
            Cost::Nodes => Some(self.frame.price? * cost),
            Cost::Pods => None,
        }
    }

    fn figures(&self, scores: &Scores, today: &Scores, seconds: i64) -> Figures {
        let over = |values: &dyn Fn(&Score) -> f64| {
            let range = Range::of(scores.runs.iter().map(values));
            let (least, most) = range.map_or((0.0, 0.0), |range| (range.low, range.high));
            Over { mean: scores.mean(values), least, most }
        };
        let more = scores.more(today, |score| score.cost / 3600.0);
        let (least, most) = more.map_or((0.0, 0.0), |range| (range.low, range.high));
        let mean = |scores: &Scores| scores.mean(|score| score.cost / 3600.0);
        Figures {
            cost: over(&|score| score.cost / 3600.0),
            cost_difference: Over { mean: mean(scores) - mean(today), least, most },
            cost_per_month: self.per_month(scores, seconds),
            core_hours: over(&|score| score.cores / 3600.0),
            gib_hours: over(&|score| score.gib / 3600.0),
            above_requests_seconds: self.frame.tells_above.then(|| over(&|score| score.above)),
            bad_seconds: over(&|score| score.bad),
            lost_core_seconds: over(&|score| score.lost),
            others_bad_seconds: self.frame.tells_others.then(|| over(&|score| score.others)),
            scaling_events: over(&|score| score.events),
        }
    }

    /// What is to be known before anything else.
    fn warnings(&self) -> Vec<String> {
        let stopped = "The search was stopped before its end: this is the best of what it had found.".to_owned();
        let all = self.frame.warnings.iter().cloned().chain(self.tuned.is_stopped.then_some(stopped));
        all.chain(self.serves_badly()).collect()
    }

    /// No worse than bad is bad, and what is cheapest of it no answer.
    fn serves_badly(&self) -> Option<String> {
        let figures: [(&str, &str, Figure); 2] = [
            (document::without(self.frame.service), "without-service", |score| score.bad),
            (document::without(Service::Cpu), "above-requests", |score| score.above),
        ];
        let part = |row: &Row, of: Figure| row.seen(of) / self.frame.seen.max(1) as f64;
        let bad = figures.into_iter().find(|(_, _, of)| part(self.best(), *of) > BADLY)?;
        let (what, bound, of) = bad;
        let told = |row: &Row| decimal(part(row, of) * 100.0, 0);
        let again =
            if self.best() == self.today() { String::new() } else { format!(" (today {}%)", told(self.today())) };
        let measure = if self.frame.bounds.is_empty() { "It is no worse than today, and that" } else { "That" };
        Some(format!(
            "{}: {what} for {}% of the time{again}. {measure} is not good: --at-most {bound}=30m asks for better, and where nothing keeps that, \
             maxReplicas, requests or limits are too low for the load.",
            self.frame.name,
            told(self.best())
        ))
    }

    fn json(&self) -> HpaTuned {
        let today = &self.today().known;
        let rest = self.frame.end - self.frame.seen;
        let setting = |row: &Row| SettingOf {
            chosen_for: row.names.clone(),
            recommended: row == self.best(),
            fields: self
                .frame
                .axes
                .iter()
                .zip(&row.known.choice)
                .map(|(axis, index)| FieldOf {
                    path: axis.path.clone(),
                    value: axis.values[*index],
                    today: axis.values[axis.own],
                })
                .collect(),
            why: self.in_short(row),
            seen: self.figures(&row.known.seen, &today.seen, self.frame.seen),
            unseen: row
                .known
                .unseen
                .as_ref()
                .zip(today.unseen.as_ref())
                .map(|(own, today)| self.figures(own, today, rest)),
        };
        let step = |step: &Step| StepOf {
            path: self.frame.axes[step.axis].path.clone(),
            value: self.frame.axes[step.axis].values[step.value],
            figures: self.figures(&step.scores, &today.seen, self.frame.seen),
        };
        HpaTuned {
            hpa: self.frame.name.clone(),
            cost_unit: self.unit(),
            service: match self.frame.service {
                Service::Slo => "slo",
                Service::Cpu => "aboveRequests",
            },
            phases: self.frame.phases,
            tried: self.tuned.tried,
            seen_seconds: self.frame.seen,
            load_seconds: self.frame.end,
            settings: self.tuned.rows.iter().map(setting).collect(),
            steps: self.tuned.steps.iter().map(step).collect(),
            options: self.spelled.options.clone(),
            patch: self.spelled.patch.clone(),
            diff: self.spelled.diff.clone(),
            why: self.sentences(),
            new_findings: self.spelled.findings.clone(),
            minimized: match self.frame.least {
                Objective::Cost => "cost",
                Objective::Without => "withoutService",
                Objective::Lost => "lost",
                Objective::Events => "events",
            },
            bounds: self.frame.bounds.clone(),
            within_bounds: self.tuned.is_within,
            warnings: self.warnings(),
            notes: self.notes(),
            requests: self.spelled.sizes.clone(),
            vpa: self.frame.sized.as_ref().map(|sized| sized.containers.clone()).unwrap_or_default(),
            vpa_followed: self.frame.sized.as_ref().map(|sized| sized.rounds.clone()).unwrap_or_default(),
        }
    }
}
