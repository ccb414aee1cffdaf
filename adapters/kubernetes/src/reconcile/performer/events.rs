use hourglass_core::Timestamp;
use hourglass_core::lifecycle::{Plan, Waiting};
use hourglass_core::performer::PerformerName;
use hourglass_core::ports::{Event, Severity};

use super::pass::Pass;
use crate::connection::resources::PERFORMERS;
use crate::events::{EventTarget, Recorded};
use crate::observe::PodRecord;

/// Steps of every start: they are log lines, not Events. A Performer that just comes to serve has one Event in all.
const ONLY_LOGGED: &[&str] = &["DeploymentStarted", "InstanceStarting"];

impl Pass<'_> {
    /// Tells what a plan did, once it is durable or would be decided again.
    pub(super) fn tell_plan(&self, plan: &Plan) {
        for event in &plan.events {
            self.tell(event);
        }
    }

    /// Tells what is waited for, where that is new and somebody should look, or is to act.
    pub(super) fn tell_waiting(&mut self, name: &PerformerName, plan: &Plan, now: Timestamp) {
        let event = plan.waiting_event(name, self.memory.waiting.as_ref(), now);
        self.memory.waiting.clone_from(&plan.waiting);
        let promotion = matches!(plan.waiting, Some(Waiting::AwaitingPromotion { .. }));
        if let Some(event) = event.filter(|event| event.severity == Severity::Warning || promotion) {
            self.tell(&event);
        }
    }

    /// Tells what befell pods. Each is told once, since its words stay the same.
    pub(super) fn tell_notices(&self, pods: &[std::sync::Arc<PodRecord>], now: Timestamp) {
        for notice in
            pods.iter().filter(|pod| pod.owner.as_deref() == Some(&*self.memory.uid)).flat_map(|pod| pod.notices(now))
        {
            self.warn(now, notice.reason, notice.message);
        }
    }

    /// Tells that something is wrong.
    pub(super) fn warn(&self, at: Timestamp, reason: &str, note: String) {
        self.record(at, Severity::Warning, reason, note);
    }

    fn tell(&self, event: &Event) {
        let Event { at, severity, reason, message, .. } = event;
        let (performer, warning) = (&self.key, *severity == Severity::Warning);
        if warning {
            tracing::warn!(%performer, %reason, %message, "event");
        } else {
            tracing::info!(%performer, %reason, %message, "event");
        }
        if !ONLY_LOGGED.contains(reason) {
            self.record(*at, *severity, reason, message.clone());
        }
    }

    fn record(&self, at: Timestamp, severity: Severity, reason: &str, note: String) {
        let parts = &self.controller.parts;
        parts.metrics.event(severity == Severity::Warning, reason);
        let target = EventTarget { resource: PERFORMERS, key: self.key.clone(), uid: self.memory.uid.to_string() };
        let reason = reason.to_owned();
        parts.events.record(Recorded { target, at, severity, reason, action: "Reconcile", note });
    }
}
