//! What happens to a world from outside: deaths of instances and of the executor, strangers, clocks that are set.

use hourglass_core::Timestamp;
use hourglass_core::lifecycle::{ExitCause, Health, History, Instance, InstanceState, Owner};
use hourglass_core::performer::InstanceName;

use crate::sim::{Nature, Sim};
use crate::world::World;

impl World {
    /// Somebody else's instance under a name that looks like ours.
    pub(crate) fn add_foreign(&mut self, suffix: u32) {
        let name = InstanceName {
            performer: self.intent.name.clone(),
            revision: self.intent.spec.revision(),
            suffix: self.history.next_suffix + suffix,
        };
        if self.sims.contains_key(&name) {
            return;
        }
        let mut instance = Instance::never_started(name, ExitCause::Unknown, self.now);
        instance.owner = Owner::Foreign;
        instance.state = InstanceState::Running;
        instance.health = Health::Ready { since: self.now };
        instance.routed = suffix == 1;
        self.put(instance, Nature::Healthy);
    }

    /// The executor dies and comes back: what it had only in memory is lost.
    pub(crate) fn restart(&mut self) {
        self.ghosts.clear();
        for sim in self.sims.values_mut().filter(|sim| sim.instance.owner == Owner::Ours) {
            sim.instance.routed = false;
            sim.instance.in_flight = None;
            if sim.instance.state == InstanceState::Running {
                sim.instance.health = Health::Unknown;
            }
        }
    }

    /// The store is gone; what was ever started stays known to the test alone.
    pub(crate) fn lose_history(&mut self) {
        self.history = History::default();
        // A number that was used by an instance that nobody sees may be used again then: nobody can know.
        self.ever.clear();
        self.observe();
    }

    /// Somebody sets the clock.
    pub(crate) fn set_clock(&mut self, to: Timestamp) {
        self.now = to;
        self.observe();
    }

    fn nth(&mut self, n: usize) -> Option<&mut Sim> {
        let count = self.ours().count();
        let mut mine = self.sims.values_mut().filter(|sim| sim.instance.owner == Owner::Ours);
        mine.nth(n.checked_rem(count)?)
    }

    /// The nth instance, modulo their number, ends by itself.
    pub(crate) fn kill(&mut self, n: usize) {
        let at = self.now;
        if let Some(sim) = self.nth(n) {
            sim.instance.state = InstanceState::Exited { cause: ExitCause::Signal(9), at, output: None };
            sim.instance.routed = false;
        }
    }

    pub(crate) fn hang(&mut self, n: usize) {
        if let Some(sim) = self.nth(n) {
            sim.hung = true;
        }
    }

    pub(crate) fn unhang(&mut self, n: usize) {
        if let Some(sim) = self.nth(n) {
            sim.hung = false;
        }
    }

    pub(crate) fn vanish(&mut self, n: usize) {
        if let Some(name) = self.nth(n).map(|sim| sim.instance.name.clone()) {
            self.sims.remove(&name);
        }
    }

    pub(crate) fn stick_tasks(&mut self, n: usize) {
        if let Some(sim) = self.nth(n) {
            sim.stuck_tasks = true;
        }
    }
}
