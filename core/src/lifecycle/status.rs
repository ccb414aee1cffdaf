use serde::{Deserialize, Serialize};

use crate::lifecycle::{Failure, Withdrawn};
use crate::performer::{InstanceName, Revision};
use crate::time::Timestamp;

/// The phases of the specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Phase {
    /// Nothing serves yet, or again.
    #[default]
    Pending,
    /// Serving; or asked for no replicas and running none.
    Running,
    /// Another revision is taking over.
    Upgrading,
    /// On its way out.
    Terminating,
    /// Not serving, and nothing more will be tried by itself.
    Failed,
}

/// What users see of a performer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PerformerStatus {
    /// Where it is in its life.
    pub phase: Phase,
    /// Instances of `routed` that are ready and not being drained: those that get tasks.
    pub ready_replicas: u32,
    /// How many there should be.
    pub wanted_replicas: u32,
    /// The revision that tasks go to once the plan is carried out.
    pub routed: Option<Revision>,
    /// Since when `routed` is the one, where that is known.
    pub routed_since: Option<Timestamp>,
    /// The revision that the intent asks for.
    pub desired: Option<Revision>,
    /// The upgrade that is under way.
    pub upgrade: Option<UpgradeStatus>,
    /// That `desired` was given up, and why. What served before keeps serving.
    pub withdrawn: Option<Withdrawn>,
    /// Why less is ready than should be, where an instance has failed.
    pub failure: Option<Failure>,
    /// Instances that get no new tasks and are stopped when idle.
    pub draining: Vec<InstanceName>,
}

/// An upgrade that is under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpgradeStatus {
    /// What serves, or served, until the switch; `None` on the first deployment.
    pub from: Option<Revision>,
    /// What takes over.
    pub to: Revision,
    /// When its first instance was started; `None` before.
    pub started: Option<Timestamp>,
    /// When it is given up if not ready.
    pub deadline: Option<Timestamp>,
    /// Instances of `to` that are ready.
    pub ready: u32,
}
