//! BN254 by two implementations: arkworks, which we use, and mcl, which shares no code with it.

use hourglass_core::Digest;
use hourglass_core::ports::SignatureError;
use hourglass_keys::{Bn254Key, Bn254Verifier, hash_to_g1, solidity_hash_to_g1};
use mcl_rust::{CurveType, Fr, G1, G2, GT};
use proptest::prelude::*;
use std::sync::Once;

const GENERATOR_G2: &str = "1 \
    10857046999023057135944570762232829481370756359578518086990519993285655852781 \
    11559732032986387107991004021392285783925812861821192530917403151452391805634 \
    8495653923123431417604973247489272438418190587263600148770280649306958101930 \
    4082367875863433681332203403145435568316851327593401208105741076214120093531";

fn mcl() {
    static INIT: Once = Once::new();
    INIT.call_once(|| assert!(mcl_rust::init(CurveType::SNARK)));
}

/// Coordinates of 32 bytes each, as mcl reads a point in hexadecimal.
fn coordinates<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    parts.into_iter().fold("1".to_owned(), |text, part| text + " " + &const_hex::encode(part))
}

fn g1(bytes: &[u8]) -> G1 {
    G1::from_str(&coordinates(bytes.chunks(32)), 16).unwrap()
}

fn g1_bytes(point: &G1) -> Vec<u8> {
    let mut normal = G1::zero();
    G1::normalize(&mut normal, point);
    let text = normal.get_str(16);
    text.split(' ').skip(1).flat_map(|part| const_hex::decode(format!("{part:0>64}")).unwrap()).collect()
}

/// Ours puts the imaginary part first, mcl the real one.
fn g2(bytes: &[u8; 128]) -> G2 {
    let parts: Vec<_> = bytes.chunks(32).collect();
    G2::from_str(&coordinates([parts[1], parts[0], parts[3], parts[2]]), 16).unwrap()
}

fn scalar(bytes: &[u8; 32]) -> Fr {
    Fr::from_str(&const_hex::encode(bytes), 16).unwrap()
}

fn ark_bytes(point: &ark_bn254::G1Affine) -> Vec<u8> {
    use ark_ff::{BigInteger, PrimeField};
    [point.x.into_bigint().to_bytes_be(), point.y.into_bigint().to_bytes_be()].concat()
}

fn mcl_verifies(key: &[u8; 128], hash: &G1, signature: &G1) -> bool {
    let generator = G2::from_str(GENERATOR_G2, 10).unwrap();
    let (mut left, mut right) = (GT::zero(), GT::zero());
    mcl_rust::pairing(&mut left, signature, &generator);
    mcl_rust::pairing(&mut right, hash, &g2(key));
    left == right
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn both_multiply_alike(mut secret in any::<[u8; 32]>(), digest in any::<[u8; 32]>()) {
        mcl();
        secret[0] &= 0x1f;
        let key = Bn254Key::from_bytes(&secret).unwrap();
        let digest = Digest::new(digest);
        let hashes = [hash_to_g1(digest.as_bytes()), solidity_hash_to_g1(&digest)];
        let signatures = [key.sign_digest(&digest).unwrap(), key.sign_certificate_digest(&digest).unwrap()];
        for (hash, signature) in hashes.iter().zip(signatures) {
            let mut product = G1::zero();
            G1::mul(&mut product, &g1(&ark_bytes(hash)), &scalar(&secret));
            prop_assert_eq!(g1_bytes(&product), signature.to_vec());
        }
        let mut public = G2::zero();
        G2::mul(&mut public, &G2::from_str(GENERATOR_G2, 10).unwrap(), &scalar(&secret));
        prop_assert!(public == g2(&key.public_key().0));
    }

    #[test]
    fn both_give_the_same_verdict(mut secret in any::<[u8; 32]>(), digest in any::<[u8; 32]>(), factor in 1u8..4) {
        mcl();
        secret[0] &= 0x1f;
        let key = Bn254Key::from_bytes(&secret).unwrap();
        let digest = Digest::new(digest);
        let honest = key.sign_digest(&digest).unwrap();
        // A multiple of the signature is a good point of the curve and a wrong signature, unless the factor is one.
        let mut other = G1::zero();
        G1::mul(&mut other, &g1(&honest), &scalar(&std::array::from_fn(|i| if i == 31 { factor } else { 0 })));
        let ours = Bn254Verifier::new().verify_digest(&key.public_key(), &digest, &g1_bytes(&other));
        let theirs = mcl_verifies(&key.public_key().0, &g1(&ark_bytes(&hash_to_g1(digest.as_bytes()))), &other);
        prop_assert_eq!(theirs, factor == 1);
        prop_assert_eq!(ours, if factor == 1 { Ok(()) } else { Err(SignatureError::Mismatch) });
    }
}
