//! What of an HPA and of the pods that it scales may change, and to which values.

use std::borrow::Cow;
use std::str::FromStr as _;

use super::template::{Asked, MEBIBYTE, Probed, Resource, probes};
use crate::model::{
    Behavior, HpaSpec, MetricSource, MetricTarget, MetricTargetType, PolicyKind, ResourceName, ScalingPolicy,
    ScalingRules, SelectPolicy, ValueTarget, Workload,
};
use crate::units::{Quantity, Replicas, Span};

/// What is tuned: an HPA, and what it scales.
#[derive(Clone, Debug, PartialEq)]
pub struct Subject<'a> {
    /// The HPA.
    pub hpa: HpaSpec,
    /// What it scales.
    pub workload: Cow<'a, Workload>,
}

/// A direction of scaling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// More pods.
    Up,
    /// Fewer pods.
    Down,
}

impl Direction {
    /// Its name under `behavior`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Up => "scaleUp",
            Self::Down => "scaleDown",
        }
    }

    fn of(self, behavior: &Behavior) -> &ScalingRules {
        match self {
            Self::Up => &behavior.scale_up,
            Self::Down => &behavior.scale_down,
        }
    }

    fn of_mut(self, behavior: &mut Behavior) -> &mut ScalingRules {
        match self {
            Self::Up => &mut behavior.scale_up,
            Self::Down => &mut behavior.scale_down,
        }
    }
}

/// A field of an HPA that may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// The target of a metric, by its index; amounts in thousandths.
    Target(usize),
    /// `minReplicas`.
    MinReplicas,
    /// `maxReplicas`.
    MaxReplicas,
    /// `stabilizationWindowSeconds`.
    Window(Direction),
    /// The value of a policy, by its index.
    Policy(Direction, usize),
    /// The period of a policy, by its index, seconds.
    Period(Direction, usize),
    /// `tolerance`, in thousandths.
    Tolerance(Direction),
    /// `selectPolicy`, by its index in [`SELECT`].
    Select(Direction),
    /// What the containers of a pod request together, or may use: millicores or MiB. Each has the part of it that it has today.
    Asked(Asked, Resource),
    /// A probe of a container, by its index: seconds.
    Probe(usize, Probed),
}

/// What values of a field are counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Pods, percent, seconds.
    One,
    /// Names.
    Name,
    /// Amounts of metrics and tolerances.
    Thousandth,
    /// CPU.
    Millicore,
    /// Memory.
    Mebibyte,
}

impl Unit {
    /// What is written, in this unit; none if it is no quantity of it.
    pub fn read(self, text: &str) -> Option<i64> {
        let quantity = || Quantity::from_str(text.trim()).ok();
        match self {
            Self::One => text.trim().parse().ok(),
            Self::Name => SELECT.iter().position(|(name, _)| *name == text.trim()).map(|index| index as i64),
            Self::Thousandth | Self::Millicore => quantity().map(Quantity::milli_value),
            Self::Mebibyte => quantity().map(|quantity| quantity.value() / MEBIBYTE),
        }
    }

    /// How far it is from one value to the next where nobody says it.
    pub fn step(self) -> i64 {
        match self {
            Self::One | Self::Name => 1,
            Self::Thousandth => 1000,
            Self::Millicore => 10,
            Self::Mebibyte => 16,
        }
    }
}

/// Which fields have values by default, besides those of an HPA that all releases have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Defaults {
    /// The window of scaling down that counts where the HPA has none.
    pub downscale: Span,
    /// The tolerance, in thousandths, where the HPA has none.
    pub tolerance: i64,
    /// Whether an HPA may have its own tolerance.
    pub has_tolerance: bool,
    /// Whether it is known how much CPU, and memory, pods use, whatever they request.
    pub is_known: [bool; 2],
    /// Whether requests may change.
    pub requests: bool,
}

/// No target of utilization is lower than this by default, percent, or higher; that of memory is not higher than it is, since a pod that
/// has none left is killed.
const LOWEST: i64 = 30;
const HIGHEST: i64 = 95;
/// Windows that are tried, seconds.
const UP_WINDOWS: [i64; 6] = [0, 15, 30, 60, 120, 300];
const DOWN_WINDOWS: [i64; 8] = [0, 60, 120, 180, 300, 450, 600, 900];
/// Values of policies that are tried.
const PODS: [i64; 7] = [1, 2, 3, 4, 6, 8, 12];
const PERCENT: [i64; 7] = [10, 25, 50, 100, 150, 200, 400];
/// Which policies may be selected.
pub const SELECT: [(&str, SelectPolicy); 3] =
    [("Max", SelectPolicy::Max), ("Min", SelectPolicy::Min), ("Disabled", SelectPolicy::Disabled)];
/// Tolerances that are tried, thousandths.
const TOLERANCES: [i64; 6] = [10, 25, 50, 100, 150, 200];
/// Requests are tried from half to twice what they are, those of memory from a quarter: CPU of half a pod is measured, less is not.
const CPU_STEPS: std::ops::RangeInclusive<i32> = -7..=7;
const MEMORY_STEPS: std::ops::RangeInclusive<i32> = -14..=7;
const STEP: f64 = 1.1;

impl Field {
    /// All of an HPA and its pods.
    pub fn all(subject: &Subject<'_>) -> Vec<Self> {
        let hpa = &subject.hpa;
        let mut all: Vec<Self> = (0..hpa.metrics.len()).map(Self::Target).collect();
        all.extend([Self::MinReplicas, Self::MaxReplicas]);
        let behavior = behavior(hpa);
        for direction in [Direction::Up, Direction::Down] {
            let rules = direction.of(&behavior);
            // A direction that is switched off was so on purpose.
            if rules.select_policy != SelectPolicy::Disabled {
                all.push(Self::Window(direction));
                for index in 0..rules.policies.len() {
                    all.extend([Self::Policy(direction, index), Self::Period(direction, index)]);
                }
                all.extend([Self::Tolerance(direction), Self::Select(direction)]);
            }
        }
        let template = &subject.workload.template;
        for (asked, resource) in
            [Asked::Request, Asked::Limit].into_iter().flat_map(|asked| Resource::ALL.map(|resource| (asked, resource)))
        {
            if asked.total(template, resource) > 0 {
                all.push(Self::Asked(asked, resource));
            }
        }
        all.extend(probes(template).map(|(container, probe)| Self::Probe(container, probe)));
        all
    }

    /// Whether it is one of the pods', and not of the HPA.
    pub fn is_of_pods(self) -> bool {
        matches!(self, Self::Asked(..) | Self::Probe(..))
    }

    /// Whether it is one of those that change where nobody says which.
    pub fn is_usual(self, defaults: &Defaults) -> bool {
        match self {
            Self::Tolerance(_) => defaults.has_tolerance,
            Self::Asked(..) | Self::Period(..) | Self::Probe(..) | Self::Select(_) => false,
            _ => true,
        }
    }

    /// The resource of which it is not known how much of it pods use, where that decides what the field is worth.
    pub fn unknown(self, defaults: &Defaults) -> Option<&'static str> {
        let Self::Asked(_, resource) = self else { return None };
        let index = usize::from(resource == Resource::Memory);
        (!defaults.is_known[index]).then(|| resource.title())
    }

    /// What its values are counted in.
    pub fn unit(self, hpa: &HpaSpec) -> Unit {
        match self {
            Self::Target(index) if !matches!(hpa.metrics[index].target(), MetricTargetType::Utilization(_)) => {
                Unit::Thousandth
            }
            Self::Tolerance(_) => Unit::Thousandth,
            Self::Select(_) => Unit::Name,
            Self::Asked(_, Resource::Cpu) => Unit::Millicore,
            Self::Asked(_, Resource::Memory) => Unit::Mebibyte,
            _ => Unit::One,
        }
    }

    /// Its path in the spec of `autoscaling/v2`, as `--set` spells it; of requests and probes that in a container.
    pub fn path(self, subject: &Subject<'_>) -> String {
        let hpa = &subject.hpa;
        match self {
            Self::Target(index) => {
                let kind = match &hpa.metrics[index] {
                    MetricSource::Resource { .. } => "resource",
                    MetricSource::ContainerResource { .. } => "containerResource",
                    MetricSource::Pods { .. } => "pods",
                    MetricSource::Object { .. } => "object",
                    MetricSource::External { .. } => "external",
                };
                let value = match hpa.metrics[index].target() {
                    MetricTargetType::Utilization(_) => "averageUtilization",
                    MetricTargetType::AverageValue(_) => "averageValue",
                    MetricTargetType::Value(_) => "value",
                };
                format!("metrics[{index}].{kind}.target.{value}")
            }
            Self::MinReplicas => "minReplicas".to_owned(),
            Self::MaxReplicas => "maxReplicas".to_owned(),
            Self::Window(direction) => format!("behavior.{}.stabilizationWindowSeconds", direction.name()),
            Self::Policy(direction, index) => format!("behavior.{}.policies[{index}].value", direction.name()),
            Self::Period(direction, index) => format!("behavior.{}.policies[{index}].periodSeconds", direction.name()),
            Self::Tolerance(direction) => format!("behavior.{}.tolerance", direction.name()),
            Self::Select(direction) => format!("behavior.{}.selectPolicy", direction.name()),
            Self::Asked(asked, resource) => format!("{}.{}", asked.name(), resource.name()),
            Self::Probe(container, probe) => {
                format!("containers[{}].{}", subject.workload.template.containers[container].name, probe.path())
            }
        }
    }

    /// What it is called in tables.
    pub fn title(self, subject: &Subject<'_>) -> String {
        let hpa = &subject.hpa;
        match self {
            Self::Target(index) => format!("target of {}", hpa.metrics[index].label()),
            Self::MinReplicas | Self::MaxReplicas | Self::Probe(..) => self.path(subject),
            Self::Tolerance(direction) => format!("{} tolerance", direction.name()),
            Self::Select(direction) => format!("{} selectPolicy", direction.name()),
            Self::Asked(asked, resource) => format!("{} {}", resource.title(), asked.name()),
            Self::Period(direction, index) => {
                let rules = behavior(hpa);
                format!("period of {} per {}", direction.name(), direction.of(&rules).policies[index].period)
            }
            Self::Window(direction) => format!("{} window", direction.name()),
            Self::Policy(direction, index) => {
                let rules = behavior(hpa);
                let policy = direction.of(&rules).policies[index];
                let unit = if policy.kind == PolicyKind::Pods { "pods" } else { "percent" };
                format!("{} {unit} per {}", direction.name(), policy.period)
            }
        }
    }

    /// Its value.
    pub fn value(self, subject: &Subject<'_>, defaults: &Defaults) -> i64 {
        let hpa = &subject.hpa;
        match self {
            Self::Target(index) => match hpa.metrics[index].target() {
                MetricTargetType::Utilization(percent) => percent.into(),
                MetricTargetType::AverageValue(value) | MetricTargetType::Value(value) => value,
            },
            Self::MinReplicas => hpa.min_replicas.into(),
            Self::MaxReplicas => hpa.max_replicas.into(),
            Self::Window(direction) => {
                let behavior = behavior(hpa);
                direction.of(&behavior).stabilization_window.unwrap_or(defaults.downscale).seconds()
            }
            Self::Policy(direction, index) => direction.of(&behavior(hpa)).policies[index].value.into(),
            Self::Period(direction, index) => direction.of(&behavior(hpa)).policies[index].period.seconds(),
            Self::Tolerance(direction) => {
                let own = direction.of(&behavior(hpa)).tolerance;
                own.map_or(defaults.tolerance, |own| (own * 1000.0).round() as i64)
            }
            Self::Select(direction) => {
                let own = direction.of(&behavior(hpa)).select_policy;
                SELECT.iter().position(|(_, policy)| *policy == own).unwrap_or(0) as i64
            }
            Self::Asked(asked, resource) => asked.total(&subject.workload.template, resource),
            Self::Probe(container, probe) => probe.value(&subject.workload.template.containers[container]),
        }
    }

    /// Gives it a value.
    pub fn set(self, subject: &mut Subject<'_>, value: i64) {
        let whole = i32::try_from(value).unwrap_or(i32::MAX);
        let hpa = &mut subject.hpa;
        match self {
            Self::Target(index) => set_target(&mut hpa.metrics[index], value),
            Self::MinReplicas => hpa.min_replicas = whole as Replicas,
            Self::MaxReplicas => hpa.max_replicas = whole as Replicas,
            Self::Window(direction) => {
                let rules = hpa.behavior.get_or_insert_with(defaults);
                direction.of_mut(rules).stabilization_window = Some(Span::from_seconds(value));
            }
            Self::Policy(direction, index) => {
                let rules = hpa.behavior.get_or_insert_with(defaults);
                direction.of_mut(rules).policies[index].value = whole;
            }
            Self::Period(direction, index) => {
                let rules = hpa.behavior.get_or_insert_with(defaults);
                direction.of_mut(rules).policies[index].period = Span::from_seconds(value);
            }
            Self::Tolerance(direction) => {
                let rules = hpa.behavior.get_or_insert_with(defaults);
                // As a quantity in thousandths is read.
                direction.of_mut(rules).tolerance = Some(Quantity::from_milli(value).as_f64());
            }
            Self::Select(direction) => {
                let rules = hpa.behavior.get_or_insert_with(defaults);
                direction.of_mut(rules).select_policy = SELECT[(value.max(0) as usize).min(SELECT.len() - 1)].1;
            }
            Self::Asked(asked, resource) => asked.set(&mut subject.workload.to_mut().template, resource, value),
            Self::Probe(container, probe) => {
                probe.set(&mut subject.workload.to_mut().template.containers[container], value);
            }
        }
    }

    /// A value as tables have it.
    pub fn told(self, hpa: &HpaSpec, value: i64) -> String {
        match self {
            Self::Target(index) => match hpa.metrics[index].target() {
                MetricTargetType::Utilization(_) => format!("{value}%"),
                _ => amount(value),
            },
            Self::MinReplicas | Self::MaxReplicas => value.to_string(),
            Self::Window(_) | Self::Period(..) | Self::Probe(..) => Span::from_seconds(value).to_string(),
            Self::Tolerance(_) => format!("{}%", value as f64 / 10.0),
            Self::Asked(_, resource) => resource.told(value),
            Self::Select(_) => SELECT[(value.max(0) as usize).min(SELECT.len() - 1)].0.to_owned(),
            Self::Policy(direction, index) => match direction.of(&behavior(hpa)).policies[index].kind {
                PolicyKind::Pods => value.to_string(),
                PolicyKind::Percent => format!("{value}%"),
            },
        }
    }

    /// The values that are tried where nobody says which, besides its own; in their order.
    pub fn values(self, subject: &Subject<'_>, defaults: &Defaults) -> Vec<i64> {
        let hpa = &subject.hpa;
        let own = self.value(subject, defaults);
        let times = |steps: std::ops::RangeInclusive<i32>, whole: i64| -> Vec<i64> {
            steps.map(|step| (own as f64 * STEP.powi(step) / whole as f64).round() as i64 * whole).collect()
        };
        let mut all: Vec<i64> = match self {
            Self::Target(index) => match hpa.metrics[index].target() {
                MetricTargetType::Utilization(_) if is_memory(&hpa.metrics[index]) => (LOWEST..=own).collect(),
                MetricTargetType::Utilization(_) => (LOWEST..=HIGHEST).collect(),
                // From half to twice, a twentieth further each time.
                _ => (-14..=14).map(|step| (own as f64 * 1.05_f64.powi(step)).round() as i64).collect(),
            },
            // Who has two pods has them so that one may be lost.
            Self::MinReplicas => (own.clamp(1, 2)..=i64::from(hpa.max_replicas)).collect(),
            // What more there may be is for loads that are not in the recording.
            Self::MaxReplicas => (own..=own.saturating_mul(2)).collect(),
            Self::Window(Direction::Up) => UP_WINDOWS.to_vec(),
            Self::Window(Direction::Down) => DOWN_WINDOWS.to_vec(),
            Self::Policy(direction, index) => match direction.of(&behavior(hpa)).policies[index].kind {
                PolicyKind::Pods => PODS.to_vec(),
                PolicyKind::Percent => PERCENT.to_vec(),
            },
            Self::Tolerance(_) if defaults.has_tolerance => TOLERANCES.to_vec(),
            Self::Asked(Asked::Request, Resource::Cpu) if defaults.requests && defaults.is_known[0] => {
                times(CPU_STEPS, if own < 200 { 1 } else { 10 })
            }
            Self::Asked(Asked::Request, Resource::Memory) if defaults.requests && defaults.is_known[1] => {
                times(MEMORY_STEPS, if own < 128 { 1 } else { 8 })
            }
            // How long a start takes is the program's, what it may use at most is a promise to others: who asks for it.
            Self::Tolerance(_) | Self::Period(..) | Self::Asked(..) | Self::Probe(..) | Self::Select(_) => Vec::new(),
        };
        all.push(own);
        all.retain(|value| *value > 0 || matches!(self, Self::Window(_) | Self::MinReplicas | Self::Select(_)));
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The least and the largest value that the API server takes, and what is wrong with another one.
    pub fn check(self, hpa: &HpaSpec, value: i64) -> Result<(), String> {
        let (least, most) = match self {
            Self::MinReplicas if hpa.has_object_or_external_metric() => (0, i64::from(i32::MAX)),
            Self::Window(_) => (0, 3600),
            Self::Period(..) => (1, 1800),
            Self::Select(_) => (0, SELECT.len() as i64 - 1),
            Self::Tolerance(_) | Self::Probe(_, Probed { is_delay: true, .. }) => (0, i64::from(i32::MAX)),
            _ => (1, if matches!(self, Self::Target(_)) { i64::MAX } else { i64::from(i32::MAX) }),
        };
        if (least..=most).contains(&value) { Ok(()) } else { Err(format!("{value} is not from {least} to {most}")) }
    }
}

/// The policies of a direction.
pub fn policies(hpa: &HpaSpec, direction: Direction) -> Vec<ScalingPolicy> {
    direction.of(&behavior(hpa)).policies.clone()
}

/// An amount in thousandths.
pub fn amount(thousandths: i64) -> String {
    if thousandths % 1000 == 0 { (thousandths / 1000).to_string() } else { format!("{thousandths}m") }
}

fn is_memory(metric: &MetricSource) -> bool {
    metric.resource().is_some_and(|resource| *resource.name == ResourceName::Memory)
}

fn behavior(hpa: &HpaSpec) -> Behavior {
    hpa.behavior.clone().unwrap_or_else(defaults)
}

fn defaults() -> Behavior {
    Behavior { scale_up: ScalingRules::default_scale_up(), scale_down: ScalingRules::default_scale_down() }
}

fn set_target(metric: &mut MetricSource, value: i64) {
    match metric {
        MetricSource::Resource { target, .. } | MetricSource::ContainerResource { target, .. } => match target {
            MetricTarget::Utilization(percent) => *percent = i32::try_from(value).unwrap_or(i32::MAX),
            MetricTarget::AverageValue(amount) => *amount = value,
        },
        MetricSource::Pods { average_value, .. } => *average_value = value,
        MetricSource::Object { target, .. } | MetricSource::External { target, .. } => match target {
            ValueTarget::Value(amount) | ValueTarget::AverageValue(amount) => *amount = value,
        },
    }
}
