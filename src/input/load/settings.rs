//! How a load is read and what requests cost: options and the fields of a scenario's `load`, declared once.

use std::collections::BTreeMap;

use clap::{Args, ValueEnum};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::model::{Column, Interpolation};
use crate::units::{NonNegativeQuantity, Seconds, Span};

/// A number, or a text such as `6Gi` or `80%`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Number {
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
}

/// Load columns by name: cpu, memory, rps, clients, cpu_utilization, memory_utilization or a custom metric.
pub type Values = BTreeMap<String, Number>;

/// The load: one of values, rows, trace and patterns, or the requests of others (from).
#[derive(Clone, Debug, Default, Args, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schemars(rename = "Load")]
#[command(next_help_heading = "Load")]
pub struct LoadSettings {
    /// A load that does not change
    #[arg(skip)]
    pub values: Option<Values>,
    /// A load that changes at times
    #[arg(skip)]
    pub rows: Option<Vec<Row>>,
    /// A CSV file, relative to this file
    #[arg(skip)]
    pub trace: Option<String>,
    /// Synthetic columns, as `hpasim trace generate` takes them: diurnal:low=1,high=3+noise:sigma=0.1
    #[arg(skip)]
    pub patterns: Option<BTreeMap<String, String>>,
    /// Requests of other targets: for each that they serve, so many come here. Besides, or in place of, a load of its own
    #[arg(skip)]
    pub from: Option<Calls>,
    /// How utilization is meant: held, whatever the number of pods; or as the demand that makes it at the
    /// initial number of pods. Several readings are simulated one by one. By default held
    #[arg(skip)]
    pub readings: Option<Vec<StatedReading>>,
    /// The value between two rows: that of the earlier one, or on a straight line
    #[arg(long, value_enum, default_value_t = Self::default().interpolation)]
    pub interpolation: Interpolation,
    /// How old what was measured of pods was when it was recorded, such as 30s: the load is put so much earlier; for CPU and
    /// memory, and for utilization with the column replicas
    #[arg(long, value_name = "DURATION", default_value_t = Self::default().recorded_age)]
    pub recorded_age: Span,
    /// Which column says how much CPU is used, where the load has several that could: cpu, cpu_utilization, rps or clients,
    /// or requests for either of these two if it has them [default: the first of these that it has]
    #[arg(long, value_name = "COLUMN", value_enum, hide_possible_values = true)]
    pub cpu_from: Option<CpuFrom>,
    /// CPU time of one request in core-seconds, such as 40m; for the columns rps and clients
    #[arg(long, value_name = "QUANTITY")]
    pub cpu_per_request: Option<NonNegativeQuantity>,
    /// Memory for each request per second, such as 2Mi; for the column rps
    #[arg(long, value_name = "QUANTITY")]
    pub memory_per_rps: Option<NonNegativeQuantity>,
    /// Memory of a pod without load, such as 200Mi
    #[arg(long, value_name = "QUANTITY")]
    pub memory_base: Option<NonNegativeQuantity>,
    /// Memory of a request while it is under way, such as 1Mi; for the columns rps and clients
    #[arg(long, value_name = "QUANTITY")]
    pub memory_per_request: Option<NonNegativeQuantity>,
    /// Time that a request spends waiting for something other than CPU, such as 200ms
    #[arg(long, value_name = "TIME", default_value_t = Self::default().request_wait)]
    pub request_wait: Seconds,
    /// Time between an answer and the client's next request; for the column clients
    #[arg(long, value_name = "TIME", default_value_t = Self::default().think_time)]
    pub think_time: Seconds,
}

/// What says how much CPU is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum CpuFrom {
    /// The demand.
    Cpu,
    /// What pods were seen to use.
    CpuUtilization,
    /// Requests.
    Rps,
    /// Clients that wait for answers.
    Clients,
    /// Requests or clients, if the load has them; otherwise the first of the others.
    Requests,
}

impl CpuFrom {
    /// The column, of a load that has these; none if it is not said.
    pub fn column(self, columns: &[Column]) -> Option<Column> {
        match self {
            Self::Cpu => Some(Column::Cpu),
            Self::CpuUtilization => Some(Column::CpuUtilization),
            Self::Rps => Some(Column::Rps),
            Self::Clients => Some(Column::Clients),
            Self::Requests if columns.contains(&Column::Rps) => Some(Column::Rps),
            Self::Requests => {
                let of_clients = |column: &Column| matches!(column, Column::Clients | Column::ClientGroup(_));
                columns.iter().any(of_clients).then_some(Column::Clients)
            }
        }
    }
}

/// One target that calls, or several.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Calls {
    /// One.
    One(Call),
    /// Several.
    Several(Vec<Call>),
}

/// Requests of another target.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Call {
    /// The HPA of the target that calls, or NAMESPACE/NAME.
    pub target: String,
    /// How many requests it makes for each that it serves; by default 1.
    pub requests_per_request: Option<f64>,
}

impl Calls {
    /// All of them.
    pub fn all(&self) -> &[Call] {
        match self {
            Self::One(call) => std::slice::from_ref(call),
            Self::Several(calls) => calls,
        }
    }
}

/// The load from an instant on; columns that are left out keep their value.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Row {
    /// From when on.
    pub at: Span,
    /// The columns that change.
    pub values: Values,
}

/// How utilization is meant.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Reading")]
pub enum StatedReading {
    /// Every pod shows it, however many there are.
    Held,
    /// The demand that makes it at the initial number of pods.
    Demand,
}
