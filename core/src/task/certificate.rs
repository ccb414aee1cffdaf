use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::curve::CurveType;
use crate::digest::{Digest, keccak256};
use crate::task::message::word;

const BN254_TYPE: &[u8] = b"BN254Certificate(uint32 referenceTimestamp,bytes32 messageHash)";
const ECDSA_TYPE: &[u8] = b"ECDSACertificate(uint32 referenceTimestamp,bytes32 messageHash)";
const DOMAIN_TYPE: &[u8] = b"EIP712Domain(string name,string version,address verifyingContract)";
const DOMAIN_NAME: &[u8] = b"EigenLayer";

/// The EIP-712 domain of an ECDSA certificate verifier; it has no chain id (`contract.md` §2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EcdsaDomain(Digest);

impl EcdsaDomain {
    /// The domain of the contract at `verifier`, with the version text that its `domainSeparator()` uses.
    pub fn new(version: &str, verifier: &Address) -> Self {
        let mut encoded = [0; 128];
        let words = [
            *keccak256(DOMAIN_TYPE).as_bytes(),
            *keccak256(DOMAIN_NAME).as_bytes(),
            *keccak256(version.as_bytes()).as_bytes(),
            word(verifier.as_bytes()),
        ];
        for (slot, word) in encoded.chunks_exact_mut(32).zip(words) {
            slot.copy_from_slice(&word);
        }
        Self(keccak256(encoded))
    }

    /// A domain that was read from the contract.
    pub const fn from_separator(separator: Digest) -> Self {
        Self(separator)
    }

    /// The separator, as `domainSeparator()` returns it.
    pub const fn separator(&self) -> &Digest {
        &self.0
    }
}

/// What a result signature is about, in the form in which each curve signs it.
///
/// Recorded in the journal before any key is used, so that a repeated request is signed over the very same bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Certificate {
    /// `0x1901 ‖ domain ‖ struct hash`, 66 bytes: `domain` and `struct_hash` of it. Signed over its keccak256.
    Ecdsa {
        /// Where the certificate will be verified.
        domain: EcdsaDomain,
        /// `keccak256(abi.encode(typehash, reference_timestamp, message_hash))`.
        struct_hash: Digest,
    },
    /// The digest that is mapped to G1 by try-and-increment (`SolidityHashToG1`); BN254 has no domain.
    Bn254 {
        /// `keccak256(abi.encode(typehash, reference_timestamp, message_hash))`.
        digest: Digest,
    },
}

impl Certificate {
    /// The certificate for an ECDSA operator set.
    pub fn ecdsa(domain: EcdsaDomain, reference_timestamp: u32, message_hash: &Digest) -> Self {
        Self::Ecdsa { domain, struct_hash: struct_hash(ECDSA_TYPE, reference_timestamp, message_hash) }
    }

    /// The certificate for a BN254 operator set.
    pub fn bn254(reference_timestamp: u32, message_hash: &Digest) -> Self {
        Self::Bn254 { digest: struct_hash(BN254_TYPE, reference_timestamp, message_hash) }
    }

    /// The curve that signs it.
    pub const fn curve(&self) -> CurveType {
        match self {
            Self::Ecdsa { .. } => CurveType::Ecdsa,
            Self::Bn254 { .. } => CurveType::Bn254,
        }
    }

    /// The unhashed EIP-712 message of an ECDSA certificate: what a signer that hashes by itself is sent.
    pub fn ecdsa_preimage(&self) -> Option<[u8; 66]> {
        let Self::Ecdsa { domain, struct_hash } = self else { return None };
        let mut preimage = [0; 66];
        preimage[..2].copy_from_slice(&[0x19, 0x01]);
        preimage[2..34].copy_from_slice(domain.separator().as_bytes());
        preimage[34..].copy_from_slice(struct_hash.as_bytes());
        Some(preimage)
    }

    /// The 32 bytes that the curve's signature is over.
    pub fn digest(&self) -> Digest {
        match self {
            Self::Ecdsa { .. } => keccak256(self.ecdsa_preimage().unwrap_or([0; 66])),
            Self::Bn254 { digest } => *digest,
        }
    }
}

fn struct_hash(type_text: &[u8], reference_timestamp: u32, message_hash: &Digest) -> Digest {
    let mut encoded = [0; 96];
    encoded[..32].copy_from_slice(keccak256(type_text).as_bytes());
    encoded[32..64].copy_from_slice(&word(&reference_timestamp.to_be_bytes()));
    encoded[64..].copy_from_slice(message_hash.as_bytes());
    keccak256(encoded)
}
