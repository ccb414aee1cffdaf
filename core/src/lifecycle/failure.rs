use std::fmt;

use serde::{Deserialize, Serialize};

use crate::lifecycle::ExitCause;
use crate::lifecycle::last_words::{last_words, printable};
use crate::time::Timestamp;

/// What went wrong with an instance or a revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Stable, in CamelCase: condition reason, event reason and metric label.
    pub reason: String,
    /// For people, in the platform's words: one line without control characters, of at most [`Failure::MAX_MESSAGE`]
    /// characters.
    pub message: String,
    /// When it was seen.
    pub at: Timestamp,
}

impl Failure {
    /// Longer messages are cut, so that a history stays small whatever a platform says.
    pub const MAX_MESSAGE: usize = 800;
    /// A cause beside which last words stand is cut to this.
    const MAX_CAUSE: usize = 170;
    /// Longer reasons are cut.
    pub const MAX_REASON: usize = 64;

    /// A failure; texts that are too long are cut.
    pub fn new(reason: &str, message: &str, at: Timestamp) -> Self {
        Self { reason: cut(reason, Self::MAX_REASON), message: cut(&printable(message), Self::MAX_MESSAGE), at }
    }

    /// An instance that ended by itself, with what it printed last where that is known.
    pub fn exited(cause: &ExitCause, output: Option<&str>, at: Timestamp) -> Self {
        let mut message = match cause {
            // The reason stands beside the message.
            ExitCause::StartFailed { message, .. } => format!("could not start: {message}"),
            ExitCause::Refused { message, .. } => format!("start refused: {message}"),
            _ => cause.to_string(),
        };
        if let Some(words) = output.and_then(last_words) {
            // They are what people look for: a cause that tells a long story leaves them room.
            message = format!("{}; its last words: \"{words}\"", cut(&message, Self::MAX_CAUSE));
        }
        Self::new(cause.reason(), &message, at)
    }
}

fn cut(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.into();
    }
    let mut short: String = text.chars().take(max.saturating_sub(1)).collect();
    short.push('…');
    short
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.reason)
    }
}
