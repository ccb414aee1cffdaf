use thiserror::Error;

use crate::writer::WriteFailure;

/// Why a pass did not come to its end. Another one is made, after a while.
#[derive(Debug, Error)]
pub(super) enum PassError {
    /// Somebody else leads: nothing is written any more.
    #[error("this operator does not lead")]
    NotLeading,
    /// What was known was outdated.
    #[error("it has changed meanwhile")]
    Stale,
    /// A write failed.
    #[error("{what} was not written: {failure}")]
    Write {
        /// Of what.
        what: &'static str,
        /// How.
        failure: WriteFailure,
    },
    /// A read failed.
    #[error("{what} could not be read: {failure}")]
    Read {
        /// Of what.
        what: &'static str,
        /// How.
        failure: crate::connection::ApiFailure,
    },
    /// The Service's name is taken.
    #[error("a Service {service} is there that does not belong to this Performer: remove it, or rename the Performer")]
    ServiceTaken {
        /// Its name.
        service: String,
    },
    /// The status was written by a newer operator.
    #[error("{0}")]
    NewerHistory(String),
    /// What cannot be.
    #[error("{0}")]
    Defect(String),
}

impl PassError {
    /// Of a write.
    pub(super) fn of(what: &'static str, failure: WriteFailure) -> Self {
        match failure {
            WriteFailure::NotLeading(_) => Self::NotLeading,
            failure if failure.is_stale() => Self::Stale,
            failure => Self::Write { what, failure },
        }
    }

    /// Stable, in CamelCase.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::NotLeading => "NotLeading",
            Self::Stale => "ApiConflict",
            Self::Write { failure, .. } => failure.reason(),
            Self::Read { failure, .. } => failure.reason(),
            Self::ServiceTaken { .. } => "ServiceNameTaken",
            Self::NewerHistory(_) => "HistoryOfNewerOperator",
            Self::Defect(_) => "Defect",
        }
    }

    /// What users should read of it: what will be so until somebody changes something.
    pub(super) fn told(&self) -> Option<String> {
        match self {
            Self::Write { failure: WriteFailure::Refused(_), .. } | Self::ServiceTaken { .. } => Some(self.to_string()),
            _ => None,
        }
    }
}
