//! The signing vectors, as far as they are hashes and bytes; the curves themselves are tested in `hourglass-keys`.

#![expect(clippy::panic, reason = "a missing vector field ends the test")]

use hourglass_core::task::{
    Certificate, EcdsaDomain, RawSubmission, TASK_VERSION, TaskSubmission, message_hash, submission_message,
};
use hourglass_core::{Address, keccak256};
use serde_json::Value;

const VECTORS: &str = include_str!("signing.json");

fn text<'a>(vector: &'a Value, pointer: &str) -> &'a str {
    vector.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{pointer} is missing"))
}

fn number(vector: &Value, pointer: &str) -> u64 {
    vector.pointer(pointer).and_then(Value::as_u64).unwrap_or_else(|| panic!("{pointer} is missing"))
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    const_hex::encode_prefixed(bytes)
}

#[test]
fn every_message_and_digest() {
    let vectors: Vec<Value> = serde_json::from_str(VECTORS).unwrap();
    assert!(vectors.len() >= 12);
    for vector in &vectors {
        let submission = TaskSubmission::parse(RawSubmission {
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
        .unwrap();
        let message = submission_message(&submission, &submission.executor);
        assert_eq!(hex(message), text(vector, "/expect/submission_message"));
        assert_eq!(keccak256(message).to_string(), text(vector, "/expect/submission_digest"));

        let output = const_hex::decode(text(vector, "/input/output")).unwrap();
        let hash = message_hash(&submission.task_id, &output);
        assert_eq!(hash.to_string(), text(vector, "/expect/message_hash"));
        let bn254 = Certificate::bn254(submission.reference_timestamp, &hash);
        assert_eq!(bn254.digest().to_string(), text(vector, "/expect/bn254_certificate_digest"));

        let verifier: Address = text(vector, "/input/ecdsa_verifier").parse().unwrap();
        let domain = EcdsaDomain::new(text(vector, "/input/ecdsa_domain_version"), &verifier);
        let ecdsa = Certificate::ecdsa(domain, submission.reference_timestamp, &hash);
        assert_eq!(hex(ecdsa.ecdsa_preimage().unwrap()), text(vector, "/expect/ecdsa_certificate_preimage"));
    }
}
