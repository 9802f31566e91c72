//! From a trace's columns and the user's options to what drives what.

use super::{CpuFrom, LoadSettings};
use crate::input::names::nearest;
use crate::input::{Diagnostic, InputError};
use crate::model::{
    Column, Drive, Drives, HpaSpec, MOST_CLIENT_GROUPS, MetricSource, PodTemplate, RequestModel, ResourceName,
};
use crate::units::{Bytes, Nanocores, NonNegativeQuantity};

/// Decides which column drives CPU, memory and each metric of the HPA. Warnings go to `warnings`.
pub fn drives(
    columns: &[Column],
    hpa: &HpaSpec,
    template: &PodTemplate,
    costs: &LoadSettings,
    warnings: &mut Vec<Diagnostic>,
) -> Result<Drives, InputError> {
    let custom = |metric: &&MetricSource| metric.resource().is_none();
    let metrics = hpa.metrics.iter().filter(custom).map(MetricSource::label).collect();
    let mut planner = Planner { columns, metrics, used: Vec::new(), errors: Vec::new() };
    let cpu_cost = costs.cpu_per_request.map(|cost| cost.get().as_f64() * Nanocores::PER_CORE);
    let memory_cost = costs.memory_per_rps.map(|memory| memory.get().as_f64());
    let stated = stated(columns, costs, warnings);
    let mut cpu = match &stated {
        None => planner.drive(&Column::Cpu, &Column::CpuUtilization, Nanocores::PER_CORE, cpu_cost),
        Some(column) => planner.only(column, cpu_cost),
    };
    if cpu == Drive::None && cpu_cost.is_some() && stated.as_ref().is_none_or(|column| *column == Column::Clients) {
        cpu = if planner.clients().is_empty() { Drive::None } else { Drive::Clients };
    }
    let clients = planner.take_clients(cpu, costs.think_time.get());
    let requests = request_model(costs, &planner, cpu)?;
    let memory = planner.drive(&Column::Memory, &Column::MemoryUtilization, 1.0, memory_cost);
    let has_rps = planner.find(&Column::Rps).is_some() || !planner.clients().is_empty();
    let has_memory = costs.memory_base.is_some() || requests.is_some_and(|requests| requests.memory_bytes > 0);
    let mut metric_columns = Vec::new();
    for (index, metric) in hpa.metrics.iter().enumerate() {
        let problem = match metric {
            MetricSource::Resource { name, .. } | MetricSource::ContainerResource { name, .. } => {
                metric_columns.push(None);
                container_problem(metric, template).or_else(|| resource_problem(name, cpu, memory, has_rps, has_memory))
            }
            MetricSource::Pods { .. } | MetricSource::Object { .. } | MetricSource::External { .. } => {
                let column = planner.take_named(&metric.label());
                metric_columns.push(column);
                let is_of_pods = matches!(metric, MetricSource::Pods { .. });
                if column.is_none() && is_of_pods && requests.is_some() && counts_requests(&metric.label()) {
                    warnings.push(Diagnostic::new(format!(
                        "the metric {} is taken to be the requests that each pod serves a second: the load has no column of that name",
                        metric.label()
                    )));
                    None
                } else {
                    column.is_none().then(|| no_column(&metric.label()))
                }
            }
        };
        if let Some((message, hint)) = problem {
            let diagnostic = Diagnostic::new(message).field(format!("spec.metrics[{index}]"));
            planner.errors.push(diagnostic.hint(misspelt(columns, &metric.label()).unwrap_or(hint)));
        }
    }
    // Who says what CPU comes from passes over the others.
    let is_passed_over = |column: &Column| {
        stated.is_some()
            && matches!(
                column,
                Column::Cpu | Column::CpuUtilization | Column::Rps | Column::Clients | Column::ClientGroup(_)
            )
    };
    let unused_columns =
        columns.iter().enumerate().filter(|(index, column)| !planner.used.contains(index) && !is_passed_over(column));
    warnings.extend(unused_columns.map(|(_, column)| unused(column, hpa, cpu_cost.is_some())));
    InputError::unless_empty(planner.errors)?;
    let mut memory_base_bytes = costs.memory_base.map_or(0, |base| Bytes::from(base.get()).get());
    if memory_base_bytes > 0 && matches!(memory, Drive::Observed { .. } | Drive::Recorded { .. }) {
        warnings.push(Diagnostic::new("--memory-base is not used: observed memory utilization is all that pods use"));
        memory_base_bytes = 0;
    }
    Ok(Drives { cpu, memory, memory_base_bytes, requests, clients, metric_columns })
}

/// The column that CPU is said to follow from.
fn stated(columns: &[Column], costs: &LoadSettings, warnings: &mut Vec<Diagnostic>) -> Option<Column> {
    let stated = costs.cpu_from.and_then(|from| from.column(columns));
    if costs.cpu_from == Some(CpuFrom::Requests) && stated.is_none() && columns.contains(&Column::Cpu) {
        let message =
            "the load has no requests: CPU is what its column `cpu` says, and what --background-cpu says on top of it";
        warnings.push(
            Diagnostic::new(message)
                .hint("say --background-cpu 0 if the column has the CPU of idle pods in it, as a recording does"),
        );
    }
    stated
}

/// What a request is, if the load is made of requests.
fn request_model(costs: &LoadSettings, planner: &Planner<'_>, cpu: Drive) -> Result<Option<RequestModel>, InputError> {
    let Some(cpu_per_request) = costs.cpu_per_request.map(NonNegativeQuantity::get) else { return Ok(None) };
    let of_requests = match cpu {
        Drive::Clients => true,
        Drive::Demand { column, .. } => planner.columns.get(column) == Some(&Column::Rps),
        _ => false,
    };
    if of_requests && cpu_per_request.signum() < 1 {
        let diagnostic = Diagnostic::new("the CPU time of a request must be more than 0");
        return Err(diagnostic.hint("give --cpu-per-request, such as 2m for two milliseconds").into());
    }
    Ok(of_requests.then(|| RequestModel {
        cpu_seconds: cpu_per_request.as_f64(),
        wait_seconds: costs.request_wait.get(),
        memory_bytes: costs.memory_per_request.map_or(0, |memory| Bytes::from(memory.get()).get()),
    }))
}

/// The columns of a load, those that are used so far, and what is wrong.
struct Planner<'a> {
    columns: &'a [Column],
    /// The names of the HPA's custom metrics.
    metrics: Vec<String>,
    used: Vec<usize>,
    errors: Vec<Diagnostic>,
}

impl Planner<'_> {
    fn find(&self, wanted: &Column) -> Option<usize> {
        self.columns.iter().position(|column| column == wanted)
    }

    /// The columns of clients.
    fn clients(&self) -> Vec<usize> {
        let of_clients = |column: &Column| matches!(column, Column::Clients | Column::ClientGroup(_));
        (0..self.columns.len()).filter(|index| of_clients(&self.columns[*index])).collect()
    }

    /// The same with what they think, where CPU follows from them; they count as used.
    fn take_clients(&mut self, cpu: Drive, think_seconds: f64) -> Vec<(usize, f64)> {
        if cpu != Drive::Clients {
            return Vec::new();
        }
        let all = self.clients();
        if all.len() > MOST_CLIENT_GROUPS {
            let message =
                format!("the load has {} groups of clients, and {MOST_CLIENT_GROUPS} can be simulated", all.len());
            self.errors.push(Diagnostic::new(message).hint("put those together whose think times are alike"));
        }
        self.used.extend(&all);
        let think = |index: usize| match &self.columns[index] {
            Column::ClientGroup(group) => group.think_seconds(),
            _ => think_seconds,
        };
        all.into_iter().map(|index| (index, think(index))).collect()
    }

    /// The same, and the column counts as used.
    fn take(&mut self, wanted: &Column) -> Option<usize> {
        let column = self.find(wanted)?;
        self.used.push(column);
        Some(column)
    }

    /// A custom metric may have the name of a column that means something by itself: `rps`, `clients`, `replicas`.
    fn take_named(&mut self, name: &str) -> Option<usize> {
        self.take(&Column::Metric(name.to_owned())).or_else(|| {
            let column = Column::from_name(name);
            let shared = matches!(column, Column::Rps | Column::Clients | Column::Replicas);
            shared.then(|| self.take(&column)).flatten()
        })
    }

    /// What drives CPU, if it is this column.
    fn only(&mut self, column: &Column, per_request: Option<f64>) -> Drive {
        let has_clients = *column == Column::Clients && !self.clients().is_empty();
        if self.find(column).is_none() && !has_clients {
            let message = format!("the load has no column `{column}`, which is to say how much CPU is used");
            self.errors.push(Diagnostic::new(message).hint("leave --cpu-from (cpuFrom) out, or name one that it has"));
            return Drive::None;
        }
        match column {
            Column::Cpu => {
                self.take(column).map_or(Drive::None, |column| Drive::Demand { column, factor: Nanocores::PER_CORE })
            }
            Column::Rps => match per_request {
                Some(factor) => self.take(column).map_or(Drive::None, |column| Drive::Demand { column, factor }),
                None => Drive::None,
            },
            Column::CpuUtilization => self.observed(column),
            _ => Drive::None,
        }
    }

    /// Utilization as it was observed, with the replicas if they are there.
    fn observed(&mut self, utilization: &Column) -> Drive {
        let Some(column) = self.take(utilization) else { return Drive::None };
        let of_a_metric = self.metrics.iter().any(|name| name == Column::Replicas.name());
        match if of_a_metric { None } else { self.take(&Column::Replicas) } {
            Some(replicas) => Drive::Recorded { column, replicas },
            None => Drive::Observed { column },
        }
    }

    /// What drives a resource: total demand, utilization per pod, or requests per second.
    fn drive(&mut self, demand: &Column, observed: &Column, factor: f64, per_request: Option<f64>) -> Drive {
        if self.find(demand).is_some() && self.find(observed).is_some() {
            let message = format!("the trace has both `{demand}` and `{observed}`");
            self.errors.push(Diagnostic::new(message).hint("keep the total demand, or the utilization per pod"));
        }
        if let Some(column) = self.take(demand) {
            return Drive::Demand { column, factor };
        }
        if self.find(observed).is_some() {
            return self.observed(observed);
        }
        match per_request.and_then(|factor| Some((self.take(&Column::Rps)?, factor))) {
            Some((column, factor)) => Drive::Demand { column, factor },
            None => Drive::None,
        }
    }
}

/// A column whose name is nearly one that says how much there is of a metric.
fn misspelt(columns: &[Column], metric: &str) -> Option<String> {
    let observed = format!("{metric}_utilization");
    let wanted = [metric, observed.as_str()];
    columns.iter().find_map(|column| match column {
        Column::Metric(name) => {
            let meant = nearest(name, wanted.into_iter())?;
            Some(format!("did you mean `{meant}`? the load has `{name}`"))
        }
        _ => None,
    })
}

/// Whether a metric is what pods serve, by its name: http_requests_per_second, rps.
fn counts_requests(metric: &str) -> bool {
    let name = metric.to_ascii_lowercase();
    name.contains("request")
        || name.split(|c: char| !c.is_ascii_alphanumeric()).any(|part| matches!(part, "rps" | "qps"))
}

fn no_column(metric: &str) -> (String, String) {
    // As a shell takes it.
    let plain = metric.chars().all(|c| c.is_ascii_alphanumeric() || "_-./:".contains(c));
    let quote = if plain { "" } else { "'" };
    (
        format!("the load has no column `{metric}` for the metric of that name"),
        format!("add the column, or --constant {quote}{metric}=VALUE{quote} for a load that does not change"),
    )
}

/// A container that the template does not have can never be measured.
fn container_problem(metric: &MetricSource, template: &PodTemplate) -> Option<(String, String)> {
    let container = metric.resource()?.container?;
    if template.running().any(|c| c.name == container) {
        return None;
    }
    let names: Vec<&str> = template.running().map(|c| c.name.as_str()).collect();
    Some((format!("the pod template has no container `{container}`"), format!("there is {}", names.join(", "))))
}

fn resource_problem(
    name: &ResourceName,
    cpu: Drive,
    memory: Drive,
    has_rps: bool,
    has_other_memory: bool,
) -> Option<(String, String)> {
    let (drive, columns, per_request, example) = match name {
        ResourceName::Cpu => (cpu, "`cpu`, `cpu_utilization`", "--cpu-per-request", "cpu_utilization=50"),
        ResourceName::Memory if has_other_memory => return None,
        ResourceName::Memory => (memory, "`memory`, `memory_utilization`", "--memory-per-rps", "memory_utilization=40"),
        ResourceName::Other(other) => {
            let message = format!("the resource `{other}` cannot be simulated");
            return Some((message, "cpu and memory can; remove the metric to see what the others do".into()));
        }
    };
    if drive != Drive::None {
        return None;
    }
    let message = format!("nothing in the load says how much {name} the pods use");
    let hint = if has_rps {
        format!("give {per_request}, add a column {columns}, or say --constant {example}")
    } else {
        format!("add a column {columns} or `rps` with {per_request}, or say --constant {example}")
    };
    Some((message, hint))
}

fn unused(column: &Column, hpa: &HpaSpec, cpu_per_request: bool) -> Diagnostic {
    let warning = Diagnostic::new(format!("the column `{column}` of the load is not used"));
    match column {
        Column::Rps | Column::Clients | Column::ClientGroup(_) if !cpu_per_request => {
            warning.hint("give --cpu-per-request, such as 40m")
        }
        Column::Replicas => warning.hint("it goes with cpu_utilization or memory_utilization"),
        Column::Metric(name) => {
            let labels: Vec<String> = hpa.metrics.iter().map(MetricSource::label).collect();
            let candidates = Column::NAMES.into_iter().chain(labels.iter().map(String::as_str));
            match nearest(name, candidates) {
                Some(candidate) => warning.hint(format!("did you mean `{candidate}`?")),
                None => warning.hint("no metric of the HPA has that name"),
            }
        }
        _ => warning,
    }
}
