//! What of the pods may change: what they request and may use, and how their probes begin.

use crate::model::{Amounts, Container, PodTemplate, Probe};
use crate::units::{Quantity, Span};

pub(super) const MEBIBYTE: i64 = 1 << 20;

/// Whether it is asked for, or what may be used at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Asked {
    /// `resources.requests`.
    Request,
    /// `resources.limits`.
    Limit,
}

/// A resource of pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resource {
    /// CPU, in millicores.
    Cpu,
    /// Memory, in MiB.
    Memory,
}

impl Resource {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Cpu, Self::Memory];

    /// Its name in a list of resources.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
        }
    }

    /// What it is called in tables.
    pub fn title(self) -> &'static str {
        match self {
            Self::Cpu => "CPU",
            Self::Memory => "memory",
        }
    }

    /// So much of it.
    pub fn quantity(self, value: i64) -> Quantity {
        match self {
            Self::Cpu => Quantity::from_milli(value),
            Self::Memory => Quantity::from_milli_binary(value.saturating_mul(MEBIBYTE).saturating_mul(1000)),
        }
    }

    /// The same as manifests have it.
    pub fn told(self, value: i64) -> String {
        self.quantity(value).to_string()
    }

    /// In its unit, rounded up.
    pub fn value(self, quantity: Quantity) -> i64 {
        match self {
            Self::Cpu => quantity.milli_value(),
            Self::Memory => quantity.div_ceil(self.quantity(1)).unwrap_or(0),
        }
    }
}

impl Asked {
    /// The name of the list.
    pub fn name(self) -> &'static str {
        match self {
            Self::Request => "requests",
            Self::Limit => "limits",
        }
    }

    fn of(self, container: &Container) -> &Amounts {
        match self {
            Self::Request => &container.requests,
            Self::Limit => &container.limits,
        }
    }

    fn of_mut(self, container: &mut Container) -> &mut Amounts {
        match self {
            Self::Request => &mut container.requests,
            Self::Limit => &mut container.limits,
        }
    }

    fn of_pod(self, template: &PodTemplate) -> &Amounts {
        match self {
            Self::Request => &template.pod_requests,
            Self::Limit => &template.pod_limits,
        }
    }

    /// What the containers that serve have together; nothing where one has no limit.
    pub fn total(self, template: &PodTemplate, resource: Resource) -> i64 {
        let quantity = match self {
            Self::Request => template.running_request(resource.name()),
            Self::Limit => template.running_limit(resource.name()).unwrap_or(Quantity::ZERO),
        };
        resource.value(quantity)
    }

    /// Gives them another sum, of which each has the part that it had: how much of what a pod uses is whose is known of none.
    pub fn set(self, template: &mut PodTemplate, resource: Resource, value: i64) {
        let (name, own) = (resource.name(), self.total(template, resource));
        let part = |quantity: Quantity| {
            let exact = i128::from(resource.value(quantity)) * i128::from(value);
            let rounded = (exact + i128::from(own) - 1).div_euclid(i128::from(own.max(1)));
            resource.quantity(i64::try_from(rounded.max(1)).unwrap_or(i64::MAX))
        };
        let sidecars = template.init_containers.iter_mut().filter(|container| container.sidecar);
        for container in template.containers.iter_mut().chain(sidecars) {
            if let Some(quantity) = self.of(container).get(name) {
                self.of_mut(container).set(name, part(quantity), None);
            }
        }
        if self.of_pod(template).get(name).is_some() {
            let sum: i64 = template.running().filter_map(|c| self.of(c).get(name)).map(|q| resource.value(q)).sum();
            let amounts = match self {
                Self::Request => &mut template.pod_requests,
                Self::Limit => &mut template.pod_limits,
            };
            amounts.set(name, resource.quantity(value.max(sum)), None);
        }
    }

    /// What of it is written where: the path below the pod's spec, and the quantity.
    pub fn places(self, template: &PodTemplate, resource: Resource) -> Vec<(String, Quantity)> {
        let (list, name) = (self.name(), resource.name());
        let lists = [("containers", &template.containers), ("initContainers", &template.init_containers)];
        let mut all = Vec::new();
        for (field, containers) in lists {
            for container in containers.iter().filter(|one| field == "containers" || one.sidecar) {
                let place = format!("{field}[{}].resources.{list}.{name}", container.name);
                all.extend(self.of(container).get(name).map(|quantity| (place, quantity)));
            }
        }
        let of_pod = self.of_pod(template).get(name);
        all.extend(of_pod.map(|quantity| (format!("resources.{list}.{name}"), quantity)));
        all
    }
}

/// When a probe asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Probed {
    kind: ProbeKind,
    /// `initialDelaySeconds`; `periodSeconds` if not.
    pub is_delay: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum ProbeKind {
    Startup,
    Readiness,
}

/// Those that a start depends on: of each container, by its index, what its probes say.
pub(super) fn probes(template: &PodTemplate) -> impl Iterator<Item = (usize, Probed)> + '_ {
    let of = |(index, container): (usize, &Container)| {
        let kinds = [(ProbeKind::Startup, container.startup_probe), (ProbeKind::Readiness, container.readiness_probe)];
        let there = kinds.into_iter().filter(|(_, probe)| probe.is_some()).map(|(kind, _)| kind);
        let both = there.flat_map(|kind| [true, false].map(|is_delay| Probed { kind, is_delay }));
        both.map(|probed| (index, probed)).collect::<Vec<_>>()
    };
    template.containers.iter().enumerate().flat_map(of)
}

impl Probed {
    /// Its path in the container.
    pub fn path(self) -> &'static str {
        match (self.kind, self.is_delay) {
            (ProbeKind::Startup, true) => "startupProbe.initialDelaySeconds",
            (ProbeKind::Startup, false) => "startupProbe.periodSeconds",
            (ProbeKind::Readiness, true) => "readinessProbe.initialDelaySeconds",
            (ProbeKind::Readiness, false) => "readinessProbe.periodSeconds",
        }
    }

    /// What it is in a container.
    pub fn value(self, container: &Container) -> i64 {
        let probe = match self.kind {
            ProbeKind::Startup => container.startup_probe,
            ProbeKind::Readiness => container.readiness_probe,
        };
        let of = |probe: Probe| if self.is_delay { probe.initial_delay } else { probe.period };
        probe.map_or(0, |probe| of(probe).seconds())
    }

    /// Gives it a value.
    pub fn set(self, container: &mut Container, value: i64) {
        let probe = match self.kind {
            ProbeKind::Startup => container.startup_probe.as_mut(),
            ProbeKind::Readiness => container.readiness_probe.as_mut(),
        };
        let Some(probe) = probe else { return };
        let span = if self.is_delay { &mut probe.initial_delay } else { &mut probe.period };
        *span = Span::from_seconds(value);
    }
}
