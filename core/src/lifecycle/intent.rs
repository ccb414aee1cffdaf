use serde::{Deserialize, Serialize};

use crate::lifecycle::History;
use crate::performer::{PerformerName, PerformerSpec, Revision};

/// What is wanted of one performer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// Its name.
    pub name: PerformerName,
    /// What is asked for.
    pub spec: PerformerSpec,
    /// Whether it is to go.
    pub deleted: bool,
    /// The revision that somebody has allowed a blue/green upgrade to route to.
    pub promoted: Option<Revision>,
    /// Counts the requests to try a withdrawn revision again.
    pub retry: u32,
}

impl Intent {
    /// Wants a performer, with nothing promoted and nothing retried.
    pub const fn new(name: PerformerName, spec: PerformerSpec) -> Self {
        Self { name, spec, deleted: false, promoted: None, retry: 0 }
    }
}

/// What is kept of a performer over restarts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PerformerRecord {
    /// What is wanted.
    pub intent: Intent,
    /// What happened so far.
    pub history: History,
    /// What the configuration asked for when this was last decided, where the configuration names this performer.
    ///
    /// A deployed artifact stays in force until the configuration asks for something else than this.
    pub configured: Option<PerformerSpec>,
}
