//! Our custom resources as the API server stores them (`contract.md` §5): types, no logic.
//!
//! The comments on fields are what `kubectl explain` shows. Bounds, defaults and rules are added by [`crate::crd`]; what
//! a resource *means* is decided by [`crate::translate`].
//!
//! Reading is lenient, because one object that cannot be read must stop nobody: nothing is required here, and fields
//! that the API server would refuse today may stand in objects that an earlier version accepted.

mod executor;
mod executor_status;
mod hardware;
mod lenient;
mod performer;
mod performer_config;
mod performer_status;
mod pods;
mod scheduling;
mod upgrade;

pub use executor::{
    ChainSpec, ExecutorConfig, ExecutorKubernetes, ExecutorPersistence, HourglassExecutor, HourglassExecutorSpec,
    SchedulingDefaults,
};
pub use executor_status::{ExecutorPhase, HourglassExecutorStatus};
pub use hardware::HardwareRequirements;
pub use performer::{Performer, PerformerSpec, ServiceOptions};
pub use performer_config::{EnvironmentSource, EnvironmentVariable, KeySelector, PerformerConfig};
pub use performer_status::{PerformerPhase, PerformerStatus, WithdrawnRevision};
pub use pods::{LocalReference, PodSecurity, ResourceAmounts};
pub use scheduling::{Scheduling, Spread, UnsatisfiableSpread};
pub use upgrade::UpgradeOptions;
