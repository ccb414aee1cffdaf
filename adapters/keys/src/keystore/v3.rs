//! Keystore version 3, "web3 secret storage", as geth and others write it.

use hourglass_core::{Address, Secret, keccak256};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::cipher::{aes_128_ctr, check_length};
use super::kdf::{DerivedKey, Kdf, KdfCost};
use super::{HexBytes, parse, random_uuid, same};
use crate::random::random;
use crate::{EcdsaKey, KeyError};

#[derive(Serialize, Deserialize)]
struct CipherParams {
    iv: HexBytes,
}

#[derive(Serialize, Deserialize)]
struct Crypto {
    cipher: String,
    ciphertext: HexBytes,
    cipherparams: CipherParams,
    kdf: String,
    kdfparams: Value,
    mac: HexBytes,
}

/// The key of a keystore. An `address` beside it must be the key's.
pub(crate) fn decrypt(document: &Value, password: &Secret<String>) -> Result<EcdsaKey, KeyError> {
    // The first geth wrote it with a capital letter.
    let crypto = document.get("crypto").or_else(|| document.get("Crypto")).unwrap_or(&Value::Null);
    let crypto: Crypto = parse(crypto)?;
    if crypto.cipher != "aes-128-ctr" {
        return Err(KeyError::MalformedKeystore("the cipher must be aes-128-ctr".into()));
    }
    check_length(&crypto.ciphertext.0)?;
    let derived = Kdf::parse(&crypto.kdf, &crypto.kdfparams)?.derive(password.expose().as_bytes())?;
    if !same(&mac(&derived, &crypto.ciphertext.0), &crypto.mac.0) {
        return Err(KeyError::WrongPassword);
    }
    let number = aes_128_ctr(&derived, &crypto.cipherparams.iv.0, &crypto.ciphertext.0)?;
    let mut padded = Zeroizing::new([0; 32]);
    padded[32 - number.len()..].copy_from_slice(&number);
    let key = EcdsaKey::from_bytes(&padded)?;
    match document.get("address").and_then(Value::as_str).filter(|address| !address.is_empty()) {
        Some(address) if written_address(address) != Some(key.address()) => Err(KeyError::Inconsistent("address")),
        _ => Ok(key),
    }
}

/// With or without `0x`, of any case.
fn written_address(text: &str) -> Option<Address> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    format!("0x{digits}").parse().ok()
}

fn mac(derived: &DerivedKey, ciphertext: &[u8]) -> [u8; 32] {
    *keccak256([&derived[16..], ciphertext].concat()).as_bytes()
}

/// A keystore for the key, with fresh salt, initialisation vector and identifier.
pub(crate) fn encrypt(key: &EcdsaKey, password: &Secret<String>, cost: KdfCost) -> Result<String, KeyError> {
    let kdf = Kdf::fresh(cost)?;
    let derived = kdf.derive(password.expose().as_bytes())?;
    let iv = random::<16>()?.to_vec();
    let ciphertext = aes_128_ctr(&derived, &iv, key.to_bytes().expose())?.to_vec();
    let crypto = Crypto {
        cipher: "aes-128-ctr".to_owned(),
        mac: HexBytes(mac(&derived, &ciphertext).to_vec()),
        ciphertext: HexBytes(ciphertext),
        cipherparams: CipherParams { iv: HexBytes(iv) },
        kdf: kdf.name().to_owned(),
        kdfparams: kdf.params()?,
    };
    let address = const_hex::encode(key.address().as_bytes());
    let document = json!({ "address": address, "crypto": crypto, "id": random_uuid()?, "version": 3 });
    serde_json::to_string_pretty(&document).map_err(|error| KeyError::MalformedKeystore(error.to_string()))
}
