use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::lifecycle::{History, PerformerStatus, StartInstance, Waiting};
use crate::performer::{InstanceName, PerformerName, Revision};
use crate::ports::{Event, Severity};
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
    /// When to plan again if nothing is observed before; always after the `now` of this plan.
    pub wake_at: Option<Timestamp>,
    /// What happened: each stands for a change from the given history to `history`, so it is told once when they are
    /// emitted after `history` was saved.
    pub events: Vec<Event>,
}

impl Plan {
    /// The event that says what is waited for, where `before` (that of the plan before this one) had another reason.
    pub fn waiting_event(&self, performer: &PerformerName, before: Option<&Waiting>, at: Timestamp) -> Option<Event> {
        let waiting = self.waiting.as_ref()?;
        if before.is_some_and(|before| before.reason() == waiting.reason()) {
            return None;
        }
        let severity = if waiting.is_warning() { Severity::Warning } else { Severity::Normal };
        Some(Event {
            performer: performer.clone(),
            at,
            severity,
            reason: waiting.reason(),
            message: waiting.to_string(),
        })
    }
}

/// One step, specific enough that whoever carries it out decides nothing. Every step is idempotent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Create and start this instance. Where the runtime answers with an error other than "unavailable", what is
    /// observed from then on includes [`Instance::never_started`](crate::lifecycle::Instance::never_started).
    Start(Box<StartInstance>),
    /// From now on send tasks to these instances, which are all of one revision, and to no instance of another one.
    /// Those of them that were being drained no longer are.
    ///
    /// A platform that routes by revision may include more instances of it, except those being drained.
    Route {
        /// Which revision.
        revision: Revision,
        /// Its instances, ordered by name.
        instances: Vec<InstanceName>,
    },
    /// Send no more tasks to this instance and let it finish what it has. A later plan stops it when it is idle, or at
    /// the deadline.
    Drain {
        /// Which one.
        instance: InstanceName,
        /// When it is stopped at the latest.
        deadline: Timestamp,
    },
    /// Send no more tasks to this instance, ask it to end, kill it after `grace`, remove what is left. Where there is
    /// nothing but an [`Instance::never_started`](crate::lifecycle::Instance::never_started), forget that.
    Stop {
        /// Which one.
        instance: InstanceName,
        /// Between the request and the kill.
        grace: Duration,
    },
    /// The performer was to go and nothing of it is left: forget it.
    Forget,
}
