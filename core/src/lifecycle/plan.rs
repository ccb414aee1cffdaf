use serde::{Deserialize, Serialize};

use crate::lifecycle::{History, PerformerStatus, StartInstance, Waiting};
use crate::performer::{InstanceName, Revision};
use crate::time::Timestamp;

/// What is to be done about a performer now, and what is known about it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// In this order. The actor decides nothing; after the first failure it observes and plans anew.
    pub actions: Vec<Action>,
    /// To be made durable *before* the actions are carried out.
    pub history: History,
    /// What users see.
    pub status: PerformerStatus,
    /// Why nothing more happens, if so.
    pub waiting: Option<Waiting>,
    /// When to plan again if nothing is observed before.
    pub wake_at: Option<Timestamp>,
}

/// One step, specific enough that whoever carries it out decides nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Create and start this instance.
    Start(Box<StartInstance>),
    /// From now on send tasks to the instances of this revision, and to no other.
    Route {
        /// Which one.
        revision: Revision,
    },
    /// Send no more tasks to this instance and let it finish what it has; it is stopped when idle, or at the deadline.
    Drain {
        /// Which one.
        instance: InstanceName,
        /// When it is stopped at the latest.
        deadline: Timestamp,
    },
    /// Ask it to end, kill it after `grace`, remove what is left.
    Stop {
        /// Which one.
        instance: InstanceName,
        /// Between the request and the kill.
        grace: std::time::Duration,
    },
    /// The performer was to go and nothing of it is left: forget it.
    Forget,
}
