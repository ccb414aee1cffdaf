use std::sync::LazyLock;

use hourglass_core::ports::{Bn254PublicKey, PublicKey, SignatureVerifier};
use hourglass_core::{Address, Digest, Secret, keccak256};
use hourglass_keys::{CurveVerifier, KeyFormat, parse_bn254, parse_ecdsa};

/// The generator of G2, whose private key is 1.
const G2: &str = "198e9393920d483a7260bfb731fb5d25f1aa493335a9e71297e485b7aef312c2\
1800deef121f1e76426a00665e5c4479674322d4f75edadd46debd5cd992f6ed\
090689d0585ff075ec9e99ad690c3395bc4b313370b38ef355acdadcd122975b\
12c85ea5db8c6deb4aab71808dcb408fe3d1e7690c43d37b4ce6cc0166fa7daa";

pub(crate) const SIGNATURES: &[&str] = &[
    // 65 bytes as hexadecimal digits after the kind: r and s at their extremes, v of every kind.
    "e000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\
0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f201b",
    "e7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a1\
7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a100",
    // The generator of G1, and the identity.
    "b00000000000000000000000000000000000000000000000000000000000000010000000000000000000000000000000000000000000000000000000000000002",
    "b00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000",
    // A key of a stranger's choice before the signature.
    "k198e9393920d483a7260bfb731fb5d25f1aa493335a9e71297e485b7aef312c2",
];

pub(crate) const KEY_FILES: &[&str] = &[
    "0x0101010101010101010101010101010101010101010101010101010101010101\n",
    "12345678901234567890",
    "-----BEGIN EC PRIVATE KEY-----\nMHQCAQEEINNA1HZU+4n9sUT5iPVkGu6EGhLf3jRxiq6S71QE4BoVoAcGBSuBBAAK\n\
oUQDQgAE5eQwMdKXnlGe+d1AYc8NTuPI/oQJsz7qWUsKM4odYC+cqmoM13Rt38+S\nLJFGBb3bl7JypUbw3SPsaeYDBPkoXA==\n-----END EC PRIVATE KEY-----\n",
    "MHgwMTAxMDEwMTAxMDEwMTAxMDEwMTAxMDEwMTAxMDEwMTAxMDEwMTAxMDEwMTAxMDEwMTAxMDEwMTAxMDE=",
    r#"{"crypto":{"cipher":"aes-128-ctr","cipherparams":{"iv":"6087dab2f9fdbbfaddc31a909735c1e6"},"ciphertext":"5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46","kdf":"pbkdf2","kdfparams":{"c":2,"dklen":32,"prf":"hmac-sha256","salt":"ae3c"},"mac":"517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2"},"id":"3198bc9c-6672-5ab3-d995-4942343ae5b6","version":3}"#,
    r#"{"crypto":{"kdf":{"function":"scrypt","params":{"dklen":32,"n":2,"p":1,"r":8,"salt":"d4e5"},"message":""},"checksum":{"function":"sha256","params":{},"message":"8a9f5d9912ed7e75ea794bc5a89bca5f193721d30868ade6f73043c6ea6febf1"},"cipher":{"function":"aes-128-ctr","params":{"iv":"264daa3f303d7259501c93d997d84fe6"},"message":"cee03fde2af33149775b7223e7845e4fb2c8ae1792e5f99fe9ecf474cc8c16ad"}},"curveType":"bn254","pubkey":"00","path":"","uuid":"64625def-3331-4eea-ab6f-782f3ed16a83","version":4}"#,
];

/// Hexadecimal digits, as far as there are pairs of them.
fn bytes(digits: &[u8]) -> Vec<u8> {
    let pairs = digits.chunks_exact(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    pairs.map_while(|byte| byte).collect()
}

/// A signature by nobody: whatever a stranger sends, it is refused, and the verifier goes on.
///
/// The first byte chooses: `e` an ECDSA signature, `b` a BN254 one, anything else a BN254 key and signature.
pub fn signature(data: &[u8]) {
    static VERIFIER: LazyLock<CurveVerifier> = LazyLock::new(CurveVerifier::new);
    let digest = keccak256(b"nobody signed this");
    let (kind, rest) = data.split_first().unwrap_or((&b'e', &[]));
    let rest = bytes(rest);
    let g2 = bytes(G2.as_bytes()).try_into().map(Bn254PublicKey).expect("128 bytes");
    let verify = |key, signature: &[u8]| VERIFIER.verify(&key, &digest, signature);
    match kind {
        // An address without a known key: no signature verifies for it.
        b'e' => assert!(verify(PublicKey::Ecdsa(Address::new([0xee; 20])), &rest).is_err()),
        b'b' => assert!(verify(PublicKey::Bn254(g2), &rest).is_err()),
        _ => {
            let (key, signature) = rest.split_at_checked(128).unwrap_or((&[], &rest));
            // Who chooses both can make them fit; only panics are looked for.
            let key = key.try_into().map_or(g2, Bn254PublicKey);
            let _ = verify(PublicKey::Bn254(key), signature);
        }
    }
    let _: Digest = digest;
}

/// A key file of any form, for either curve.
pub fn key_file(data: &[u8]) {
    // What a derivation may cost is bounded by the crate and tested there; here it would only take the time.
    let text = String::from_utf8_lossy(data);
    let cost = |name: &str| {
        let values = text.split(name).skip(1);
        values
            .map(|rest| rest.chars().filter(char::is_ascii_digit).take(6).collect::<String>())
            .all(|digits| digits.len() < 3)
    };
    if !(["\"n\"", "\"c\"", "\"r\"", "\"p\""].into_iter().all(cost)) {
        return;
    }
    let password = Secret::new("password".to_owned());
    for password in [None, Some(&password)] {
        if let Ok((key, format)) = parse_ecdsa(data, password) {
            assert!(password.is_some() || format != KeyFormat::Keystore);
            assert_ne!(key.public_key(), [0; 64]);
            assert!(!format!("{key:?}").contains(&hex(key.to_bytes().expose())), "Debug shows the key");
        }
        if let Ok((key, _)) = parse_bn254(data, password) {
            assert!(!format!("{key:?}").contains(&hex(key.to_bytes().expose())), "Debug shows the key");
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
