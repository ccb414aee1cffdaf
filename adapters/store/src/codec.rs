//! How a record is written: 110 bytes (BN254) or 142 (ECDSA) and its output. All numbers big-endian.
//!
//! ```text
//! 1 version (1) │ 8 check │ 1 curve │ 32 request digest │ 20 AVS │ 4 set │ 4 reference timestamp │ 8 recorded at
//! ECDSA: 32 domain │ 32 struct hash        BN254: 32 digest        │ output, to the end
//! ```
//!
//! `check` is the beginning of keccak256 over the task id and all that follows it. The database does not verify its
//! pages when it reads them; with the check a damaged record is an error, never another answer.

use hourglass_core::task::{Certificate, EcdsaDomain, TaskId, TaskRecord};
use hourglass_core::{Address, Digest, Timestamp, keccak256};

const VERSION: u8 = 1;
const CHECK: usize = 8;
const ECDSA: u8 = 1;
const BN254: u8 = 2;

/// The bytes that stand for `record`; its task id is the key and not among them.
pub(crate) fn encode(record: &TaskRecord) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(142 + record.output.len());
    bytes.push(VERSION);
    bytes.extend_from_slice(&[0; CHECK]);
    bytes.push(match record.certificate {
        Certificate::Ecdsa { .. } => ECDSA,
        Certificate::Bn254 { .. } => BN254,
    });
    bytes.extend_from_slice(record.request_digest.as_bytes());
    bytes.extend_from_slice(record.avs.as_bytes());
    bytes.extend_from_slice(&record.operator_set_id.to_be_bytes());
    bytes.extend_from_slice(&record.reference_timestamp.to_be_bytes());
    bytes.extend_from_slice(&record.recorded_at.as_millis().to_be_bytes());
    match &record.certificate {
        Certificate::Ecdsa { domain, struct_hash } => {
            bytes.extend_from_slice(domain.separator().as_bytes());
            bytes.extend_from_slice(struct_hash.as_bytes());
        }
        Certificate::Bn254 { digest } => bytes.extend_from_slice(digest.as_bytes()),
    }
    bytes.extend_from_slice(&record.output);
    let check = check(&record.task_id, &bytes[1 + CHECK..]);
    bytes[1..=CHECK].copy_from_slice(&check);
    bytes
}

/// The record of `task_id` that `bytes` stand for; otherwise what is wrong with them.
pub(crate) fn decode(task_id: &TaskId, bytes: &[u8]) -> Result<TaskRecord, String> {
    read(task_id, bytes).map_err(|problem| format!("the record of task {task_id} {problem}"))
}

fn read(task_id: &TaskId, bytes: &[u8]) -> Result<TaskRecord, String> {
    let mut rest = Rest(bytes);
    match rest.number::<1>()? {
        [VERSION] => {}
        [version] => return Err(format!("has the encoding {version}, this version reads {VERSION}")),
    }
    let expected = rest.number::<CHECK>()?;
    if check(task_id, rest.0) != expected {
        return Err("is damaged: its check does not hold".into());
    }
    let [curve] = rest.number::<1>()?;
    Ok(TaskRecord {
        task_id: *task_id,
        request_digest: Digest::new(rest.number()?),
        avs: Address::new(rest.number()?),
        operator_set_id: u32::from_be_bytes(rest.number()?),
        reference_timestamp: u32::from_be_bytes(rest.number()?),
        recorded_at: Timestamp::from_millis(u64::from_be_bytes(rest.number()?)),
        certificate: match curve {
            ECDSA => Certificate::Ecdsa {
                domain: EcdsaDomain::from_separator(Digest::new(rest.number()?)),
                struct_hash: Digest::new(rest.number()?),
            },
            BN254 => Certificate::Bn254 { digest: Digest::new(rest.number()?) },
            other => return Err(format!("is of the unknown curve {other}")),
        },
        output: rest.0.to_vec(),
    })
}

fn check(task_id: &TaskId, bytes: &[u8]) -> [u8; CHECK] {
    // Prefix and content are hashed apart, so that a large output is not copied.
    let content = keccak256(bytes);
    let mut joined = [0; 64];
    joined[..32].copy_from_slice(task_id.as_bytes());
    joined[32..].copy_from_slice(content.as_bytes());
    let mut check = [0; CHECK];
    check.copy_from_slice(&keccak256(joined).as_bytes()[..CHECK]);
    check
}

/// What has not been read yet.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn number<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let (head, tail) = self.0.split_first_chunk::<N>().ok_or_else(|| "is cut short".to_owned())?;
        self.0 = tail;
        Ok(*head)
    }
}

#[cfg(test)]
mod unit {
    use super::*;
    use hourglass_core::testing::sample_record;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn round_trip(task: u64, reference in any::<u32>(), output in proptest::collection::vec(any::<u8>(), 0..300)) {
            let record = sample_record(task, reference, &output);
            prop_assert_eq!(decode(&record.task_id, &encode(&record)), Ok(record));
        }

        #[test]
        fn no_changed_byte_is_believed(task: u64, at: prop::sample::Index, flip in 1..=255_u8) {
            let record = sample_record(task, 7, b"output");
            let mut bytes = encode(&record);
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
            prop_assert!(decode(&record.task_id, &bytes).is_err());
        }

        #[test]
        fn hostile_bytes_never_panic(bytes: Vec<u8>) {
            prop_assert!(decode(&sample_record(1, 1, b"").task_id, &bytes).is_err());
        }
    }

    #[test]
    fn cut_short_or_of_another_task() {
        let record = sample_record(2, 7, b"output");
        let bytes = encode(&record);
        assert_eq!(bytes.len(), 142 + 6);
        for end in 0..bytes.len() {
            assert!(decode(&record.task_id, &bytes[..end]).is_err(), "{end}");
        }
        assert!(decode(&sample_record(4, 7, b"").task_id, &bytes).is_err());
    }

    /// What the first release wrote must be read for ever: this hash never changes.
    #[test]
    fn golden() {
        let bytes = [encode(&sample_record(2, 7, b"output")), encode(&sample_record(3, 7, b"output"))].concat();
        assert_eq!(keccak256(bytes).to_string(), "0xeb5c4d651200cf48735aba768a80be68737c2bf82dfc8317cc60d004689c4ae2");
    }
}
