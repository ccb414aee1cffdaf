//! The application services: what the driving side (gRPC, the command line) calls.

mod management;
pub mod manager;
mod task_error;
mod task_service;

pub use management::{
    AuthProof, Challenge, DeployRequest, Deployment, ManagementError, ManagementErrorKind, PerformerListing,
    PerformerManagement,
};
pub use task_error::{ErrorKind, TaskError};
pub use task_service::{Origin, SignedResult, TaskApi};
