use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use hourglass_core::hardware::HardwareTables;
use hourglass_core::ports::Clock;
use kube::Client;
use tokio::time::Instant;

use super::failure::PassError;
use super::memory::Memories;
use super::pass::{Ended, Pass};
use crate::cache::Key;
use crate::events::EventRecorder;
use crate::lease::Leadership;
use crate::queue::{Outcome, Queue};
use crate::reconcile::{ReconcileMetrics, Stores};
use crate::writer::Writer;

/// What the controller is made of.
pub struct PerformerParts {
    /// For reading single objects anew.
    pub client: Client,
    /// What there is.
    pub stores: Arc<Stores>,
    /// Which Performers to look after.
    pub queue: Queue<Key>,
    /// Writes.
    pub writer: Arc<Writer>,
    /// Whether to.
    pub leadership: Leadership,
    /// Wall clock.
    pub clock: Arc<dyn Clock>,
    /// Tells people.
    pub events: EventRecorder,
    /// What the words of hardware requirements mean here.
    pub tables: Arc<HardwareTables>,
    /// Measurements.
    pub metrics: Arc<dyn ReconcileMetrics>,
}

/// Looks after every Performer while this process leads.
pub struct PerformerController {
    pub(super) parts: PerformerParts,
    pub(super) memories: Memories,
}

impl PerformerController {
    /// A controller; nothing happens before it is run.
    pub fn new(parts: PerformerParts) -> Arc<Self> {
        Arc::new(Self { parts, memories: Memories::default() })
    }

    /// Puts every Performer into the queue whenever this process comes to lead; never ends.
    pub async fn follow_leadership(self: Arc<Self>) {
        loop {
            let term = self.parts.leadership.leads().await;
            self.parts.stores.synced().await;
            let keys = self.parts.stores.performers.keys();
            self.memories.begin_term(&keys);
            for key in &keys {
                self.parts.queue.add(key);
            }
            self.parts.leadership.ended(&term).await;
            tracing::warn!("this operator does not lead any more: nothing is written");
        }
    }

    /// One worker; never ends. Several share the work.
    pub async fn work(self: Arc<Self>) {
        self.parts.stores.synced().await;
        self.parts.queue.work(|key| self.clone().look_after(key)).await;
    }

    async fn look_after(self: Arc<Self>, key: Key) -> Outcome {
        let Ok(term) = self.parts.leadership.term() else { return Outcome::Done { wake_in: None } };
        let began = Instant::now();
        let memory = self.memories.take(&key);
        let mut pass = Pass { controller: &self, term, key: key.clone(), memory };
        // A defect that one Performer brings out must not keep the others from being looked after.
        let ended = AssertUnwindSafe(pass.run()).catch_unwind().await;
        let ended = ended.unwrap_or_else(|_| Err(PassError::Defect("a panic: see the log".to_owned())));
        let memory = pass.memory;
        let failure = ended.as_ref().err().map(PassError::reason);
        self.parts.metrics.reconciled("performer", began.elapsed(), failure);
        let outcome = match ended {
            Ok(Ended::Gone) => {
                return Outcome::Done { wake_in: None };
            }
            Ok(Ended::Waiting(wake_in)) => Outcome::Done { wake_in },
            Err(PassError::NotLeading) => return Outcome::Done { wake_in: None },
            Err(error) => {
                tracing::warn!(performer = %key, reason = error.reason(), %error, "a performer could not be looked after");
                Outcome::Failed
            }
        };
        self.memories.put(key, memory);
        outcome
    }
}
