//! The application services: what the driving side (gRPC, the command line) calls.

mod management;
pub mod manager;
mod task;
mod task_error;

pub use management::{
    AuthProof, Challenge, DeployRequest, Deployment, ManagementError, ManagementErrorKind, PerformerListing,
    PerformerManagement,
};
pub use task::{AvsTasks, Origin, SignedResult, Signers, TaskApi, TaskPorts, TaskService, TaskSettings};
pub use task_error::{ErrorKind, TaskError};
