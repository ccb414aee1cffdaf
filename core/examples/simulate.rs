//! Embeds the planner over a runtime of your own, without any async runtime: a loop that observes, plans, saves, acts.
//!
//! ```text
//! cargo run -p hourglass-core --example simulate
//! ```
//!
//! The runtime here is a toy in which every action fails now and then, and every instance dies now and then. The loop
//! needs to know nothing of that: it plans anew from what it sees. That is the whole contract of an actor:
//!
//! 1. observe what is there;
//! 2. plan;
//! 3. make the history durable, if it changed, *before* acting;
//! 4. carry out the actions in order; after the first failure go back to 1;
//! 5. wait until something changes, or until `wake_at`.

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

use hourglass_core::Timestamp;
use hourglass_core::lifecycle::{Action, ExitCause, Health, History, Instance, InstanceState, Intent, Phase, plan};
use hourglass_core::performer::{InstanceName, PerformerSpec};

/// Everything that would be a platform: instances by name, and a dice that always falls the same way.
#[derive(Default)]
struct Toy {
    instances: BTreeMap<InstanceName, Instance>,
    dice: u32,
}

impl Toy {
    /// True once in `n` times.
    fn rolls(&mut self, n: u32) -> bool {
        self.dice = self.dice.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.dice >> 16).is_multiple_of(n)
    }

    /// One second passes: what starts comes up, what stops goes away, and sometimes something dies.
    fn tick(&mut self, now: Timestamp) {
        self.instances.retain(|_, instance| instance.state != InstanceState::Stopping);
        let dying: Vec<bool> = (0..self.instances.len()).map(|_| self.rolls(60)).collect();
        for (instance, dies) in self.instances.values_mut().zip(dying) {
            match instance.state {
                InstanceState::Starting { .. } => instance.state = InstanceState::Running,
                InstanceState::Running if dies => {
                    instance.state = InstanceState::Exited { cause: ExitCause::Code(1), at: now, output: None };
                    instance.routed = false;
                }
                InstanceState::Running if instance.health == Health::Unknown => {
                    instance.health = Health::Ready { since: now };
                }
                _ => {}
            }
        }
    }

    fn act(&mut self, action: &Action, now: Timestamp) -> Result<(), &'static str> {
        if self.rolls(5) {
            return Err("the toy platform does not answer");
        }
        match action {
            Action::Start(start) => {
                let mut instance = Instance::never_started(start.name.clone(), ExitCause::Unknown, now);
                instance.state = InstanceState::Starting { waiting_for: None };
                self.instances.insert(start.name.clone(), instance);
            }
            Action::Route { instances, .. } => {
                for instance in self.instances.values_mut() {
                    instance.routed = instances.contains(&instance.name);
                }
            }
            Action::Drain { instance, .. } => {
                if let Some(instance) = self.instances.get_mut(instance) {
                    instance.routed = false;
                }
            }
            Action::Stop { instance, .. } => match self.instances.get_mut(instance) {
                Some(there) if matches!(there.state, InstanceState::Exited { .. }) => {
                    self.instances.remove(instance);
                }
                Some(there) => there.state = InstanceState::Stopping,
                None => {}
            },
            Action::Forget => {}
        }
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let avs = "0x1111111111111111111111111111111111111111".parse()?;
    let mut intent = Intent::new("square".parse()?, PerformerSpec::new(avs, "my-org/square:v1".parse()?));
    intent.spec.replicas = 2;
    intent.spec.upgrade.drain_deadline = Duration::from_secs(10);

    let mut toy = Toy::default();
    let mut history = History::default();
    let mut now = Timestamp::from_secs(1_800_000_000);
    let (mut up, mut told) = (0, None);
    for second in 0..300 {
        match second {
            100 => intent.spec.image = "my-org/square:v2".parse()?,
            250 => intent.deleted = true,
            _ => {}
        }

        let observed: Vec<Instance> = toy.instances.values().cloned().collect();
        let plan = plan(&intent, &history, &observed, now);
        if plan.history != history {
            // In earnest: written to disk, and not acted upon before it is there.
            history = plan.history.clone();
        }
        for event in &plan.events {
            println!("{second:>5} s  {}: {}", event.reason, event.message);
        }
        let mut forgotten = false;
        for action in &plan.actions {
            if let Err(why) = toy.act(action, now) {
                println!("{second:>5} s  an action failed, so plan anew: {why}");
                break;
            }
            forgotten = *action == Action::Forget;
        }
        if told != Some(plan.status.phase) {
            println!("{second:>5} s  = {:?}", plan.status.phase);
            told = Some(plan.status.phase);
        }
        if plan.status.ready_replicas > 0 {
            up += 1;
        }
        if forgotten {
            break;
        }
        // In earnest: sleep until the platform tells of a change, or until `plan.wake_at`.
        now = now + Duration::from_secs(1);
        toy.tick(now);
    }
    println!("served in {up} of 250 s");
    if told != Some(Phase::Terminating) || !toy.instances.is_empty() {
        return Err("something was left behind".into());
    }
    Ok(())
}
