use std::fmt;

use ark_bn254::{Fr, G1Affine, G1Projective, G2Projective};
use ark_ec::{CurveGroup, PrimeGroup};
use ark_ff::{BigInt, PrimeField, Zero};
use hourglass_core::ports::Bn254PublicKey;
use hourglass_core::{CurveType, Digest, Secret, keccak256};
use zeroize::{Zeroize, Zeroizing};

use super::masked::{SecretScalar, multiply, uniform_scalar};
use super::point::{G1Bytes, g1_to_bytes, g2_to_bytes};
use super::{hash_to_g1, solidity_hash_to_g1};
use crate::KeyError;

/// A BN254 private key, wiped when dropped and never printed.
#[derive(Clone)]
pub struct Bn254Key {
    scalar: SecretScalar,
    public_g2: Bn254PublicKey,
    public_g1: G1Bytes,
}

impl Bn254Key {
    /// A new key from the system's random numbers.
    ///
    /// # Errors
    /// [`KeyError::Randomness`].
    pub fn generate() -> Result<Self, KeyError> {
        Self::from_scalar(SecretScalar(uniform_scalar()?))
    }

    /// The key with this big-endian number.
    ///
    /// # Errors
    /// [`KeyError::OutOfRange`] for zero and for the group's order and above; [`KeyError::Randomness`].
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, KeyError> {
        let mut integer = BigInt::<4>::default();
        for (limb, part) in integer.0.iter_mut().zip(bytes.rchunks_exact(8)) {
            *limb = part.iter().fold(0, |limb, byte| limb << 8 | u64::from(*byte));
        }
        let scalar = Fr::from_bigint(integer).map(SecretScalar);
        integer.zeroize();
        Self::from_scalar(scalar.ok_or(KeyError::OutOfRange { curve: CurveType::Bn254 })?)
    }

    fn from_scalar(scalar: SecretScalar) -> Result<Self, KeyError> {
        if scalar.0.is_zero() {
            return Err(KeyError::OutOfRange { curve: CurveType::Bn254 });
        }
        let public_g2 = g2_to_bytes(&multiply(G2Projective::generator(), &scalar)?.into_affine());
        let public_g1 = g1_to_bytes(&multiply(G1Projective::generator(), &scalar)?.into_affine());
        Ok(Self { scalar, public_g2, public_g1 })
    }

    /// The public key, against which signatures are verified.
    pub const fn public_key(&self) -> Bn254PublicKey {
        self.public_g2
    }

    /// The public key on G1, which registration on chain asks for beside the one on G2.
    pub const fn public_key_g1(&self) -> G1Bytes {
        self.public_g1
    }

    /// The number, big-endian.
    pub fn to_bytes(&self) -> Secret<[u8; 32]> {
        let mut integer = Zeroizing::new(self.scalar.0.into_bigint());
        let mut bytes = Zeroizing::new([0; 32]);
        for (slot, limb) in bytes.rchunks_exact_mut(8).zip(integer.0.iter_mut()) {
            slot.copy_from_slice(&limb.to_be_bytes());
        }
        Secret::new(*bytes)
    }

    /// Signs the digest of a certificate, mapped to G1 as contracts map it.
    ///
    /// # Errors
    /// [`KeyError::Randomness`]. The signature itself does not depend on any random number.
    pub fn sign_certificate_digest(&self, digest: &Digest) -> Result<G1Bytes, KeyError> {
        self.sign_point(solidity_hash_to_g1(digest))
    }

    /// Signs a digest, mapped to G1 as RFC 9380 says.
    ///
    /// # Errors
    /// As [`Self::sign_certificate_digest`].
    pub fn sign_digest(&self, digest: &Digest) -> Result<G1Bytes, KeyError> {
        self.sign_point(hash_to_g1(digest.as_bytes()))
    }

    /// Signs keccak256 of a message.
    ///
    /// # Errors
    /// As [`Self::sign_certificate_digest`].
    pub fn sign_message(&self, message: &[u8]) -> Result<G1Bytes, KeyError> {
        self.sign_digest(&keccak256(message))
    }

    fn sign_point(&self, point: G1Affine) -> Result<G1Bytes, KeyError> {
        Ok(g1_to_bytes(&multiply(G1Projective::from(point), &self.scalar)?.into_affine()))
    }
}

impl fmt::Debug for Bn254Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bn254Key").field("public_key", &self.public_g2).finish_non_exhaustive()
    }
}
