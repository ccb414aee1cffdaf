//! Keys in every accepted form, from every kind of place, and what is said about everything else.

use std::io::Write as _;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::PermissionsExt as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hourglass_core::Secret;
use hourglass_keys::{
    Bn254Key, EcdsaKey, KdfCost, KeyError, KeyFormat, KeySource, KeyWarning, load_bn254, load_ecdsa, load_password,
    parse_bn254, parse_ecdsa, save_key_file, write_bn254, write_ecdsa,
};
use proptest::prelude::*;

const SEC1: &str = include_str!("../fixtures/sec1.pem");
const DIGITS: &str = "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f809";

/// Of `fixtures/sec1.pem`, as `openssl ec -text` prints it.
const SEC1_DIGITS: &str = "d340d47654fb89fdb144f988f5641aee841a12dfde34718aae92ef5404e01a15";

fn ecdsa(digits: &str) -> EcdsaKey {
    EcdsaKey::from_bytes(&const_hex::decode_to_array(digits).unwrap()).unwrap()
}

fn text(text: &str) -> KeySource {
    KeySource::Text { origin: "ECDSA_PRIVATE_KEY".into(), text: Secret::new(text.to_owned()) }
}

/// As it is, in base64 on one line, and in base64 broken into lines.
fn wrappings(plain: &str) -> [String; 3] {
    let wrapped = STANDARD.encode(plain);
    let lines: Vec<_> = wrapped.as_bytes().chunks(76).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    [plain.to_owned(), wrapped.clone() + "\n", lines.join("\n")]
}

#[test]
fn every_pem_that_openssl_writes() {
    let expected = ecdsa(SEC1_DIGITS).address();
    for pem in [
        SEC1,
        include_str!("../fixtures/sec1-with-parameters.pem"),
        include_str!("../fixtures/pkcs8.pem"),
        &SEC1.replace('\n', "\r\n"),
        &format!("some words before\n{SEC1}and after"),
    ] {
        for form in wrappings(pem) {
            let (key, format) = parse_ecdsa(form.as_bytes(), None).unwrap();
            assert_eq!((key.address(), format), (expected, KeyFormat::Pem));
        }
    }
}

#[test]
fn a_written_pem_is_the_one_that_openssl_writes() {
    let text = write_ecdsa(&ecdsa(SEC1_DIGITS), KeyFormat::Pem, None, KdfCost::Light).unwrap();
    assert_eq!(text.expose(), SEC1);
}

#[test]
fn pem_that_holds_something_else() {
    for (pem, reason, about) in [
        (include_str!("../fixtures/p256.pem"), "KeyOfOtherKind", "another curve"),
        (include_str!("../fixtures/public.pem"), "KeyFormatUnknown", "PUBLIC KEY"),
        (include_str!("../fixtures/pkcs8-encrypted.pem"), "KeyPemMalformed", "encrypted"),
        (include_str!("../fixtures/sec1-encrypted.pem"), "KeyPemMalformed", "encrypted"),
        (include_str!("../fixtures/sec1-explicit.pem"), "KeyPemMalformed", "named curve"),
        (
            "-----BEGIN EC PARAMETERS-----\nBgUrgQQACg==\n-----END EC PARAMETERS-----\n",
            "KeyFormatUnknown",
            "private key",
        ),
        ("-----BEGIN EC PRIVATE KEY-----\nBgUrgQQACg==\n", "KeyPemMalformed", "end"),
        ("-----BEGIN EC PRIVATE KEY-----\n!\n-----END EC PRIVATE KEY-----", "KeyPemMalformed", "base64"),
        ("-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", "KeyPemMalformed", "labels"),
    ] {
        let error = parse_ecdsa(pem.as_bytes(), None).unwrap_err();
        assert_eq!(error.reason(), reason, "{error}");
        assert!(error.to_string().contains(about), "{error} should be about {about}");
    }
    assert_eq!(parse_bn254(SEC1.as_bytes(), None).unwrap_err().reason(), "KeyOfOtherKind");
    // One bit of the public key changed: the file is damaged, whichever half is right.
    let der = STANDARD.decode(SEC1.lines().filter(|line| !line.starts_with('-')).collect::<String>()).unwrap();
    let mut damaged = der.clone();
    damaged[12] ^= 1;
    let pem = format!("-----BEGIN EC PRIVATE KEY-----\n{}\n-----END EC PRIVATE KEY-----", STANDARD.encode(damaged));
    assert_eq!(parse_ecdsa(pem.as_bytes(), None).unwrap_err(), KeyError::Inconsistent("public key"));
}

#[test]
fn numbers() {
    let upper = DIGITS.to_uppercase();
    for form in [DIGITS.to_owned(), format!("0x{DIGITS}"), format!("\u{feff} \t0X{upper}\r\n"), upper] {
        for form in wrappings(&form) {
            assert_eq!(parse_ecdsa(form.as_bytes(), None).unwrap().0.address(), ecdsa(DIGITS).address(), "{form:?}");
            let (key, format) = parse_bn254(form.as_bytes(), None).unwrap();
            assert_eq!((const_hex::encode(key.to_bytes().expose()).as_str(), format), (DIGITS, KeyFormat::Hex));
        }
    }
    let raw = STANDARD.encode(const_hex::decode(DIGITS).unwrap());
    assert_eq!(parse_ecdsa(raw.as_bytes(), None).unwrap().0.address(), ecdsa(DIGITS).address());

    let one = Bn254Key::from_bytes(&std::array::from_fn(|i| u8::from(i == 31))).unwrap();
    for form in ["1", "0x1", "0x01"] {
        assert_eq!(parse_bn254(form.as_bytes(), None).unwrap().0.public_key(), one.public_key(), "{form}");
    }
    assert_eq!(parse_bn254(b"0", None).unwrap_err().reason(), "KeyOutOfRange");
    let order = "21888242871839275222246405745257275088548364400416034343698204186575808495617";
    assert_eq!(parse_bn254(order.as_bytes(), None).unwrap_err().reason(), "KeyOutOfRange");
    assert_eq!(parse_bn254("9".repeat(77).as_bytes(), None).unwrap_err().reason(), "KeyOutOfRange", "above 2^254");
    assert!(parse_bn254(order.replace("617", "616").as_bytes(), None).is_ok());
    assert_eq!(parse_ecdsa("f".repeat(64).as_bytes(), None).unwrap_err().reason(), "KeyOutOfRange");
}

#[test]
fn what_is_no_key_is_described_and_never_repeated() {
    let double = STANDARD.encode(STANDARD.encode(SEC1));
    let mistyped = format!("{}g", &DIGITS[..63]);
    for (form, about) in [
        ("", "nothing"),
        (&DIGITS[..63], "63 hexadecimal digits"),
        (mistyped.as_str(), "64 characters"),
        ("/etc/keys/ecdsa.pem", "path"),
        ("ssh-rsa AAAA PUBLIC KEY", "a public key"),
        (double.as_str(), "base64 of something else"),
        ("12345", "decimal"),
    ] {
        let error = parse_ecdsa(form.as_bytes(), None).unwrap_err();
        let said = format!("{error} {error:?}");
        assert_eq!(error.reason(), "KeyFormatUnknown", "{said}");
        assert!(said.contains(about), "{said} should say {about}");
        assert!(said.contains("PEM") && !said.contains(&DIGITS[..8]), "{said}");
    }
    assert!(parse_ecdsa(&[0xff, 0xfe, 0], None).unwrap_err().to_string().contains("binary"));
    assert_eq!(parse_ecdsa(b"{\"a\":", None).unwrap_err().reason(), "KeystoreMalformed");
}

#[test]
fn files_and_their_permissions() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("key");
    save_key_file(&path, &Secret::new(DIGITS.to_owned())).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let again = save_key_file(&path, &Secret::new("other".to_owned())).unwrap_err();
    assert_eq!(again.reason(), "KeyUnwritable", "a key is never overwritten");

    let source = KeySource::File(path.clone());
    let loaded = load_ecdsa(&source, None).unwrap();
    assert_eq!((loaded.key.address(), loaded.warnings), (ecdsa(DIGITS).address(), vec![]));
    for mode in [0o640, 0o604, 0o644] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let warnings = load_bn254(&source, None).unwrap().warnings;
        assert_eq!(warnings, [KeyWarning::ReadableByOthers { path: path.clone(), mode }]);
        assert!(warnings[0].to_string().contains("chmod 600"));
    }

    let missing = load_ecdsa(&KeySource::File(directory.path().join("missing")), None).unwrap_err();
    assert_eq!(missing.reason(), "KeyUnreadable");
    assert!(missing.to_string().contains("missing"), "{missing}");
    std::fs::write(&path, vec![b'a'; 64 * 1024 + 1]).unwrap();
    assert_eq!(load_ecdsa(&source, None).unwrap_err().reason(), "KeyTooLarge");
}

#[test]
fn texts_and_descriptors() {
    assert_eq!(load_ecdsa(&text(SEC1), None).unwrap().key.address(), ecdsa(SEC1_DIGITS).address());
    assert!(!format!("{:?}", text(DIGITS)).contains(DIGITS));

    let (reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(SEC1.as_bytes()).unwrap();
    drop(writer);
    let source = KeySource::Descriptor(u32::try_from(reader.as_raw_fd()).unwrap());
    assert_eq!(load_ecdsa(&source, None).unwrap().key.address(), ecdsa(SEC1_DIGITS).address());
    assert_eq!(load_ecdsa(&KeySource::Descriptor(999_999), None).unwrap_err().reason(), "KeyUnreadable");
}

#[test]
fn a_password_loses_one_line_end() {
    for (written, read) in [("secret\n", "secret"), ("secret\r\n", "secret"), (" s \n\n", " s \n"), ("s", "s")] {
        assert_eq!(load_password(&text(written)).unwrap().0.expose(), read);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_written_is_read_again(mut bytes in any::<[u8; 32]>()) {
        bytes[0] &= 0x1f;
        let ecdsa = EcdsaKey::from_bytes(&bytes).unwrap();
        for format in [KeyFormat::Hex, KeyFormat::Pem] {
            let text = write_ecdsa(&ecdsa, format, None, KdfCost::Light).unwrap();
            for form in wrappings(text.expose()) {
                let (read, seen) = parse_ecdsa(form.as_bytes(), None).unwrap();
                prop_assert_eq!((*read.to_bytes().expose(), seen), (bytes, format));
            }
        }
        let bn254 = Bn254Key::from_bytes(&bytes).unwrap();
        for format in [KeyFormat::Hex, KeyFormat::Decimal] {
            let text = write_bn254(&bn254, format, None, KdfCost::Light).unwrap();
            let (read, seen) = parse_bn254(text.expose().as_bytes(), None).unwrap();
            prop_assert_eq!((*read.to_bytes().expose(), seen), (bytes, format));
        }
    }

    #[test]
    fn no_text_makes_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), text in "[-{}\"0-9a-fx=A-Z \n]{0,200}") {
        let password = Secret::new("x".to_owned());
        for input in [bytes.as_slice(), text.as_bytes(), format!("-----BEGIN {text}").as_bytes()] {
            let _ = parse_ecdsa(input, Some(&password));
            let _ = parse_bn254(input, Some(&password));
        }
    }
}
