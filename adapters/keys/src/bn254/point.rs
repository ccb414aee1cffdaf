//! The bytes of points: big-endian coordinates, `X ‖ Y`; on G2 the imaginary part of a coordinate comes first.

use ark_bn254::{Fq, Fq2, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use ark_ff::{BigInteger, PrimeField};
use hourglass_core::ports::{Bn254PublicKey, SignatureError};

/// A point of G1: `X ‖ Y`, 32 bytes each.
pub type G1Bytes = [u8; 64];

pub(super) fn g1_to_bytes(point: &G1Affine) -> G1Bytes {
    let mut bytes = [0; 64];
    // The identity has no coordinates; contracts write it as zeros, and nobody signs with it.
    if let Some((x, y)) = point.xy() {
        bytes[..32].copy_from_slice(&field_to_bytes(&x));
        bytes[32..].copy_from_slice(&field_to_bytes(&y));
    }
    bytes
}

/// Reads a signature: on the curve, not the identity, coordinates below the modulus. G1 has no other subgroup.
pub(super) fn g1_from_bytes(bytes: &[u8]) -> Result<G1Affine, SignatureError> {
    let bytes: &G1Bytes = bytes.try_into().map_err(|_| SignatureError::Malformed("a BN254 signature has 64 bytes"))?;
    if bytes == &[0; 64] {
        return Err(SignatureError::Malformed("it is the identity"));
    }
    let (x, y) = bytes.split_at(32);
    let coordinate =
        |part| field_from_bytes(part).ok_or(SignatureError::Malformed("a coordinate is not below the modulus"));
    let point = G1Affine::new_unchecked(coordinate(x)?, coordinate(y)?);
    if point.is_on_curve() { Ok(point) } else { Err(SignatureError::Malformed("the point is not on the curve")) }
}

pub(super) fn g2_to_bytes(point: &G2Affine) -> Bn254PublicKey {
    let mut bytes = [0; 128];
    if let Some((x, y)) = point.xy() {
        for (slot, part) in bytes.chunks_exact_mut(32).zip([x.c1, x.c0, y.c1, y.c0]) {
            slot.copy_from_slice(&field_to_bytes(&part));
        }
    }
    Bn254PublicKey(bytes)
}

/// Reads a public key: on the twist, in the subgroup of the right order, not the identity.
pub(super) fn g2_from_bytes(key: &Bn254PublicKey) -> Result<G2Affine, SignatureError> {
    if key.0 == [0; 128] {
        return Err(SignatureError::MalformedKey("it is the identity"));
    }
    let coordinate = |part: usize| {
        field_from_bytes(&key.0[part * 32..][..32])
            .ok_or(SignatureError::MalformedKey("a coordinate is not below the modulus"))
    };
    let x = Fq2::new(coordinate(1)?, coordinate(0)?);
    let y = Fq2::new(coordinate(3)?, coordinate(2)?);
    let point = G2Affine::new_unchecked(x, y);
    if !point.is_on_curve() {
        return Err(SignatureError::MalformedKey("the point is not on the curve"));
    }
    // The twist has points of other orders, with which pairings say nothing about the signer.
    if !point.is_in_correct_subgroup_assuming_on_curve() {
        return Err(SignatureError::MalformedKey("the point is not in the subgroup of G2"));
    }
    Ok(point)
}

pub(super) fn field_to_bytes(element: &Fq) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (slot, limb) in bytes.rchunks_exact_mut(8).zip(element.into_bigint().as_ref()) {
        slot.copy_from_slice(&limb.to_be_bytes());
    }
    bytes
}

/// `None` for the modulus and above: every element has exactly one encoding.
fn field_from_bytes(bytes: &[u8]) -> Option<Fq> {
    let mut integer = <Fq as PrimeField>::BigInt::default();
    for (limb, part) in integer.0.iter_mut().zip(bytes.rchunks_exact(8)) {
        *limb = part.iter().fold(0, |limb, byte| limb << 8 | u64::from(*byte));
    }
    Fq::from_bigint(integer)
}

/// `sgn0` of RFC 9380 §4.1: whether the canonical integer is odd.
pub(super) fn is_odd(element: &Fq) -> bool {
    element.into_bigint().is_odd()
}
