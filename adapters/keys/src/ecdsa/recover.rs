use hourglass_core::ports::SignatureError;
use hourglass_core::{Address, Digest};
use secp256k1::Message;
use secp256k1::ecdsa::{RecoverableSignature, RecoveryId};

use super::address_of;

/// Half of the group's order, the largest s that is not malleable.
const HALF_ORDER: [u8; 32] = [
    0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x5d, 0x57, 0x6e,
    0x73, 0x57, 0xa4, 0x50, 0x1d, 0xdf, 0xe9, 0x2f, 0x46, 0x68, 0x1b, 0x20, 0xa0,
];

/// Who signed a digest. `v` may be 0, 1, 27 or 28.
///
/// # Errors
/// [`SignatureError::Malformed`] for another length or `v`, for r or s that is zero or too large, and for the malleable
/// twin of a signature (high s, EIP-2).
pub fn recover(digest: &Digest, signature: &[u8]) -> Result<Address, SignatureError> {
    let signature: &[u8; 65] =
        signature.try_into().map_err(|_| SignatureError::Malformed("an ECDSA signature has 65 bytes, r ‖ s ‖ v"))?;
    let id = match signature[64] {
        0 | 27 => RecoveryId::Zero,
        1 | 28 => RecoveryId::One,
        _ => return Err(SignatureError::Malformed("v must be 0, 1, 27 or 28")),
    };
    let (r, s) = signature[..64].split_at(32);
    if r == [0; 32] || s == [0; 32] {
        return Err(SignatureError::Malformed("r or s is zero"));
    }
    if s > HALF_ORDER.as_slice() {
        return Err(SignatureError::Malformed("s is above half of the group's order"));
    }
    let parsed = RecoverableSignature::from_compact(&signature[..64], id)
        .map_err(|_| SignatureError::Malformed("r is not below the group's order"))?;
    let key = parsed
        .recover(Message::from_digest(*digest.as_bytes()))
        .map_err(|_| SignatureError::Malformed("r is not the coordinate of a point"))?;
    Ok(address_of(&key))
}

/// Whether `address` signed the digest.
///
/// # Errors
/// As [`recover`]; [`SignatureError::Mismatch`] where somebody else signed it.
pub fn verify_digest(address: &Address, digest: &Digest, signature: &[u8]) -> Result<(), SignatureError> {
    if recover(digest, signature)? == *address { Ok(()) } else { Err(SignatureError::Mismatch) }
}
