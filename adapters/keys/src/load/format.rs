use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// The forms in which keys are read and written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyFormat {
    /// The number as 64 hexadecimal digits.
    Hex,
    /// The number in decimal; BN254 only.
    Decimal,
    /// SEC1 (`EC PRIVATE KEY`) or PKCS#8 (`PRIVATE KEY`) in PEM; secp256k1 only. Written as SEC1.
    Pem,
    /// Encrypted with a password: EIP-2335 for BN254, version 3 for secp256k1.
    Keystore,
}

impl KeyFormat {
    /// Every form.
    pub const ALL: [Self; 4] = [Self::Hex, Self::Decimal, Self::Pem, Self::Keystore];

    /// Its name on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hex => "hex",
            Self::Decimal => "decimal",
            Self::Pem => "pem",
            Self::Keystore => "keystore",
        }
    }
}

impl fmt::Display for KeyFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for KeyFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|format| format.as_str() == text)
            .ok_or_else(|| "expected hex, decimal, pem or keystore".to_owned())
    }
}
