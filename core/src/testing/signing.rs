use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use crate::address::Address;
use crate::curve::CurveType;
use crate::digest::{Digest, keccak256};
use crate::ports::{Bn254PublicKey, PublicKey, ResultSigner, SignatureError, SignatureVerifier, SignerError};
use crate::task::Certificate;

/// A signer without a curve: its signatures are hashes of the public key and the digest, of the length that the real
/// ones have. Deterministic, checked by [`FakeVerifier`], forgeable by everybody.
///
/// It counts its uses, so that a test can prove that no key was touched.
#[derive(Debug)]
pub struct FakeSigner {
    key: PublicKey,
    certificates: AtomicUsize,
    messages: AtomicUsize,
    failure: Mutex<Option<SignerError>>,
}

impl FakeSigner {
    /// A signer on a curve; different seeds are different keys.
    pub fn new(curve: CurveType, seed: u64) -> Self {
        Self {
            key: fake_key(curve, seed),
            certificates: AtomicUsize::new(0),
            messages: AtomicUsize::new(0),
            failure: Mutex::new(None),
        }
    }

    /// Fails every use with this error, until told otherwise with `None`.
    pub fn fail_with(&self, failure: Option<SignerError>) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = failure;
    }

    /// How often a certificate was to be signed, failures included.
    pub fn certificates(&self) -> usize {
        self.certificates.load(Ordering::SeqCst)
    }

    /// How often a message was to be signed, failures included.
    pub fn messages(&self) -> usize {
        self.messages.load(Ordering::SeqCst)
    }

    /// How often the key was used for anything.
    pub fn uses(&self) -> usize {
        self.certificates() + self.messages()
    }

    /// What a client that holds this key sends with a message: the signature over its keccak256. Counts as no use.
    pub fn signature_over(&self, message: &[u8]) -> Vec<u8> {
        fake_signature(&self.key, &keccak256(message), Purpose::Message)
    }

    fn failure(&self) -> Option<SignerError> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl ResultSigner for FakeSigner {
    fn public_key(&self) -> PublicKey {
        self.key
    }

    async fn sign_certificate(&self, certificate: &Certificate) -> Result<Vec<u8>, SignerError> {
        self.certificates.fetch_add(1, Ordering::SeqCst);
        if let Some(failure) = self.failure() {
            return Err(failure);
        }
        if certificate.curve() != self.key.curve() {
            return Err(SignerError::WrongCurve { key: self.key.curve(), wanted: certificate.curve() });
        }
        Ok(fake_signature(&self.key, &certificate.digest(), Purpose::Certificate))
    }

    async fn sign_message(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        self.messages.fetch_add(1, Ordering::SeqCst);
        match self.failure() {
            Some(failure) => Err(failure),
            None => Ok(self.signature_over(message)),
        }
    }
}

/// Checks what [`FakeSigner`] signs, and counts how often it was asked.
#[derive(Debug, Default)]
pub struct FakeVerifier {
    calls: AtomicUsize,
}

impl FakeVerifier {
    /// A verifier that was never asked.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many signatures it looked at.
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// Whether `signature` is the fake signer's over a certificate. Counts as no call.
    ///
    /// # Errors
    /// As [`SignatureVerifier::verify`].
    pub fn verify_certificate(
        key: &PublicKey,
        certificate: &Certificate,
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        compare(key, &certificate.digest(), signature, Purpose::Certificate)
    }
}

impl SignatureVerifier for FakeVerifier {
    fn verify(&self, key: &PublicKey, digest: &Digest, signature: &[u8]) -> Result<(), SignatureError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        compare(key, digest, signature, Purpose::Message)
    }
}

/// BN254 maps certificates and messages to the curve differently, so neither may pass for the other.
#[derive(Clone, Copy)]
enum Purpose {
    Certificate,
    Message,
}

fn compare(key: &PublicKey, digest: &Digest, signature: &[u8], purpose: Purpose) -> Result<(), SignatureError> {
    let expected = fake_signature(key, digest, purpose);
    if signature.len() != expected.len() {
        return Err(SignatureError::Malformed("wrong length"));
    }
    if signature == expected { Ok(()) } else { Err(SignatureError::Mismatch) }
}

fn fake_key(curve: CurveType, seed: u64) -> PublicKey {
    let hash = |part: u8| *keccak256([&seed.to_be_bytes()[..], &[part]].concat()).as_bytes();
    match curve {
        CurveType::Ecdsa => {
            let mut address = [0; 20];
            address.copy_from_slice(&hash(0)[12..]);
            PublicKey::Ecdsa(Address::new(address))
        }
        CurveType::Bn254 => {
            let mut bytes = [0; 128];
            for (part, slot) in (1..).zip(bytes.chunks_exact_mut(32)) {
                slot.copy_from_slice(&hash(part));
            }
            PublicKey::Bn254(Bn254PublicKey(bytes))
        }
    }
}

fn fake_signature(key: &PublicKey, digest: &Digest, purpose: Purpose) -> Vec<u8> {
    let (key_bytes, tag) = match (key, purpose) {
        (PublicKey::Ecdsa(address), _) => (address.as_bytes().as_slice(), 0),
        (PublicKey::Bn254(key), Purpose::Message) => (key.0.as_slice(), 1),
        (PublicKey::Bn254(key), Purpose::Certificate) => (key.0.as_slice(), 2),
    };
    let half = |part: u8| *keccak256([&[tag, part], digest.as_bytes().as_slice(), key_bytes].concat()).as_bytes();
    let mut signature = [half(0), half(1)].concat();
    if key.curve() == CurveType::Ecdsa {
        signature.push(27);
    }
    signature
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn signatures_verify_for_one_key_one_digest_and_one_purpose() {
        let verifier = FakeVerifier::new();
        for (curve, length) in [(CurveType::Ecdsa, 65), (CurveType::Bn254, 64)] {
            let (signer, other) = (FakeSigner::new(curve, 1), FakeSigner::new(curve, 2));
            let signature = signer.sign_message(b"message").now_or_never().unwrap().unwrap();
            assert_eq!(signature.len(), length);
            assert_eq!(signature, signer.signature_over(b"message"));
            let verify = |key, message: &[u8]| verifier.verify(&key, &keccak256(message), &signature);
            assert_eq!(verify(signer.public_key(), b"message"), Ok(()));
            assert_eq!(verify(signer.public_key(), b"other"), Err(SignatureError::Mismatch));
            assert_eq!(verify(other.public_key(), b"message"), Err(SignatureError::Mismatch));
        }
        assert_eq!(verifier.calls(), 6);

        let signer = FakeSigner::new(CurveType::Bn254, 1);
        let certificate = Certificate::bn254(7, &Digest::new([1; 32]));
        let signature = signer.sign_certificate(&certificate).now_or_never().unwrap().unwrap();
        assert_eq!(FakeVerifier::verify_certificate(&signer.public_key(), &certificate, &signature), Ok(()));
        let as_message = verifier.verify(&signer.public_key(), &certificate.digest(), &signature);
        assert_eq!(as_message, Err(SignatureError::Mismatch), "as on the real curve");
    }

    #[test]
    fn uses_are_counted_and_failures_scripted() {
        let signer = FakeSigner::new(CurveType::Ecdsa, 1);
        assert_eq!(signer.uses(), 0);
        let wrong = signer.sign_certificate(&Certificate::bn254(7, &Digest::default())).now_or_never().unwrap();
        assert_eq!(wrong, Err(SignerError::WrongCurve { key: CurveType::Ecdsa, wanted: CurveType::Bn254 }));
        let failure = SignerError::Unavailable("down".into());
        signer.fail_with(Some(failure.clone()));
        assert_eq!(signer.sign_message(b"x").now_or_never().unwrap(), Err(failure));
        signer.fail_with(None);
        signer.sign_message(b"x").now_or_never().unwrap().unwrap();
        assert_eq!((signer.certificates(), signer.messages(), signer.uses()), (1, 2, 3));
    }
}
