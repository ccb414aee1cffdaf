//! Keystores: the official vectors, round trips, and files that mean harm.

use hourglass_core::{CurveType, Secret};
use hourglass_keys::{
    Bn254Key, EcdsaKey, KdfCost, KeyError, KeyFormat, parse_bn254, parse_ecdsa, write_bn254, write_ecdsa,
};
use serde_json::{Value, json};

const PBKDF2: &str = include_str!("../fixtures/v3-pbkdf2.json");

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

fn light_bn254() -> (Bn254Key, Value) {
    let key = Bn254Key::from_bytes(&[0x11; 32]).unwrap();
    let text = write_bn254(&key, KeyFormat::Keystore, Some(&secret("pass word")), KdfCost::Light).unwrap();
    (key, serde_json::from_str(text.expose()).unwrap())
}

fn open_bn254(document: &Value) -> Result<Bn254Key, KeyError> {
    parse_bn254(document.to_string().as_bytes(), Some(&secret("pass word"))).map(|(key, _)| key)
}

fn set(document: &Value, pointer: &str, value: Value) -> Value {
    let mut changed = document.clone();
    *changed.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")) = value;
    changed
}

/// The PBKDF2 one is the published one; the scrypt one has the same key and password, with the parameters that geth
/// writes, and was made with OpenSSL's scrypt and AES.
#[test]
fn the_vectors_of_web3_secret_storage() {
    for document in [PBKDF2, include_str!("../fixtures/v3-scrypt.json")] {
        let (key, format) = parse_ecdsa(document.as_bytes(), Some(&secret("testpassword"))).unwrap();
        assert_eq!(
            const_hex::encode(key.to_bytes().expose()),
            "7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d"
        );
        assert_eq!(key.address().to_string(), "0x008aeeda4d805471df9b2a5b0f38a0c3bcba786b");
        assert_eq!(format, KeyFormat::Keystore);
    }
}

/// The first scrypt vector of the definition used r = 1 with an n that RFC 7914 does not allow for it.
#[test]
fn scrypt_parameters_outside_the_rfc_are_an_error_that_says_so() {
    let document = include_str!("../fixtures/v3-scrypt-r1-outside-rfc7914.json");
    let error = parse_ecdsa(document.as_bytes(), Some(&secret("testpassword"))).unwrap_err();
    assert!(error.to_string().contains("RFC 7914"), "{error}");
}

#[test]
fn round_trips() {
    let password = secret("pä\u{7f}ss\u{1f511}");
    for cost in [KdfCost::Light, KdfCost::Pbkdf2] {
        let ecdsa = EcdsaKey::generate().unwrap();
        let text = write_ecdsa(&ecdsa, KeyFormat::Keystore, Some(&password), cost).unwrap();
        let (read, format) = parse_ecdsa(text.expose().as_bytes(), Some(&password)).unwrap();
        assert_eq!((read.address(), format), (ecdsa.address(), KeyFormat::Keystore));

        let bn254 = Bn254Key::generate().unwrap();
        let text = write_bn254(&bn254, KeyFormat::Keystore, Some(&password), cost).unwrap();
        let (read, format) = parse_bn254(text.expose().as_bytes(), Some(&password)).unwrap();
        assert_eq!((read.public_key(), format), (bn254.public_key(), KeyFormat::Keystore));
        // Control characters are no part of an EIP-2335 password.
        parse_bn254(text.expose().as_bytes(), Some(&secret("pa\u{308}ss\u{1f511}\n"))).unwrap();
    }
}

#[test]
fn a_bn254_keystore_is_written_as_the_contract_says() {
    let (key, document) = light_bn254();
    assert_eq!(document["version"], 4);
    assert_eq!(document["curveType"], "bn254");
    assert_eq!(document["pubkey"], const_hex::encode(key.public_key().0));
    assert_eq!(document["crypto"]["kdf"]["message"], "");
    assert_eq!(document["crypto"]["checksum"]["params"], json!({}));
    let uuid = document["uuid"].as_str().unwrap();
    assert_eq!(uuid.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
}

#[test]
fn passwords() {
    let (key, document) = light_bn254();
    assert_eq!(open_bn254(&document).unwrap().public_key(), key.public_key());
    let text = document.to_string();
    assert_eq!(parse_bn254(text.as_bytes(), None).unwrap_err(), KeyError::PasswordMissing);
    assert_eq!(parse_bn254(text.as_bytes(), Some(&secret("pass"))).unwrap_err(), KeyError::WrongPassword);
    assert_eq!(parse_ecdsa(PBKDF2.as_bytes(), Some(&secret("x"))).unwrap_err(), KeyError::WrongPassword);
}

#[test]
fn altered_keystores() {
    let (_, document) = light_bn254();
    let other = Bn254Key::from_bytes(&[0x12; 32]).unwrap();
    let zeros = "00".repeat(32);
    for (pointer, value, expected) in [
        ("/crypto/cipher/message", json!(zeros), KeyError::WrongPassword),
        ("/crypto/checksum/message", json!(zeros), KeyError::WrongPassword),
        ("/pubkey", json!(const_hex::encode(other.public_key().0)), KeyError::Inconsistent("public key")),
    ] {
        assert_eq!(open_bn254(&set(&document, pointer, value)).unwrap_err(), expected, "{pointer}");
    }
    for (pointer, value) in [
        ("/crypto/cipher/function", json!("aes-256-gcm")),
        ("/crypto/cipher/params/iv", json!("00")),
        ("/crypto/cipher/message", json!("00".repeat(33))),
        ("/crypto/cipher/message", json!("")),
        ("/crypto/cipher/message", json!("zz")),
        ("/crypto/checksum/function", json!("keccak")),
        ("/crypto/kdf/function", json!("argon2")),
        ("/crypto/kdf/params", json!({})),
        ("/crypto/kdf/params/dklen", json!(16)),
        ("/crypto/kdf/params/n", json!(4097)),
        ("/crypto/kdf/params/n", json!(1)),
        ("/crypto/kdf/params/r", json!(0)),
        ("/crypto/kdf/params/p", json!(0)),
        ("/crypto", json!(null)),
        ("/version", json!(5)),
        ("/version", json!("4")),
    ] {
        let error = open_bn254(&set(&document, pointer, value)).unwrap_err();
        assert_eq!(error.reason(), "KeystoreMalformed", "{pointer}: {error}");
    }
    let address = set(&serde_json::from_str(PBKDF2).unwrap(), "/id", json!(""));
    let mut address = address.as_object().unwrap().clone();
    address.insert("address".into(), json!("00".repeat(20)));
    let error = parse_ecdsa(json!(address).to_string().as_bytes(), Some(&secret("testpassword"))).unwrap_err();
    assert_eq!(error, KeyError::Inconsistent("address"));
}

/// Each of these would take minutes or all memory, if the costs were not looked at first.
#[test]
fn hostile_costs_are_refused_before_anything_is_derived() {
    let (_, document) = light_bn254();
    for (pointer, value) in [
        ("/crypto/kdf/params/n", json!(1u64 << 31)),
        ("/crypto/kdf/params/n", json!(1u64 << 63)),
        ("/crypto/kdf/params/r", json!(u64::MAX)),
        ("/crypto/kdf/params/p", json!(u64::MAX)),
        ("/crypto/kdf/params/p", json!(1u64 << 20)),
        ("/crypto/kdf/params/salt", json!("00".repeat(2048))),
    ] {
        let error = open_bn254(&set(&document, pointer, value)).unwrap_err();
        assert_eq!(error.reason(), "KeystoreTooCostly", "{pointer}: {error}");
    }
    let pbkdf2: Value = serde_json::from_str(PBKDF2).unwrap();
    for count in [u64::MAX, u64::from(u32::MAX)] {
        let costly = set(&pbkdf2, "/crypto/kdfparams/c", json!(count)).to_string();
        let error = parse_ecdsa(costly.as_bytes(), Some(&secret("testpassword"))).unwrap_err();
        assert_eq!(error.reason(), "KeystoreTooCostly", "{error}");
    }
}

#[test]
fn a_keystore_for_the_other_curve_is_told_apart() {
    let (_, bn254) = light_bn254();
    let password = secret("pass word");
    let found = |error| match error {
        KeyError::WrongKind { wanted, found } => (wanted, found),
        other => panic!("{other}"),
    };
    let (wanted, _) = found(parse_ecdsa(bn254.to_string().as_bytes(), Some(&password)).unwrap_err());
    assert_eq!(wanted, CurveType::Ecdsa);
    let (wanted, _) = found(parse_bn254(PBKDF2.as_bytes(), Some(&password)).unwrap_err());
    assert_eq!(wanted, CurveType::Bn254);
    let (_, seen) = found(open_bn254(&set(&bn254, "/curveType", json!("bls12-381"))).unwrap_err());
    assert!(seen.contains("bls12-381"), "{seen}");
}
