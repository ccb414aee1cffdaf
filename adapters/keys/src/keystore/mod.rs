//! Encrypted key files: EIP-2335 version 4 for BN254, version 3 ("web3 secret storage") for secp256k1.
//!
//! A keystore may come from anywhere, so its costs are bounded before anything is derived ([`KdfCost`]).

mod cipher;
mod eip2335;
mod kdf;
mod password;
mod v3;

use const_hex as hex;
use serde::{Deserialize, Deserializer, Serializer};
use serde_json::Value;

use crate::KeyError;

pub use kdf::KdfCost;

pub(crate) use eip2335::{decrypt as decrypt_bn254, encrypt as encrypt_bn254};
pub(crate) use v3::{decrypt as decrypt_ecdsa, encrypt as encrypt_ecdsa};

/// Bytes as hexadecimal text, as both formats write them; `0x` is tolerated in what is read.
#[derive(Debug, Clone, PartialEq, Eq)]
struct HexBytes(Vec<u8>);

impl serde::Serialize for HexBytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for HexBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        hex::decode(text).map(Self).map_err(|_| serde::de::Error::custom("not hexadecimal"))
    }
}

/// Reads a structure; the message names the field but repeats no value, since the file holds an encrypted key.
fn parse<T: for<'de> Deserialize<'de>>(document: &Value) -> Result<T, KeyError> {
    T::deserialize(document).map_err(|error| KeyError::MalformedKeystore(error.to_string()))
}

/// A random identifier of a keystore, version 4 of RFC 9562.
fn random_uuid() -> Result<String, KeyError> {
    let mut bytes = crate::random::random::<16>()?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let text = hex::encode(*bytes);
    Ok([&text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..]].join("-"))
}

/// Whether two checksums are equal, in a time that does not tell where they differ.
fn same(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len() && left.iter().zip(right).fold(0, |differences, (a, b)| differences | (a ^ b)) == 0
}
