//! What of an HPA may change, and to which values.

use crate::model::{
    Behavior, HpaSpec, MetricSource, MetricTarget, MetricTargetType, PolicyKind, ResourceName, ScalingPolicy,
    ScalingRules, SelectPolicy, ValueTarget,
};
use crate::units::{Replicas, Span};

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

impl Field {
    /// All of an HPA.
    pub fn all(hpa: &HpaSpec) -> Vec<Self> {
        let mut all: Vec<Self> = (0..hpa.metrics.len()).map(Self::Target).collect();
        all.extend([Self::MinReplicas, Self::MaxReplicas]);
        let behavior = behavior(hpa);
        for direction in [Direction::Up, Direction::Down] {
            let rules = direction.of(&behavior);
            // A direction that is switched off was so on purpose.
            if rules.select_policy != SelectPolicy::Disabled {
                all.push(Self::Window(direction));
                all.extend((0..rules.policies.len()).map(|index| Self::Policy(direction, index)));
            }
        }
        all
    }

    /// Its path in the spec of `autoscaling/v2`, as `--set` spells it.
    pub fn path(self, hpa: &HpaSpec) -> String {
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
        }
    }

    /// What it is called in tables.
    pub fn title(self, hpa: &HpaSpec) -> String {
        match self {
            Self::Target(index) => format!("target of {}", hpa.metrics[index].label()),
            Self::MinReplicas | Self::MaxReplicas => self.path(hpa),
            Self::Window(direction) => format!("{} window", direction.name()),
            Self::Policy(direction, index) => {
                let rules = behavior(hpa);
                let policy = direction.of(&rules).policies[index];
                let unit = if policy.kind == PolicyKind::Pods { "pods" } else { "percent" };
                format!("{} {unit} per {}", direction.name(), policy.period)
            }
        }
    }

    /// Its value; `downscale` is the controller's own window of scaling down, which counts where the HPA has none.
    pub fn value(self, hpa: &HpaSpec, downscale: Span) -> i64 {
        match self {
            Self::Target(index) => match hpa.metrics[index].target() {
                MetricTargetType::Utilization(percent) => percent.into(),
                MetricTargetType::AverageValue(value) | MetricTargetType::Value(value) => value,
            },
            Self::MinReplicas => hpa.min_replicas.into(),
            Self::MaxReplicas => hpa.max_replicas.into(),
            Self::Window(direction) => {
                let behavior = behavior(hpa);
                direction.of(&behavior).stabilization_window.unwrap_or(downscale).seconds()
            }
            Self::Policy(direction, index) => direction.of(&behavior(hpa)).policies[index].value.into(),
        }
    }

    /// Gives it a value.
    pub fn set(self, hpa: &mut HpaSpec, value: i64) {
        let whole = i32::try_from(value).unwrap_or(i32::MAX);
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
            Self::Window(_) => Span::from_seconds(value).to_string(),
            Self::Policy(direction, index) => match direction.of(&behavior(hpa)).policies[index].kind {
                PolicyKind::Pods => value.to_string(),
                PolicyKind::Percent => format!("{value}%"),
            },
        }
    }

    /// The values that are tried where nobody says which, besides its own; in their order.
    pub fn values(self, hpa: &HpaSpec, downscale: Span) -> Vec<i64> {
        let own = self.value(hpa, downscale);
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
        };
        all.push(own);
        all.retain(|value| *value > 0 || matches!(self, Self::Window(_) | Self::MinReplicas));
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The least and the largest value that the API server takes, and what is wrong with another one.
    pub fn check(self, hpa: &HpaSpec, value: i64) -> Result<(), String> {
        let (least, most) = match self {
            Self::MinReplicas if hpa.has_object_or_external_metric() => (0, i64::from(i32::MAX)),
            Self::Window(_) => (0, 3600),
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
