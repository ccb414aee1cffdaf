use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::address::Address;
use crate::curve::CurveType;
use crate::digest::Digest;
use crate::task::Certificate;

/// A public key on G2 of BN254: `X.c1 ‖ X.c0 ‖ Y.c1 ‖ Y.c0`, each 32 bytes big-endian (`contract.md` §2).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Bn254PublicKey(pub [u8; 128]);

impl fmt::Debug for Bn254PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{}", const_hex::encode(self.0))
    }
}

impl Serialize for Bn254PublicKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&const_hex::encode_prefixed(self.0))
    }
}

impl<'de> Deserialize<'de> for Bn254PublicKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut bytes = [0; 128];
        const_hex::decode_to_slice(&text, &mut bytes).map_err(serde::de::Error::custom)?;
        Ok(Self(bytes))
    }
}

/// What a signature is checked against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PublicKey {
    /// The address that signs.
    Ecdsa(Address),
    /// The key itself.
    Bn254(Bn254PublicKey),
}

impl PublicKey {
    /// Its curve.
    pub const fn curve(&self) -> CurveType {
        match self {
            Self::Ecdsa(_) => CurveType::Ecdsa,
            Self::Bn254(_) => CurveType::Bn254,
        }
    }
}

/// Signs with the operator's key. Deterministic: the same bytes always give the same signature.
#[async_trait]
pub trait ResultSigner: Send + Sync + 'static {
    /// The key's public half.
    fn public_key(&self) -> PublicKey;

    /// Signs a certificate of the signer's curve: 65 bytes `r ‖ s ‖ v`, v in {27, 28}, or 64 bytes on G1.
    async fn sign_certificate(&self, certificate: &Certificate) -> Result<Vec<u8>, SignerError>;

    /// Signs keccak256 of a message: an authentication of a result, or the answer to a challenge. BN254 maps it to G1
    /// as RFC 9380 says.
    async fn sign_message(&self, message: &[u8]) -> Result<Vec<u8>, SignerError>;
}

/// Why nothing was signed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SignerError {
    /// The certificate is for the other curve.
    #[error("a {key} key cannot sign for a {wanted} operator set")]
    WrongCurve {
        /// Of the key.
        key: CurveType,
        /// Of the certificate.
        wanted: CurveType,
    },
    /// A remote signer does not answer.
    #[error("the signer is not available: {0}")]
    Unavailable(String),
}

/// Checks signatures over the keccak256 of a message: submissions, authentications, answers to challenges.
///
/// Synchronous: it costs CPU (a pairing on BN254) and nothing else.
pub trait SignatureVerifier: Send + Sync + 'static {
    /// Whether `signature` was made over `digest` with the key.
    ///
    /// # Errors
    /// [`SignatureError`]; malleable (high-s), degenerate (identity) and off-curve signatures are refused.
    fn verify(&self, key: &PublicKey, digest: &Digest, signature: &[u8]) -> Result<(), SignatureError>;
}

/// Why a signature is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SignatureError {
    /// It cannot be one, whatever the message: length, range, curve, identity, high s.
    #[error("malformed signature: {0}")]
    Malformed(&'static str),
    /// It was made with another key or over another message.
    #[error("the signature does not match")]
    Mismatch,
    /// The *key* is not a point of the curve's subgroup.
    #[error("malformed public key: {0}")]
    MalformedKey(&'static str),
}
