use hourglass_core::service::{ErrorKind, ManagementError, ManagementErrorKind, TaskError};
use tonic::metadata::MetadataValue;
use tonic::{Code, Status};

/// The metadata key under which every refusal of ours carries its stable reason.
pub const REASON_KEY: &str = "hourglass-reason";

/// The code of a task's failure. The known aggregator retries the last four.
pub(crate) const fn task_code(kind: ErrorKind) -> Code {
    match kind {
        ErrorKind::InvalidArgument => Code::InvalidArgument,
        ErrorKind::Unauthenticated => Code::Unauthenticated,
        ErrorKind::PermissionDenied => Code::PermissionDenied,
        ErrorKind::NotFound => Code::NotFound,
        ErrorKind::AlreadyExists => Code::AlreadyExists,
        ErrorKind::FailedPrecondition => Code::FailedPrecondition,
        ErrorKind::ResourceExhausted => Code::ResourceExhausted,
        ErrorKind::Unavailable => Code::Unavailable,
        ErrorKind::DeadlineExceeded => Code::DeadlineExceeded,
        ErrorKind::Internal => Code::Internal,
    }
}

/// The code and the stable reason of a management failure.
pub(crate) const fn management_code(kind: ManagementErrorKind) -> (Code, &'static str) {
    match kind {
        ManagementErrorKind::InvalidArgument => (Code::InvalidArgument, "InvalidArgument"),
        ManagementErrorKind::Unauthenticated => (Code::Unauthenticated, "Unauthenticated"),
        ManagementErrorKind::PermissionDenied => (Code::PermissionDenied, "PermissionDenied"),
        ManagementErrorKind::NotFound => (Code::NotFound, "NotFound"),
        ManagementErrorKind::AlreadyExists => (Code::AlreadyExists, "AlreadyExists"),
        ManagementErrorKind::FailedPrecondition => (Code::FailedPrecondition, "FailedPrecondition"),
        ManagementErrorKind::Unimplemented => (Code::Unimplemented, "Unimplemented"),
        ManagementErrorKind::ResourceExhausted => (Code::ResourceExhausted, "ResourceExhausted"),
        ManagementErrorKind::DeadlineExceeded => (Code::DeadlineExceeded, "DeadlineExceeded"),
        ManagementErrorKind::Unavailable => (Code::Unavailable, "Unavailable"),
    }
}

/// A status with its reason: a code for machines, a message for people.
pub(crate) fn refusal(code: Code, reason: &'static str, message: impl Into<String>) -> Status {
    let mut status = Status::new(code, message);
    status.metadata_mut().insert(REASON_KEY, MetadataValue::from_static(reason));
    status
}

pub(crate) fn task_refusal(error: &TaskError) -> Status {
    refusal(task_code(error.kind()), error.reason(), error.to_string())
}

pub(crate) fn management_refusal(error: &ManagementError) -> Status {
    let (code, reason) = management_code(error.kind);
    refusal(code, reason, error.message.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_the_retryable_kinds_get_the_codes_that_aggregators_retry() {
        use ErrorKind::{
            AlreadyExists, DeadlineExceeded, FailedPrecondition, Internal, InvalidArgument, NotFound, PermissionDenied,
            ResourceExhausted, Unauthenticated, Unavailable,
        };
        let retried = [Code::Unavailable, Code::DeadlineExceeded, Code::ResourceExhausted, Code::Internal];
        for kind in [
            InvalidArgument,
            Unauthenticated,
            PermissionDenied,
            NotFound,
            AlreadyExists,
            FailedPrecondition,
            ResourceExhausted,
            Unavailable,
            DeadlineExceeded,
            Internal,
        ] {
            let code = task_code(kind);
            assert_eq!(retried.contains(&code), kind.retryable(), "{kind:?}");
            assert_eq!(format!("{code:?}"), format!("{kind:?}"));
        }
    }
}
