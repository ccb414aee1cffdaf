//! Every signature of the shared vectors, byte for byte, on both curves.

use futures_util::FutureExt;
use hourglass_core::ports::{PublicKey, ResultSigner, SignatureVerifier};
use hourglass_core::task::{
    Certificate, EcdsaDomain, RawSubmission, TASK_VERSION, TaskSubmission, auth_message, challenge_message,
    message_hash, submission_message,
};
use hourglass_core::{Address, keccak256};
use hourglass_keys::{Bn254Key, Bn254Signer, CurveVerifier, EcdsaKey, EcdsaSigner, verify_result};
use serde_json::Value;

/// The vectors, parsed.
pub(crate) fn vectors() -> Vec<Value> {
    let vectors: Vec<Value> = serde_json::from_str(include_str!("../../../../core/tests/signing.json")).unwrap();
    assert!(vectors.len() >= 12);
    vectors
}

/// A text of a vector.
pub(crate) fn text<'a>(vector: &'a Value, pointer: &str) -> &'a str {
    vector.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{pointer} is missing"))
}

/// The bytes of a private key, which the vectors write without leading zeros.
pub(crate) fn scalar(vector: &Value, pointer: &str) -> [u8; 32] {
    let digits = format!("{:0>64}", text(vector, pointer).trim_start_matches("0x"));
    const_hex::decode_to_array(digits).unwrap()
}

fn number(vector: &Value, pointer: &str) -> u64 {
    vector.pointer(pointer).and_then(Value::as_u64).unwrap_or_else(|| panic!("{pointer} is missing"))
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    const_hex::encode_prefixed(bytes)
}

fn now<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().unwrap_or_else(|| panic!("a local signer never waits"))
}

fn submission(vector: &Value) -> TaskSubmission {
    TaskSubmission::parse(RawSubmission {
        task_id: text(vector, "/input/task_id").into(),
        aggregator_address: text(vector, "/keys/aggregator_address").into(),
        avs_address: text(vector, "/input/avs_address").into(),
        payload: const_hex::decode(text(vector, "/input/payload")).unwrap(),
        signature: Vec::new(),
        operator_set_id: number(vector, "/input/operator_set_id") as u32,
        reference_timestamp: number(vector, "/input/reference_timestamp") as u32,
        executor_address: text(vector, "/input/executor_address").into(),
        task_block_number: number(vector, "/input/task_block_number"),
        version: TASK_VERSION,
    })
    .unwrap()
}

struct Signers {
    /// The suffix that the vectors use for the curve.
    curve: &'static str,
    operator: Box<dyn ResultSigner>,
    aggregator: Box<dyn ResultSigner>,
}

fn signers(vector: &Value) -> [Signers; 2] {
    let ecdsa = |name| Box::new(EcdsaSigner::new(EcdsaKey::from_bytes(&scalar(vector, name)).unwrap()));
    let bn254 = |name| Box::new(Bn254Signer::new(Bn254Key::from_bytes(&scalar(vector, name)).unwrap()));
    [
        Signers {
            curve: "ecdsa",
            operator: ecdsa("/keys/operator_ecdsa"),
            aggregator: ecdsa("/keys/aggregator_ecdsa"),
        },
        Signers {
            curve: "bn254",
            operator: bn254("/keys/operator_bn254"),
            aggregator: bn254("/keys/aggregator_bn254"),
        },
    ]
}

#[test]
fn every_signature_is_reproduced_and_verifies() {
    let verifier = CurveVerifier::new();
    for vector in &vectors() {
        let submission = submission(vector);
        let hash = message_hash(&submission.task_id, &const_hex::decode(text(vector, "/input/output")).unwrap());
        let contract: Address = text(vector, "/input/ecdsa_verifier").parse().unwrap();
        let domain = EcdsaDomain::new(text(vector, "/input/ecdsa_domain_version"), &contract);
        for Signers { curve, operator, aggregator } in signers(vector) {
            let expected = |name: &str| text(vector, &format!("/expect/{name}_sig_{curve}")).to_owned();
            let certificate = match operator.public_key() {
                PublicKey::Ecdsa(_) => Certificate::ecdsa(domain, submission.reference_timestamp, &hash),
                PublicKey::Bn254(_) => Certificate::bn254(submission.reference_timestamp, &hash),
            };

            let result = now(operator.sign_certificate(&certificate)).unwrap();
            assert_eq!(hex(&result), expected("result"));
            verify_result(&operator.public_key(), &certificate, &result).unwrap();

            let auth = auth_message(
                &submission.task_id,
                &submission.avs,
                &submission.executor,
                submission.operator_set_id,
                &result,
            );
            let challenge = challenge_message(text(vector, "/input/challenge_token"));
            let task = submission_message(&submission, &submission.executor);
            for (name, signer, message) in [
                ("auth", &operator, auth.as_slice()),
                ("challenge", &operator, challenge.as_bytes().as_slice()),
                ("submission", &aggregator, task.as_slice()),
            ] {
                let signature = now(signer.sign_message(message)).unwrap();
                assert_eq!(hex(&signature), expected(name), "{name}");
                verifier.verify(&signer.public_key(), &keccak256(message), &signature).unwrap();
            }
        }
    }
}

#[test]
fn every_public_key() {
    for vector in &vectors() {
        let aggregator = EcdsaKey::from_bytes(&scalar(vector, "/keys/aggregator_ecdsa")).unwrap();
        assert_eq!(aggregator.address().checksummed(), text(vector, "/keys/aggregator_address"));
        let operator = Bn254Key::from_bytes(&scalar(vector, "/keys/operator_bn254")).unwrap();
        assert_eq!(hex(operator.public_key().0), text(vector, "/keys/operator_bn254_pubkey_g2_x1x0y1y0"));
    }
}
