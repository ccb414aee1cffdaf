//! EIP-2335 version 4 with `"curveType": "bn254"`.

use hourglass_core::{CurveType, Secret};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::cipher::{aes_128_ctr, check_length};
use super::kdf::{DerivedKey, Kdf, KdfCost};
use super::password::normalise;
use super::{HexBytes, parse, random_uuid, same};
use crate::random::random;
use crate::{Bn254Key, KeyError};

#[derive(Serialize, Deserialize)]
struct Module<P> {
    function: String,
    params: P,
    message: HexBytes,
}

#[derive(Serialize, Deserialize)]
struct CipherParams {
    iv: HexBytes,
}

#[derive(Serialize, Deserialize)]
struct Crypto {
    kdf: Module<Value>,
    checksum: Module<Map<String, Value>>,
    cipher: Module<CipherParams>,
}

/// The key of a keystore.
///
/// A `pubkey` on G2 must be the key's; one in another encoding is left to whoever wrote it, since the checksum already
/// tells a wrong password from a right one.
pub(crate) fn decrypt(document: &Value, password: &Secret<String>) -> Result<Bn254Key, KeyError> {
    let curve = document.get("curveType").and_then(Value::as_str);
    if !curve.is_some_and(|curve| curve.eq_ignore_ascii_case("bn254")) {
        let found = match curve {
            Some(curve) => format!("a keystore whose curveType is {curve:.32?}"),
            None => {
                "an EIP-2335 keystore without \"curveType\": \"bn254\": without it, it holds a BLS12-381 key".into()
            }
        };
        return Err(KeyError::WrongKind { wanted: CurveType::Bn254, found });
    }
    let crypto: Crypto = parse(document.get("crypto").unwrap_or(&Value::Null))?;
    let number = open(&crypto, password)?;
    let mut padded = Zeroizing::new([0; 32]);
    padded[32 - number.len()..].copy_from_slice(&number);
    let key = Bn254Key::from_bytes(&padded)?;
    let written = document.get("pubkey").and_then(Value::as_str).and_then(|text| const_hex::decode(text).ok());
    match written {
        Some(public) if public.len() == 128 && public != key.public_key().0 => {
            Err(KeyError::Inconsistent("public key"))
        }
        _ => Ok(key),
    }
}

/// Derives, checks and decrypts, whatever the curve.
fn open(crypto: &Crypto, password: &Secret<String>) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    if crypto.cipher.function != "aes-128-ctr" {
        return Err(KeyError::MalformedKeystore("the cipher must be aes-128-ctr".into()));
    }
    if crypto.checksum.function != "sha256" {
        return Err(KeyError::MalformedKeystore("the checksum must be sha256".into()));
    }
    check_length(&crypto.cipher.message.0)?;
    let kdf = Kdf::parse(&crypto.kdf.function, &crypto.kdf.params)?;
    let derived = kdf.derive(normalise(password.expose()).as_bytes())?;
    if !same(&checksum(&derived, &crypto.cipher.message.0), &crypto.checksum.message.0) {
        return Err(KeyError::WrongPassword);
    }
    aes_128_ctr(&derived, &crypto.cipher.params.iv.0, &crypto.cipher.message.0)
}

fn checksum(derived: &DerivedKey, ciphertext: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(&derived[16..]).chain_update(ciphertext).finalize().into()
}

/// A keystore for the key, with fresh salt, initialisation vector and identifier.
pub(crate) fn encrypt(key: &Bn254Key, password: &Secret<String>, cost: KdfCost) -> Result<String, KeyError> {
    let kdf = Kdf::fresh(cost)?;
    let derived = kdf.derive(normalise(password.expose()).as_bytes())?;
    let iv = random::<16>()?.to_vec();
    let ciphertext = aes_128_ctr(&derived, &iv, key.to_bytes().expose())?.to_vec();
    let crypto = Crypto {
        kdf: Module { function: kdf.name().to_owned(), params: kdf.params()?, message: HexBytes(Vec::new()) },
        checksum: Module {
            function: "sha256".to_owned(),
            params: Map::new(),
            message: HexBytes(checksum(&derived, &ciphertext).to_vec()),
        },
        cipher: Module {
            function: "aes-128-ctr".to_owned(),
            params: CipherParams { iv: HexBytes(iv) },
            message: HexBytes(ciphertext),
        },
    };
    let document = json!({
        "crypto": crypto,
        "description": "",
        "pubkey": const_hex::encode(key.public_key().0),
        "path": "",
        "uuid": random_uuid()?,
        "version": 4,
        "curveType": "bn254",
    });
    serde_json::to_string_pretty(&document).map_err(|error| KeyError::MalformedKeystore(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors of EIP-2335. Their secret is a BLS12-381 key, so they test what comes before the curve.
    #[test]
    fn the_vectors_of_the_eip_open() {
        let password = Secret::new("𝔱𝔢𝔰𝔱𝔭𝔞𝔰𝔰𝔴𝔬𝔯𝔡🔑".to_owned());
        for document in [
            include_str!("../../tests/fixtures/eip2335-scrypt.json"),
            include_str!("../../tests/fixtures/eip2335-pbkdf2.json"),
        ] {
            let document: Value = serde_json::from_str(document).unwrap();
            let crypto: Crypto = parse(&document["crypto"]).unwrap();
            let secret = open(&crypto, &password).unwrap();
            assert_eq!(const_hex::encode(&*secret), "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f");
            assert!(matches!(decrypt(&document, &password), Err(KeyError::WrongKind { .. })));
        }
    }
}
