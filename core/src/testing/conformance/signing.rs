use crate::curve::CurveType;
use crate::digest::{Digest, keccak256};
use crate::ports::{ResultSigner, SignatureVerifier, SignerError};
use crate::task::{Certificate, EcdsaDomain};

/// What every signer promises, seen through a verifier of the same curve.
///
/// # Panics
/// At the first promise that does not hold.
pub async fn result_signer(signer: &dyn ResultSigner, verifier: &dyn SignatureVerifier) {
    let key = signer.public_key();
    for message in [&b""[..], b"message", &[0xff; 10_000]] {
        let signature = signer.sign_message(message).await.expect("a message is signed");
        let again = signer.sign_message(message).await.expect("a message is signed again");
        assert_eq!(signature, again, "the same bytes always give the same signature");
        let digest = keccak256(message);
        assert_eq!(verifier.verify(&key, &digest, &signature), Ok(()), "a signature holds under its own key");

        let other = keccak256([message, b"!"].concat());
        assert!(verifier.verify(&key, &other, &signature).is_err(), "it does not hold for another message");
        for position in [0, signature.len() / 2, signature.len() - 2] {
            let mut changed = signature.clone();
            changed[position] ^= 1;
            assert!(verifier.verify(&key, &digest, &changed).is_err(), "no byte of it may change");
        }
        for length in [0, signature.len() - 1] {
            assert!(verifier.verify(&key, &digest, &signature[..length]).is_err(), "nothing of it may be missing");
        }
        let longer = [signature.as_slice(), &[0]].concat();
        assert!(verifier.verify(&key, &digest, &longer).is_err(), "nothing may follow it");
    }

    let hash = Digest::new([7; 32]);
    let domain = EcdsaDomain::from_separator(Digest::new([8; 32]));
    let (ecdsa, bn254) = (Certificate::ecdsa(domain, 1, &hash), Certificate::bn254(1, &hash));
    let (own, foreign) = if key.curve() == CurveType::Ecdsa { (ecdsa, bn254) } else { (bn254, ecdsa) };
    let signature = signer.sign_certificate(&own).await.expect("a certificate of the curve is signed");
    let length = if key.curve() == CurveType::Ecdsa { 65 } else { 64 };
    assert_eq!(signature.len(), length, "a signature has the length of its curve");
    assert_eq!(signer.sign_certificate(&own).await, Ok(signature), "the same certificate gives the same signature");
    let refused = SignerError::WrongCurve { key: key.curve(), wanted: foreign.curve() };
    assert_eq!(signer.sign_certificate(&foreign).await, Err(refused), "a key signs for its own curve only");
}
