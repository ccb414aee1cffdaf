//! What is known of one instance.

use hourglass_core::lifecycle::{ExitCause, Health, Instance, InstanceState, Owner};
use hourglass_core::performer::{Endpoint, InstanceName};
use hourglass_core::time::Timestamp;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::records::Intent;

/// One instance, as the table has it.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) owner: Owner,
    pub(crate) state: InstanceState,
    pub(crate) port: u16,
    pub(crate) started_at: Timestamp,
    pub(crate) pid: Option<i32>,
    pub(crate) deadline: watch::Sender<Option<Instant>>,
    pub(crate) keeper: Option<AbortHandle>,
}

impl Entry {
    pub(crate) fn new(intent: &Intent, state: InstanceState, pid: Option<i32>) -> Self {
        Self {
            owner: Owner::Ours,
            state,
            port: intent.port,
            started_at: intent.started_at,
            pid,
            deadline: watch::Sender::new(None),
            keeper: None,
        }
    }

    pub(crate) fn foreign() -> Self {
        Self {
            owner: Owner::Foreign,
            state: InstanceState::Exited { cause: ExitCause::Unknown, at: Timestamp::EPOCH, output: None },
            port: 0,
            started_at: Timestamp::EPOCH,
            pid: None,
            deadline: watch::Sender::new(None),
            keeper: None,
        }
    }

    /// The earliest deadline holds.
    pub(crate) fn stop_at(&self, deadline: Instant) {
        self.deadline.send_modify(|at| *at = Some(at.map_or(deadline, |at| at.min(deadline))));
    }

    pub(crate) fn observed(&self, name: &InstanceName) -> Instance {
        Instance {
            name: name.clone(),
            owner: self.owner,
            state: self.state.clone(),
            health: Health::Unknown,
            endpoint: (self.port != 0).then(|| Endpoint { host: "127.0.0.1".into(), port: self.port }),
            started_at: self.started_at,
            routed: false,
            in_flight: None,
            platform_id: self.pid.map(|pid| pid.to_string()),
            // A process does not outlive the executor, which knows what it started.
            image: None,
        }
    }
}
