//! BLS signatures on BN254: signatures on G1, public keys on G2 (`contract.md` §2).

mod hash_to_g1;
mod increment;
mod key;
mod masked;
mod pairing;
mod point;
mod signer;

pub use hash_to_g1::hash_to_g1;
pub use increment::solidity_hash_to_g1;
pub use key::Bn254Key;
pub use pairing::Bn254Verifier;
pub use point::G1Bytes;
pub use signer::Bn254Signer;
