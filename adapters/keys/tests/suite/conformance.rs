//! The signers keep the promises of their port.

use futures_util::FutureExt as _;
use hourglass_core::testing::conformance::result_signer;
use hourglass_keys::{Bn254Key, Bn254Signer, CurveVerifier, EcdsaKey, EcdsaSigner};

#[test]
fn both_signers() {
    let verifier = CurveVerifier::new();
    let ecdsa = EcdsaSigner::new(EcdsaKey::generate().unwrap());
    result_signer(&ecdsa, &verifier).now_or_never().unwrap();
    let bn254 = Bn254Signer::new(Bn254Key::generate().unwrap());
    result_signer(&bn254, &verifier).now_or_never().unwrap();
}
