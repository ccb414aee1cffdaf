//! The life of a performer, decided by one pure function over plain data: [`plan()`].

mod failure;
mod history;
mod instance;
mod intent;
mod last_words;
mod plan;
mod planner;
mod status;
mod waiting;

pub use failure::Failure;
pub use history::{Failures, Good, History, HistoryVersion, InstanceNote, Trial, Withdrawn};
pub use instance::{ExitCause, Health, Instance, InstanceState, Owner, StartDelay, StartInstance};
pub use intent::{Intent, PerformerRecord};
pub use last_words::last_words;
pub use plan::{Action, Plan};
pub use planner::{plan, timing};
pub use status::{PerformerStatus, Phase, UpgradeStatus};
pub use waiting::Waiting;
