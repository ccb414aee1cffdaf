use aes::Aes128;
use ctr::Ctr128BE;
use ctr::cipher::{KeyIvInit, StreamCipher};
use zeroize::Zeroizing;

use super::kdf::DerivedKey;
use crate::KeyError;

/// AES-128-CTR with the first half of the derived key; encrypts and decrypts.
pub(super) fn aes_128_ctr(key: &DerivedKey, iv: &[u8], text: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let mut cipher = Ctr128BE::<Aes128>::new_from_slices(&key[..16], iv)
        .map_err(|_| KeyError::MalformedKeystore("the initialisation vector must have 16 bytes".into()))?;
    let mut text = Zeroizing::new(text.to_vec());
    cipher.apply_keystream(&mut text);
    Ok(text)
}

/// Refuses a ciphertext that cannot hold a private key: 1 to 32 bytes.
pub(super) fn check_length(ciphertext: &[u8]) -> Result<(), KeyError> {
    match ciphertext.len() {
        1..=32 => Ok(()),
        length => Err(KeyError::MalformedKeystore(format!("a private key has 32 bytes, the encrypted one {length}"))),
    }
}
