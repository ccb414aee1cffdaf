//! The audit log of an API server: which requests it was sent, and what became of them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;

/// An audit log. Each request is in it once it is answered; a watch already when it begins, and once more when it ends.
#[derive(Debug, Clone)]
pub struct Audit {
    file: PathBuf,
    from: u64,
}

/// One request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// `ResponseComplete`; `ResponseStarted` of a watch that begins.
    pub stage: String,
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`.
    pub verb: String,
    /// The path with its query.
    #[serde(rename = "requestURI")]
    pub request: String,
    /// Who asked.
    #[serde(default)]
    pub user: User,
    /// The program that asked, in its own words.
    #[serde(default)]
    pub user_agent: String,
    /// What for, where it is about objects.
    #[serde(default)]
    pub object_ref: Object,
    /// What was answered.
    #[serde(default)]
    pub response_status: Status,
    /// When it came: RFC 3339 with microseconds.
    #[serde(default)]
    pub request_received_timestamp: String,
}

/// Who asked.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct User {
    /// The name.
    #[serde(default)]
    pub username: String,
}

/// What a request is for. What does not apply is empty.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Object {
    /// `pods`
    pub resource: String,
    /// `status`
    pub subresource: String,
    /// The namespace.
    pub namespace: String,
    /// The object's name; empty in a `create` that leaves it to the server.
    pub name: String,
    /// `apps`; empty for the core.
    pub api_group: String,
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Status {
    /// The HTTP status.
    pub code: u16,
}

impl Event {
    /// Whether it was one that may change something, and was answered.
    pub fn is_write(&self) -> bool {
        self.stage == "ResponseComplete" && !matches!(self.verb.as_str(), "get" | "list" | "watch")
    }

    /// Whether it is about leases, which are renewed also when nothing happens.
    pub fn is_lease(&self) -> bool {
        self.object_ref.resource == "leases"
    }
}

impl Audit {
    pub(crate) fn new(file: PathBuf) -> Self {
        Self { file, from: 0 }
    }

    /// Its file: JSON, one object on each line.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The same log from here on.
    #[must_use]
    pub fn from_now(&self) -> Self {
        let from = fs::metadata(&self.file).map(|found| found.len()).unwrap_or(0);
        Self { file: self.file.clone(), from }
    }

    /// Every request in it. A line that is being written is left for the next time.
    ///
    /// # Errors
    /// Where the cluster writes none, or a line of it is no event.
    pub fn events(&self) -> Result<Vec<Event>> {
        let text = fs::read(&self.file).with_context(|| format!("{}: is the audit log on?", self.file.display()))?;
        let new = text.get(usize::try_from(self.from)?..).unwrap_or_default();
        let whole = new.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let lines = new.get(..whole).unwrap_or_default().split(|byte| *byte == b'\n');
        lines.filter(|line| !line.is_empty()).map(|line| Ok(serde_json::from_slice(line)?)).collect()
    }

    /// Every write that was answered with success.
    ///
    /// # Errors
    /// As [`events`](Self::events).
    pub fn writes(&self) -> Result<Vec<Event>> {
        let mut events = self.events()?;
        events.retain(|event| event.is_write() && event.response_status.code < 300);
        Ok(events)
    }
}
