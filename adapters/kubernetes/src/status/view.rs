use hourglass_core::Timestamp;
use hourglass_core::lifecycle::{Instance, Owner, Plan, Waiting};
use hourglass_core::performer::{PerformerName, Revision};

use crate::api::{Performer, PerformerStatus};
use crate::translate::Problem;

/// Everything that a status is made from.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// The resource, with its generation and its old status.
    pub object: &'a Performer,
    /// Its name, where it is one that pods of ours can have.
    pub name: Option<&'a PerformerName>,
    /// What was planned; `None` where nothing could be.
    pub plan: Option<&'a Plan>,
    /// What is waited for instead of what the plan says: that the API server answers, or takes a write.
    pub waiting: Option<&'a Waiting>,
    /// What was observed for the plan.
    pub instances: &'a [Instance],
    /// Why the specification cannot be run; empty where it can.
    pub problems: &'a [Problem],
    /// The revision that the specification asks for, where it asks for one. An upgrade that was called off is planned
    /// with another.
    pub wanted: Option<&'a Revision>,
    /// The port of the Service, as it is or is to be.
    pub port: u16,
    /// Of this moment.
    pub now: Timestamp,
}

impl<'a> View<'a> {
    pub(super) fn old(&self) -> Option<&'a PerformerStatus> {
        self.object.status.as_ref()
    }

    pub(super) fn generation(&self) -> Option<i64> {
        self.object.metadata.generation
    }

    pub(super) fn deleted(&self) -> bool {
        self.object.metadata.deletion_timestamp.is_some()
    }

    /// Pods that get tasks now: behind the Service, and ready.
    pub(super) fn serving(&self) -> impl Iterator<Item = &'a Instance> {
        self.instances.iter().filter(|instance| instance.owner == Owner::Ours && instance.routed && instance.is_ready())
    }

    /// The revision that gets the tasks; where none does, the one that is to.
    pub(super) fn routed(&self) -> Option<&'a Revision> {
        let serving = self.serving().map(|instance| &instance.name.revision).max();
        serving.or_else(|| self.plan?.status.routed.as_ref())
    }

    /// How many there should be.
    pub(super) fn replicas(&self) -> usize {
        usize::try_from(self.plan.map_or(0, |plan| plan.status.wanted_replicas)).unwrap_or(usize::MAX)
    }

    /// What nothing more happens for.
    pub(super) fn waiting(&self) -> Option<&'a Waiting> {
        self.waiting.or_else(|| self.plan?.waiting.as_ref())
    }

    /// Whether somebody called the upgrade to the wanted revision off.
    pub(super) fn called_off(&self) -> bool {
        let planned = self.plan.and_then(|plan| plan.status.desired.as_ref());
        self.problems.is_empty() && self.wanted.is_some() && planned.is_some() && planned != self.wanted
    }

    /// Whether pods of the wanted revision serve with all replicas.
    pub(super) fn complete(&self) -> bool {
        let Some(plan) = self.plan else { return false };
        let serving = self.serving().filter(|instance| Some(&instance.name.revision) == self.wanted).count();
        let decided = plan.status.upgrade.is_none() && plan.status.withdrawn.is_none();
        let others = self.serving().any(|instance| Some(&instance.name.revision) != self.wanted);
        decided && self.problems.is_empty() && !self.called_off() && serving >= self.replicas() && !others
    }

    /// Whether the wanted revision could serve, and only the Service does not route to it yet.
    pub(super) fn switching(&self) -> bool {
        let ready = |instance: &&Instance| Some(&instance.name.revision) == self.wanted && instance.is_ready();
        let decided =
            self.plan.is_some_and(|plan| plan.status.routed.is_some() && plan.status.routed.as_ref() == self.wanted);
        decided && !self.complete() && self.instances.iter().filter(ready).count() >= self.replicas()
    }

    /// Whether old pods still finish what they have. That they are told to stop does not count: one whose node is lost
    /// may be so for ever.
    pub(super) fn draining(&self) -> bool {
        self.plan.is_some_and(|plan| !plan.status.draining.is_empty())
    }
}
