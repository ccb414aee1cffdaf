//! Which form a text is in, and the key that it holds.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hourglass_core::{CurveType, Secret};
use serde_json::Value;
use zeroize::Zeroizing;

use super::{KeyFormat, pem};
use crate::keystore::{decrypt_bn254, decrypt_ecdsa};
use crate::{Bn254Key, EcdsaKey, KeyError};

pub(super) const ECDSA_FORMS: &str = "64 hexadecimal digits, PEM (SEC1 or PKCS#8) of a secp256k1 key, and a keystore of \
                                      version 3, each also in base64";
const BN254_FORMS: &str = "64 hexadecimal digits, a decimal number, and an EIP-2335 keystore with \"curveType\": \
                           \"bn254\", each also in base64";

/// What a text looks like before a curve is asked for.
enum Form<'a> {
    Number(Zeroizing<[u8; 32]>),
    Decimal(Zeroizing<[u8; 32]>),
    Pem(&'a str),
    Keystore { document: Value, version: Option<u64> },
}

/// The secp256k1 key in a text of any accepted form, which may be wrapped in base64 once.
///
/// # Errors
/// [`KeyError`], which says what was seen and what is accepted.
pub fn parse_ecdsa(bytes: &[u8], password: Option<&Secret<String>>) -> Result<(EcdsaKey, KeyFormat), KeyError> {
    unwrapped(CurveType::Ecdsa, bytes, |form| match form {
        Form::Number(number) => Ok((EcdsaKey::from_bytes(&number)?, KeyFormat::Hex)),
        Form::Pem(text) => Ok((pem::parse(text)?, KeyFormat::Pem)),
        Form::Keystore { document, version: Some(3) } => {
            let password = password.ok_or(KeyError::PasswordMissing)?;
            Ok((decrypt_ecdsa(&document, password)?, KeyFormat::Keystore))
        }
        Form::Keystore { version, .. } => Err(wrong_version(CurveType::Ecdsa, version)),
        Form::Decimal(_) => Err(unrecognised(CurveType::Ecdsa, "a decimal number")),
    })
}

/// The BN254 key in a text of any accepted form, which may be wrapped in base64 once.
///
/// # Errors
/// [`KeyError`], which says what was seen and what is accepted.
pub fn parse_bn254(bytes: &[u8], password: Option<&Secret<String>>) -> Result<(Bn254Key, KeyFormat), KeyError> {
    unwrapped(CurveType::Bn254, bytes, |form| match form {
        Form::Number(number) => Ok((Bn254Key::from_bytes(&number)?, KeyFormat::Hex)),
        Form::Decimal(number) => Ok((Bn254Key::from_bytes(&number)?, KeyFormat::Decimal)),
        Form::Keystore { document, version: Some(4) } => {
            let password = password.ok_or(KeyError::PasswordMissing)?;
            Ok((decrypt_bn254(&document, password)?, KeyFormat::Keystore))
        }
        Form::Keystore { version, .. } => Err(wrong_version(CurveType::Bn254, version)),
        Form::Pem(_) => Err(KeyError::WrongKind {
            wanted: CurveType::Bn254,
            found: "PEM, in which nobody writes BN254 keys".to_owned(),
        }),
    })
}

fn unwrapped<K>(curve: CurveType, bytes: &[u8], take: impl Fn(Form<'_>) -> Result<K, KeyError>) -> Result<K, KeyError> {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Err(unrecognised(curve, "binary data"));
    };
    let text = trimmed(text);
    if let Some(form) = form(curve, text)? {
        return take(form);
    }
    let Some(decoded) = from_base64(text) else {
        return Err(unrecognised(curve, describe(text)));
    };
    if let Ok(number) = <[u8; 32]>::try_from(decoded.as_slice()) {
        return take(Form::Number(Zeroizing::new(number)));
    }
    // Many texts happen to be base64; only one of a text was meant to be.
    let Ok(inner) = std::str::from_utf8(&decoded) else {
        return Err(unrecognised(curve, describe(text)));
    };
    match form(curve, trimmed(inner))? {
        Some(form) => take(form),
        None => Err(unrecognised(curve, "base64 of something else")),
    }
}

/// Without white space around it, and without the mark with which some editors begin a file.
fn trimmed(text: &str) -> &str {
    text.trim_start_matches('\u{feff}').trim()
}

/// `None` for what is no form of a key by itself.
fn form(curve: CurveType, text: &str) -> Result<Option<Form<'_>>, KeyError> {
    if text.starts_with('{') {
        let document: Value = serde_json::from_str(text)
            .map_err(|error| KeyError::MalformedKeystore(format!("not JSON, line {}", error.line())))?;
        let version = document.get("version").and_then(Value::as_u64);
        return Ok(Some(Form::Keystore { document, version }));
    }
    if text.contains("-----BEGIN ") {
        return Ok(Some(Form::Pem(text)));
    }
    let prefixed = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let digits = prefixed.unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(None);
    }
    // Tools that print a BN254 number in hexadecimal leave out leading zeros; for secp256k1 a digit less is a mistake.
    let shortened = curve == CurveType::Bn254 && prefixed.is_some() && digits.len() < 64;
    if digits.len() == 64 || shortened {
        return Ok(Some(Form::Number(from_hex(digits))));
    }
    if prefixed.is_none() && digits.bytes().all(|b| b.is_ascii_digit()) && digits.len() <= 77 {
        return from_decimal(digits).map(|number| Some(Form::Decimal(number))).ok_or(KeyError::OutOfRange { curve });
    }
    Err(unrecognised(curve, format!("{} hexadecimal digits instead of 64", digits.len())))
}

/// At most 64 hexadecimal digits, already checked.
fn from_hex(digits: &str) -> Zeroizing<[u8; 32]> {
    let mut number = Zeroizing::new([0; 32]);
    for (i, digit) in digits.chars().rev().filter_map(|c| c.to_digit(16)).enumerate() {
        number[31 - i / 2] |= (digit as u8) << (i % 2 * 4);
    }
    number
}

/// `None` above 2^256.
fn from_decimal(digits: &str) -> Option<Zeroizing<[u8; 32]>> {
    let mut number = Zeroizing::new([0u8; 32]);
    for digit in digits.chars().filter_map(|c| c.to_digit(10)) {
        let mut carry = digit;
        for byte in number.iter_mut().rev() {
            carry += u32::from(*byte) * 10;
            *byte = carry as u8;
            carry >>= 8;
        }
        if carry != 0 {
            return None;
        }
    }
    Some(number)
}

fn from_base64(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut joined = Zeroizing::new(String::with_capacity(text.len()));
    joined.extend(text.split_ascii_whitespace());
    STANDARD.decode(joined.as_bytes()).map(Zeroizing::new).ok().filter(|decoded| !decoded.is_empty())
}

/// Never repeats any of the text: it may be a key with a typing mistake.
fn describe(text: &str) -> String {
    match text {
        "" => "nothing".to_owned(),
        _ if text.contains("PUBLIC KEY") => "a public key".to_owned(),
        _ if text.starts_with('/') || text.starts_with("./") => "what looks like a path".to_owned(),
        _ => format!("a text of {} characters that is in none of the known forms", text.chars().count()),
    }
}

fn unrecognised(curve: CurveType, seen: impl Into<String>) -> KeyError {
    let accepted = match curve {
        CurveType::Ecdsa => ECDSA_FORMS,
        CurveType::Bn254 => BN254_FORMS,
    };
    KeyError::Unrecognised { curve, seen: seen.into(), accepted }
}

fn wrong_version(wanted: CurveType, version: Option<u64>) -> KeyError {
    match (wanted, version) {
        (CurveType::Ecdsa, Some(4)) => {
            KeyError::WrongKind { wanted, found: "an EIP-2335 keystore, for BLS keys".into() }
        }
        (CurveType::Bn254, Some(3)) => {
            KeyError::WrongKind { wanted, found: "a keystore of version 3, for secp256k1 keys".into() }
        }
        (_, Some(version)) => KeyError::MalformedKeystore(format!("version {version} is unknown")),
        (_, None) => KeyError::MalformedKeystore("it has no version".to_owned()),
    }
}
