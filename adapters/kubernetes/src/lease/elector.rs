use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use hourglass_core::ports::Clock;
use tokio::time::Instant;

use super::api::{LeaseApi, LeaseFailure};
use super::leadership::Leadership;
use super::record::{LeaseRecord, LeaseWrite};
use crate::connection::ApiFailure;
use crate::pace::jittered;

/// How long everything about a lease takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseTimings {
    /// How long others wait for a renewal before they take over. Whole seconds.
    pub duration: Duration,
    /// How long a leader leads without a renewal; shorter, so that it has stopped before others begin.
    pub renew_deadline: Duration,
    /// Between two renewals.
    pub renew_every: Duration,
    /// Between two looks of who waits.
    pub look_every: Duration,
}

impl Default for LeaseTimings {
    fn default() -> Self {
        Self {
            duration: Duration::from_secs(15),
            renew_deadline: Duration::from_secs(10),
            renew_every: Duration::from_secs(2),
            look_every: Duration::from_secs(1),
        }
    }
}

impl LeaseTimings {
    /// What is wrong with them, if anything.
    ///
    /// # Errors
    /// What to change.
    pub fn validate(&self) -> Result<(), String> {
        let whole = self.duration.subsec_nanos() == 0 && !self.duration.is_zero();
        if !whole {
            return Err("the lease duration must be whole seconds, at least one".to_owned());
        }
        if self.renew_deadline >= self.duration {
            return Err("the renew deadline must be shorter than the lease duration".to_owned());
        }
        if self.renew_every.is_zero() || self.renew_every * 2 > self.renew_deadline {
            return Err("the retry period must be at most half of the renew deadline".to_owned());
        }
        Ok(())
    }
}

/// Tries to lead, for ever.
pub struct Elector<A> {
    api: Arc<A>,
    identity: String,
    timings: LeaseTimings,
    clock: Arc<dyn Clock>,
    leadership: Leadership,
    /// The lease as it was last seen, and since when it has looked so.
    seen: Option<(LeaseRecord, Instant)>,
    /// The lease as we wrote it, while we hold it.
    held: Option<LeaseRecord>,
}

impl<A: LeaseApi> Elector<A> {
    /// `identity` must be this process's alone: a restart is somebody else.
    pub fn new(api: A, identity: String, timings: LeaseTimings, clock: Arc<dyn Clock>) -> Self {
        let leadership = Leadership::new();
        Self { api: Arc::new(api), identity, timings, clock, leadership, seen: None, held: None }
    }

    /// Whether it leads.
    pub fn leadership(&self) -> Leadership {
        self.leadership.clone()
    }

    /// Tries until it is dropped. The lease is not released by that.
    pub async fn run(&mut self) -> Infallible {
        loop {
            let pause = self.step().await;
            tokio::time::sleep(pause).await;
        }
    }

    /// Ends the present term at once; the lease is still held.
    pub fn resign(&self) {
        self.leadership.resign();
    }

    /// Gives the lease back, if it is held, so that others need not wait. To be called when the last write is answered.
    ///
    /// # Errors
    /// [`LeaseFailure`]; then others wait for its duration.
    pub async fn release(mut self) -> Result<(), LeaseFailure> {
        self.resign();
        let Some(held) = self.held.take() else { return Ok(()) };
        match self.give_back(&held).await {
            // A renewal that was under way may have been carried out.
            Err(LeaseFailure::Conflict) => match self.api.get().await? {
                Some(record) if record.holder == self.identity => self.give_back(&record).await,
                _ => Ok(()),
            },
            given => given,
        }
    }

    async fn give_back(&self, held: &LeaseRecord) -> Result<(), LeaseFailure> {
        let mut write = self.lease(held, false);
        write.holder = String::new();
        write.duration_seconds = 1;
        self.api.write(&held.resource_version, &write).await.map(|_| ())
    }

    /// One look or renewal. Says when the next is due.
    async fn step(&mut self) -> Duration {
        // Whoever drops this while it waits finds the lease still held.
        match self.held.clone() {
            Some(held) => self.renew(held).await,
            None => self.look().await,
        }
    }

    async fn renew(&mut self, held: LeaseRecord) -> Duration {
        let sent = Instant::now();
        let write = self.lease(&held, false);
        match self.api.write(&held.resource_version, &write).await {
            Ok(record) => {
                self.lead(record, sent);
                self.timings.renew_every
            }
            // It may be ours still, if an answer was lost or somebody put a label on it.
            Err(LeaseFailure::Conflict) => {
                self.held = None;
                self.look().await
            }
            Err(LeaseFailure::Other(failure)) => self.failed("renew", &failure),
        }
    }

    async fn look(&mut self) -> Duration {
        let sent = Instant::now();
        let found = match self.api.get().await {
            Ok(found) => found,
            Err(failure) => return self.failed("read", &failure),
        };
        let Some(record) = found else {
            self.leadership.resign();
            return self.take(None, sent).await;
        };
        if record.holder == self.identity {
            return self.take(Some(&record), sent).await;
        }
        self.leadership.resign();
        let now = Instant::now();
        let since = match &self.seen {
            Some((seen, since)) if seen.same_renewal(&record) => *since,
            _ => {
                let (holder, renewed) = (&record.holder, &record.renew_time);
                if self.seen.as_ref().is_none_or(|(seen, _)| seen.holder != *holder) {
                    tracing::info!(%holder, %renewed, "who leads");
                }
                self.seen = Some((record.clone(), now));
                now
            }
        };
        let theirs = Duration::from_secs(u64::from(record.duration_seconds).min(3600));
        let theirs = if theirs.is_zero() { self.timings.duration } else { theirs };
        if record.holder.is_empty() || now.duration_since(since) >= theirs {
            return self.take(Some(&record), Instant::now()).await;
        }
        let expires = theirs.saturating_sub(now.duration_since(since));
        jittered(self.timings.look_every).min(expires)
    }

    async fn take(&mut self, record: Option<&LeaseRecord>, sent: Instant) -> Duration {
        let before = record.cloned().unwrap_or_default();
        let ours = before.holder == self.identity;
        let write = self.lease(&before, !ours);
        let written = match record {
            Some(record) => self.api.write(&record.resource_version, &write).await,
            None => self.api.create(&write).await,
        };
        match written {
            Ok(record) => {
                if !ours {
                    let (identity, from) = (&self.identity, &before.holder);
                    tracing::info!(%identity, %from, "this operator leads");
                }
                self.lead(record, sent);
                self.timings.renew_every
            }
            Err(LeaseFailure::Conflict) => {
                self.leadership.resign();
                jittered(self.timings.look_every)
            }
            Err(LeaseFailure::Other(failure)) => self.failed("take", &failure),
        }
    }

    /// What was sent then was accepted: from then on others wait.
    fn lead(&mut self, record: LeaseRecord, sent: Instant) {
        self.held = Some(record);
        self.seen = None;
        let until = sent + self.timings.renew_deadline;
        if until > Instant::now() {
            self.leadership.lead_until(until);
        }
    }

    fn lease(&self, before: &LeaseRecord, changes_hands: bool) -> LeaseWrite {
        let now = self.clock.now();
        let seconds = u32::try_from(self.timings.duration.as_secs()).unwrap_or(u32::MAX);
        LeaseWrite {
            holder: self.identity.clone(),
            duration_seconds: seconds,
            renew_time: now,
            acquire_time: changes_hands.then_some(now),
            transitions: before.transitions.saturating_add(u32::from(changes_hands)),
        }
    }

    /// Leading goes on until its deadline, which is nothing that a failure could extend.
    fn failed(&mut self, what: &'static str, failure: &ApiFailure) -> Duration {
        let leading = self.leadership.is_leading();
        tracing::warn!(what, %failure, reason = failure.reason(), leading, "the lease cannot be reached");
        if self.held.is_some() && !leading {
            // Over: whether the lease is still ours is to be looked up, not to be renewed blindly.
            self.held = None;
            self.leadership.resign();
        }
        let pause = jittered(self.timings.look_every);
        failure.retry_after().map_or(pause, |asked| asked.min(self.timings.renew_every).max(pause))
    }
}
