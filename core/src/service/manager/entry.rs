use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::lifecycle::{Instance, Intent, Owner, PerformerRecord, PerformerStatus, Waiting};
use crate::performer::{Image, PerformerName, Revision};
use crate::ports::PerformerView;
use crate::service::manager::bell::{Bell, Rings};

/// One performer, as its keeper and everybody else share it.
///
/// Whoever writes it to the store holds `writer` from reading the record until committing what was written: the store
/// and the memory then agree on the order of writes, and none is lost.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: PerformerName,
    pub(super) bell: Bell,
    pub(super) writer: async_lock::Mutex<()>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// `None` until the first write has succeeded.
    record: Option<PerformerRecord>,
    /// Counts the changes of what is wanted.
    generation: u64,
    status: PerformerStatus,
    waiting: Option<Waiting>,
    instances: Vec<Instance>,
    /// Images of the revisions that are wanted or were good, or of which there are instances.
    artifacts: BTreeMap<Revision, Image>,
    /// A slot is taken for a performer whose first write is under way.
    reserved: bool,
    /// A write has failed, so nobody knows what the store holds: it is written again.
    uncertain: bool,
    /// Whether a keeper looks after it.
    kept: bool,
    /// It was forgotten: whoever still holds it looks it up again.
    gone: bool,
}

/// What is wanted, at one moment.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) record: PerformerRecord,
    pub(super) generation: u64,
}

impl State {
    fn learn(&mut self, record: &PerformerRecord) {
        let (intent, good) = (&record.intent.spec, record.history.good.as_ref().map(|good| &good.spec));
        for spec in good.into_iter().chain([intent]) {
            self.artifacts.insert(spec.revision(), spec.image.clone());
        }
    }

    /// What instances were made from of which the store says nothing more: those on their way out when the executor was
    /// started.
    fn learn_from_instances(&mut self) {
        for instance in self.instances.iter().filter(|instance| instance.owner == Owner::Ours) {
            if let Some(image) = &instance.image {
                self.artifacts.entry(instance.name.revision.clone()).or_insert_with(|| image.clone());
            }
        }
    }

    /// Of what is neither wanted nor good nor there any more.
    fn forget_artifacts(&mut self) {
        let Some(record) = &self.record else { return };
        let (wanted, good) = (record.intent.spec.revision(), record.history.good.as_ref().map(|good| &good.revision));
        let instances = &self.instances;
        self.artifacts.retain(|revision, _| {
            *revision == wanted
                || Some(revision) == good
                || instances.iter().any(|instance| instance.name.revision == *revision)
        });
    }
}

impl Entry {
    /// A performer of which nothing is known yet.
    pub(super) fn new(name: PerformerName) -> Self {
        Self { name, bell: Bell::default(), writer: async_lock::Mutex::new(()), state: Mutex::default() }
    }

    /// A performer that is already in the store, or needs not be.
    pub(super) fn with_record(record: PerformerRecord) -> Self {
        let entry = Self::new(record.intent.name.clone());
        {
            let mut state = entry.lock();
            state.learn(&record);
            state.record = Some(record);
        }
        entry
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn record(&self) -> Option<PerformerRecord> {
        self.lock().record.clone()
    }

    pub(super) fn wanted(&self) -> Option<Wanted> {
        let state = self.lock();
        Some(Wanted { record: state.record.clone()?, generation: state.generation })
    }

    pub(super) fn generation(&self) -> u64 {
        self.lock().generation
    }

    /// Takes over a record that was written; `new_intent` where more than its history changed.
    pub(super) fn commit(&self, record: PerformerRecord, new_intent: bool) {
        {
            let mut state = self.lock();
            state.learn(&record);
            state.record = Some(record);
            state.reserved = false;
            state.uncertain = false;
            state.generation += u64::from(new_intent);
        }
        if new_intent {
            self.bell.ring(Rings::ASKED);
        }
    }

    /// Whether it counts against the limit on performers.
    pub(super) fn takes_a_slot(&self) -> bool {
        let state = self.lock();
        state.reserved || state.record.as_ref().is_some_and(|record| !record.intent.deleted)
    }

    pub(super) fn reserve(&self, reserved: bool) {
        self.lock().reserved = reserved;
    }

    /// A write has failed, and may have been made all the same.
    pub(super) fn doubt(&self) {
        self.lock().uncertain = true;
        self.bell.ring(Rings::ASKED);
    }

    /// Whether the store may hold something else than the record.
    pub(super) fn is_uncertain(&self) -> bool {
        self.lock().uncertain
    }

    /// Whether the caller is to look after it from now on: nobody did.
    pub(super) fn take_care(&self) -> bool {
        !std::mem::replace(&mut self.lock().kept, true)
    }

    /// Its keeper has nothing more to do. What is left of it is only what the store remembers.
    pub(super) fn rest(&self) {
        let mut state = self.lock();
        state.kept = false;
        state.instances.clear();
        state.status = PerformerStatus::default();
        state.waiting = None;
    }

    pub(super) fn is_gone(&self) -> bool {
        self.lock().gone
    }

    pub(super) fn bury(&self) {
        self.lock().gone = true;
    }

    /// What is seen of it; `true` where that is something else than before.
    pub(super) fn publish(&self, status: PerformerStatus, waiting: Option<Waiting>, instances: Vec<Instance>) -> bool {
        let mut state = self.lock();
        if state.status == status && state.waiting == waiting && state.instances == instances {
            return false;
        }
        (state.status, state.waiting, state.instances) = (status, waiting, instances);
        state.forget_artifacts();
        state.learn_from_instances();
        true
    }

    /// What keeps it from being looked after; `true` where that was not so before. The rest of what is seen stays.
    pub(super) fn block(&self, waiting: Waiting) -> bool {
        let mut state = self.lock();
        let new = state.waiting.as_ref().map(Waiting::reason) != Some(waiting.reason());
        state.waiting = Some(waiting);
        new
    }

    /// Its keeper ends, and it stays as it is.
    pub(super) fn leave(&self) {
        self.lock().kept = false;
    }

    /// Whether a keeper looks after it.
    pub(super) fn is_kept(&self) -> bool {
        self.lock().kept
    }

    pub(super) fn waiting(&self) -> Option<Waiting> {
        self.lock().waiting.clone()
    }

    /// What is seen of it; `None` for one that is only remembered.
    pub(super) fn view(&self) -> Option<PerformerView> {
        let state = self.lock();
        let record = state.record.as_ref()?;
        let remembered = record.intent.deleted && !state.kept;
        (!remembered && !state.gone).then(|| PerformerView {
            intent: record.intent.clone(),
            status: state.status.clone(),
            waiting: state.waiting.clone(),
            instances: state.instances.clone(),
            good: record.history.good.clone(),
            artifacts: state.artifacts.clone(),
        })
    }
}

/// The intent for instances of ours of which nobody knows what they were for: they are to go.
pub(super) fn orphaned(name: PerformerName) -> Option<PerformerRecord> {
    let image = "orphaned".parse().ok()?;
    let spec = crate::performer::PerformerSpec::new(crate::address::Address::default(), image);
    let intent = Intent { name, spec, deleted: true, promoted: None, retry: 0 };
    Some(PerformerRecord { intent, history: crate::lifecycle::History::default(), configured: None })
}
