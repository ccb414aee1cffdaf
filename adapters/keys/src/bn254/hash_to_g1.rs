//! `hash_to_curve` of RFC 9380 for G1 of BN254: expand_message_xmd with SHA-256, two field elements of L = 48 bytes,
//! the Shallue–van de Woestijne map (§6.6.1) with Z = 1; the cofactor is one.
//!
//! What is hashed is public, so nothing here needs constant time.

use ark_bn254::{Fq, G1Affine};
use ark_ec::CurveGroup;
use ark_ff::{Field, MontFp, One, PrimeField, Zero};
use sha2::{Digest as _, Sha256};

use super::increment::{curve_value, square_root};
use super::point::is_odd;

/// The tag says SSWU; the map is SVDW all the same (`contract.md` §2).
const DST: &[u8] = b"BLS_SIG_BN254G1_XMD:SHA-256_SSWU_RO_NUL_";
const FIELD_BYTES: usize = 48;
const UNIFORM_BYTES: usize = 2 * FIELD_BYTES;
/// Of SHA-256.
const BLOCK_BYTES: usize = 64;

const Z: Fq = MontFp!("1");
/// g(Z)
const C1: Fq = MontFp!("4");
/// -Z / 2
const C2: Fq = MontFp!("10944121435919637611123202872628637544348155578648911831344518947322613104291");
/// sqrt(-g(Z) · 3Z²), the even one
const C3: Fq = MontFp!("8815841940592487685674414971303048083897117035520822607866");
/// -4 g(Z) / 3Z²
const C4: Fq = MontFp!("7296080957279758407415468581752425029565437052432607887563012631548408736189");

/// The point of G1 to which a message hashes, as BLS signatures over submissions, authentications and challenges use it.
pub fn hash_to_g1(message: &[u8]) -> G1Affine {
    let uniform = expand_message(message);
    let (first, second) = uniform.split_at(FIELD_BYTES);
    (map_to_curve(field_element(first)) + map_to_curve(field_element(second))).into_affine()
}

/// `expand_message_xmd`, RFC 9380 §5.3.1.
fn expand_message(message: &[u8]) -> [u8; UNIFORM_BYTES] {
    const DST_LENGTH: u8 = DST.len() as u8;
    let first = Sha256::new()
        .chain_update([0; BLOCK_BYTES])
        .chain_update(message)
        .chain_update((UNIFORM_BYTES as u16).to_be_bytes())
        .chain_update([0])
        .chain_update(DST)
        .chain_update([DST_LENGTH])
        .finalize();
    let mut uniform = [0; UNIFORM_BYTES];
    let mut previous = [0; 32];
    for (counter, block) in (1u8..).zip(uniform.chunks_exact_mut(32)) {
        for (byte, mixed) in previous.iter_mut().zip(&first) {
            *byte ^= mixed;
        }
        previous = Sha256::new()
            .chain_update(previous)
            .chain_update([counter])
            .chain_update(DST)
            .chain_update([DST_LENGTH])
            .finalize()
            .into();
        block.copy_from_slice(&previous);
    }
    uniform
}

/// 48 big-endian bytes modulo p: two halves of 24 bytes, each below p, joined.
fn field_element(bytes: &[u8]) -> Fq {
    const TWO_TO_192: Fq = MontFp!("6277101735386680763835789423207666416102355444464034512896");
    let half = |bytes: &[u8]| {
        let mut integer = <Fq as PrimeField>::BigInt::default();
        for (limb, part) in integer.0.iter_mut().zip(bytes.rchunks_exact(8)) {
            *limb = part.iter().fold(0, |limb, byte| limb << 8 | u64::from(*byte));
        }
        Fq::from_bigint(integer).unwrap_or_default()
    };
    let (high, low) = bytes.split_at(FIELD_BYTES / 2);
    half(high) * TWO_TO_192 + half(low)
}

/// `map_to_curve_svdw`, RFC 9380 appendix F.1, except that it stops at the first candidate on the curve.
fn map_to_curve(u: Fq) -> G1Affine {
    let scaled = u.square() * C1;
    let (minus, plus) = (Fq::one() - scaled, Fq::one() + scaled);
    // inv0: the exceptional inputs go on with zero, as the RFC says.
    let inverse = (minus * plus).inverse().unwrap_or_else(Fq::zero);
    let offset = u * minus * inverse * C3;
    let last = || {
        let ratio = plus.square() * inverse;
        Z + ratio.square() * C4
    };
    let candidates: [&dyn Fn() -> Fq; 3] = [&|| C2 - offset, &|| C2 + offset, &last];
    for candidate in candidates {
        let x = candidate();
        if let Some(y) = square_root(&curve_value(&x)) {
            return G1Affine::new_unchecked(x, if is_odd(&u) == is_odd(&y) { y } else { -y });
        }
    }
    // Unreachable: one of three candidates is always on the curve. The identity verifies against no key.
    G1Affine::identity()
}

#[cfg(test)]
mod tests {
    use ark_ec::AffineRepr as _;

    use super::*;

    #[test]
    fn the_constants_are_what_the_rfc_defines() {
        let g_of_z = curve_value(&Z);
        let three = Fq::from(3u64);
        assert_eq!(C1, g_of_z);
        assert_eq!(C2 * Fq::from(2u64), -Z);
        assert_eq!(C3.square(), -g_of_z * three);
        assert!(!is_odd(&C3));
        assert_eq!(C4 * three, -Fq::from(4u64) * g_of_z);
    }

    #[test]
    fn every_input_lands_on_the_curve_exceptional_ones_included() {
        // 1 ± 4u² = 0 has the exceptional roots, where they exist.
        let quarter = Fq::from(4u64).inverse().unwrap();
        let exceptional = [square_root(&quarter), square_root(&-quarter), Some(Fq::zero())];
        for u in exceptional.into_iter().flatten().chain((1..200u64).map(Fq::from)) {
            let point = map_to_curve(u);
            assert!(point.is_on_curve() && !point.is_zero(), "{u}");
            assert_eq!(is_odd(&point.y), is_odd(&u), "{u}");
        }
    }

    #[test]
    fn field_elements_are_reduced_as_integers() {
        for bytes in [[0xff; 48], [0x01; 48], std::array::from_fn(|i| i as u8)] {
            assert_eq!(field_element(&bytes), Fq::from_be_bytes_mod_order(&bytes));
        }
    }
}
