//! What signing and verifying cost, and BN254 by arkworks beside mcl in the same run: `cargo bench -p hourglass-keys`.

#![expect(clippy::unwrap_used, reason = "a bench may panic")]

use std::hint::black_box;
use std::time::Duration;

use ark_bn254::{Bn254, Fr, G1Affine, G1Projective, G2Affine};
use ark_ec::bn::G2Prepared;
use ark_ec::pairing::Pairing;
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{BigInteger, PrimeField};
use criterion::{Criterion, criterion_group, criterion_main};
use hourglass_core::keccak256;
use hourglass_keys::{Bn254Key, Bn254Verifier, EcdsaKey, hash_to_g1, recover, solidity_hash_to_g1};
use mcl_rust as mcl;

fn ecdsa(c: &mut Criterion) {
    let key = EcdsaKey::from_bytes(&[0x42; 32]).unwrap();
    let digest = keccak256(b"task");
    let signature = key.sign_digest(&digest);
    let mut group = c.benchmark_group("ecdsa");
    group.bench_function("sign", |b| b.iter(|| key.sign_digest(black_box(&digest))));
    group.bench_function("recover", |b| b.iter(|| recover(black_box(&digest), &signature).unwrap()));
    group.finish();
}

fn bn254(c: &mut Criterion) {
    let key = Bn254Key::from_bytes(&[0x11; 32]).unwrap();
    let digest = keccak256(b"task");
    let signature = key.sign_digest(&digest).unwrap();
    let public = key.public_key();
    let verifier = Bn254Verifier::new();
    let mut malformed = signature;
    malformed[63] ^= 1;
    let mut group = c.benchmark_group("bn254");
    group.bench_function("hash to G1 (RFC 9380)", |b| b.iter(|| hash_to_g1(black_box(digest.as_bytes()))));
    group.bench_function("hash to G1 (Solidity)", |b| b.iter(|| solidity_hash_to_g1(black_box(&digest))));
    group.bench_function("sign message", |b| b.iter(|| key.sign_digest(black_box(&digest)).unwrap()));
    group.bench_function("sign certificate", |b| b.iter(|| key.sign_certificate_digest(black_box(&digest)).unwrap()));
    group.bench_function("verify, known key", |b| {
        b.iter(|| verifier.verify_digest(&public, black_box(&digest), &signature).unwrap());
    });
    group.bench_function("verify, new key", |b| {
        b.iter(|| Bn254Verifier::new().verify_digest(&public, black_box(&digest), &signature).unwrap());
    });
    group.bench_function("refuse a point off the curve", |b| {
        b.iter(|| verifier.verify_digest(&public, black_box(&digest), &malformed).unwrap_err());
    });
    group.finish();
}

/// The two operations in which the libraries differ, on the same inputs.
fn libraries(c: &mut Criterion) {
    assert!(mcl::init(mcl::CurveType::SNARK));
    let secret = Fr::from_be_bytes_mod_order(&[0x77; 32]);
    let hash = hash_to_g1(b"task");
    let signature = (G1Projective::from(hash) * secret).into_affine();
    let public = (G2Affine::generator() * secret).into_affine();

    let mut group = c.benchmark_group("G1 multiplication");
    group.bench_function("arkworks", |b| b.iter(|| (G1Projective::from(black_box(hash)) * secret).into_affine()));
    group.bench_function("arkworks, masked", |b| {
        b.iter(|| {
            let mask = Fr::from_be_bytes_mod_order(&[0x35; 48]);
            let point = G1Projective::from(black_box(hash));
            (point * mask + point * (secret - mask)).into_affine()
        });
    });
    let (mcl_hash, mcl_secret) = (mcl_g1(&hash), mcl_fr(&secret));
    group.bench_function("mcl", |b| {
        b.iter(|| {
            let (mut product, mut normal) = (mcl::G1::zero(), mcl::G1::zero());
            mcl::G1::mul(&mut product, black_box(&mcl_hash), &mcl_secret);
            mcl::G1::normalize(&mut normal, &product);
            normal
        });
    });
    group.finish();

    let mut group = c.benchmark_group("pairing check");
    let prepared = [G2Affine::generator(), public].map(G2Prepared::<ark_bn254::Config>::from);
    group.bench_function("arkworks, prepared", |b| {
        b.iter(|| {
            let pairs = Bn254::multi_miller_loop([black_box(signature), -hash], prepared.clone());
            Bn254::final_exponentiation(pairs).unwrap()
        });
    });
    group.bench_function("arkworks, not prepared", |b| {
        b.iter(|| Bn254::multi_pairing([black_box(signature), -hash], [G2Affine::generator(), public]));
    });
    let (mcl_signature, negative) = (mcl_g1(&signature), mcl_g1(&-hash));
    let (generator, mcl_public) = (mcl_g2(&G2Affine::generator()), mcl_g2(&public));
    group.bench_function("mcl", |b| {
        b.iter(|| {
            let [mut left, mut right, mut product, mut result] = std::array::from_fn(|_| mcl::GT::zero());
            mcl::miller_loop(&mut left, black_box(&mcl_signature), &generator);
            mcl::miller_loop(&mut right, &negative, &mcl_public);
            mcl::GT::mul(&mut product, &left, &right);
            mcl::final_exp(&mut result, &product);
            assert!(result.is_one());
        });
    });
    group.finish();
}

fn hex(element: impl PrimeField) -> String {
    element.into_bigint().to_bytes_be().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn mcl_fr(scalar: &Fr) -> mcl::Fr {
    mcl::Fr::from_str(&hex(*scalar), 16).unwrap()
}

fn mcl_g1(point: &G1Affine) -> mcl::G1 {
    mcl::G1::from_str(&format!("1 {} {}", hex(point.x), hex(point.y)), 16).unwrap()
}

fn mcl_g2(point: &G2Affine) -> mcl::G2 {
    let parts = [point.x.c0, point.x.c1, point.y.c0, point.y.c1].map(hex);
    mcl::G2::from_str(&format!("1 {}", parts.join(" ")), 16).unwrap()
}

fn short() -> Criterion {
    Criterion::default()
        .sample_size(30)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2))
}

criterion_group! { name = curves; config = short(); targets = ecdsa, bn254, libraries }
criterion_main!(curves);
