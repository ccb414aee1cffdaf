use thiserror::Error;

use crate::curve::CurveType;
use crate::ports::{AuthorityError, CallError, JournalError, SignatureError, SignerError};
use crate::task::{Conflict, FieldError, MAX_OUTPUT_BYTES};

/// What kind of failure an answer is; adapters map it to their own codes.
///
/// The known aggregator retries `Unavailable`, `DeadlineExceeded`, `ResourceExhausted` and `Internal`: a permanent
/// refusal is never one of those (`architecture.md`, a task's way).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// A field does not have its form. Permanent.
    InvalidArgument,
    /// The signature does not prove who sent it. Permanent.
    Unauthenticated,
    /// Whoever sent it may not. Permanent.
    PermissionDenied,
    /// What it is about is not here. Permanent.
    NotFound,
    /// It contradicts something recorded. Permanent.
    AlreadyExists,
    /// It cannot be done as things are set up. Permanent.
    FailedPrecondition,
    /// Too much at once. A later retry may succeed.
    ResourceExhausted,
    /// Something needed is not there now. A retry may succeed.
    Unavailable,
    /// It took too long. A retry may find the answer.
    DeadlineExceeded,
    /// A defect. A retry may succeed.
    Internal,
}

impl ErrorKind {
    /// Whether a retry of the same may succeed.
    pub const fn retryable(self) -> bool {
        matches!(self, Self::ResourceExhausted | Self::Unavailable | Self::DeadlineExceeded | Self::Internal)
    }
}

/// Why a submission got no signed result.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TaskError {
    /// A field does not have its form.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// It is addressed to another operator.
    #[error("executor_address: the task is for {claimed}, this executor signs for {ours}")]
    WrongExecutor {
        /// Whom the request names.
        claimed: crate::Address,
        /// Who we are.
        ours: crate::Address,
    },
    /// The aggregator's signature does not hold.
    #[error("signature: {0}")]
    Signature(SignatureError),
    /// The peer has sent too many bad signatures.
    #[error("too many refused submissions from this peer: wait {retry_after_secs} s")]
    PeerRationed {
        /// When it may try again.
        retry_after_secs: u64,
    },
    /// It may not be run, or nobody can tell.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// The task is known with other content.
    #[error(transparent)]
    Conflict(#[from] Conflict),
    /// The journal does not answer or forbids it.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The performer's queue is full.
    #[error("the performer of this AVS already has {limit} tasks running or waiting")]
    QueueFull {
        /// Its limit.
        limit: usize,
    },
    /// The performer gave no usable result.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The output is larger than aggregators take.
    #[error("the performer's output has {size} bytes; aggregators refuse {MAX_OUTPUT_BYTES} or more")]
    OutputTooLarge {
        /// Its size.
        size: usize,
    },
    /// We have no key on the curve of the operator set.
    #[error("the operator set signs on {curve} and no {curve} key is configured: set operator_keys")]
    NoKey {
        /// Which curve.
        curve: CurveType,
    },
    /// The signer failed.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// The answer was not there in time; the task goes on.
    #[error("the task is still running: submit it again to get its answer")]
    StillRunning,
    /// The executor is going away.
    #[error("the executor is shutting down: try again")]
    ShuttingDown,
    /// The task ended without an answer, through a defect.
    #[error("the task ended without an answer, through a defect: see the executor's log")]
    Lost,
}

impl TaskError {
    /// Stable reason: log field and metric label.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Field(_) => "MalformedField",
            Self::WrongExecutor { .. } => "WrongExecutor",
            Self::Signature(SignatureError::Malformed(_)) => "SignatureMalformed",
            Self::Signature(SignatureError::Mismatch) => "SignatureMismatch",
            Self::Signature(SignatureError::MalformedKey(_)) => "AggregatorKeyMalformed",
            Self::PeerRationed { .. } => "PeerRationed",
            Self::Authority(e) => e.reason(),
            Self::Conflict(_) => "TaskConflict",
            Self::Journal(e) => e.reason(),
            Self::QueueFull { .. } => "QueueFull",
            Self::Call(e) => e.reason(),
            Self::OutputTooLarge { .. } => "OutputTooLarge",
            Self::NoKey { .. } => "NoKeyForCurve",
            Self::Signer(SignerError::WrongCurve { .. }) => "SignerWrongCurve",
            Self::Signer(SignerError::Unavailable(_)) => "SignerUnavailable",
            Self::StillRunning => "TaskStillRunning",
            Self::ShuttingDown => "ShuttingDown",
            Self::Lost => "TaskLost",
        }
    }

    /// What kind of failure it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Field(_) => ErrorKind::InvalidArgument,
            Self::WrongExecutor { .. } => ErrorKind::PermissionDenied,
            Self::Signature(_) => ErrorKind::Unauthenticated,
            Self::Authority(e) if e.retryable() => ErrorKind::Unavailable,
            Self::Authority(AuthorityError::UnknownAvs(_) | AuthorityError::UnknownOperatorSet { .. }) => {
                ErrorKind::NotFound
            }
            Self::Authority(_) => ErrorKind::PermissionDenied,
            Self::Conflict(_) => ErrorKind::AlreadyExists,
            Self::Journal(e) if e.retryable() => ErrorKind::Unavailable,
            Self::Journal(_) | Self::NoKey { .. } | Self::OutputTooLarge { .. } => ErrorKind::FailedPrecondition,
            Self::PeerRationed { .. } | Self::QueueFull { .. } => ErrorKind::ResourceExhausted,
            Self::ShuttingDown => ErrorKind::Unavailable,
            Self::Call(CallError::Deadline(_)) | Self::StillRunning => ErrorKind::DeadlineExceeded,
            Self::Call(CallError::NotReady { .. } | CallError::Broken(_)) => ErrorKind::Unavailable,
            Self::Call(CallError::Performer { code, .. }) if is_permanent(code) => ErrorKind::FailedPrecondition,
            Self::Call(CallError::TooLarge { .. }) => ErrorKind::FailedPrecondition,
            Self::Call(CallError::Performer { .. } | CallError::Invalid(_)) | Self::Lost => ErrorKind::Internal,
            Self::Signer(SignerError::Unavailable(_)) => ErrorKind::Unavailable,
            Self::Signer(SignerError::WrongCurve { .. }) => ErrorKind::FailedPrecondition,
        }
    }
}

/// Whether a performer's own refusal stands: running the same task again would only be refused again.
fn is_permanent(code: &str) -> bool {
    const PERMANENT: [&str; 7] = [
        "INVALID_ARGUMENT",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "FAILED_PRECONDITION",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
    ];
    PERMANENT.contains(&code)
}
