//! The cluster of a scenario.

use super::Reader;
use crate::input::manifests::Manifests;
use crate::input::{InputError, nodes};
use crate::model::{ClusterConfig, NodesConfig, ScenarioTarget, Senseless, Workload};

impl Reader<'_> {
    /// Settings that make no sense, under the field that has them.
    pub(super) fn sensible(&self, field: &str, checked: Result<(), Senseless>) -> Result<(), InputError> {
        checked.map_err(|wrong| self.wrong(&format!("{field}.{}", wrong.setting), wrong.problem).into())
    }

    /// The nodes, if there are any; everything else is as it was written.
    pub(super) fn nodes(
        &self,
        cluster: &ClusterConfig,
        manifests: &Manifests,
        targets: &[ScenarioTarget],
    ) -> Result<Option<NodesConfig>, InputError> {
        let Some(settings) = &cluster.nodes else { return Ok(None) };
        if let Some(autoscaler) = &settings.autoscaler {
            self.sensible("cluster.nodes.autoscaler", autoscaler.check())?;
        }
        let source = self
            .files
            .nodes(self.source, &settings.file)
            .map_err(|error| self.wrong("cluster.nodes.file", error.to_string()))?;
        let shapes = nodes::read(&source)?;
        let wrong = |wrong: nodes::WrongNumber| {
            let error = self.wrong(&format!("cluster.nodes.{}", wrong.field), wrong.problem);
            wrong.hint.map_or(error.clone(), |hint| error.hint(hint))
        };
        let inventory = &manifests.inventory;
        let workloads: Vec<&Workload> = targets.iter().map(|target| &target.workload).collect();
        Ok(Some(nodes::config(&shapes, settings, inventory, &workloads).map_err(wrong)?))
    }
}
