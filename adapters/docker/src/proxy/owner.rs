use std::path::PathBuf;
use std::sync::OnceLock;

use super::refusal::Refusal;
use super::rules::Identity;
use crate::ExecutorId;

/// Where the proxy learns for whom it works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// It is told.
    Id(ExecutorId),
    /// From the file that the executor makes at its first start. Read once: what the file says later changes nothing
    /// until the proxy is started again.
    File(PathBuf),
}

/// What it learned.
#[derive(Debug)]
pub(super) struct Known {
    owner: Owner,
    identity: OnceLock<Identity>,
}

impl Known {
    pub(super) fn new(owner: Owner) -> Self {
        Self { owner, identity: OnceLock::new() }
    }

    /// # Errors
    /// The executor was never started, or its file says something else.
    pub(super) async fn identity(&self) -> Result<&Identity, Refusal> {
        if let Some(identity) = self.identity.get() {
            return Ok(identity);
        }
        let id = match &self.owner {
            Owner::Id(id) => id.clone(),
            Owner::File(path) => {
                let failed = |what: String| {
                    Refusal::unavailable("executor-id", format!("{}: {what}; the executor makes it", path.display()))
                };
                let text = tokio::fs::read_to_string(path).await.map_err(|error| failed(error.to_string()))?;
                text.trim().parse().map_err(|error: crate::ExecutorIdError| failed(error.to_string()))?
            }
        };
        tracing::info!(executor = %id, "letting calls through for this executor");
        Ok(self.identity.get_or_init(|| Identity::new(id)))
    }
}
