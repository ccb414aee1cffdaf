use serde::{Deserialize, Serialize};

use crate::performer::Revision;

/// The phases of the specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Phase {
    /// Nothing serves yet.
    #[default]
    Pending,
    /// Serving as asked.
    Running,
    /// Serving, while another revision takes over.
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
    /// Instances that serve.
    pub ready_replicas: u32,
    /// The revision that tasks go to.
    pub routed: Option<Revision>,
}

/// Why nothing more happens right now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Waiting {}
