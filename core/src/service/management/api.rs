use std::net::IpAddr;

use async_trait::async_trait;
use thiserror::Error;

use crate::performer::EnvVar;
use crate::ports::ManagerError;

/// A challenge and its answer, as a management request carries them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthProof {
    /// 64 hexadecimal characters.
    pub challenge_token: String,
    /// Over keccak256(keccak256(ascii token)).
    pub signature: Vec<u8>,
}

/// A challenge to be signed once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// 64 hexadecimal characters.
    pub token: String,
    /// Unix seconds.
    pub expires_at: i64,
}

/// A request to deploy an artifact, fields as on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeployRequest {
    /// For which AVS.
    pub avs_address: String,
    /// Of the artifact.
    pub digest: String,
    /// Where it is.
    pub registry_url: String,
    /// Its environment.
    pub env: Vec<EnvVar>,
    /// Kubernetes only.
    pub service_account: Option<String>,
}

/// A deployment that is in service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    /// Names it.
    pub id: String,
}

/// One performer, or one revision of it that waits to take over; fields as on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PerformerListing {
    /// What [`PerformerManagement::remove`] takes.
    pub performer_id: String,
    /// Lower case.
    pub avs_address: String,
    /// `InService` or `Staged` while it serves or waits; else its phase.
    pub status: String,
    /// Without tag and digest.
    pub artifact_registry: String,
    /// `sha256:…`, or empty.
    pub artifact_digest: String,
    /// Or empty.
    pub artifact_tag: String,
    /// Whether the instance runs.
    pub resource_healthy: bool,
    /// Whether it answers its health checks.
    pub application_healthy: bool,
    /// RFC 3339, or empty.
    pub last_health_check: String,
    /// What the platform calls the instance.
    pub container_id: String,
}

/// Manages performers on behalf of authenticated callers.
#[async_trait]
pub trait PerformerManagement: Send + Sync + 'static {
    /// Deploys an artifact beside what serves, and switches to it when it is ready. Returns when it serves.
    async fn deploy(&self, request: DeployRequest, proof: Option<AuthProof>) -> Result<Deployment, ManagementError>;

    /// Lists performers; an empty address lists those of every AVS.
    async fn list(&self, avs_address: &str, proof: Option<AuthProof>)
    -> Result<Vec<PerformerListing>, ManagementError>;

    /// Removes a performer.
    async fn remove(&self, performer_id: &str, proof: Option<AuthProof>) -> Result<(), ManagementError>;

    /// Lets the revision that is ready and waits take over. Returns when it serves.
    ///
    /// # Errors
    /// [`ManagementErrorKind::FailedPrecondition`] where nothing waits, or what waits is not ready.
    async fn promote(&self, performer_id: &str, proof: Option<AuthProof>) -> Result<(), ManagementError>;

    /// Calls an upgrade off: what serves stays, until the configuration changes or an artifact is deployed.
    ///
    /// # Errors
    /// [`ManagementErrorKind::FailedPrecondition`] where none is under way, or nothing served before it.
    async fn abort(&self, performer_id: &str, proof: Option<AuthProof>) -> Result<(), ManagementError>;

    /// Issues a challenge for the named operator.
    async fn challenge(&self, operator_address: &str, peer: Option<IpAddr>) -> Result<Challenge, ManagementError>;
}

/// What kind of failure a management answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ManagementErrorKind {
    /// A field is missing or does not have its form.
    InvalidArgument,
    /// No valid proof.
    Unauthenticated,
    /// Another operator's business.
    PermissionDenied,
    /// No such performer.
    NotFound,
    /// A deployment is in progress.
    AlreadyExists,
    /// It cannot be done as things are set up.
    FailedPrecondition,
    /// Not offered as configured.
    Unimplemented,
    /// Too much at once.
    ResourceExhausted,
    /// It took too long.
    DeadlineExceeded,
    /// Something needed is not there now.
    Unavailable,
}

/// Why a management request failed. The text is what the contract says where it says one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct ManagementError {
    /// What kind.
    pub kind: ManagementErrorKind,
    /// For people, naming what to change.
    pub message: String,
}

impl ManagementError {
    pub(super) fn new(kind: ManagementErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ManagementErrorKind::InvalidArgument, message)
    }

    pub(super) fn precondition(message: impl Into<String>) -> Self {
        Self::new(ManagementErrorKind::FailedPrecondition, message)
    }
}

impl From<ManagerError> for ManagementError {
    fn from(error: ManagerError) -> Self {
        let kind = match error {
            ManagerError::Store(_) | ManagerError::Unavailable(_) => ManagementErrorKind::Unavailable,
            ManagerError::TooMany { .. } => ManagementErrorKind::ResourceExhausted,
        };
        Self::new(kind, error.to_string())
    }
}
