//! The life of a performer, decided by one pure function over plain data.

mod instance;
mod intent;
mod plan;
mod status;

pub use instance::{ExitCause, Health, Instance, InstanceState, Owner, StartDelay, StartInstance};
pub use intent::{History, Intent, PerformerRecord};
pub use plan::{Action, Plan};
pub use status::{PerformerStatus, Phase, Waiting};
