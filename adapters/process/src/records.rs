//! What is written down of an instance, each record by one writer.

use std::time::{SystemTime, UNIX_EPOCH};

use hourglass_core::Timestamp;
use hourglass_core::lifecycle::ExitCause;
use serde::{Deserialize, Serialize};

/// Written by the runtime before anything is started: the instance exists from then on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Intent {
    /// Different for every launch, also under the same name.
    pub(crate) launch: String,
    /// The state directory it was made for; a copy of that directory elsewhere is not its owner.
    pub(crate) owner: String,
    pub(crate) port: u16,
    pub(crate) image: String,
    pub(crate) started_at: Timestamp,
}

/// Written by the supervisor when the performer has ended; by the runtime where there is no supervisor any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Exit {
    pub(crate) cause: ExitCause,
    pub(crate) at: Timestamp,
}

/// Written by the runtime when it is told to stop the instance, so that a stop outlives the executor.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Stop {
    /// When it is killed.
    pub(crate) deadline: Timestamp,
}

/// What the supervisor is told through its standard input. The environment may hold secrets: it is on no disk.
#[derive(Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) launch: String,
    /// `HOURGLASS_INSTANCE=…`
    pub(crate) marker: String,
    pub(crate) program: String,
    pub(crate) args: Vec<String>,
    pub(crate) env: Vec<(String, String)>,
}

/// The wall clock.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
