//! What is known of every instance. Filled by listings and inspections, kept by events, and by the jobs of starts and
//! stops; what observes only reads it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use hourglass_core::Timestamp;
use hourglass_core::lifecycle::{ExitCause, Instance, Owner};
use hourglass_core::performer::{InstanceName, PerformerName};
use hourglass_core::ports::{Changes, Notices};

use crate::entry::{Entry, Seen, Start, StartJob, StopJob};
use crate::observe::{Container, Phase};

/// Orders what the engine was asked: of two answers about one container the one that was asked for later counts.
///
/// An answer to the later question may be the older one, where the two overtake each other; whatever changed between
/// them makes an event, and that another question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket(u64);

#[derive(Debug)]
pub(crate) struct Table {
    inner: Mutex<Inner>,
    changes: Notices<PerformerName>,
}

/// Containers that were there are remembered up to this number: more answers are never under way at once.
const GONE: usize = 1024;

#[derive(Debug, Default)]
struct Inner {
    entries: BTreeMap<InstanceName, Entry>,
    tickets: u64,
    /// Containers that are not there any longer, and when that was asked: an answer to an earlier question that comes
    /// later would make them appear again, and nothing would ever tell that they are not there.
    gone: VecDeque<(String, Ticket)>,
    /// Whether everything was listed since the engine was last lost.
    known: bool,
}

impl Table {
    pub(crate) fn new() -> Self {
        Self { inner: Mutex::default(), changes: Notices::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn watch(&self) -> Changes<PerformerName> {
        self.changes.watch()
    }

    fn tell(&self, performer: &PerformerName) {
        self.changes.tell(performer);
    }

    /// Of which anything is there, ours or not.
    fn every_performer(&self) -> BTreeSet<PerformerName> {
        self.lock().entries.keys().map(|name| name.performer.clone()).collect()
    }

    /// To be taken before the engine is asked.
    pub(crate) fn ticket(&self) -> Ticket {
        let mut inner = self.lock();
        inner.tickets += 1;
        Ticket(inner.tickets)
    }

    /// `None` where it is not known what there is.
    pub(crate) fn observe(&self, performer: &PerformerName) -> Option<Vec<Instance>> {
        let inner = self.lock();
        let entries = inner.entries.iter().filter(|(name, _)| name.performer == *performer);
        inner.known.then(|| entries.filter_map(|(name, entry)| entry.observed(name)).collect())
    }

    /// Of which anything of ours is there; `None` where that is not known.
    pub(crate) fn performers(&self) -> Option<Vec<PerformerName>> {
        let inner = self.lock();
        // As they are observed: of one that is gone, only the job of its stop may be left for a moment.
        let is_there = |name: &InstanceName, entry: &Entry| entry.is_ours() && entry.observed(name).is_some();
        let ours = inner.entries.iter().filter(|(name, entry)| is_there(name, entry));
        let ours = ours.map(|(name, _)| name.performer.clone());
        let names: BTreeSet<_> = ours.collect();
        inner.known.then(|| names.into_iter().collect())
    }

    pub(crate) fn is_known(&self) -> bool {
        self.lock().known
    }

    /// From now on nobody knows what there is.
    pub(crate) fn lose(&self) {
        if std::mem::take(&mut self.lock().known) {
            self.every_performer().iter().for_each(|name| self.tell(name));
        }
    }

    /// Whether a connection from there is that of a container of ours.
    pub(crate) fn has_address(&self, address: IpAddr) -> bool {
        let inner = self.lock();
        let mut seen = inner.entries.values().filter_map(|entry| entry.seen.as_ref());
        seen.any(|seen| seen.container.owner == Owner::Ours && seen.container.addresses.contains(&address))
    }

    pub(crate) fn seen(&self, name: &InstanceName) -> Option<Container> {
        Some(self.lock().entries.get(name)?.seen.as_ref()?.container.clone())
    }

    /// Whether a start of it is under way here.
    pub(crate) fn is_starting(&self, name: &InstanceName) -> bool {
        self.lock().entries.get(name).is_some_and(|entry| matches!(entry.start, Some(Start::Underway { .. })))
    }

    /// Whether anything of this performer is there, or about to be.
    pub(crate) fn has_performer(&self, performer: &PerformerName) -> bool {
        self.lock().entries.keys().any(|name| name.performer == *performer)
    }

    /// Every container of ours.
    pub(crate) fn ours(&self) -> Vec<Container> {
        let inner = self.lock();
        let seen = inner.entries.values().filter_map(|entry| entry.seen.as_ref());
        seen.map(|seen| &seen.container).filter(|container| container.owner == Owner::Ours).cloned().collect()
    }

    /// Containers of ours that were made and that nobody is about to start.
    pub(crate) fn left_created(&self) -> Vec<Container> {
        let inner = self.lock();
        let idle = inner.entries.values().filter(|entry| entry.start.is_none() && entry.stop.is_none());
        let created = idle.filter_map(|entry| entry.seen.as_ref()).map(|seen| &seen.container);
        created.filter(|made| made.owner == Owner::Ours && made.phase == Phase::Created).cloned().collect()
    }

    /// A start begins; `None` where something is already there under this name.
    pub(crate) fn begin_start(&self, name: &InstanceName, now: Timestamp) -> Option<StartJob> {
        let job = StartJob::default();
        let mut inner = self.lock();
        if inner.entries.contains_key(name) {
            return None;
        }
        inner.entries.insert(name.clone(), Entry::starting(job.clone(), now));
        drop(inner);
        self.tell(&name.performer);
        Some(job)
    }

    /// A start goes on that an executor before this one began; `None` where there is nothing to go on with.
    pub(crate) fn resume_start(&self, name: &InstanceName, now: Timestamp) -> Option<StartJob> {
        let job = StartJob::default();
        let mut inner = self.lock();
        let entry = inner.entries.get_mut(name)?;
        if entry.start.is_some() || entry.stop.is_some() {
            return None;
        }
        entry.start = Some(Start::running(job.clone(), now));
        Some(job)
    }

    /// What a start waits for, in the engine's words.
    pub(crate) fn progress(&self, name: &InstanceName, detail: String) {
        let mut inner = self.lock();
        let Some(Start::Underway { detail: shown, .. }) =
            inner.entries.get_mut(name).and_then(|entry| entry.start.as_mut())
        else {
            return;
        };
        let new = shown.as_ref() != Some(&detail);
        *shown = Some(detail);
        drop(inner);
        if new {
            self.tell(&name.performer);
        }
    }

    /// A start has ended, and what the engine says of the container is all there is to know.
    pub(crate) fn started(&self, name: &InstanceName) {
        let mut inner = self.lock();
        if let Some(entry) = inner.entries.get_mut(name) {
            entry.start = None;
        }
        inner.sweep(name);
        drop(inner);
        self.tell(&name.performer);
    }

    /// A start has failed: that is kept until somebody asks for it to be stopped.
    pub(crate) fn start_failed(&self, name: &InstanceName, cause: ExitCause, at: Timestamp) {
        if let Some(entry) = self.lock().entries.get_mut(name) {
            entry.start = Some(Start::Failed { cause, at });
        }
        self.tell(&name.performer);
    }

    /// A stop begins: what it has to do. `None` where nothing of ours is there, or a stop is under way.
    pub(crate) fn begin_stop(&self, name: &InstanceName) -> Option<StopJob> {
        let mut inner = self.lock();
        let entry = inner.entries.get_mut(name).filter(|entry| entry.is_ours() && entry.stop.is_none())?;
        let job = StopJob::of(entry);
        entry.stop = Some(job.clone());
        drop(inner);
        self.tell(&name.performer);
        Some(job)
    }

    /// The stop that is under way.
    pub(crate) fn stopping(&self, name: &InstanceName) -> Option<StopJob> {
        self.lock().entries.get(name)?.stop.clone()
    }

    /// Nothing of ours is left of it.
    pub(crate) fn stopped(&self, name: &InstanceName) {
        let mut inner = self.lock();
        if let Some(entry) = inner.entries.get_mut(name) {
            (entry.start, entry.stop) = (None, None);
            if entry.seen.as_ref().is_some_and(|seen| seen.container.owner == Owner::Ours) {
                entry.seen = None;
            }
        }
        inner.sweep(name);
        drop(inner);
        self.tell(&name.performer);
    }

    /// What the engine said of a container, and the last lines that it printed if it has ended.
    pub(crate) fn apply(&self, ticket: Ticket, container: Container, output: Option<String>) {
        let name = container.name.clone();
        let mut inner = self.lock();
        if inner.gone.iter().any(|(id, asked)| *id == container.id && ticket <= *asked) {
            return;
        }
        let entry = inner.entries.entry(name.clone()).or_default();
        if entry.apply(Seen { ticket, container, output }) {
            drop(inner);
            self.tell(&name.performer);
        }
    }

    /// The container of this id is not there any longer.
    pub(crate) fn gone(&self, ticket: Ticket, id: &str) {
        let mut inner = self.lock();
        inner.gone.push_back((id.to_owned(), ticket));
        if inner.gone.len() > GONE {
            inner.gone.pop_front();
        }
        let older = |seen: &Seen| seen.container.id == id && seen.ticket <= ticket;
        let found = inner.entries.iter().find(|(_, entry)| entry.seen.as_ref().is_some_and(older));
        let Some(name) = found.map(|(name, _)| name.clone()) else { return };
        if let Some(entry) = inner.entries.get_mut(&name) {
            entry.seen = None;
        }
        inner.sweep(&name);
        drop(inner);
        self.tell(&name.performer);
    }

    /// Whether the last lines of this container are known already.
    pub(crate) fn output(&self, name: &InstanceName, id: &str) -> Option<String> {
        let inner = self.lock();
        let seen = inner.entries.get(name)?.seen.as_ref()?;
        seen.output.clone().filter(|_| seen.container.id == id)
    }

    /// Everything that there is was inspected for a listing that was asked for with this ticket: what is older and not
    /// among these ids is gone.
    pub(crate) fn listed(&self, ticket: Ticket, ids: &BTreeSet<String>) {
        let mut inner = self.lock();
        for entry in inner.entries.values_mut() {
            let gone = |seen: &Seen| seen.ticket < ticket && !ids.contains(&seen.container.id);
            if entry.seen.as_ref().is_some_and(gone) {
                entry.seen = None;
            }
        }
        let names: BTreeSet<_> = inner.entries.keys().map(|name| name.performer.clone()).collect();
        inner.entries.retain(|_, entry| !entry.is_empty());
        let first = !std::mem::replace(&mut inner.known, true);
        drop(inner);
        if first {
            names.iter().for_each(|name| self.tell(name));
        }
    }
}

impl Inner {
    fn sweep(&mut self, name: &InstanceName) {
        if self.entries.get(name).is_some_and(Entry::is_empty) {
            self.entries.remove(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "square-0123456789-4";

    fn ended() -> Container {
        Container {
            id: "0f".repeat(32),
            name: NAME.parse().unwrap(),
            owner: Owner::Ours,
            phase: Phase::Ended { cause: ExitCause::Code(0), at: Timestamp::EPOCH },
            endpoint: None,
            started_at: Timestamp::EPOCH,
            pid: None,
            addresses: Vec::new(),
            networks: Vec::new(),
            image: None,
        }
    }

    /// Its end is looked at, which takes a while since it is asked for its last lines; meanwhile it is removed.
    #[test]
    fn a_late_answer_about_a_container_that_is_gone_does_not_bring_it_back() {
        let (table, container) = (Table::new(), ended());
        let asked_before = table.ticket();
        table.gone(table.ticket(), &container.id);
        table.apply(asked_before, container.clone(), None);
        assert_eq!(table.seen(&container.name), None);
        // Whoever asks later and gets an answer has seen it.
        table.apply(table.ticket(), container.clone(), None);
        assert_eq!(table.seen(&container.name), Some(container));
    }

    #[test]
    fn what_is_remembered_of_containers_that_are_gone_is_bounded() {
        let table = Table::new();
        for number in 0..2 * GONE {
            table.gone(table.ticket(), &number.to_string());
        }
        assert_eq!(table.lock().gone.len(), GONE);
    }
}
