//! The byte strings that are hashed and signed, `contract.md` §2. All integers are big-endian.

use crate::address::Address;
use crate::digest::{Digest, keccak256};
use crate::task::{TaskId, TaskSubmission};

/// Length of [`submission_message`].
pub const SUBMISSION_MESSAGE_LEN: usize = 224;
/// Length of [`auth_message`].
pub const AUTH_MESSAGE_LEN: usize = 160;

/// Left-pads to a 32-byte word, as `abi.encode` does for static types.
pub(crate) fn word(bytes: &[u8]) -> [u8; 32] {
    let mut word = [0; 32];
    word[32 - bytes.len()..].copy_from_slice(bytes);
    word
}

/// What an aggregator signs (its keccak256) to submit a task.
///
/// `executor` is the *configured* operator address of whoever verifies, never the one that the request claims:
/// a signature made for another operator then does not verify.
pub fn submission_message(submission: &TaskSubmission, executor: &Address) -> [u8; SUBMISSION_MESSAGE_LEN] {
    let mut message = [0; SUBMISSION_MESSAGE_LEN];
    let words = [
        *submission.task_id.as_bytes(),
        word(submission.avs.as_bytes()),
        word(executor.as_bytes()),
        word(&submission.operator_set_id.to_be_bytes()),
        word(&submission.reference_timestamp.to_be_bytes()),
        word(&submission.task_block_number.to_be_bytes()),
        *keccak256(&submission.payload).as_bytes(),
    ];
    for (slot, word) in message.chunks_exact_mut(32).zip(words) {
        slot.copy_from_slice(&word);
    }
    message
}

/// `keccak256(abi.encode(bytes32 task_id, bytes output))`: what a certificate is about.
pub fn message_hash(task_id: &TaskId, output: &[u8]) -> Digest {
    let mut encoded = Vec::with_capacity(96 + output.len().next_multiple_of(32));
    encoded.extend_from_slice(task_id.as_bytes());
    encoded.extend_from_slice(&word(&64u64.to_be_bytes()));
    encoded.extend_from_slice(&word(&(output.len() as u64).to_be_bytes()));
    encoded.extend_from_slice(output);
    encoded.resize(encoded.len().next_multiple_of(32), 0);
    keccak256(encoded)
}

/// What an operator signs (its keccak256) to show that it is the one who answers with `result_signature`.
pub fn auth_message(
    task_id: &TaskId,
    avs: &Address,
    operator: &Address,
    operator_set_id: u32,
    result_signature: &[u8],
) -> [u8; AUTH_MESSAGE_LEN] {
    let mut message = [0; AUTH_MESSAGE_LEN];
    let words = [
        *task_id.as_bytes(),
        word(avs.as_bytes()),
        word(operator.as_bytes()),
        word(&operator_set_id.to_be_bytes()),
        *keccak256(result_signature).as_bytes(),
    ];
    for (slot, word) in message.chunks_exact_mut(32).zip(words) {
        slot.copy_from_slice(&word);
    }
    message
}

/// What answers a challenge: `keccak256(ascii token)`. Its keccak256, once more, is what gets signed.
pub fn challenge_message(token: &str) -> Digest {
    keccak256(token.as_bytes())
}
