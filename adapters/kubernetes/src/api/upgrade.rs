use hourglass_core::performer::UpgradeStrategy;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How one revision replaces another, and how long each step may take.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct UpgradeOptions {
    /// RollingUpdate (the default): the new revision is started, gets the tasks once it is ready, and the old one is
    /// drained and stopped. BlueGreen: the same, but tasks go to the new revision only after it was promoted. Recreate:
    /// the old revision is stopped first, for what must never run twice.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub strategy: Option<UpgradeStrategy>,
    /// A new revision that is not ready after so many seconds is withdrawn; the old one keeps serving. Default 300.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready_deadline_seconds: Option<i32>,
    /// A pod that gets no new tasks is stopped after so many seconds even if it has not finished those it has. Default
    /// 60.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drain_deadline_seconds: Option<i32>,
    /// Between the request to a container to end, and its kill. Default 10.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_grace_seconds: Option<i32>,
    /// With BlueGreen: the revision that may get the tasks, as status.desiredRevision names it. The annotation
    /// hourglass.eigenlayer.io/promote does the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promote: Option<String>,
    /// The revision that is not to be tried (any more), as status.desiredRevision names it: its upgrade is called off and
    /// what served before keeps serving. The annotation hourglass.eigenlayer.io/abort does the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub abort: Option<String>,
    /// Any new number tries a revision again that was withdrawn. The annotation hourglass.eigenlayer.io/retry does the
    /// same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<i32>,
}
