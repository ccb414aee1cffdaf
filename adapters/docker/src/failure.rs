use hourglass_core::lifecycle::ExitCause;

/// Why a container could not be started.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct StartFailure {
    /// Stable, in CamelCase, such as `ImageNotFound`; each has its row in `docs/troubleshooting.md`.
    pub reason: &'static str,
    /// In the engine's words, and what to change.
    pub message: String,
    /// Whether trying the same again is pointless.
    pub refused: bool,
}

impl StartFailure {
    /// Trying the same again is pointless.
    pub fn refused(reason: &'static str, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), refused: true }
    }

    /// Trying the same again may help.
    pub fn failed(reason: &'static str, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), refused: false }
    }

    /// As the planner learns of it.
    pub fn cause(&self) -> ExitCause {
        let (reason, message) = (self.reason.to_owned(), self.message.clone());
        if self.refused { ExitCause::Refused { reason, message } } else { ExitCause::StartFailed { reason, message } }
    }
}
