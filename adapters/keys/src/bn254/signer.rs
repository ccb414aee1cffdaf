use async_trait::async_trait;
use hourglass_core::CurveType;
use hourglass_core::ports::{PublicKey, ResultSigner, SignerError};
use hourglass_core::task::Certificate;

use super::Bn254Key;

/// Signs with a BN254 key that this process holds.
#[derive(Debug)]
pub struct Bn254Signer(Bn254Key);

impl Bn254Signer {
    /// Signs with this key.
    pub const fn new(key: Bn254Key) -> Self {
        Self(key)
    }
}

#[async_trait]
impl ResultSigner for Bn254Signer {
    fn public_key(&self) -> PublicKey {
        PublicKey::Bn254(self.0.public_key())
    }

    async fn sign_certificate(&self, certificate: &Certificate) -> Result<Vec<u8>, SignerError> {
        let Certificate::Bn254 { digest } = certificate else {
            return Err(SignerError::WrongCurve { key: CurveType::Bn254, wanted: certificate.curve() });
        };
        self.0.sign_certificate_digest(digest).map(Vec::from).map_err(|e| SignerError::Unavailable(e.to_string()))
    }

    async fn sign_message(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        self.0.sign_message(message).map(Vec::from).map_err(|e| SignerError::Unavailable(e.to_string()))
    }
}
