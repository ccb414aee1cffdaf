//! PEM blocks as OpenSSL writes them: SEC1, with or without the `EC PARAMETERS` before it, and PKCS#8.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hourglass_core::CurveType;
use pkcs8::{ObjectIdentifier, PrivateKeyInfo};
use sec1::EcPrivateKey;
use zeroize::Zeroizing;

use crate::{EcdsaKey, KeyError};

const SECP256K1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.10");
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");

/// The secp256k1 key in a PEM text: its first private key, whatever stands around it.
pub(super) fn parse(text: &str) -> Result<EcdsaKey, KeyError> {
    let mut seen = None;
    let mut rest = text;
    while let Some(block) = Block::next(&mut rest)? {
        match block.label {
            "EC PRIVATE KEY" => return sec1_key(&block.decode()?, None),
            "PRIVATE KEY" => return pkcs8_key(&block.decode()?),
            "ENCRYPTED PRIVATE KEY" => return Err(encrypted()),
            "EC PARAMETERS" => {}
            label => seen = Some(label),
        }
    }
    Err(KeyError::Unrecognised {
        curve: CurveType::Ecdsa,
        seen: format!("PEM without a private key (its label is {:.64?})", seen.unwrap_or("EC PARAMETERS")),
        accepted: super::recognise::ECDSA_FORMS,
    })
}

struct Block<'a> {
    label: &'a str,
    body: &'a str,
}

impl<'a> Block<'a> {
    /// Takes the next block off the text.
    fn next(rest: &mut &'a str) -> Result<Option<Self>, KeyError> {
        let Some((_, after)) = rest.split_once("-----BEGIN ") else { return Ok(None) };
        let unended = KeyError::MalformedPem("a block has no end line");
        let (label, after) = after.split_once("-----").ok_or(unended.clone())?;
        let (body, after) = after.split_once("-----END ").ok_or(unended.clone())?;
        let (end_label, after) = after.split_once("-----").ok_or(unended)?;
        if label != end_label {
            return Err(KeyError::MalformedPem("the labels of its first and its last line differ"));
        }
        *rest = after;
        Ok(Some(Self { label, body }))
    }

    fn decode(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        if self.body.contains("ENCRYPTED") {
            return Err(encrypted());
        }
        let mut digits = Zeroizing::new(String::with_capacity(self.body.len()));
        digits.extend(self.body.split_ascii_whitespace());
        STANDARD
            .decode(digits.as_bytes())
            .map(Zeroizing::new)
            .map_err(|_| KeyError::MalformedPem("its body is not base64"))
    }
}

const fn encrypted() -> KeyError {
    KeyError::MalformedPem("it is encrypted; `openssl pkey -in key.pem` decrypts it, or convert it to a keystore")
}

fn pkcs8_key(der: &[u8]) -> Result<EcdsaKey, KeyError> {
    let info = PrivateKeyInfo::try_from(der).map_err(|_| KeyError::MalformedPem("its body is not a PKCS#8 key"))?;
    if info.algorithm.oid != EC_PUBLIC_KEY {
        return Err(other_curve());
    }
    let curve = info.algorithm.parameters_oid().map_err(|_| explicit_parameters())?;
    sec1_key(info.private_key, Some(curve))
}

/// `curve` is what the enclosing structure says; without one the key must name it.
fn sec1_key(der: &[u8], curve: Option<ObjectIdentifier>) -> Result<EcdsaKey, KeyError> {
    let parsed = EcPrivateKey::try_from(der).map_err(|_| {
        KeyError::MalformedPem("its body is not a SEC1 key of a named curve (OpenSSL: -param_enc named_curve)")
    })?;
    let named = parsed.parameters.and_then(|parameters| parameters.named_curve());
    match (named, curve) {
        (None, None) => return Err(KeyError::MalformedPem("it does not name its curve")),
        (named, curve) if [named, curve].into_iter().flatten().any(|oid| oid != SECP256K1) => return Err(other_curve()),
        _ => {}
    }
    // Old writers leave out leading zeros.
    if !(1..=32).contains(&parsed.private_key.len()) {
        return Err(KeyError::MalformedPem("its private key has not 32 bytes"));
    }
    let mut bytes = Zeroizing::new([0; 32]);
    bytes[32 - parsed.private_key.len()..].copy_from_slice(parsed.private_key);
    let key = EcdsaKey::from_bytes(&bytes)?;
    match parsed.public_key.map(secp256k1::PublicKey::from_slice) {
        Some(public) if public.map(|key| crate::ecdsa::address_of(&key)) != Ok(key.address()) => {
            Err(KeyError::Inconsistent("public key"))
        }
        _ => Ok(key),
    }
}

fn other_curve() -> KeyError {
    KeyError::WrongKind { wanted: CurveType::Ecdsa, found: "a PEM key of another curve than secp256k1".to_owned() }
}

const fn explicit_parameters() -> KeyError {
    KeyError::MalformedPem("it spells out its curve instead of naming it (OpenSSL: -param_enc named_curve)")
}

/// A SEC1 key in PEM, as `openssl ecparam -genkey -name secp256k1 -noout` writes it.
pub(super) fn write(key: &EcdsaKey) -> Result<Zeroizing<String>, KeyError> {
    use pkcs8::der::Encode as _;

    let malformed = |_| KeyError::MalformedPem("it cannot be encoded");
    let number = key.to_bytes();
    let mut point = [4; 65];
    point[1..].copy_from_slice(&key.public_key());
    let sec1 = EcPrivateKey {
        private_key: number.expose(),
        parameters: Some(sec1::EcParameters::NamedCurve(SECP256K1)),
        public_key: Some(&point),
    };
    let der = Zeroizing::new(sec1.to_der().map_err(malformed)?);
    let body = Zeroizing::new(STANDARD.encode(&*der));
    let mut text = Zeroizing::new(String::with_capacity(512));
    text.push_str("-----BEGIN EC PRIVATE KEY-----\n");
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push_str("-----END EC PRIVATE KEY-----\n");
    Ok(text)
}
