//! What no verifier may accept, and what no key may be.

use futures_util::FutureExt;
use hourglass_core::ports::ResultSigner;
use hourglass_core::ports::{Bn254PublicKey, PublicKey, SignatureError, SignatureVerifier, SignerError};
use hourglass_core::task::{Certificate, EcdsaDomain};
use hourglass_core::{Address, CurveType, Digest, keccak256};
use hourglass_keys::{
    Bn254Key, Bn254Signer, Bn254Verifier, CurveVerifier, EcdsaKey, EcdsaSigner, KeyError, recover, verify_digest,
    verify_result,
};
use proptest::prelude::*;

const P: &str = "30644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd47";
const N: &str = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";

fn word(digits: &str) -> [u8; 32] {
    const_hex::decode_to_array(digits).unwrap()
}

/// `a - b`, big-endian, for a > b.
fn minus(a: [u8; 32], b: &[u8]) -> [u8; 32] {
    let mut difference = a;
    let mut borrow = 0i16;
    for i in (0..32).rev() {
        let byte = i16::from(a[i]) - i16::from(b[i]) - borrow;
        borrow = i16::from(byte < 0);
        difference[i] = byte.rem_euclid(256) as u8;
    }
    difference
}

fn ecdsa_key() -> EcdsaKey {
    EcdsaKey::from_bytes(&[0x42; 32]).unwrap()
}

fn bn254_key() -> Bn254Key {
    Bn254Key::from_bytes(&[0x11; 32]).unwrap()
}

fn assert_malformed(result: Result<impl std::fmt::Debug, SignatureError>, about: &str) {
    match result {
        Err(SignatureError::Malformed(why)) => assert!(why.contains(about), "{why:?} should be about {about:?}"),
        other => panic!("expected a malformed signature because of {about:?}, got {other:?}"),
    }
}

#[test]
fn ecdsa_signatures_out_of_form() {
    let (key, digest) = (ecdsa_key(), keccak256(b"task"));
    let good = key.sign_digest(&digest);
    let changed = |from: usize, bytes: &[u8]| {
        let mut signature = good;
        signature[from..from + bytes.len()].copy_from_slice(bytes);
        signature
    };
    for length in [0, 64, 66] {
        assert_malformed(recover(&digest, &[good.as_slice(), &[0]].concat()[..length]), "65 bytes");
    }
    for v in [2, 3, 26, 29, 30, 255] {
        assert_malformed(recover(&digest, &changed(64, &[v])), "v must be");
    }
    assert_malformed(recover(&digest, &changed(0, &[0; 32])), "zero");
    assert_malformed(recover(&digest, &changed(32, &[0; 32])), "zero");
    assert_malformed(recover(&digest, &changed(0, &word(N))), "r is");
    assert_malformed(recover(&digest, &changed(32, &word(N))), "above half");
    // The twin that every signature has: the same r, n - s, the other v.
    let twin = [&good[..32], &minus(word(N), &good[32..64]), &[55 - good[64]]].concat();
    assert_malformed(recover(&digest, &twin), "above half");
    for v in [good[64], good[64] - 27] {
        assert_eq!(verify_digest(&key.address(), &digest, &changed(64, &[v])), Ok(()));
    }
}

#[test]
fn half_of_the_order_is_where_high_begins() {
    let half = word("7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0");
    let above = word("7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a1");
    // x of the generator, so that recovery finds a point.
    let r = word("79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798");
    let digest = keccak256(b"x");
    assert!(recover(&digest, &[&r[..], &half, &[27]].concat()).is_ok());
    assert_malformed(recover(&digest, &[&r[..], &above, &[27]].concat()), "above half");
}

#[test]
fn bn254_signatures_out_of_form() {
    let (key, digest) = (bn254_key(), keccak256(b"task"));
    let good = key.sign_digest(&digest).unwrap();
    let verifier = Bn254Verifier::new();
    let check = |signature: &[u8]| verifier.verify_digest(&key.public_key(), &digest, signature);
    for length in [0, 32, 63, 65] {
        assert_malformed(check(&[good.as_slice(), &[0]].concat()[..length]), "64 bytes");
    }
    assert_malformed(check(&[0; 64]), "identity");
    assert_malformed(check(&[word(P), [0; 32]].concat()), "below the modulus");
    assert_malformed(check(&[[0xff; 32], [0; 32]].concat()), "below the modulus");
    let mut off_curve = good;
    off_curve[63] ^= 1;
    assert_malformed(check(&off_curve), "not on the curve");
    // The same point with a coordinate written as x + p: a second encoding of a good signature.
    let one: [u8; 32] = std::array::from_fn(|i| u8::from(i == 31));
    let two: [u8; 32] = std::array::from_fn(|i| u8::from(i == 31) * 2);
    let p_plus_one: [u8; 32] = {
        let mut p = word(P);
        p[31] += 1;
        p
    };
    assert_malformed(check(&[p_plus_one, two].concat()), "below the modulus");
    assert_eq!(
        check(&[one, two].concat()),
        Err(SignatureError::Mismatch),
        "the generator is a point, but no signature"
    );
    let negative = [&good[..32], &minus(word(P), &good[32..])].concat();
    assert_eq!(check(&negative), Err(SignatureError::Mismatch));
    assert_eq!(check(&good), Ok(()));
    assert_eq!(verifier.prepared_keys(), 1);
}

#[test]
fn bn254_public_keys_out_of_form() {
    let (key, digest) = (bn254_key(), keccak256(b"task"));
    let good = key.sign_digest(&digest).unwrap();
    let verifier = Bn254Verifier::new();
    let refuse = |public: [u8; 128], about: &str| match verifier.verify_digest(&Bn254PublicKey(public), &digest, &good)
    {
        Err(SignatureError::MalformedKey(why)) => assert!(why.contains(about), "{why}"),
        other => panic!("expected a malformed key because of {about:?}, got {other:?}"),
    };
    refuse([0; 128], "identity");
    let mut large = key.public_key().0;
    large[..32].copy_from_slice(&word(P));
    refuse(large, "below the modulus");
    let mut off_curve = key.public_key().0;
    off_curve[127] ^= 1;
    refuse(off_curve, "not on the curve");
    refuse(of_another_order(), "subgroup");
    assert_eq!(verifier.prepared_keys(), 0, "refused keys take no place");
}

/// A point of the twist outside of G2, as almost all are.
fn of_another_order() -> [u8; 128] {
    use ark_bn254::{Fq, Fq2, G2Affine};
    use ark_ff::{BigInteger, PrimeField};
    let point = (1u64..)
        .filter_map(|x| G2Affine::get_point_from_x_unchecked(Fq2::new(Fq::from(x), Fq::from(1u64)), false))
        .find(|point| point.is_on_curve() && !point.is_in_correct_subgroup_assuming_on_curve())
        .unwrap();
    let parts = [point.x.c1, point.x.c0, point.y.c1, point.y.c0].map(|c| c.into_bigint().to_bytes_be());
    parts.concat().try_into().unwrap()
}

#[test]
fn the_cache_of_prepared_keys_is_bounded_and_keeps_what_is_used() {
    let verifier = Bn254Verifier::with_capacity(2);
    let digest = keccak256(b"x");
    for seed in 1..=5u8 {
        let key = Bn254Key::from_bytes(&[seed; 32]).unwrap();
        assert_eq!(verifier.verify_digest(&key.public_key(), &digest, &key.sign_digest(&digest).unwrap()), Ok(()));
        assert!(verifier.prepared_keys() <= 2);
    }
}

#[test]
fn certificates_and_messages_do_not_pass_for_each_other_on_bn254() {
    let key = bn254_key();
    let digest = keccak256(b"x");
    let verifier = Bn254Verifier::new();
    let (message, certificate) = (key.sign_digest(&digest).unwrap(), key.sign_certificate_digest(&digest).unwrap());
    assert_eq!(verifier.verify_digest(&key.public_key(), &digest, &certificate), Err(SignatureError::Mismatch));
    assert_eq!(verifier.verify_certificate_digest(&key.public_key(), &digest, &message), Err(SignatureError::Mismatch));
}

#[test]
fn a_signer_refuses_the_other_curve() {
    let ecdsa = EcdsaSigner::new(ecdsa_key());
    let bn254 = Bn254Signer::new(bn254_key());
    let for_ecdsa = Certificate::ecdsa(EcdsaDomain::new("1", &Address::new([1; 20])), 7, &Digest::new([2; 32]));
    let for_bn254 = Certificate::bn254(7, &Digest::new([2; 32]));
    assert_eq!(
        ecdsa.sign_certificate(&for_bn254).now_or_never().unwrap(),
        Err(SignerError::WrongCurve { key: CurveType::Ecdsa, wanted: CurveType::Bn254 })
    );
    assert_eq!(
        bn254.sign_certificate(&for_ecdsa).now_or_never().unwrap(),
        Err(SignerError::WrongCurve { key: CurveType::Bn254, wanted: CurveType::Ecdsa })
    );
    assert!(matches!(verify_result(&ecdsa.public_key(), &for_bn254, &[0; 64]), Err(SignatureError::MalformedKey(_))));
}

#[test]
fn keys_out_of_range() {
    let order = "30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001";
    for bytes in [[0; 32], word(order), [0xff; 32]] {
        assert_eq!(Bn254Key::from_bytes(&bytes).unwrap_err(), KeyError::OutOfRange { curve: CurveType::Bn254 });
    }
    for bytes in [[0; 32], word(N), [0xff; 32]] {
        assert_eq!(EcdsaKey::from_bytes(&bytes).unwrap_err(), KeyError::OutOfRange { curve: CurveType::Ecdsa });
    }
    let one: [u8; 32] = std::array::from_fn(|i| u8::from(i == 31));
    Bn254Key::from_bytes(&minus(word(order), &one)).unwrap();
    EcdsaKey::from_bytes(&minus(word(N), &one)).unwrap();
}

#[test]
fn no_secret_is_printed() {
    let digits = "42".repeat(32);
    let ecdsa = ecdsa_key();
    let texts =
        [format!("{ecdsa:?}"), format!("{:?}", EcdsaSigner::new(ecdsa.clone())), format!("{:?}", ecdsa.to_bytes())];
    for text in texts {
        assert!(!text.contains(&digits) && !text.contains("66, 66"), "{text}");
    }
    let bn254 = bn254_key();
    let texts =
        [format!("{bn254:?}"), format!("{:?}", Bn254Signer::new(bn254.clone())), format!("{:?}", bn254.to_bytes())];
    for text in texts {
        assert!(!text.contains(&"11".repeat(32)) && !text.contains("17, 17"), "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn signatures_are_for_one_key_and_one_digest(seed in any::<[u8; 32]>(), digest in any::<[u8; 32]>(), bit in 0usize..256) {
        let verifier = CurveVerifier::new();
        let digest = Digest::new(digest);
        let mut other = *digest.as_bytes();
        other[bit / 8] ^= 1 << (bit % 8);
        let mut seed = seed;
        seed[0] &= 0x1f;
        let (ecdsa, bn254) = (EcdsaKey::from_bytes(&seed).unwrap(), Bn254Key::from_bytes(&seed).unwrap());
        let signed = [
            (PublicKey::Ecdsa(ecdsa.address()), ecdsa.sign_digest(&digest).to_vec()),
            (PublicKey::Bn254(bn254.public_key()), bn254.sign_digest(&digest).unwrap().to_vec()),
        ];
        for (key, signature) in signed {
            prop_assert_eq!(verifier.verify(&key, &digest, &signature), Ok(()));
            prop_assert_eq!(verifier.verify(&key, &Digest::new(other), &signature), Err(SignatureError::Mismatch));
        }
        // Masks differ, signatures do not.
        prop_assert_eq!(bn254.sign_digest(&digest).unwrap(), bn254.sign_digest(&digest).unwrap());
    }

    #[test]
    fn no_bytes_make_a_verifier_panic(bytes in proptest::collection::vec(any::<u8>(), 0..140), digest in any::<[u8; 32]>()) {
        let digest = Digest::new(digest);
        prop_assert!(verify_digest(&Address::new([9; 20]), &digest, &bytes).is_err());
        prop_assert!(Bn254Verifier::new().verify_digest(&bn254_key().public_key(), &digest, &bytes).is_err());
        if let Ok(public) = <[u8; 128]>::try_from(&bytes[..bytes.len().min(128)]) {
            prop_assert!(Bn254Verifier::new().verify_digest(&Bn254PublicKey(public), &digest, &bytes).is_err());
        }
    }
}
