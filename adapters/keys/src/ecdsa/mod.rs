//! ECDSA on secp256k1, through libsecp256k1 (`docs/adr/0003-ecdsa-implementation.md`).

mod key;
mod recover;
mod signer;

pub use key::EcdsaKey;
pub(crate) use key::address_of;
pub use recover::{recover, verify_digest};
pub use signer::EcdsaSigner;
