//! How containers end.

use hourglass_core::Timestamp;
use hourglass_core::lifecycle::{ExitCause, last_words};

use super::refusal;
use super::wire::{self, Text};

/// How a container ended, as the kubelet tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// Its exit code.
    pub code: i32,
    /// The signal, where the runtime names one.
    pub signal: Option<i32>,
    /// The kubelet's word: `OOMKilled`, `Error`, `Completed`, `StartError`.
    pub reason: Option<Text>,
    /// What it left as its message, else the end of its log; where it never ran, the runtime's message.
    pub message: Option<Text>,
    /// When.
    pub at: Option<Timestamp>,
}

impl From<wire::Terminated> for Ending {
    fn from(ended: wire::Terminated) -> Self {
        Self {
            code: ended.exit_code,
            signal: ended.signal.filter(|signal| *signal > 0),
            reason: ended.reason,
            // The kubelet keeps up to 4 KiB of a log; what is ever shown is 600 characters from its end. A runtime's
            // message has its point at its end, too.
            message: ended.message.as_deref().and_then(last_words).map(Into::into),
            at: ended.finished_at,
        }
    }
}

impl Ending {
    /// Whether it never ran: the message is the runtime's.
    fn never_ran(&self) -> bool {
        matches!(self.reason.as_deref(), Some("StartError" | "ContainerCannotRun"))
    }

    /// Whether its only words are those of what was to run its program: it counts as started before the kernel has looked
    /// at the file.
    fn was_no_program(&self) -> bool {
        let words = self.message.as_deref().unwrap_or_default();
        let of_runtime = words.starts_with("exec /") || words.starts_with("standard_init_linux.go:");
        let known = || matches!(refusal::of_start(words), ExitCause::Refused { .. });
        matches!(self.code, 1 | 255) && of_runtime && !words.contains(" | ") && known()
    }

    /// Why it ended.
    pub fn cause(&self) -> ExitCause {
        match self.reason.as_deref() {
            Some("OOMKilled") => ExitCause::OutOfMemory,
            Some("ContainerStatusUnknown") => ExitCause::Unknown,
            _ if self.never_ran() || self.was_no_program() => {
                refusal::of_start(self.message.as_deref().unwrap_or_default())
            }
            _ => match (self.signal, self.code) {
                (Some(signal), _) => ExitCause::Signal(signal),
                // Runtimes add 128 to the number of a signal.
                (None, 129..=192) => ExitCause::Signal(self.code - 128),
                (None, code) => ExitCause::Code(code),
            },
        }
    }

    /// What it printed last, where it ran.
    pub fn output(&self) -> Option<String> {
        self.message.as_deref().filter(|_| !self.never_ran() && !self.was_no_program()).map(str::to_owned)
    }
}
