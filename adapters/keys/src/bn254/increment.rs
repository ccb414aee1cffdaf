//! `SolidityHashToG1`: the way in which contracts map a digest to G1, by trying x, x + 1, … (`contract.md` §2).

use ark_bn254::{Fq, G1Affine};
use ark_ff::{BigInt, Field, MontFp, One, PrimeField};
use hourglass_core::Digest;

const B: Fq = MontFp!("3");
/// (p + 1) / 4: p ≡ 3 mod 4, so this power of a square is one of its roots.
const ROOT_EXPONENT: BigInt<4> =
    BigInt!("5472060717959818805561601436314318772174077789324455915672259473661306552146");

/// The point of G1 to which a certificate's digest maps. Never the identity.
pub fn solidity_hash_to_g1(digest: &Digest) -> G1Affine {
    let mut x = Fq::from_be_bytes_mod_order(digest.as_bytes());
    loop {
        // Half of all x are on the curve, so this ends after two steps on average.
        if let Some(y) = square_root(&curve_value(&x)) {
            return G1Affine::new_unchecked(x, y);
        }
        x += Fq::one();
    }
}

/// x³ + 3
pub(super) fn curve_value(x: &Fq) -> Fq {
    x.square() * x + B
}

/// `value^((p + 1) / 4)`, where that is a root. Not constant in time.
///
/// A window of four bits instead of single ones saves a third of the multiplications; this is most of the cost of hashing
/// to the curve.
pub(super) fn square_root(value: &Fq) -> Option<Fq> {
    let mut powers = [Fq::one(); 16];
    for i in 1..16 {
        powers[i] = powers[i - 1] * value;
    }
    let mut root = Fq::one();
    for limb in ROOT_EXPONENT.0.iter().rev() {
        for shift in (0..64).step_by(4).rev() {
            root.square_in_place().square_in_place().square_in_place().square_in_place();
            let digit = (limb >> shift & 0xf) as usize;
            if digit != 0 {
                root *= &powers[digit];
            }
        }
    }
    (root.square() == *value).then_some(root)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponent_is_a_quarter_of_the_modulus() {
        let mut exponent = Fq::MODULUS;
        assert_eq!(exponent.0[0] % 4, 3);
        for limb in 0..4 {
            let carried = if limb < 3 { exponent.0[limb + 1] << 62 } else { 0 };
            exponent.0[limb] = exponent.0[limb] >> 2 | carried;
        }
        exponent.0[0] += 1;
        assert_eq!(exponent, ROOT_EXPONENT);
    }

    #[test]
    fn roots_of_squares_only() {
        for i in 1..100u64 {
            let square = Fq::from(i).square();
            let root = square_root(&square).unwrap();
            assert!(root == Fq::from(i) || root == -Fq::from(i));
            assert_eq!(square_root(&-square), None, "-1 is no square modulo p");
        }
        assert_eq!(square_root(&Fq::from(0u64)), Some(Fq::from(0u64)));
    }

    #[test]
    fn digests_above_the_modulus_wrap() {
        let point = solidity_hash_to_g1(&Digest::new([0xff; 32]));
        assert!(point.is_on_curve());
        let zero = solidity_hash_to_g1(&Digest::new([0; 32]));
        assert_eq!((zero.x, zero.is_on_curve()), (Fq::from(1u64), true), "x = 0 is not on the curve, x = 1 is");
    }
}
