use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::Method;
use kube::Client;
use serde_json::json;
use thiserror::Error;

use super::record::{LeaseRecord, LeaseWrite};
use crate::connection::{ApiFailure, Call, Content, Refusal, resources::LEASES, send};

/// Why a lease was not written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LeaseFailure {
    /// Somebody else was faster.
    #[error("somebody else has written the lease")]
    Conflict,
    /// Something else. It may have been written.
    #[error(transparent)]
    Other(#[from] ApiFailure),
}

/// One Lease. Every call ends within some seconds.
#[async_trait]
pub trait LeaseApi: Send + Sync + 'static {
    /// Reads it; `None` where there is none.
    async fn get(&self) -> Result<Option<LeaseRecord>, ApiFailure>;

    /// Creates it, unless it exists.
    async fn create(&self, write: &LeaseWrite) -> Result<LeaseRecord, LeaseFailure>;

    /// Writes it, unless it has changed since this resourceVersion.
    async fn write(&self, resource_version: &str, write: &LeaseWrite) -> Result<LeaseRecord, LeaseFailure>;
}

/// A Lease on an API server.
pub struct ApiLease {
    client: Client,
    namespace: String,
    name: String,
    timeout: Duration,
}

impl ApiLease {
    /// Of this name, with this long for each call.
    pub fn new(client: Client, namespace: &str, name: &str, timeout: Duration) -> Self {
        Self { client, namespace: namespace.to_owned(), name: name.to_owned(), timeout }
    }

    async fn put(&self, method: Method, content: Content, body: String) -> Result<LeaseRecord, LeaseFailure> {
        let uri = if method == Method::POST {
            LEASES.collection(Some(&self.namespace))
        } else {
            LEASES.object(&self.namespace, &self.name, None)
        };
        let call = Call { method, uri, body: Some((content, Bytes::from(body))), timeout: self.timeout };
        match send(&self.client, &call).await {
            Ok(reply) => Ok(read(&reply.body)?),
            // Who was deleted cannot be renewed; looking again says so.
            Err(failure) if matches!(failure.code(), Some(404 | 409)) => Err(LeaseFailure::Conflict),
            Err(failure) => Err(failure.into()),
        }
    }
}

fn read(body: &[u8]) -> Result<LeaseRecord, ApiFailure> {
    LeaseRecord::read(body).map_err(|error| ApiFailure::Malformed { message: error.to_string() })
}

#[async_trait]
impl LeaseApi for ApiLease {
    async fn get(&self) -> Result<Option<LeaseRecord>, ApiFailure> {
        let call = Call::get(LEASES.object(&self.namespace, &self.name, None), self.timeout);
        match send(&self.client, &call).await {
            Ok(reply) => read(&reply.body).map(Some),
            Err(failure) if failure.refusal().is_some_and(|refusal: &Refusal| refusal.code == 404) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    async fn create(&self, write: &LeaseWrite) -> Result<LeaseRecord, LeaseFailure> {
        let lease = json!({
            "apiVersion": LEASES.api_version(),
            "kind": LEASES.kind,
            "metadata": { "name": self.name, "namespace": self.namespace },
            "spec": write.spec(),
        });
        self.put(Method::POST, Content::Json, lease.to_string()).await
    }

    async fn write(&self, resource_version: &str, write: &LeaseWrite) -> Result<LeaseRecord, LeaseFailure> {
        let patch = json!({ "metadata": { "resourceVersion": resource_version }, "spec": write.spec() });
        self.put(Method::PATCH, Content::MergePatch, patch.to_string()).await
    }
}
