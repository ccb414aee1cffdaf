//! The application services: what the driving side (gRPC, the command line) calls.

mod management;
pub mod manager;
mod task_error;
mod task_service;

pub use management::{
    AuthProof, Challenge, ChallengeLimits, DeployRequest, Deployment, ManagedAvs, ManagementAuth, ManagementError,
    ManagementErrorKind, ManagementOptions, ManagementService, PerformerListing, PerformerManagement, RandomBytes,
};
pub use task_error::{ErrorKind, TaskError};
pub use task_service::{Origin, SignedResult, TaskApi};
