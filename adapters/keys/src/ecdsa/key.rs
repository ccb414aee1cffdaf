use std::fmt;

use hourglass_core::{Address, CurveType, Digest, Secret, keccak256};
use secp256k1::ecdsa::RecoverableSignature;
use secp256k1::{Message, PublicKey, SecretKey};

use crate::KeyError;
use crate::random::random;

/// A secp256k1 private key, erased when dropped and never printed.
#[derive(Clone)]
pub struct EcdsaKey {
    secret: SecretKey,
    address: Address,
}

impl EcdsaKey {
    /// A new key from the system's random numbers.
    ///
    /// # Errors
    /// [`KeyError::Randomness`].
    pub fn generate() -> Result<Self, KeyError> {
        loop {
            // Out of range once in 2^128.
            if let Ok(key) = Self::from_bytes(&*random::<32>()?) {
                return Ok(key);
            }
        }
    }

    /// The key with this big-endian number.
    ///
    /// # Errors
    /// [`KeyError::OutOfRange`] for zero and for the group's order and above.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, KeyError> {
        let secret =
            SecretKey::from_secret_bytes(*bytes).map_err(|_| KeyError::OutOfRange { curve: CurveType::Ecdsa })?;
        Ok(Self { secret, address: address_of(&secret.public_key()) })
    }

    /// The address that signs with this key.
    pub const fn address(&self) -> Address {
        self.address
    }

    /// The public key, `X ‖ Y`.
    pub fn public_key(&self) -> [u8; 64] {
        uncompressed(&self.secret.public_key())
    }

    /// The number, big-endian.
    pub fn to_bytes(&self) -> Secret<[u8; 32]> {
        Secret::new(self.secret.to_secret_bytes())
    }

    /// Signs a digest: `r ‖ s ‖ v`, nonce by RFC 6979, low s, v in {27, 28}. The same digest gives the same signature.
    pub fn sign_digest(&self, digest: &Digest) -> [u8; 65] {
        let message = Message::from_digest(*digest.as_bytes());
        let (id, compact) = RecoverableSignature::sign_ecdsa_recoverable(message, &self.secret).serialize_compact();
        let mut signature = [0; 65];
        signature[..64].copy_from_slice(&compact);
        signature[64] = 27 + id.to_u8();
        signature
    }

    /// Signs keccak256 of a message.
    pub fn sign_message(&self, message: &[u8]) -> [u8; 65] {
        self.sign_digest(&keccak256(message))
    }
}

impl Drop for EcdsaKey {
    fn drop(&mut self) {
        self.secret.non_secure_erase();
    }
}

impl fmt::Debug for EcdsaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EcdsaKey").field("address", &self.address).finish_non_exhaustive()
    }
}

fn uncompressed(key: &PublicKey) -> [u8; 64] {
    let mut point = [0; 64];
    point.copy_from_slice(&key.serialize_uncompressed()[1..]);
    point
}

/// The last 20 bytes of keccak256 of the uncompressed key without its prefix.
pub(crate) fn address_of(key: &PublicKey) -> Address {
    let hash = keccak256(uncompressed(key));
    let mut address = [0; 20];
    address.copy_from_slice(&hash.as_bytes()[12..]);
    Address::new(address)
}
