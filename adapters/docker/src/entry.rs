//! One instance: its container as the engine last described it, and what is being done about it.

use std::sync::Arc;

use hourglass_core::Timestamp;
use hourglass_core::lifecycle::{ExitCause, Health, Instance, InstanceState, Owner, StartDelay};
use hourglass_core::performer::InstanceName;
use tokio_util::sync::CancellationToken;

use crate::observe::{Container, Phase};
use crate::table::Ticket;

#[derive(Debug, Default)]
pub(crate) struct Entry {
    pub(crate) seen: Option<Seen>,
    pub(crate) start: Option<Start>,
    pub(crate) stop: Option<StopJob>,
}

/// A container as the engine described it.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) ticket: Ticket,
    pub(crate) container: Container,
    /// The last lines that it printed, once it has ended.
    pub(crate) output: Option<String>,
}

/// What became of a start.
#[derive(Debug)]
pub(crate) enum Start {
    Underway { job: StartJob, since: Timestamp, detail: Option<String> },
    Failed { cause: ExitCause, at: Timestamp },
}

/// A start under way: whoever stops the instance calls it off, and waits until it has ended.
#[derive(Debug, Clone, Default)]
pub(crate) struct StartJob {
    pub(crate) cancelled: CancellationToken,
    pub(crate) ended: CancellationToken,
}

/// A stop under way.
#[derive(Debug, Clone)]
pub(crate) struct StopJob {
    /// The start that has to end first.
    pub(crate) start: Option<StartJob>,
    /// Asks for the kill before the grace period is over.
    pub(crate) hurry: Arc<tokio::sync::Notify>,
    /// The container, if it is known.
    pub(crate) id: Option<String>,
}

impl Start {
    pub(crate) fn running(job: StartJob, since: Timestamp) -> Self {
        Self::Underway { job, since, detail: None }
    }
}

impl StopJob {
    pub(crate) fn of(entry: &Entry) -> Self {
        let start = match &entry.start {
            Some(Start::Underway { job, .. }) => Some(job.clone()),
            _ => None,
        };
        let id = entry.seen.as_ref().map(|seen| seen.container.id.clone());
        Self { start, hurry: Arc::default(), id }
    }
}

impl Entry {
    pub(crate) fn starting(job: StartJob, since: Timestamp) -> Self {
        Self { start: Some(Start::running(job, since)), ..Self::default() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.seen.is_none() && self.start.is_none() && self.stop.is_none()
    }

    /// A foreign container under the name makes all of it foreign: it is never touched.
    pub(crate) fn is_ours(&self) -> bool {
        self.seen.as_ref().is_none_or(|seen| seen.container.owner == Owner::Ours)
    }

    /// Takes over what the engine said; `true` where that is news.
    pub(crate) fn apply(&mut self, new: Seen) -> bool {
        match &mut self.seen {
            Some(old) if old.container.id == new.container.id => {
                if new.ticket < old.ticket {
                    return false;
                }
                let output = new.output.or_else(|| old.output.take());
                let news = old.container != new.container || old.output != output;
                *old = Seen { output, ..new };
                news
            }
            // Two containers that claim one name, since somebody renamed one: ours stays.
            Some(old) if old.container.owner == Owner::Ours && new.container.owner == Owner::Foreign => false,
            seen => {
                *seen = Some(new);
                true
            }
        }
    }

    /// As the planner sees it; `None` where nothing is there any longer.
    pub(crate) fn observed(&self, name: &InstanceName) -> Option<Instance> {
        let seen = self.seen.as_ref();
        let container = seen.map(|seen| &seen.container);
        let foreign = container.is_some_and(|container| container.owner == Owner::Foreign);
        let (since, failed) = match &self.start {
            Some(Start::Underway { since, .. }) => (Some(*since), None),
            Some(Start::Failed { cause, at }) => (Some(*at), Some((cause, *at))),
            None => (None, None),
        };
        let output = seen.and_then(|seen| seen.output.clone());
        let phase = container.map(|container| &container.phase);
        let state = match (phase, failed) {
            _ if self.stop.is_some() && !foreign => InstanceState::Stopping,
            // What a try of it came to is not the end of the start: that says its job.
            (Some(Phase::Ended { cause, .. }), None) if self.is_underway() && never_ran(cause) => {
                InstanceState::Starting { waiting_for: self.delay() }
            }
            (_, Some((cause, at))) if !foreign => InstanceState::Exited { cause: cause.clone(), at, output },
            (Some(Phase::Running), _) => InstanceState::Running,
            (Some(Phase::Removing), _) => InstanceState::Stopping,
            (Some(Phase::Ended { cause, at }), _) => InstanceState::Exited { cause: cause.clone(), at: *at, output },
            (Some(Phase::Created), _) | (None, None) => InstanceState::Starting { waiting_for: self.delay() },
            (None, Some((cause, at))) => InstanceState::Exited { cause: cause.clone(), at, output },
        };
        let started_at = container.map(|container| container.started_at).or(since);
        Some(Instance {
            name: name.clone(),
            owner: if foreign { Owner::Foreign } else { Owner::Ours },
            state,
            health: Health::Unknown,
            endpoint: container.and_then(|container| container.endpoint.clone()),
            started_at: started_at.filter(|_| !self.is_empty())?,
            routed: false,
            in_flight: None,
            platform_id: container.map(|container| container.id.clone()),
            image: container.and_then(|container| container.image.clone()),
        })
    }

    fn is_underway(&self) -> bool {
        matches!(self.start, Some(Start::Underway { .. }))
    }

    fn delay(&self) -> Option<StartDelay> {
        match &self.start {
            Some(Start::Underway { detail: Some(detail), .. }) => Some(StartDelay::Pulling { detail: detail.clone() }),
            _ => None,
        }
    }
}

fn never_ran(cause: &ExitCause) -> bool {
    matches!(cause, ExitCause::StartFailed { .. } | ExitCause::Refused { .. })
}
