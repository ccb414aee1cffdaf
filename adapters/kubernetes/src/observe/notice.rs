//! What befalls pods and the planner does not decide about, for events and for `why`.

use std::time::Duration;

use hourglass_core::Timestamp;

use super::PodRecord;
use super::health::lost_node;

/// Something that people should know about a pod. The same as long as its cause lasts, so that it can be told once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Stable, in CamelCase.
    pub reason: &'static str,
    /// For people.
    pub message: String,
}

/// How long a pod may take to go beyond its grace: the kubelet's own work.
const LEAVES_WITHIN: Duration = Duration::from_secs(30);

impl PodRecord {
    /// What is to be told of this pod now. With time alone, [`Self::overdue_at`] says when to ask again.
    pub fn notices(&self, now: Timestamp) -> Vec<Notice> {
        let mut notices = Vec::new();
        let name = &self.name;
        if let Some(disruption) = &self.disruption {
            notices.push(Notice { reason: disruption.kind.reason(), message: format!("{name}: {disruption}") });
        }
        if let Some(node) = lost_node(self) {
            let message = format!(
                "{name}: {node}. It may still run there; another one takes its place. If the node is gone for good, \
                 delete the Node object"
            );
            notices.push(Notice { reason: "NodeLost", message });
        }
        if let Some(by) = self.gone_by.filter(|_| self.overdue_at().is_some_and(|at| now >= at)) {
            let why = match (self.finalizers.is_empty(), &self.node) {
                (false, _) => format!("finalizers hold it: {}", self.finalizers.join(", ")),
                (true, Some(node)) => format!(
                    "node {node} does not confirm that it ended. If the node is gone for good, delete the Node object, \
                     or the pod with --force"
                ),
                (true, None) => "nothing says why".into(),
            };
            notices.push(Notice {
                reason: "StuckTerminating",
                message: format!("{name} should be gone since {by}: {why}"),
            });
        }
        let restarted = self.container.as_ref().filter(|container| container.restarts > 0 && !self.is_leaving());
        if let Some((container, last)) = restarted.and_then(|container| Some((container, container.last.as_ref()?))) {
            let words = last.output().map(|words| format!("; its last words: \"{words}\"")).unwrap_or_default();
            let message = format!("{name}: its container {}, restarts: {}{words}", last.cause(), container.restarts);
            notices.push(Notice { reason: "ContainerRestarted", message });
        }
        notices
    }

    /// When a pod that is to go counts as stuck.
    pub fn overdue_at(&self) -> Option<Timestamp> {
        self.gone_by.map(|by| by + LEAVES_WITHIN)
    }
}
