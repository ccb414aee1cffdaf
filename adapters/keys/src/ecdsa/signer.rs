use async_trait::async_trait;
use hourglass_core::CurveType;
use hourglass_core::ports::{PublicKey, ResultSigner, SignerError};
use hourglass_core::task::Certificate;

use super::EcdsaKey;

/// Signs with a secp256k1 key that this process holds.
#[derive(Debug)]
pub struct EcdsaSigner(EcdsaKey);

impl EcdsaSigner {
    /// Signs with this key.
    pub const fn new(key: EcdsaKey) -> Self {
        Self(key)
    }
}

#[async_trait]
impl ResultSigner for EcdsaSigner {
    fn public_key(&self) -> PublicKey {
        PublicKey::Ecdsa(self.0.address())
    }

    async fn sign_certificate(&self, certificate: &Certificate) -> Result<Vec<u8>, SignerError> {
        match certificate.curve() {
            CurveType::Ecdsa => Ok(self.0.sign_digest(&certificate.digest()).to_vec()),
            wanted => Err(SignerError::WrongCurve { key: CurveType::Ecdsa, wanted }),
        }
    }

    async fn sign_message(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        Ok(self.0.sign_message(message).to_vec())
    }
}
