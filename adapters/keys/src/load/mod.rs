//! Reading keys: where from ([`KeySource`]), in which form ([`KeyFormat`], recognised by itself), which curve.

mod format;
mod pem;
mod recognise;
mod source;
mod write;

use hourglass_core::Secret;

use crate::{Bn254Key, EcdsaKey, KeyError};

pub use format::KeyFormat;
pub use recognise::{parse_bn254, parse_ecdsa};
pub use source::{KeySource, KeyWarning};
pub use write::{save_key_file, write_bn254, write_ecdsa};

/// A key, and what its reader should know about how it was found.
#[derive(Debug, Clone)]
pub struct Loaded<K> {
    /// The key.
    pub key: K,
    /// The form it was in.
    pub format: KeyFormat,
    /// What is wrong with the place, though the key is good.
    pub warnings: Vec<KeyWarning>,
}

/// Reads a secp256k1 key in any of the accepted forms. The password is needed for keystores only.
///
/// # Errors
/// [`KeyError`].
pub fn load_ecdsa(source: &KeySource, password: Option<&Secret<String>>) -> Result<Loaded<EcdsaKey>, KeyError> {
    let (text, warnings) = source.read()?;
    let (key, format) = parse_ecdsa(text.expose(), password)?;
    Ok(Loaded { key, format, warnings })
}

/// Reads a BN254 key in any of the accepted forms. The password is needed for keystores only.
///
/// # Errors
/// [`KeyError`].
pub fn load_bn254(source: &KeySource, password: Option<&Secret<String>>) -> Result<Loaded<Bn254Key>, KeyError> {
    let (text, warnings) = source.read()?;
    let (key, format) = parse_bn254(text.expose(), password)?;
    Ok(Loaded { key, format, warnings })
}

/// Reads the password of a keystore; the line end that editors leave is not part of it.
///
/// # Errors
/// [`KeyError::Unreadable`], [`KeyError::TooLarge`]; [`KeyError::MalformedKeystore`] where it is not UTF-8.
pub fn load_password(source: &KeySource) -> Result<(Secret<String>, Vec<KeyWarning>), KeyError> {
    let (bytes, warnings) = source.read()?;
    let text = std::str::from_utf8(bytes.expose())
        .map_err(|_| KeyError::MalformedKeystore("the password is not UTF-8".to_owned()))?;
    let line = text.strip_suffix('\n').map_or(text, |text| text.strip_suffix('\r').unwrap_or(text));
    Ok((Secret::new(line.to_owned()), warnings))
}
