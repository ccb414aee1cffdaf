use pbkdf2::pbkdf2_hmac;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::HexBytes;
use crate::KeyError;
use crate::random::random;

/// Bytes of memory that a derivation may take; the usual parameters take half of it.
const MAX_MEMORY: u64 = 512 << 20;
/// Block mixings (N · r · p) that a derivation may take: eight times the usual parameters.
const MAX_MIXINGS: u64 = 1 << 24;
const MAX_ITERATIONS: u64 = 10_000_000;
const MAX_SALT: usize = 1024;

/// The part of a derived key that both formats use: the cipher's key and the checksum's.
pub(super) type DerivedKey = Zeroizing<[u8; 32]>;

/// How expensive it is made to guess the password of a keystore that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KdfCost {
    /// scrypt with N = 262144, r = 8, p = 1, as EIP-2335 and geth write it: 256 MiB and about a second.
    #[default]
    Standard,
    /// scrypt with N = 4096, r = 8, p = 6, geth's light one: 4 MiB, for small machines and tests.
    Light,
    /// PBKDF2-HMAC-SHA256 with 262144 iterations, for readers without scrypt.
    Pbkdf2,
}

/// The parameters of scrypt, as both formats write them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ScryptParams {
    dklen: u64,
    n: u64,
    p: u64,
    r: u64,
    salt: HexBytes,
}

/// The parameters of PBKDF2, as both formats write them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pbkdf2Params {
    dklen: u64,
    c: u64,
    prf: String,
    salt: HexBytes,
}

/// A key derivation function with its parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kdf {
    Scrypt(ScryptParams),
    Pbkdf2(Pbkdf2Params),
}

impl Kdf {
    /// Fresh parameters with a random salt.
    pub(super) fn fresh(cost: KdfCost) -> Result<Self, KeyError> {
        let salt = HexBytes(random::<32>()?.to_vec());
        Ok(match cost {
            KdfCost::Standard => Self::Scrypt(ScryptParams { dklen: 32, n: 1 << 18, p: 1, r: 8, salt }),
            KdfCost::Light => Self::Scrypt(ScryptParams { dklen: 32, n: 1 << 12, p: 6, r: 8, salt }),
            KdfCost::Pbkdf2 => {
                Self::Pbkdf2(Pbkdf2Params { dklen: 32, c: 1 << 18, prf: "hmac-sha256".to_owned(), salt })
            }
        })
    }

    /// The function of that name with these parameters.
    pub(super) fn parse(function: &str, params: &serde_json::Value) -> Result<Self, KeyError> {
        match function {
            "scrypt" => super::parse(params).map(Self::Scrypt),
            "pbkdf2" => super::parse(params).map(Self::Pbkdf2),
            other => Err(malformed(format!("unknown key derivation {other:.32?}; known are scrypt and pbkdf2"))),
        }
    }

    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Scrypt(_) => "scrypt",
            Self::Pbkdf2(_) => "pbkdf2",
        }
    }

    pub(super) fn params(&self) -> Result<serde_json::Value, KeyError> {
        let value = match self {
            Self::Scrypt(params) => serde_json::to_value(params),
            Self::Pbkdf2(params) => serde_json::to_value(params),
        };
        value.map_err(|error| malformed(error.to_string()))
    }

    /// Derives the key. Every cost is checked before the first step.
    ///
    /// # Errors
    /// [`KeyError::TooCostly`], [`KeyError::MalformedKeystore`].
    pub(super) fn derive(&self, password: &[u8]) -> Result<DerivedKey, KeyError> {
        match self {
            Self::Scrypt(params) => params.derive(password),
            Self::Pbkdf2(params) => params.derive(password),
        }
    }
}

impl ScryptParams {
    fn derive(&self, password: &[u8]) -> Result<DerivedKey, KeyError> {
        check_common(self.dklen, &self.salt)?;
        if !self.n.is_power_of_two() || self.n < 2 {
            return Err(malformed("scrypt's n must be a power of two above one"));
        }
        let mixings = self.n.saturating_mul(self.r).saturating_mul(self.p);
        at_most("scrypt's memory in bytes", self.n.saturating_mul(self.r).saturating_mul(128), MAX_MEMORY)?;
        at_most("scrypt's n · r · p", mixings, MAX_MIXINGS)?;
        // Both fit: their product with n is bounded, and zero is refused by the library's own check.
        let narrow = |value: u64| u32::try_from(value).map_err(|_| malformed("scrypt's r or p is too large"));
        let log_n = self.n.trailing_zeros() as u8;
        let params = scrypt::Params::new(log_n, narrow(self.r)?, narrow(self.p)?, 32)
            .map_err(|_| malformed("scrypt's n, r and p do not go together (RFC 7914 wants n < 2^(16 r))"))?;
        let mut key = Zeroizing::new([0; 32]);
        scrypt::scrypt(password, &self.salt.0, &params, key.as_mut_slice())
            .map_err(|_| malformed("scrypt's dklen must be 32"))?;
        Ok(key)
    }
}

impl Pbkdf2Params {
    fn derive(&self, password: &[u8]) -> Result<DerivedKey, KeyError> {
        check_common(self.dklen, &self.salt)?;
        if self.prf != "hmac-sha256" {
            return Err(malformed("pbkdf2's prf must be hmac-sha256"));
        }
        at_most("pbkdf2's c", self.c, MAX_ITERATIONS)?;
        let iterations = u32::try_from(self.c).ok().filter(|c| *c > 0);
        let iterations = iterations.ok_or_else(|| malformed("pbkdf2's c must be above zero"))?;
        let mut key = Zeroizing::new([0; 32]);
        pbkdf2_hmac::<Sha256>(password, &self.salt.0, iterations, key.as_mut_slice());
        Ok(key)
    }
}

fn check_common(dklen: u64, salt: &HexBytes) -> Result<(), KeyError> {
    // Only 32 bytes are used, and PBKDF2 and scrypt give the same first 32 for any longer key.
    if !(32..=64).contains(&dklen) {
        return Err(malformed("dklen must be 32"));
    }
    at_most("the salt's length in bytes", salt.0.len() as u64, MAX_SALT as u64)
}

const fn at_most(what: &'static str, value: u64, limit: u64) -> Result<(), KeyError> {
    if value <= limit { Ok(()) } else { Err(KeyError::TooCostly { what, value, limit }) }
}

fn malformed(text: impl Into<String>) -> KeyError {
    KeyError::MalformedKeystore(text.into())
}
