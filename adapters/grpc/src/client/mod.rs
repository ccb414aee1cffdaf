//! The client of performers: connections, health, and one task at a time to the right instance.
//!
//! Every target has its own pool of connections and its own health checks. A call goes to the routed, healthy target
//! with the fewest tasks, waits for one until its deadline, and is sent a second time only where that is known to be
//! harmless.

mod connection;
mod health;
mod metrics;
mod options;
mod target;
mod task;
mod unary;

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use hourglass_core::lifecycle::Health;
use hourglass_core::performer::PerformerName;
use hourglass_core::ports::{
    CallError, Changes, Clock, Notices, PerformerClient, Spawner, Target, TargetState, TaskCall,
};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout_at};

pub use metrics::{ConnectionMetrics, NoConnectionMetrics};
pub use options::ClientOptions;

use target::{Context, InFlight, TargetConnections};
use task::{Attempt, Sending};

/// The longest pause before a task goes again to a target that refused it.
const LONGEST_REFUSAL_PAUSE: Duration = Duration::from_millis(500);

/// Talks to performers over gRPC, in plaintext, on tokio.
pub struct GrpcPerformerClient {
    context: Arc<Context>,
    performers: Mutex<HashMap<PerformerName, Vec<Arc<TargetConnections>>>>,
}

impl GrpcPerformerClient {
    /// A client of nobody yet. `clock` stamps health; `spawner`, which must run on tokio, runs health checks and
    /// connections; `metrics` may be [`NoConnectionMetrics`].
    pub fn new(
        options: ClientOptions,
        clock: Arc<dyn Clock>,
        spawner: Arc<dyn Spawner>,
        metrics: Arc<dyn ConnectionMetrics>,
    ) -> Self {
        let (notices, changed) = (Notices::new(), watch::Sender::new(()));
        let context =
            Arc::new(Context { options, clock, spawner, metrics, notices, changed, choices: AtomicU64::new(0) });
        Self { context, performers: Mutex::default() }
    }

    fn performers(&self) -> MutexGuard<'_, HashMap<PerformerName, Vec<Arc<TargetConnections>>>> {
        self.performers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The routed, healthy target with the fewest tasks, and among equals the one that was chosen longest ago. Chosen and
    /// counted under one lock, so that a burst spreads.
    fn pick(&self, performer: &PerformerName) -> Option<InFlight> {
        let performers = self.performers();
        let ready = performers.get(performer)?.iter().filter(|target| target.routed() && target.ready());
        Some(ready.min_by_key(|target| (target.load(), target.chosen()))?.begin())
    }

    /// Why [`Self::pick`] finds nothing.
    fn why_none(&self, performer: &PerformerName) -> String {
        let performers = self.performers();
        let Some(targets) = performers.get(performer) else { return "it has no instance".into() };
        let mut reasons = targets.iter().filter(|target| target.routed()).map(|target| match &*target.health() {
            Health::NotReady { reason, .. } => reason.clone(),
            Health::Unknown => format!("{} has not answered its first health check", target.endpoint),
            Health::Ready { .. } => "it became ready at this moment".into(),
        });
        match reasons.next() {
            None => "none of its instances takes tasks yet".into(),
            Some(first) => first,
        }
    }

    async fn wait_for_target(&self, performer: &PerformerName, until: Instant) -> Option<InFlight> {
        if let Some(target) = self.pick(performer) {
            return Some(target);
        }
        let mut changed = self.context.changed.subscribe();
        loop {
            if let Some(target) = self.pick(performer) {
                return Some(target);
            }
            // The sender lives as long as this client.
            let _ = timeout_at(until, changed.changed()).await.ok()?;
        }
    }
}

#[async_trait]
impl PerformerClient for GrpcPerformerClient {
    fn set_targets(&self, performer: &PerformerName, targets: Vec<Target>) {
        let mut news = false;
        {
            let mut performers = self.performers();
            let mut old = performers.remove(performer).unwrap_or_default();
            let mut kept = Vec::with_capacity(targets.len());
            for wanted in targets {
                let same = |t: &Arc<TargetConnections>| t.instance == wanted.instance && t.endpoint == wanted.endpoint;
                if let Some(index) = old.iter().position(same) {
                    let target = old.swap_remove(index);
                    news |= target.set_routed(wanted.routed);
                    kept.push(target);
                } else if !kept.iter().any(same) {
                    let target = TargetConnections::new(Arc::clone(&self.context), performer.clone(), wanted);
                    let target = Arc::new(target);
                    let checks = health::watch(Arc::clone(&target));
                    self.context.spawner.spawn("performer health", Box::pin(checks));
                    kept.push(target);
                    news = true;
                }
            }
            for target in old {
                target.replaced.cancel();
                news = true;
            }
            if !kept.is_empty() {
                performers.insert(performer.clone(), kept);
            }
        }
        if news {
            self.context.changed.send_replace(());
            self.context.notices.tell(performer);
        }
    }

    fn targets(&self, performer: &PerformerName) -> Vec<TargetState> {
        self.performers().get(performer).into_iter().flatten().map(|target| target.state()).collect()
    }

    fn watch(&self) -> Changes<PerformerName> {
        self.context.notices.watch()
    }

    async fn execute(&self, performer: &PerformerName, call: TaskCall) -> Result<Vec<u8>, CallError> {
        let sending = Sending::new(call);
        let (mut sends, mut unreached) = (0, 0);
        let mut pause = Duration::from_millis(5);
        let mut last_seen: Option<String> = None;
        loop {
            let Some(target) = self.wait_for_target(performer, sending.until).await else {
                let detail = last_seen.unwrap_or_else(|| self.why_none(performer));
                return Err(CallError::NotReady { performer: performer.clone(), detail });
            };
            let attempt = sending.attempt(&target.0).await;
            drop(target);
            match attempt {
                Attempt::Ended(outcome) => return outcome,
                Attempt::MayHaveRun(reason) => {
                    sends += 1;
                    if !sending.idempotent || sends >= self.context.options.max_sends {
                        return Err(CallError::Broken(reason));
                    }
                }
                Attempt::NotRun(detail) => {
                    unreached += 1;
                    if unreached > self.context.options.connect_retries {
                        return Err(CallError::NotReady { performer: performer.clone(), detail });
                    }
                    last_seen = Some(detail);
                }
                Attempt::Refused(reason) => last_seen = Some(reason),
            }
            // Whatever went wrong may go wrong again at once.
            let again = Instant::now() + pause;
            pause = (pause * 2).min(LONGEST_REFUSAL_PAUSE);
            sleep_until(again.min(sending.until)).await;
        }
    }
}

impl Drop for GrpcPerformerClient {
    fn drop(&mut self) {
        for target in self.performers().values().flatten() {
            target.replaced.cancel();
        }
    }
}
