use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_lock::{Semaphore, SemaphoreGuardArc};

use crate::address::Address;
use crate::ports::TaskMetrics;
use crate::service::task::AvsTasks;

/// The bounded queues in front of performers, one for each AVS: one AVS's load never takes another's place.
pub(super) struct Admission {
    queues: Mutex<HashMap<Address, Arc<Queue>>>,
    metrics: Arc<dyn TaskMetrics>,
}

#[derive(Debug)]
pub(super) struct Queue {
    slots: Arc<Semaphore>,
    concurrent: usize,
    limit: usize,
    present: Mutex<usize>,
}

/// A place in a queue: held while the task waits and while it runs.
pub(super) struct Place {
    queue: Arc<Queue>,
    avs: Address,
    metrics: Arc<dyn TaskMetrics>,
}

impl Admission {
    pub(super) fn new(metrics: Arc<dyn TaskMetrics>) -> Self {
        Self { queues: Mutex::default(), metrics }
    }

    /// Takes a place, or says how many there are when all are taken.
    pub(super) fn enter(&self, avs: &Address, tasks: &AvsTasks) -> Result<Place, usize> {
        let queue = self.queue(avs, tasks);
        let mut present = queue.present.lock().unwrap_or_else(PoisonError::into_inner);
        if *present >= queue.limit {
            return Err(queue.limit);
        }
        *present += 1;
        self.metrics.in_flight(avs, *present);
        drop(present);
        Ok(Place { queue, avs: *avs, metrics: self.metrics.clone() })
    }

    fn queue(&self, avs: &Address, tasks: &AvsTasks) -> Arc<Queue> {
        let (concurrent, limit) = (tasks.max_concurrent, tasks.max_concurrent.saturating_add(tasks.max_queued));
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        let current = queues.get(avs).filter(|queue| queue.concurrent == concurrent && queue.limit == limit);
        if let Some(queue) = current {
            return queue.clone();
        }
        // New limits begin with a new queue; tasks in the old one leave it as they end.
        let slots = Arc::new(Semaphore::new(concurrent));
        let queue = Arc::new(Queue { slots, concurrent, limit, present: Mutex::new(0) });
        queues.insert(*avs, queue.clone());
        queue
    }
}

impl Place {
    /// Waits until the performer may be given one more task.
    pub(super) async fn slot(&self) -> SemaphoreGuardArc {
        self.queue.slots.acquire_arc().await
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut present = self.queue.present.lock().unwrap_or_else(PoisonError::into_inner);
        *present -= 1;
        self.metrics.in_flight(&self.avs, *present);
    }
}
