use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use futures_core::future::BoxFuture;

use crate::ports::Spawner;
use crate::testing::VirtualClock;

/// A world with one thread and a clock that moves only when nothing can run: what happens in it depends on the seed
/// and on nothing else.
///
/// ```
/// use std::time::Duration;
/// use hourglass_core::ports::Clock;
/// use hourglass_core::testing::Simulation;
///
/// let world = Simulation::new(7);
/// let clock = world.clock();
/// world.block_on(async move { clock.sleep(Duration::from_secs(3600)).await }); // takes no time at all
/// assert_eq!(world.clock().elapsed(), Duration::from_secs(3600));
/// ```
#[derive(Debug, Clone)]
pub struct Simulation {
    clock: VirtualClock,
    tasks: Arc<Tasks>,
}

/// Spawns into a [`Simulation`]; what one of them spawned can be killed together.
#[derive(Debug, Clone)]
pub struct SimulationSpawner {
    tasks: Arc<Tasks>,
    group: u64,
}

#[derive(Default)]
struct Tasks(Mutex<Queue>);

impl std::fmt::Debug for Tasks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tasks")
    }
}

#[derive(Default)]
struct Queue {
    tasks: BTreeMap<u64, Task>,
    ready: VecDeque<u64>,
    made: u64,
    random: u64,
}

struct Task {
    group: u64,
    name: &'static str,
    service: bool,
    queued: bool,
    /// `None` while it is being polled.
    future: Option<BoxFuture<'static, ()>>,
}

/// Virtual time after which a wait is taken to be endless.
const PATIENCE: Duration = Duration::from_secs(7 * 24 * 3600);

impl Simulation {
    /// A world whose ready tasks run in an order that `seed` decides; 0 runs them first come, first served.
    pub fn new(seed: u64) -> Self {
        let tasks = Arc::new(Tasks::default());
        tasks.lock().random = seed;
        Self { clock: VirtualClock::default(), tasks }
    }

    /// Its time.
    pub fn clock(&self) -> VirtualClock {
        self.clock.clone()
    }

    /// A spawner whose tasks form a group of their own.
    pub fn spawner(&self) -> SimulationSpawner {
        let mut queue = self.tasks.lock();
        queue.made += 1;
        SimulationSpawner { tasks: Arc::clone(&self.tasks), group: queue.made }
    }

    /// Drops every task of a group where it stands, as the death of a process would.
    pub fn kill(&self, group: &SimulationSpawner) {
        // Dropped without the lock: dropping a future may wake another.
        let dead: Vec<Task> = {
            let mut queue = self.tasks.lock();
            let (dead, alive) =
                std::mem::take(&mut queue.tasks).into_iter().partition(|(_, task)| task.group == group.group);
            queue.tasks = alive;
            let dead: BTreeMap<u64, Task> = dead;
            dead.into_values().collect()
        };
        drop(dead);
    }

    /// Runs until the future resolves. Time passes only when nothing can run.
    ///
    /// # Panics
    /// Where nothing can ever run again, or virtual weeks have passed.
    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        let flag = Arc::new(Flag(AtomicBool::new(true)));
        let waker = Waker::from(Arc::clone(&flag));
        let until = self.clock.elapsed() + PATIENCE;
        loop {
            if flag.0.swap(false, Ordering::AcqRel)
                && let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker))
            {
                return value;
            }
            if self.step() || flag.0.load(Ordering::Acquire) {
                continue;
            }
            let due = self.clock.next_due();
            assert!(due.is_some(), "nothing can run any more, and what is waited for has not come");
            assert!(self.clock.elapsed() < until, "virtual weeks have passed, and what is waited for has not come");
            self.clock.advance(due.unwrap_or_default());
        }
    }

    /// Runs everything that can run while this much time passes.
    pub fn run_for(&self, duration: Duration) {
        let end = self.clock.elapsed() + duration;
        loop {
            while self.step() {}
            let left = end.saturating_sub(self.clock.elapsed());
            match self.clock.next_due() {
                Some(due) if due <= left => self.clock.advance(due),
                _ => break self.clock.advance(left),
            }
        }
        while self.step() {}
    }

    /// Runs at most `steps` steps, a step being one poll of one task; time passes when nothing can run.
    pub fn run_steps(&self, steps: usize) {
        for _ in 0..steps {
            if !self.step() {
                let Some(due) = self.clock.next_due() else { return };
                self.clock.advance(due);
            }
        }
    }

    /// Polls one ready task, if there is one.
    fn step(&self) -> bool {
        let Some((id, mut future)) = self.tasks.take_ready() else { return false };
        let waker = Waker::from(Arc::new(TaskWaker { tasks: Arc::downgrade(&self.tasks), id }));
        let done = future.as_mut().poll(&mut Context::from_waker(&waker)).is_ready();
        let ended = {
            let mut queue = self.tasks.lock();
            if done {
                queue.tasks.remove(&id).filter(|task| task.service).map(|task| task.name)
            } else {
                match queue.tasks.get_mut(&id) {
                    Some(task) => {
                        task.future = Some(future);
                        return true;
                    }
                    // Killed by what it did itself.
                    None => None,
                }
            }
        };
        assert!(ended.is_none(), "service {} ended", ended.unwrap_or_default());
        true
    }
}

impl Tasks {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_ready(&self) -> Option<(u64, BoxFuture<'static, ()>)> {
        let mut queue = self.lock();
        while !queue.ready.is_empty() {
            let at = queue.pick();
            let Some(id) = queue.ready.remove(at) else { continue };
            let Some(task) = queue.tasks.get_mut(&id) else { continue };
            task.queued = false;
            if let Some(future) = task.future.take() {
                return Some((id, future));
            }
        }
        None
    }

    fn wake(&self, id: u64) {
        let mut queue = self.lock();
        if let Some(task) = queue.tasks.get_mut(&id)
            && !std::mem::replace(&mut task.queued, true)
        {
            queue.ready.push_back(id);
        }
    }

    fn add(&self, group: u64, name: &'static str, service: bool, future: BoxFuture<'static, ()>) {
        let mut queue = self.lock();
        queue.made += 1;
        let id = queue.made;
        queue.tasks.insert(id, Task { group, name, service, queued: true, future: Some(future) });
        queue.ready.push_back(id);
    }
}

impl Queue {
    /// Which of the ready tasks runs next: xorshift, since any order will do and no crate is needed for it.
    fn pick(&mut self) -> usize {
        if self.random == 0 {
            return 0;
        }
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        usize::try_from(self.random % self.ready.len() as u64).unwrap_or(0)
    }
}

impl Spawner for SimulationSpawner {
    fn spawn(&self, name: &'static str, job: BoxFuture<'static, ()>) {
        self.tasks.add(self.group, name, false, job);
    }

    fn spawn_service(&self, name: &'static str, service: BoxFuture<'static, ()>) {
        self.tasks.add(self.group, name, true, service);
    }
}

struct TaskWaker {
    tasks: Weak<Tasks>,
    id: u64,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        if let Some(tasks) = self.tasks.upgrade() {
            tasks.wake(self.id);
        }
    }
}

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::Clock;

    #[test]
    fn sleeps_resolve_in_the_order_of_their_deadlines_whatever_the_seed() {
        for seed in 0..20 {
            let world = Simulation::new(seed);
            let (spawner, log) = (world.spawner(), Arc::new(Mutex::new(Vec::new())));
            for millis in [30, 10, 20] {
                let (clock, log) = (world.clock(), Arc::clone(&log));
                let job = async move {
                    clock.sleep(Duration::from_millis(millis)).await;
                    log.lock().unwrap().push(millis);
                };
                spawner.spawn("sleeper", Box::pin(job));
            }
            world.run_for(Duration::from_millis(25));
            assert_eq!(*log.lock().unwrap(), [10, 20]);
            world.kill(&spawner);
            world.run_for(Duration::from_secs(1));
            assert_eq!(*log.lock().unwrap(), [10, 20]);
        }
    }
}
