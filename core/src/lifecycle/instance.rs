use std::fmt;

use serde::{Deserialize, Serialize};

use crate::performer::{Endpoint, Image, InstanceName, PerformerSpec};
use crate::time::Timestamp;

/// One unit that runs: a container, a process, a pod; as it was last observed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// Which one; carries performer and revision.
    pub name: InstanceName,
    /// Whether we made it. What we did not make is never acted on.
    pub owner: Owner,
    /// What it is doing.
    pub state: InstanceState,
    /// What its health checks say; meaningful while it runs.
    pub health: Health,
    /// Where it serves, once that is known.
    pub endpoint: Option<Endpoint>,
    /// When it was started.
    pub started_at: Timestamp,
    /// Whether tasks are sent to it.
    pub routed: bool,
    /// Tasks it has not answered yet; `None` where that cannot be known.
    pub in_flight: Option<u32>,
    /// What the platform calls it (a container id, a pod's uid, a process id), for people.
    pub platform_id: Option<String>,
    /// What it was made from, as it was asked for, where the platform remembers it: for people.
    pub image: Option<Image>,
}

/// Who made an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Owner {
    /// This executor or operator.
    Ours,
    /// Somebody else, under a name that looks like ours.
    Foreign,
}

/// What an instance is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum InstanceState {
    /// Created, not running yet.
    Starting {
        /// What it waits for, in the platform's words: an image, a node.
        waiting_for: Option<StartDelay>,
    },
    /// Running.
    Running,
    /// Told to stop, still there.
    Stopping,
    /// Ended; its remains may still be there.
    Exited {
        /// Why.
        cause: ExitCause,
        /// When.
        at: Timestamp,
        /// The last lines that it printed, where the platform keeps them and they are told: a few hundred characters.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        output: Option<String>,
    },
}

/// What a start waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum StartDelay {
    /// The image is being pulled.
    Pulling {
        /// Progress or the last error, in the platform's words.
        detail: String,
    },
    /// No place fits it.
    Unschedulable {
        /// The scheduler's message.
        detail: String,
    },
}

/// Why an instance ended or could not start.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ExitCause {
    /// By itself, with this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
    /// Out of memory.
    OutOfMemory,
    /// Removed to make room, or with its node.
    Evicted(String),
    /// It could not be started, and trying the same again may help.
    StartFailed {
        /// Stable reason, such as `ImagePullFailed`.
        reason: String,
        /// In the platform's words.
        message: String,
    },
    /// The platform refuses to start it, and trying the same again is pointless: a revision that is still on trial is
    /// withdrawn at once.
    Refused {
        /// Stable reason, such as `ImageNotFound`.
        reason: String,
        /// In the platform's words.
        message: String,
    },
    /// Nobody saw it end.
    Unknown,
}

impl ExitCause {
    /// Stable, in CamelCase: condition reason, event reason and metric label.
    pub fn reason(&self) -> &str {
        match self {
            Self::Code(_) => "Exited",
            Self::Signal(_) => "Killed",
            Self::OutOfMemory => "OutOfMemory",
            Self::Evicted(_) => "Evicted",
            Self::StartFailed { reason, .. } | Self::Refused { reason, .. } => reason,
            Self::Unknown => "Lost",
        }
    }
}

impl fmt::Display for ExitCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exited with code {code}"),
            Self::Signal(signal) => write!(f, "ended by signal {signal}"),
            Self::OutOfMemory => f.write_str("ran out of memory"),
            Self::Evicted(why) => write!(f, "evicted: {why}"),
            Self::StartFailed { reason, message } => write!(f, "could not start ({reason}): {message}"),
            Self::Refused { reason, message } => write!(f, "start refused ({reason}): {message}"),
            Self::Unknown => f.write_str("ended, and nobody saw why"),
        }
    }
}

/// What health checks say of a running instance.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Health {
    /// Not checked yet.
    #[default]
    Unknown,
    /// Answers `SERVING`.
    Ready {
        /// Since when without a break.
        since: Timestamp,
    },
    /// Does not answer, or answers `NOT_SERVING`.
    NotReady {
        /// Since when without a break.
        since: Timestamp,
        /// What it said instead.
        reason: String,
    },
}

impl Instance {
    /// What stands for an instance whose start the runtime answered with an error.
    ///
    /// Nothing of it exists, so no runtime observes it. Whoever carries out plans adds it to what is observed until the
    /// planner asks for it to be stopped; this is how the planner learns of the failure and its cause.
    pub fn never_started(name: InstanceName, cause: ExitCause, at: Timestamp) -> Self {
        Self {
            name,
            owner: Owner::Ours,
            state: InstanceState::Exited { cause, at, output: None },
            health: Health::Unknown,
            endpoint: None,
            started_at: at,
            routed: false,
            in_flight: Some(0),
            platform_id: None,
            image: None,
        }
    }

    /// Whether it runs and is healthy.
    pub fn is_ready(&self) -> bool {
        matches!(self.state, InstanceState::Running) && matches!(self.health, Health::Ready { .. })
    }
}

/// Which instance to start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartInstance {
    /// Under which name.
    pub name: InstanceName,
    /// Of which specification.
    pub spec: PerformerSpec,
}
