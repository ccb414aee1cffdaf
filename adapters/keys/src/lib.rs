//! The operator's keys: what signs, what verifies, and how keys are kept.
//!
//! | what | type |
//! |---|---|
//! | secp256k1 and BN254 private keys | [`EcdsaKey`], [`Bn254Key`] |
//! | the port `ResultSigner` | [`EcdsaSigner`], [`Bn254Signer`] |
//! | the port `SignatureVerifier`, and a client's check of a result | [`CurveVerifier`], [`verify_result`] |
//! | reading keys in any form, from a file, a text or a descriptor | [`load_ecdsa`], [`load_bn254`] |
//! | writing them | [`write_ecdsa`], [`write_bn254`], [`save_key_file`] |
//!
//! What is signed is defined by `hourglass_core::task`; how, by `contract.md` §2 and §3. Private keys are wiped when they
//! are dropped and appear in no `Debug`, error or log. There is no cache of results and no policy here: whether something
//! may be signed is decided before a signer is asked.
//!
//! ```
//! use hourglass_core::task::Certificate;
//! use hourglass_core::{Digest, ports::PublicKey};
//! use hourglass_keys::{Bn254Key, verify_result};
//!
//! let key = Bn254Key::generate()?;
//! let certificate = Certificate::bn254(1_700_000_000, &Digest::new([7; 32]));
//! let signature = key.sign_certificate_digest(&certificate.digest())?;
//! assert!(verify_result(&PublicKey::Bn254(key.public_key()), &certificate, &signature).is_ok());
//! # Ok::<(), hourglass_keys::KeyError>(())
//! ```

mod bn254;
mod ecdsa;
mod error;
mod keystore;
mod load;
mod random;
mod verifier;

pub use bn254::{Bn254Key, Bn254Signer, Bn254Verifier, G1Bytes, hash_to_g1, solidity_hash_to_g1};
pub use ecdsa::{EcdsaKey, EcdsaSigner, recover, verify_digest};
pub use error::KeyError;
pub use keystore::KdfCost;
pub use load::{
    KeyFormat, KeySource, KeyWarning, Loaded, load_bn254, load_ecdsa, load_password, parse_bn254, parse_ecdsa,
    save_key_file, write_bn254, write_ecdsa,
};
pub use verifier::{CurveVerifier, verify_result};
