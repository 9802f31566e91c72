//! What the lives of pods depend on: the template, the settings, the revisions, and what was drawn.

use super::counters::Scraping;
use super::lifecycle::sidecar_started;
use super::probes::Asking;
use crate::model::{Balancing, ClusterConfig, Delay, PodTemplate, Revision};
use crate::sim::draw::{Draws, Purpose};
use crate::units::{Replicas, SimTime, Span};

/// Something that init containers wait for is down.
#[derive(Clone, Debug)]
pub(super) struct Outage {
    /// The init container that waits; all if it is not named.
    pub container: Option<String>,
    pub from: SimTime,
    pub until: SimTime,
}

/// What the pods' lives depend on.
#[derive(Clone, Debug)]
pub(super) struct Rules<'a> {
    pub template: &'a PodTemplate,
    pub config: &'a ClusterConfig,
    pub min_ready: Span,
    pub outages: Vec<Outage>,
    /// What is different in each revision of the template.
    pub revisions: Vec<Revision>,
    /// What an assumed start-up is not longer than.
    pub startup_bound: Option<Span>,
    /// No two pods have the same load: each is a cohort by itself.
    pub one_cohort_each: bool,
    /// How Prometheus scrapes them, if it does.
    pub scraping: Option<Scraping>,
    /// Probes whose answers may come too late.
    pub probes: Vec<Asking>,
    /// Pods have ordinals: a StatefulSet.
    pub ordered: bool,
    /// The most pods that quotas and limit ranges let there be, those on their way out among them.
    pub most_pods: Replicas,
}

/// The times that were drawn for a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Drawn {
    pub(super) scheduling: Span,
    pub(super) image_pull: Span,
    /// Of each init container.
    pub(super) init: Vec<Span>,
    /// None: the application never comes up.
    pub(super) startup: Option<Span>,
}

impl Rules<'_> {
    /// Draws the times of a pod.
    pub(super) fn draw(&self, revision: usize, draws: &mut Draws) -> Drawn {
        let config = self.config;
        let revision = &self.revisions[revision];
        let init = self.template.init_containers.iter().map(|container| {
            if container.sidecar { sidecar_started(container) } else { draws.delay(Purpose::Init, config.init) }
        });
        Drawn {
            init: init.collect(),
            scheduling: draws.delay(Purpose::Scheduling, config.scheduling),
            image_pull: draws.delay(Purpose::ImagePull, revision.image_pull.unwrap_or(config.image_pull)),
            startup: match revision.broken {
                true => None,
                false => Some(match revision.startup {
                    Some(startup) => draws.delay(Purpose::Startup, startup),
                    None => {
                        let drawn = draws.delay(Purpose::Startup, config.startup.delay());
                        self.startup_bound.map_or(drawn, |bound| drawn.min(bound))
                    }
                }),
            },
        }
    }

    /// When in its interval Prometheus scrapes a pod, if it does: what its labels come to.
    pub(super) fn scraped_at(&self, draws: &mut Draws) -> Span {
        self.scraping.map_or(Span::ZERO, |scraping| {
            let high = Span::from_seconds(scraping.interval.seconds() - 1);
            draws.delay(Purpose::Scraping, Delay::Uniform { low: Span::ZERO, high })
        })
    }

    /// Whether pods that are created together live alike.
    pub(super) fn all_alike(&self) -> bool {
        let config = self.config;
        let startup = config.startup.delay();
        let fixed = |delay: &Delay| matches!(delay, Delay::Fixed(_));
        let revisions = self.revisions.iter().flat_map(|revision| revision.startup.iter().chain(&revision.image_pull));
        let mut all = [&config.scheduling, &config.image_pull, &config.init, &startup].into_iter().chain(revisions);
        all.all(fixed) && !matches!(self.config.balancing, Balancing::Weighted { .. }) && !self.one_cohort_each
    }
}
