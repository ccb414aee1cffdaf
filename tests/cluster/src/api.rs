//! The Kubernetes API, as little of it as bringing up a cluster needs: one request, one answer, no connection kept.

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
pub use hourglass_environment::api::Answer;
use hourglass_environment::api::exchange;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;

use crate::certificates::Identity;

/// The longest that an answer may keep silent.
const SILENCE: Duration = Duration::from_secs(30);

/// An API server, as one user.
#[derive(Debug, Clone)]
pub struct Api {
    address: SocketAddr,
    config: Arc<ClientConfig>,
    silence: Duration,
}

impl Api {
    pub(crate) fn new(address: SocketAddr, roots: &[u8], identity: &Identity) -> Result<Self> {
        let mut store = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(roots) {
            store.add(certificate.context("the authority's certificate")?)?;
        }
        let chain: Vec<_> =
            CertificateDer::pem_slice_iter(identity.certificate.as_bytes()).collect::<Result<_, _>>()?;
        let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes())?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(store)
            .with_client_auth_cert(chain, key)?;
        Ok(Self { address, config: Arc::new(config), silence: SILENCE })
    }

    /// Gives up when nothing comes for this long, instead of for half a minute.
    #[must_use]
    pub fn silence(mut self, longest: Duration) -> Self {
        self.silence = longest;
        self
    }

    /// The same user at another server of the cluster.
    pub(crate) fn elsewhere(&self, address: SocketAddr) -> Self {
        Self { address, ..self.clone() }
    }

    /// One request and its answer, whatever the status is.
    ///
    /// # Errors
    /// Where the server is not reached, keeps silent for too long, or speaks no HTTP over TLS.
    pub fn request(&self, method: &str, path: &str, kind: &str, body: &[u8]) -> Result<Answer> {
        let tcp = TcpStream::connect_timeout(&self.address, self.silence).with_context(|| self.address.to_string())?;
        tcp.set_read_timeout(Some(self.silence))?;
        tcp.set_write_timeout(Some(self.silence))?;
        let server = ServerName::IpAddress(self.address.ip().into());
        let connection = ClientConnection::new(Arc::clone(&self.config), server)?;
        let headers = [("Content-Type", kind), ("User-Agent", "hourglass-cluster")];
        exchange(StreamOwned::new(connection, tcp), method, path, &headers, body)
    }

    /// A request that must be answered with 2xx: the answer, `null` where it is no JSON.
    ///
    /// # Errors
    /// As [`request`](Self::request), and where it is refused: the server's message.
    pub fn call(&self, method: &str, path: &str, kind: &str, body: &Value) -> Result<Value> {
        let body = if body.is_null() { Vec::new() } else { serde_json::to_vec(body)? };
        let answer = self.request(method, path, kind, &body).with_context(|| format!("{method} {path}"))?;
        let value: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        if !(200..300).contains(&answer.status) {
            let text = String::from_utf8_lossy(&answer.body);
            let message = value.get("message").and_then(Value::as_str).unwrap_or(text.trim());
            bail!("{method} {path}: {}: {message}", answer.status);
        }
        Ok(value)
    }

    /// `GET`.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub fn get(&self, path: &str) -> Result<Value> {
        self.call("GET", path, "application/json", &Value::Null)
    }

    /// `POST` of an object.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub fn create(&self, path: &str, object: &Value) -> Result<Value> {
        self.call("POST", path, "application/json", object)
    }

    /// Server-side apply of an object at its own path, as the field manager `hourglass-cluster`, by force.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub fn apply(&self, path: &str, object: &Value) -> Result<Value> {
        let path = format!("{path}?fieldManager=hourglass-cluster&force=true");
        self.call("PATCH", &path, "application/apply-patch+yaml", object)
    }

    /// `PATCH` with a merge patch.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub fn merge(&self, path: &str, patch: &Value) -> Result<Value> {
        self.call("PATCH", path, "application/merge-patch+json", patch)
    }

    /// `DELETE`.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub fn delete(&self, path: &str) -> Result<Value> {
        self.call("DELETE", path, "application/json", &Value::Null)
    }
}
