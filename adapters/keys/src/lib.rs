//! Operator keys.
mod bn254;
mod ecdsa;
mod error;
mod random;
mod verifier;

pub use bn254::{Bn254Key, Bn254Signer, Bn254Verifier, G1Bytes, hash_to_g1, solidity_hash_to_g1};
pub use ecdsa::{EcdsaKey, EcdsaSigner, recover, verify_digest};
pub use error::KeyError;
pub use verifier::{CurveVerifier, verify_result};
