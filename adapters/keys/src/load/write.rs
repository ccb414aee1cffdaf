use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use hourglass_core::{CurveType, Secret};
use zeroize::Zeroizing;

use super::{KeyFormat, pem};
use crate::keystore::{KdfCost, encrypt_bn254, encrypt_ecdsa};
use crate::{Bn254Key, EcdsaKey, KeyError};

/// Writes a secp256k1 key in a form that [`super::parse_ecdsa`] reads.
///
/// # Errors
/// [`KeyError::Unsupported`] for decimal, [`KeyError::PasswordMissing`] for a keystore without one,
/// [`KeyError::Randomness`].
pub fn write_ecdsa(
    key: &EcdsaKey,
    format: KeyFormat,
    password: Option<&Secret<String>>,
    cost: KdfCost,
) -> Result<Secret<String>, KeyError> {
    match format {
        KeyFormat::Hex => Ok(hexadecimal(&key.to_bytes())),
        KeyFormat::Pem => Ok(Secret::new(pem::write(key)?.as_str().to_owned())),
        KeyFormat::Keystore => encrypt_ecdsa(key, password.ok_or(KeyError::PasswordMissing)?, cost).map(Secret::new),
        KeyFormat::Decimal => Err(KeyError::Unsupported { curve: CurveType::Ecdsa, format: format.as_str() }),
    }
}

/// Writes a BN254 key in a form that [`super::parse_bn254`] reads.
///
/// # Errors
/// [`KeyError::Unsupported`] for PEM, [`KeyError::PasswordMissing`] for a keystore without one,
/// [`KeyError::Randomness`].
pub fn write_bn254(
    key: &Bn254Key,
    format: KeyFormat,
    password: Option<&Secret<String>>,
    cost: KdfCost,
) -> Result<Secret<String>, KeyError> {
    match format {
        KeyFormat::Hex => Ok(hexadecimal(&key.to_bytes())),
        KeyFormat::Decimal => Ok(decimal(&key.to_bytes())),
        KeyFormat::Keystore => encrypt_bn254(key, password.ok_or(KeyError::PasswordMissing)?, cost).map(Secret::new),
        KeyFormat::Pem => Err(KeyError::Unsupported { curve: CurveType::Bn254, format: format.as_str() }),
    }
}

/// Makes a file with a key, readable by its owner only. A file that is already there is never overwritten: it may hold
/// the only copy of another key.
///
/// # Errors
/// [`KeyError::Unwritable`].
pub fn save_key_file(path: &Path, text: &Secret<String>) -> Result<(), KeyError> {
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(text.expose().as_bytes())?;
        if !text.expose().ends_with('\n') {
            file.write_all(b"\n")?;
        }
        file.sync_all()
    };
    write().map_err(|error: std::io::Error| KeyError::Unwritable {
        place: path.display().to_string(),
        why: error.to_string(),
    })
}

fn hexadecimal(bytes: &Secret<[u8; 32]>) -> Secret<String> {
    Secret::new(const_hex::encode_prefixed(bytes.expose()))
}

fn decimal(bytes: &Secret<[u8; 32]>) -> Secret<String> {
    let mut number = Zeroizing::new(*bytes.expose());
    let mut digits = Zeroizing::new(Vec::with_capacity(78));
    while number.iter().any(|byte| *byte != 0) {
        let mut remainder = 0u32;
        for byte in number.iter_mut() {
            remainder = remainder << 8 | u32::from(*byte);
            *byte = (remainder / 10) as u8;
            remainder %= 10;
        }
        digits.push(b'0' + remainder as u8);
    }
    Secret::new(digits.iter().rev().map(|digit| char::from(*digit)).collect())
}
