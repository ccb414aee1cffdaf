//! The two curves on which operators sign.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The curve of an operator set, as `KeyRegistrar.getOperatorSetCurveType` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CurveType {
    /// secp256k1 with ECDSA; 1 on chain.
    Ecdsa,
    /// BLS on BN254; 2 on chain.
    Bn254,
}

impl CurveType {
    /// Reads the chain's number.
    pub const fn from_chain(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Ecdsa),
            2 => Some(Self::Bn254),
            _ => None,
        }
    }

    /// The name that configuration, logs and metrics use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ecdsa => "ecdsa",
            Self::Bn254 => "bn254",
        }
    }
}

impl fmt::Display for CurveType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
