use thiserror::Error;

use crate::connection::{ApiFailure, Refusal};
use crate::lease::NotLeading;

/// What came of a write that did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum WriteFailure {
    /// Nothing was sent: this process does not lead, or not any more.
    #[error(transparent)]
    NotLeading(#[from] NotLeading),
    /// An object of this name is there, ours or somebody else's.
    #[error("it exists already")]
    AlreadyExists,
    /// The object has changed since it was read, or it is another one; or a field belongs to somebody else.
    #[error("it has changed meanwhile: {0}")]
    Conflict(String),
    /// The object is not there.
    #[error("it is not there")]
    NotFound,
    /// The API server does not want it, and would not want it again: what is written, or what surrounds it, has to
    /// change. Its own words.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// The API server does not answer, or is not well; it may have been written.
    #[error("{0}")]
    Unavailable(ApiFailure),
}

impl WriteFailure {
    pub(super) fn of(failure: ApiFailure) -> Self {
        let ApiFailure::Refused(refusal) = failure else { return Self::Unavailable(failure) };
        match refusal.code {
            404 => Self::NotFound,
            409 if refusal.is_already_exists() => Self::AlreadyExists,
            // A namespace on its way out says so with this code as well, for ever.
            403 if refusal.causes.iter().any(|(reason, ..)| reason == "NamespaceTerminating") => Self::Refused(refusal),
            409 => Self::Conflict(refusal.message),
            429 | 500.. => Self::Unavailable(ApiFailure::Refused(refusal)),
            _ => Self::Refused(refusal),
        }
    }

    /// Stable, in CamelCase: log field and metric label.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NotLeading(not) => not.reason(),
            Self::AlreadyExists | Self::Conflict(_) => "ApiConflict",
            Self::NotFound => "ApiNotFound",
            Self::Refused(refusal) if refusal.code == 403 || refusal.code == 401 => "ApiForbidden",
            Self::Refused(_) => "ApiRefused",
            Self::Unavailable(failure) => failure.reason(),
        }
    }

    /// Whether looking again may show that all is well: nothing to report to users.
    pub const fn is_stale(&self) -> bool {
        matches!(self, Self::AlreadyExists | Self::Conflict(_) | Self::NotFound)
    }
}
