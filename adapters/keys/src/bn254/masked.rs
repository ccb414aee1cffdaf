//! Multiplication of a point by a secret number.

use ark_bn254::Fr;
use ark_ec::CurveGroup;
use ark_ff::PrimeField;
use zeroize::{Zeroize, Zeroizing};

use crate::KeyError;
use crate::random::random;

/// A number modulo the group's order that is wiped when dropped.
#[derive(Clone)]
pub(super) struct SecretScalar(pub(super) Fr);

impl Drop for SecretScalar {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// `secret · point`, by way of two shares that are each uniformly random: `mask · point + (secret − mask) · point`.
///
/// The multiplication of the library takes a time that depends on its number. No number it sees here says anything about
/// the secret by itself, and each is used once, so the mean time over many signatures does not either
/// (`docs/adr/0002-bn254-implementation.md` says what remains).
///
/// # Errors
/// [`KeyError::Randomness`]: without a mask nothing is multiplied.
pub(super) fn multiply<G: CurveGroup<ScalarField = Fr>>(point: G, secret: &SecretScalar) -> Result<G, KeyError> {
    let mask = SecretScalar(uniform_scalar()?);
    let rest = SecretScalar(secret.0 - mask.0);
    Ok(point * mask.0 + point * rest.0)
}

/// Uniform to within 2^-130: 384 random bits, reduced.
pub(super) fn uniform_scalar() -> Result<Fr, KeyError> {
    let bytes = random::<48>()?;
    Ok(reduce(bytes))
}

fn reduce(bytes: Zeroizing<[u8; 48]>) -> Fr {
    Fr::from_le_bytes_mod_order(bytes.as_slice())
}
