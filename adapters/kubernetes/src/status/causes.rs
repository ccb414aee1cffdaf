//! Why a Performer is as it is: one reason and one message.

use hourglass_core::lifecycle::Waiting;

use super::View;

/// A reason, which is stable and in CamelCase, and a message for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cause {
    pub(crate) reason: String,
    pub(crate) message: String,
}

/// Longer messages are cut.
const LONGEST: usize = 1024;

impl Cause {
    pub(crate) fn new(reason: &str, message: impl AsRef<str>) -> Self {
        let reason: String = reason.chars().filter(char::is_ascii_alphanumeric).take(64).collect();
        let named = reason.starts_with(|first: char| first.is_ascii_alphabetic());
        let message = message.as_ref();
        let short = match message.char_indices().nth(LONGEST) {
            Some((end, _)) => format!("{}…", message.get(..end).unwrap_or_default()),
            None => message.to_owned(),
        };
        // The API server takes no reason that is not a word.
        Self { reason: if named { reason } else { "Unknown".into() }, message: short }
    }
}

/// All is as it should be.
pub(super) fn serving(view: &View<'_>) -> Cause {
    match view.replicas() {
        0 => Cause::new("ScaledToZero", "no replicas are asked for"),
        replicas => {
            let revision = view.wanted.map(ToString::to_string).unwrap_or_default();
            Cause::new("Serving", format!("{replicas} of {replicas} pods of revision {revision} serve"))
        }
    }
}

/// What some revision does, whatever else is wrong.
pub(super) fn available(view: &View<'_>) -> Cause {
    let count = view.serving().count();
    let revision = view.routed().map(ToString::to_string).unwrap_or_default();
    Cause::new("Serving", format!("{count} pods of revision {revision} serve"))
}

/// Why it cannot become ready without a change by somebody; `None` where it can.
pub(super) fn stalled(view: &View<'_>) -> Option<Cause> {
    if view.deleted() {
        return None;
    }
    if let Some(first) = view.problems.first() {
        let all: Vec<String> = view.problems.iter().map(ToString::to_string).collect();
        return Some(Cause::new(first.reason, all.join("; ")));
    }
    if view.called_off() {
        let wanted = view.wanted.map(ToString::to_string).unwrap_or_default();
        let message =
            format!("the upgrade to revision {wanted} was called off: change the Performer, or take the abort back");
        return Some(Cause::new("UpgradeAborted", message));
    }
    let withdrawn = view.plan?.status.withdrawn.clone()?;
    let reason = withdrawn.cause.reason.clone();
    Some(Cause::new(&reason, Waiting::Withdrawn(withdrawn).to_string()))
}

/// What keeps it from being ready, of all that is known the most telling.
pub(super) fn unfinished(view: &View<'_>) -> Cause {
    let failure = view.plan.and_then(|plan| plan.status.failure.as_ref());
    if view.waiting.is_none() && !view.deleted() && view.switching() {
        let wanted = view.wanted.map(ToString::to_string).unwrap_or_default();
        return Cause::new("Switching", format!("tasks are switched to revision {wanted}"));
    }
    match (view.waiting(), failure) {
        // That it is tried again later tells less than why.
        (Some(waiting @ Waiting::BackOff { cause, .. }), _) => Cause::new(&cause.reason, waiting.to_string()),
        (Some(waiting @ (Waiting::AwaitingReady { .. } | Waiting::Starting { .. })), Some(failure)) => {
            Cause::new(&failure.reason, format!("{}; {waiting}", failure.message))
        }
        (Some(waiting), _) => Cause::new(waiting.reason(), waiting.to_string()),
        (None, Some(failure)) => Cause::new(&failure.reason, &failure.message),
        (None, None) if view.deleted() => Cause::new("Stopping", "it is being deleted"),
        (None, None) => Cause::new("Starting", "pods are started or switched to"),
    }
}
