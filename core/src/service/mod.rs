//! The application services: what the driving side (gRPC, the command line) calls.

mod management;
pub mod manager;
mod task;
mod task_error;

pub use management::{
    AuthProof, Challenge, ChallengeLimits, DeployRequest, Deployment, ManagedAvs, ManagementAuth, ManagementError,
    ManagementErrorKind, ManagementOptions, ManagementService, PerformerListing, PerformerManagement, RandomBytes,
};
pub use task::{AvsTasks, Origin, SignedResult, Signers, TaskApi, TaskPorts, TaskService, TaskSettings};
pub use task_error::{ErrorKind, TaskError};
