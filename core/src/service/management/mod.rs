//! Management: deploying, listing and removing performers on behalf of authenticated callers (`contract.md` §1).

mod api;
mod artifact;
mod authentication;
mod challenges;
mod deploy;
mod listing;
mod service;
mod upgrade;

pub use api::{
    AuthProof, Challenge, DeployRequest, Deployment, ManagementError, ManagementErrorKind, PerformerListing,
    PerformerManagement,
};
pub use authentication::ManagementAuth;
pub use challenges::{ChallengeLimits, RandomBytes};
pub use service::{ManagedAvs, ManagementOptions, ManagementService};
