use std::sync::LazyLock;

use hourglass_core::Digest;
use hourglass_core::ports::{PublicKey, SignatureError, SignatureVerifier};
use hourglass_core::task::Certificate;

use crate::bn254::Bn254Verifier;
use crate::ecdsa;

/// Verifies signatures of both curves. One is enough for a process: it keeps prepared BN254 keys.
#[derive(Debug, Default)]
pub struct CurveVerifier {
    bn254: Bn254Verifier,
}

impl CurveVerifier {
    /// A verifier that has seen no key.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether `signature` is a result signature over the certificate.
    ///
    /// # Errors
    /// [`SignatureError`]; a key of the other curve is a [`SignatureError::MalformedKey`].
    pub fn verify_certificate(
        &self,
        key: &PublicKey,
        certificate: &Certificate,
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        match (key, certificate) {
            (PublicKey::Ecdsa(address), Certificate::Ecdsa { .. }) => {
                ecdsa::verify_digest(address, &certificate.digest(), signature)
            }
            (PublicKey::Bn254(key), Certificate::Bn254 { digest }) => {
                self.bn254.verify_certificate_digest(key, digest, signature)
            }
            _ => Err(SignatureError::MalformedKey("the certificate is for the other curve")),
        }
    }
}

impl SignatureVerifier for CurveVerifier {
    fn verify(&self, key: &PublicKey, digest: &Digest, signature: &[u8]) -> Result<(), SignatureError> {
        match key {
            PublicKey::Ecdsa(address) => ecdsa::verify_digest(address, digest, signature),
            PublicKey::Bn254(key) => self.bn254.verify_digest(key, digest, signature),
        }
    }
}

/// Verifies a result as whoever receives it does: the signature over the certificate, on the certificate's curve.
///
/// # Errors
/// As [`CurveVerifier::verify_certificate`].
pub fn verify_result(key: &PublicKey, certificate: &Certificate, signature: &[u8]) -> Result<(), SignatureError> {
    static VERIFIER: LazyLock<CurveVerifier> = LazyLock::new(CurveVerifier::new);
    VERIFIER.verify_certificate(key, certificate, signature)
}
