use std::fmt;

use http::StatusCode;

/// Why a call does not reach the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What the caller gets: 403 as a rule.
    pub status: StatusCode,
    /// Which rule; stable, for logs and for the documentation.
    pub rule: &'static str,
    /// What was wrong, and what would let it through where anything would.
    pub message: String,
}

impl Refusal {
    /// Nothing but another request, or another configuration of the proxy, helps.
    pub(super) fn forbidden(rule: &'static str, message: impl Into<String>) -> Self {
        Self { status: StatusCode::FORBIDDEN, rule, message: message.into() }
    }

    /// The proxy itself cannot do it now.
    pub(super) fn unavailable(rule: &'static str, message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_GATEWAY, rule, message: message.into() }
    }

    /// In the form of the engine's own errors, so that every client of it shows the message.
    pub(super) fn body(&self) -> String {
        serde_json::json!({ "message": self.to_string() }).to_string()
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "socket-proxy: {} (rule {})", self.message, self.rule)
    }
}

impl std::error::Error for Refusal {}
