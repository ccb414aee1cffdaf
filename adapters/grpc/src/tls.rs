//! TLS of the server, from PEM. The cryptography is ring's, named for each configuration: no process-wide default.

use std::fmt;
use std::sync::Arc;

use hourglass_core::Secret;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use thiserror::Error;

/// Certificate, key and, for mTLS, the authority that client certificates must come from. All PEM.
#[derive(Clone)]
pub struct TlsOptions {
    /// The certificate chain, the server's own first.
    pub certificate: Vec<u8>,
    /// The private key: PKCS#8, PKCS#1 or SEC1.
    pub key: Secret<Vec<u8>>,
    /// Where present, only clients with a certificate from one of these authorities may connect.
    pub client_ca: Option<Vec<u8>>,
}

impl fmt::Debug for TlsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsOptions").field("client_ca", &self.client_ca.is_some()).finish_non_exhaustive()
    }
}

/// Why certificates or keys cannot be used.
#[derive(Debug, Error)]
pub enum TlsError {
    /// Not the PEM that is needed there.
    #[error("the TLS {what} cannot be read: {problem}")]
    Malformed {
        /// Which of the files.
        what: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// The certificate and the key do not belong together, or the key is of no known kind.
    #[error("the TLS certificate and key cannot be used together: {0}")]
    Mismatch(#[source] rustls::Error),
}

impl TlsError {
    /// Stable reason.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "TlsMalformed",
            Self::Mismatch(_) => "TlsKeyMismatch",
        }
    }

    /// Whether trying again without a change may help: never.
    pub const fn retryable(&self) -> bool {
        false
    }
}

fn certificates(what: &'static str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let malformed = |problem: String| TlsError::Malformed { what, problem };
    let found: Vec<_> =
        CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(|e| malformed(e.to_string()))?;
    if found.is_empty() {
        return Err(malformed("it holds no CERTIFICATE section".into()));
    }
    Ok(found)
}

impl TlsOptions {
    /// Whether a server could serve with it.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self) -> Result<(), TlsError> {
        self.server_config().map(drop)
    }

    /// What rustls serves with. TLS 1.2 and 1.3, `h2` alone.
    pub(crate) fn server_config(&self) -> Result<Arc<ServerConfig>, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let chain = certificates("certificate", &self.certificate)?;
        let key = PrivateKeyDer::from_pem_slice(self.key.expose())
            .map_err(|e| TlsError::Malformed { what: "key", problem: e.to_string() })?;
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Mismatch)?;
        let builder = match &self.client_ca {
            None => builder.with_no_client_auth(),
            Some(pem) => {
                let malformed = |problem: String| TlsError::Malformed { what: "client CA", problem };
                let mut roots = RootCertStore::empty();
                for authority in certificates("client CA", pem)? {
                    roots.add(authority).map_err(|e| malformed(e.to_string()))?;
                }
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                    .build()
                    .map_err(|e| malformed(e.to_string()))?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        let mut config = builder.with_single_cert(chain, key).map_err(TlsError::Mismatch)?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Arc::new(config))
    }
}
