use std::time::Duration;

use kube::core::response::{Status, reason};
use thiserror::Error;

/// Why a call did not give what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ApiFailure {
    /// No connection could be made: nothing was sent.
    #[error("the API server cannot be reached: {message}")]
    Unreachable {
        /// What the system said.
        message: String,
    },
    /// The request was sent, or may have been, and no whole answer came: it may have been carried out.
    #[error("no answer from the API server: {message}")]
    Unanswered {
        /// What was seen.
        message: String,
    },
    /// The API server answered with a failure.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// The answer cannot be understood.
    #[error("an answer of the API server cannot be read: {message}")]
    Malformed {
        /// What is wrong with it.
        message: String,
    },
}

/// A failure in the API server's own words.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message} (HTTP {code})")]
pub struct Refusal {
    /// The HTTP status.
    pub code: u16,
    /// Kubernetes' reason, such as `AlreadyExists`; empty where it gave none.
    pub reason: String,
    /// For people; never empty.
    pub message: String,
    /// How long the server asks to be left alone.
    pub retry_after: Option<Duration>,
    /// What it says about single fields and circumstances: reason, field, message.
    pub causes: Vec<(String, String, String)>,
}

impl Refusal {
    /// From the status and body of an answer.
    pub fn read(code: u16, retry_after: Option<Duration>, body: &[u8]) -> Self {
        let status: Option<Status> = serde_json::from_slice(body).ok();
        let Some(status) = status.filter(|status| !status.message.is_empty() || !status.reason.is_empty()) else {
            let text = String::from_utf8_lossy(body.get(..400).unwrap_or(body)).trim().to_owned();
            let message = if text.is_empty() { "the answer has no text".to_owned() } else { text };
            return Self { code, reason: String::new(), message, retry_after, causes: Vec::new() };
        };
        let asked = status.details.as_ref().map(|details| details.retry_after_seconds).filter(|secs| *secs > 0);
        let causes = status.details.into_iter().flat_map(|details| details.causes);
        let causes = causes.map(|cause| (cause.reason, cause.field, cause.message)).collect();
        let message = if status.message.is_empty() { status.reason.clone() } else { status.message };
        Self {
            code,
            reason: status.reason,
            message,
            retry_after: retry_after.or(asked.map(|secs| Duration::from_secs(secs.into()))),
            causes,
        }
    }

    /// The object exists already.
    pub fn is_already_exists(&self) -> bool {
        self.code == 409 && self.reason == reason::ALREADY_EXISTS
    }

    /// A precondition (resourceVersion, UID) or an apply conflict.
    pub fn is_conflict(&self) -> bool {
        self.code == 409 && self.reason != reason::ALREADY_EXISTS
    }

    /// The resourceVersion that was asked for is compacted away, or a continue token is.
    pub fn is_expired(&self) -> bool {
        self.code == 410
    }

    /// The server is behind the resourceVersion that was asked for.
    pub fn is_ahead_of_server(&self) -> bool {
        self.causes.iter().any(|(reason, ..)| reason == "ResourceVersionTooLarge")
            || self.message.contains("Too large resource version")
    }
}

impl ApiFailure {
    /// Stable, in CamelCase: log field and metric label.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } | Self::Unanswered { .. } => "ApiUnavailable",
            Self::Refused(refusal) if refusal.code == 429 || refusal.code >= 500 => "ApiUnavailable",
            Self::Refused(refusal) if refusal.code == 403 || refusal.code == 401 => "ApiForbidden",
            Self::Refused(refusal) if refusal.code == 409 => "ApiConflict",
            Self::Refused(_) => "ApiRefused",
            Self::Malformed { .. } => "ApiAnswerMalformed",
        }
    }

    /// The server's answer, if it gave one.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// The HTTP status of the server's answer, if it gave one.
    pub fn code(&self) -> Option<u16> {
        self.refusal().map(|refusal| refusal.code)
    }

    /// Whether the same call may succeed later although nothing is changed: no answer, too many requests, or a failure
    /// of the server's own.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Unanswered { .. } | Self::Malformed { .. } => true,
            Self::Refused(refusal) => refusal.code == 429 || refusal.code >= 500,
        }
    }

    /// How long the server asks to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        self.refusal()?.retry_after
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_and_what_is_none() {
        let body = br#"{"kind":"Status","status":"Failure","message":"slow down","reason":"TooManyRequests","details":{"retryAfterSeconds":3},"code":429}"#;
        let refusal = Refusal::read(429, None, body);
        assert_eq!(refusal.retry_after, Some(Duration::from_secs(3)));
        let failure = ApiFailure::Refused(Box::new(refusal));
        assert!(failure.is_transient());
        assert_eq!(failure.to_string(), "slow down (HTTP 429)");
        let plain = Refusal::read(502, None, b"<html>bad gateway</html>");
        assert_eq!(plain.message, "<html>bad gateway</html>");
        assert_eq!(Refusal::read(500, None, b"").message, "the answer has no text");
    }
}
