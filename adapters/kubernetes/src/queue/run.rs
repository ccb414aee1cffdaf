use std::future::Future;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::state::State;

/// How a queue waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueOptions {
    /// How long a key waits after its first failure.
    pub first_delay: Duration,
    /// How long it waits at most.
    pub longest_delay: Duration,
    /// After a failure, news do not bring a key back sooner than this.
    pub shortest_pause: Duration,
}

impl Default for QueueOptions {
    fn default() -> Self {
        Self {
            first_delay: Duration::from_millis(250),
            longest_delay: Duration::from_secs(300),
            shortest_pause: Duration::from_millis(250),
        }
    }
}

/// What came of looking after a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing more is to be done until news come, or this much time has passed.
    Done {
        /// When to come back without news.
        wake_in: Option<Duration>,
    },
    /// It is to be tried again.
    Failed,
}

/// Keys to be looked after. Clones share it.
pub struct Queue<K> {
    shared: Arc<Shared<K>>,
}

struct Shared<K> {
    state: Mutex<State<K>>,
    /// Something is ready.
    ready: Notify,
    /// What is to become ready later has changed.
    later: Notify,
}

impl<K> Clone for Queue<K> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

impl<K: Clone + Eq + Hash + Send + Sync + 'static> Queue<K> {
    /// An empty queue.
    pub fn new(options: QueueOptions) -> Self {
        let shared = Shared { state: Mutex::new(State::new(options)), ready: Notify::new(), later: Notify::new() };
        Self { shared: Arc::new(shared) }
    }

    /// Wants a key to be looked after soon.
    pub fn add(&self, key: &K) {
        if self.state().add(key, Instant::now()) {
            self.shared.ready.notify_one();
        } else {
            self.shared.later.notify_one();
        }
    }

    /// How many keys wait for a worker.
    pub fn depth(&self) -> usize {
        self.state().depth()
    }

    /// How long the first of them has waited.
    pub fn age(&self) -> Duration {
        self.state().age(Instant::now())
    }

    /// How many keys a worker has.
    pub fn running(&self) -> usize {
        self.state().running()
    }

    /// How many keys failed when they were last looked after.
    pub fn failing(&self) -> usize {
        self.state().failing()
    }

    /// One worker, until it is dropped: takes keys and has them looked after. Several share the work.
    ///
    /// A worker that is dropped, or whose work panics, gives its key back as failed.
    pub async fn work<F: Future<Output = Outcome>>(&self, mut look_after: impl FnMut(K) -> F) {
        loop {
            let key = self.next().await;
            let mut held = Held { queue: self, key: &key, outcome: Outcome::Failed };
            held.outcome = look_after(key.clone()).await;
        }
    }

    async fn next(&self) -> K {
        loop {
            let wake_at = {
                let mut state = self.state();
                let (ripe, next) = state.ripen(Instant::now());
                let taken = state.take();
                // What is left over is for others, who may all be asleep.
                if ripe > 0 && state.depth() > 0 {
                    self.shared.ready.notify_one();
                }
                match taken {
                    Some(key) => {
                        if state.depth() > 0 {
                            self.shared.ready.notify_one();
                        }
                        return key;
                    }
                    None => next,
                }
            };
            let until = async {
                match wake_at {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.shared.ready.notified() => {}
                () = self.shared.later.notified() => {}
                () = until => {}
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State<K>> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A key in a worker's hands.
struct Held<'a, K: Clone + Eq + Hash + Send + Sync + 'static> {
    queue: &'a Queue<K>,
    key: &'a K,
    outcome: Outcome,
}

impl<K: Clone + Eq + Hash + Send + Sync + 'static> Drop for Held<'_, K> {
    fn drop(&mut self) {
        if self.queue.state().done(self.key, self.outcome, Instant::now()) {
            self.queue.shared.later.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    type Log = Arc<Mutex<Vec<(&'static str, u128)>>>;

    fn at(log: &Log, key: &str) -> Vec<u128> {
        log.lock().unwrap().iter().filter(|(found, _)| *found == key).map(|(_, at)| *at).collect()
    }

    /// Runs a queue whose keys behave as `of` says, and gives what ran when, in milliseconds.
    fn run(queue: &Queue<&'static str>, workers: usize, of: fn(&'static str, usize) -> (u64, Outcome)) -> Log {
        let (log, began) = (Log::default(), Instant::now());
        for _ in 0..workers {
            let (queue, log) = (queue.clone(), log.clone());
            tokio::spawn(async move {
                queue
                    .work(|key| {
                        let run = at(&log, key).len();
                        log.lock().unwrap().push((key, began.elapsed().as_millis()));
                        async move {
                            let (takes, outcome) = of(key, run);
                            tokio::time::sleep(Duration::from_millis(takes)).await;
                            outcome
                        }
                    })
                    .await;
            });
        }
        log
    }

    const DONE: Outcome = Outcome::Done { wake_in: None };

    #[tokio::test(start_paused = true)]
    async fn one_key_is_run_by_one_worker_and_once_for_many_wishes() {
        let queue = Queue::new(QueueOptions::default());
        let log = run(&queue, 4, |_, _| (100, DONE));
        for _ in 0..10 {
            queue.add(&"a");
            queue.add(&"b");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!((at(&log, "a").len(), at(&log, "b").len()), (1, 1));
        assert_eq!(queue.running(), 2);
        for _ in 0..10 {
            queue.add(&"a");
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(at(&log, "a"), [0, 100], "once more, after the first had ended");
        assert_eq!((queue.depth(), queue.running()), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn failures_back_off_alone() {
        let queue = Queue::new(QueueOptions::default());
        let log = run(&queue, 2, |key, _| (0, if key == "bad" { Outcome::Failed } else { DONE }));
        queue.add(&"bad");
        tokio::time::sleep(Duration::from_secs(3000)).await;
        let runs = at(&log, "bad");
        let waits: Vec<u128> = runs.windows(2).map(|pair| pair[1] - pair[0]).collect();
        for (wait, most) in
            waits.iter().zip([250, 500, 1000, 2000, 4000, 8000, 16_000, 32_000, 64_000, 128_000, 256_000])
        {
            assert!((most * 3 / 4..=most + 1).contains(wait), "{wait} of {most}");
        }
        assert!(waits.iter().all(|wait| *wait <= 300_001), "{waits:?}");
        assert_eq!(queue.failing(), 1);
        // News shorten the wait, but do not make a loop of it.
        let before = at(&log, "bad").len();
        for _ in 0..100 {
            queue.add(&"bad");
            queue.add(&"good");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let more = at(&log, "bad").len() - before;
        assert!((1..=6).contains(&more), "{more}");
        assert_eq!(at(&log, "good").len(), 100);
    }

    #[tokio::test(start_paused = true)]
    async fn wakes_by_itself_and_a_later_wish_replaces_an_earlier() {
        let queue = Queue::new(QueueOptions::default());
        let wake = |secs| Outcome::Done { wake_in: Some(Duration::from_secs(secs)) };
        assert_eq!(wake(60), Outcome::Done { wake_in: Some(Duration::from_secs(60)) });
        let log = run(&queue, 1, |_, run| {
            let wake_in = [60, 30].get(run).map(|secs| Duration::from_secs(*secs));
            (0, Outcome::Done { wake_in })
        });
        queue.add(&"a");
        tokio::time::sleep(Duration::from_secs(10)).await;
        queue.add(&"a");
        tokio::time::sleep(Duration::from_secs(300)).await;
        let seconds: Vec<u128> = at(&log, "a").iter().map(|at| at / 1000).collect();
        assert_eq!(seconds, [0, 10, 40], "not at 60: the second run asked for 40");
    }

    #[tokio::test(start_paused = true)]
    async fn many_keys_are_shared_out() {
        let queue = Queue::new(QueueOptions::default());
        let names: Vec<&'static str> = (0..100).map(|n| &*Box::leak(format!("k{n}").into_boxed_str())).collect();
        let log = run(&queue, 10, |_, _| (1000, DONE));
        for name in &names {
            queue.add(name);
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!((queue.running(), queue.depth()), (10, 90));
        assert_eq!(queue.age(), Duration::from_millis(500));
        tokio::time::sleep(Duration::from_secs(10)).await;
        let mut runs = BTreeMap::new();
        for (key, at) in log.lock().unwrap().iter() {
            assert!(runs.insert(*key, *at).is_none());
        }
        assert_eq!(runs.len(), 100);
        assert!(runs.values().all(|at| *at < 9_100), "ten at a time");
    }
}
