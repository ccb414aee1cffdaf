use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::address::Address;
use crate::curve::CurveType;
use crate::performer::PerformerName;
use crate::ports::ResultSigner;

/// The operator's keys, one for each curve it signs on.
#[derive(Clone, Default)]
pub struct Signers {
    /// On secp256k1.
    pub ecdsa: Option<Arc<dyn ResultSigner>>,
    /// On BN254.
    pub bn254: Option<Arc<dyn ResultSigner>>,
}

impl Signers {
    /// The key for a curve, if there is one.
    pub fn get(&self, curve: CurveType) -> Option<&Arc<dyn ResultSigner>> {
        match curve {
            CurveType::Ecdsa => self.ecdsa.as_ref(),
            CurveType::Bn254 => self.bn254.as_ref(),
        }
    }
}

/// What changes with the configuration while tasks run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskSettings {
    /// The AVSs that are served.
    pub avs: BTreeMap<Address, AvsTasks>,
    /// Refused submissions that one peer may send in a minute before its next ones are refused unread.
    pub failures_per_minute: u32,
    /// How long a submission waits for its answer. The task goes on, and submitting it again finds it.
    pub wait: Duration,
    /// The greatest payload of a task, in bytes.
    pub max_payload_bytes: u64,
    /// Development only: accept tasks without a signature, and fill in what else they lack.
    pub permit_unsigned: bool,
}

impl Default for TaskSettings {
    fn default() -> Self {
        Self {
            avs: BTreeMap::new(),
            failures_per_minute: 60,
            wait: Duration::from_secs(60),
            max_payload_bytes: 4 << 20,
            permit_unsigned: false,
        }
    }
}

/// How the tasks of one AVS are run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AvsTasks {
    /// Who answers them.
    pub performer: PerformerName,
    /// How long the performer may take, waiting in the queue included.
    pub deadline: Duration,
    /// Tasks that the performer works on at once.
    pub max_concurrent: usize,
    /// Tasks that may wait beyond those; the next is refused at once.
    pub max_queued: usize,
    /// Whether running a task twice is harmless, so that it may be sent again when its fate is unknown.
    pub idempotent: bool,
    /// Development only: the set of a task that names none.
    pub default_operator_set: Option<u32>,
}

impl AvsTasks {
    /// The defaults, for a performer.
    pub fn new(performer: PerformerName) -> Self {
        Self {
            performer,
            deadline: Duration::from_secs(30),
            max_concurrent: 64,
            max_queued: 1024,
            idempotent: false,
            default_operator_set: None,
        }
    }
}
