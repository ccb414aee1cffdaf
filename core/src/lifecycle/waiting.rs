use std::fmt;

use serde::{Deserialize, Serialize};

use crate::lifecycle::{Failure, Withdrawn};
use crate::performer::{InstanceName, Revision};
use crate::time::Timestamp;

/// Why nothing more happens right now: a condition, an event and a log line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Waiting {
    /// For an image.
    ImagePull {
        /// Which instance.
        instance: InstanceName,
        /// Progress or the last error, in the platform's words.
        detail: String,
    },
    /// For a place to run.
    Unschedulable {
        /// Which instance.
        instance: InstanceName,
        /// The scheduler's message.
        detail: String,
    },
    /// For instances to become ready.
    AwaitingReady {
        /// Of which revision.
        revision: Revision,
        /// How many are ready.
        ready: u32,
        /// How many are to be.
        wanted: u32,
        /// When it is given up, while it is on trial.
        until: Option<Timestamp>,
        /// What the last health check said, if one was made.
        detail: Option<String>,
    },
    /// For somebody to promote a revision that is ready.
    AwaitingPromotion {
        /// Which one.
        revision: Revision,
    },
    /// After failures, for the next try.
    BackOff {
        /// Of which revision.
        revision: Revision,
        /// When it is tried again.
        until: Timestamp,
        /// Failures in a row.
        failures: u32,
        /// The last one.
        cause: Failure,
    },
    /// For tasks to end on instances that get no new ones.
    Draining {
        /// How many instances.
        instances: u32,
        /// How many tasks; `None` where that cannot be known.
        tasks: Option<u32>,
        /// When the last of them is stopped at the latest.
        until: Timestamp,
    },
    /// For instances to be gone that were told to stop.
    Stopping {
        /// How many.
        instances: u32,
    },
    /// For a start that was asked for to be observed.
    Starting {
        /// How many instances.
        instances: u32,
        /// When it counts as never carried out.
        until: Timestamp,
    },
    /// For a person: the wanted revision was given up and is tried again only when the intent changes or a retry is
    /// asked for.
    Withdrawn(Withdrawn),
    /// For the platform: it does not answer, or fails at what it is asked. Never planned; said by whoever carries out
    /// plans.
    RuntimeUnavailable {
        /// What was asked and what was seen.
        message: String,
    },
    /// For the performer store: nothing is done that could not be remembered. Never planned; said by whoever carries
    /// out plans.
    StoreUnavailable {
        /// What was seen and what to change.
        message: String,
    },
}

impl Waiting {
    /// Stable, in CamelCase: condition reason, event reason and metric label.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::ImagePull { .. } => "ImagePull",
            Self::Unschedulable { .. } => "Unschedulable",
            Self::AwaitingReady { .. } => "AwaitingReady",
            Self::AwaitingPromotion { .. } => "AwaitingPromotion",
            Self::BackOff { .. } => "BackOff",
            Self::Draining { .. } => "Draining",
            Self::Stopping { .. } => "Stopping",
            Self::Starting { .. } => "Starting",
            Self::Withdrawn(_) => "RevisionWithdrawn",
            Self::RuntimeUnavailable { .. } => "RuntimeUnavailable",
            Self::StoreUnavailable { .. } => "StoreUnavailable",
        }
    }

    /// Whether somebody should look.
    pub const fn is_warning(&self) -> bool {
        matches!(
            self,
            Self::Unschedulable { .. }
                | Self::BackOff { .. }
                | Self::Withdrawn(_)
                | Self::RuntimeUnavailable { .. }
                | Self::StoreUnavailable { .. }
        )
    }
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ImagePull { instance, detail } => write!(f, "{instance} waits for its image: {detail}"),
            Self::Unschedulable { instance, detail } => write!(f, "no place fits {instance}: {detail}"),
            Self::AwaitingReady { revision, ready, wanted, until, detail } => {
                write!(f, "{ready} of {wanted} instances of revision {revision} are ready")?;
                if let Some(until) = until {
                    write!(f, ", it is given up at {until}")?;
                }
                detail.as_ref().map_or(Ok(()), |detail| write!(f, ": {detail}"))
            }
            Self::AwaitingPromotion { revision } => {
                write!(f, "revision {revision} is ready and waits to be promoted")
            }
            Self::BackOff { revision, until, failures, cause } => {
                write!(f, "revision {revision} failed {failures} times in a row, tried again at {until}: {cause}")
            }
            Self::Draining { instances, tasks, until } => match tasks {
                Some(tasks) => write!(f, "{instances} instances finish {tasks} tasks, until {until}"),
                None => write!(f, "{instances} instances finish their tasks, until {until}"),
            },
            Self::Stopping { instances } => write!(f, "{instances} instances are stopping"),
            Self::Starting { instances, until } => {
                write!(f, "{instances} instances were asked for and are not there yet, until {until}")
            }
            Self::Withdrawn(withdrawn) => write!(
                f,
                "revision {} was given up at {}: {}; change the performer or ask for a retry",
                withdrawn.revision, withdrawn.at, withdrawn.cause
            ),
            Self::RuntimeUnavailable { message } | Self::StoreUnavailable { message } => f.write_str(message),
        }
    }
}
