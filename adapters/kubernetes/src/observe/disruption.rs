//! Pods that are taken away.

use std::fmt;

use super::wire::{self, Text};

/// That somebody takes a pod away, or took it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disruption {
    /// Who or what for.
    pub kind: DisruptionKind,
    /// In the words of who did it.
    pub message: Text,
}

/// Why a pod is taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DisruptionKind {
    /// To make room on its node, or since somebody empties the node.
    Evicted,
    /// For a pod of higher priority.
    Preempted,
    /// Its node is gone, or has not answered for too long.
    NodeLost,
    /// Its node is shut down.
    NodeShutdown,
}

impl DisruptionKind {
    /// Stable, in CamelCase.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Evicted => "Evicted",
            Self::Preempted => "Preempted",
            Self::NodeLost => "NodeLost",
            Self::NodeShutdown => "NodeShutdown",
        }
    }
}

impl fmt::Display for Disruption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            DisruptionKind::Evicted => "it was removed from its node",
            DisruptionKind::Preempted => "it made room for a pod of higher priority",
            DisruptionKind::NodeLost => "its node is gone or does not answer",
            DisruptionKind::NodeShutdown => "its node is shut down",
        };
        f.write_str(what)?;
        if self.message.is_empty() { Ok(()) } else { write!(f, ": {}", self.message) }
    }
}

/// Read from the condition that every current control plane sets, else from the older words in the status.
pub(super) fn disruption(status: &wire::Status) -> Option<Disruption> {
    let target = status.conditions.iter().find(|condition| {
        // Of an eviction that was not carried out it says `False`.
        &*condition.kind == "DisruptionTarget" && &*condition.status == "True"
    });
    let by_status = of_status(status.reason.as_deref().unwrap_or_default());
    let (kind, message) = match target {
        Some(target) => {
            let kind = match target.reason.as_deref().unwrap_or_default() {
                "PreemptionByScheduler" => DisruptionKind::Preempted,
                "DeletionByTaintManager" | "DeletionByPodGC" => DisruptionKind::NodeLost,
                // The kubelet's own reasons to end a pod stand in the status.
                _ => by_status.unwrap_or(DisruptionKind::Evicted),
            };
            let message = status.message.as_ref().filter(|_| by_status.is_some()).or(target.message.as_ref());
            (kind, message)
        }
        None => (by_status?, status.message.as_ref()),
    };
    Some(Disruption { kind, message: message.cloned().unwrap_or_default() })
}

fn of_status(reason: &str) -> Option<DisruptionKind> {
    match reason {
        "Evicted" => Some(DisruptionKind::Evicted),
        "Preempting" | "Preempted" => Some(DisruptionKind::Preempted),
        "NodeLost" => Some(DisruptionKind::NodeLost),
        "Terminated" | "Shutdown" | "NodeShutdown" => Some(DisruptionKind::NodeShutdown),
        _ => None,
    }
}
