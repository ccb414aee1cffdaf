//! Ethereum addresses: 20 bytes, written as `0x` and 40 hexadecimal digits.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::digest::keccak256;

/// An Ethereum address.
///
/// [`fmt::Display`] writes lower case, [`Address::checksummed`] the EIP-55 form. Both parse back to the same value.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Address([u8; 20]);

/// Why a text is not an address.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AddressError {
    /// Not `0x` followed by exactly 40 hexadecimal digits.
    #[error("expected 0x and 40 hexadecimal digits")]
    Malformed,
    /// Mixed case that is not the EIP-55 checksum of the address: most likely a typing mistake.
    #[error("wrong checksum: if the address is right, write it as {expected}")]
    Checksum {
        /// The form that would have been accepted.
        expected: String,
    },
}

impl Address {
    /// The address with these bytes.
    pub const fn new(bytes: [u8; 20]) -> Self {
        Self(bytes)
    }

    /// The 20 bytes, most significant first.
    pub const fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }

    /// Whether every byte is zero: in Ethereum, the address of nobody.
    pub fn is_zero(&self) -> bool {
        self.0 == [0; 20]
    }

    /// Parses an address that a *person* wrote: mixed case must carry the EIP-55 checksum.
    ///
    /// # Errors
    /// [`AddressError`], which names the accepted form.
    pub fn parse_checked(text: &str) -> Result<Self, AddressError> {
        let address: Self = text.parse()?;
        let digits = &text[2..];
        let mixed = digits.bytes().any(|b| b.is_ascii_lowercase()) && digits.bytes().any(|b| b.is_ascii_uppercase());
        let expected = address.checksummed();
        if mixed && text != expected {
            return Err(AddressError::Checksum { expected });
        }
        Ok(address)
    }

    /// The EIP-55 form.
    pub fn checksummed(&self) -> String {
        let lower = const_hex::encode(self.0);
        let hash = keccak256(lower.as_bytes());
        let digits = lower.char_indices().map(|(i, c)| {
            let nibble = (hash.as_bytes()[i / 2] >> if i % 2 == 0 { 4 } else { 0 }) & 0xf;
            if nibble >= 8 { c.to_ascii_uppercase() } else { c }
        });
        "0x".chars().chain(digits).collect()
    }
}

impl From<[u8; 20]> for Address {
    fn from(bytes: [u8; 20]) -> Self {
        Self(bytes)
    }
}

impl FromStr for Address {
    type Err = AddressError;

    /// Accepts any letter case, as the wire does.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let digits = text.strip_prefix("0x").ok_or(AddressError::Malformed)?;
        let mut bytes = [0; 20];
        const_hex::decode_to_slice(digits, &mut bytes).map_err(|_| AddressError::Malformed)?;
        // The decoder skips a prefix of its own; a second one is not an address.
        if digits.len() != 40 {
            return Err(AddressError::Malformed);
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{}", const_hex::encode(self.0))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Address {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksum_of_eip_55() {
        for text in [
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
            "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
            "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        ] {
            let address = Address::parse_checked(text).unwrap();
            assert_eq!(address.checksummed(), text);
            assert_eq!(address.to_string(), text.to_lowercase());
        }
    }

    #[test]
    fn a_mistyped_checksum_is_only_refused_from_people() {
        let text = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1Beaed";
        assert!(text.parse::<Address>().is_ok());
        assert!(matches!(Address::parse_checked(text), Err(AddressError::Checksum { .. })));
    }

    #[test]
    fn malformed() {
        for text in [
            "",
            "0x",
            "5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
            "0x5a",
            "0xzzAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
            "0x0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
            "0x123...",
        ] {
            assert_eq!(text.parse::<Address>(), Err(AddressError::Malformed), "{text}");
        }
    }
}
