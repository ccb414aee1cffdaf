use async_trait::async_trait;
use thiserror::Error;

use crate::address::Address;
use crate::curve::CurveType;
use crate::ports::PublicKey;
use crate::task::EcdsaDomain;

/// What a submission claims about its origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TaskClaim {
    /// For which AVS.
    pub avs: Address,
    /// For which executor operator set of it.
    pub operator_set_id: u32,
    /// Who claims to have submitted it.
    pub aggregator: Address,
    /// Of the operator table.
    pub reference_timestamp: u32,
    /// Where to look; 0 is the latest block.
    pub task_block_number: u64,
}

/// How an answer is to be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mandate {
    /// On secp256k1, for this verifier.
    Ecdsa(EcdsaDomain),
    /// On BN254.
    Bn254,
}

impl Mandate {
    /// The curve.
    pub const fn curve(&self) -> CurveType {
        match self {
            Self::Ecdsa(_) => CurveType::Ecdsa,
            Self::Bn254 => CurveType::Bn254,
        }
    }
}

/// Says who may submit tasks, and how answers to them are signed: the chain, or the configuration.
#[async_trait]
pub trait TaskAuthority: Send + Sync + 'static {
    /// The key with which the claimed aggregator signs, if it may submit tasks of that AVS and we serve that set.
    /// Asked before any signature is checked, so it must be cheap for strangers' claims.
    async fn aggregator_key(&self, claim: &TaskClaim) -> Result<PublicKey, AuthorityError>;

    /// Whether *we* are in the operator set, and on which curve it signs.
    async fn mandate(&self, claim: &TaskClaim) -> Result<Mandate, AuthorityError>;
}

/// Why a task is not to be run, or why nobody can tell.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AuthorityError {
    /// The AVS is not one of ours.
    #[error("AVS {0} is not served by this executor")]
    UnknownAvs(Address),
    /// The set is not an executor set of the AVS.
    #[error("operator set {set} of AVS {avs} is not one that executes tasks here")]
    UnknownOperatorSet {
        /// The AVS.
        avs: Address,
        /// The set.
        set: u32,
    },
    /// The claimed aggregator may not submit.
    #[error("{aggregator} is not an aggregator of AVS {avs}")]
    NotAnAggregator {
        /// Who claimed to be one.
        aggregator: Address,
        /// Of which AVS.
        avs: Address,
    },
    /// We are not in the set.
    #[error("this operator is not in operator set {set} of AVS {avs}")]
    NotAMember {
        /// The AVS.
        avs: Address,
        /// The set.
        set: u32,
    },
    /// The source of truth does not answer.
    #[error("who may submit and sign cannot be established now: {0}")]
    Unavailable(String),
}

impl AuthorityError {
    /// Stable reason.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::UnknownAvs(_) => "UnknownAvs",
            Self::UnknownOperatorSet { .. } => "UnknownOperatorSet",
            Self::NotAnAggregator { .. } => "NotAnAggregator",
            Self::NotAMember { .. } => "NotAMember",
            Self::Unavailable(_) => "AuthorityUnavailable",
        }
    }

    /// Whether trying the same again may help.
    pub const fn retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}
