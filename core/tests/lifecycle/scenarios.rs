//! Golden scenarios: what happens, and what the planner makes of it, as people would tell it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use hourglass_core::Timestamp;
use hourglass_core::lifecycle::{Action, Plan, Waiting};
use hourglass_core::performer::{InstanceName, Revision, UpgradeStrategy};

use crate::world::{Fault, World};

/// A scenario on its way into text. Revisions are written as the letter of their image, times as seconds.
struct Script {
    world: World,
    begin: Timestamp,
    letters: BTreeMap<Revision, String>,
    told: Option<String>,
    text: String,
}

impl Script {
    fn new(strategy: UpgradeStrategy, replicas: u32) -> Self {
        let world = World::new(strategy, replicas);
        let mut script = Self { begin: world.now, world, letters: BTreeMap::new(), told: None, text: String::new() };
        script.learn("a");
        script
    }

    fn learn(&mut self, letter: &str) {
        self.letters.insert(self.world.intent.spec.revision(), letter.into());
    }

    fn does(&mut self, what: &str, happen: impl FnOnce(&mut World)) -> &mut Self {
        writeln!(self.text, "{:>5} * {what}", self.at()).unwrap();
        happen(&mut self.world);
        self
    }

    fn edit(&mut self, image: &str) -> &mut Self {
        self.does(&format!("the image becomes {image}"), |world| world.edit(image));
        self.learn(image.trim_start_matches("avs:"));
        self
    }

    fn at(&self) -> String {
        format!("{}s", self.world.now.since(self.begin).as_secs())
    }

    /// Plans and carries out, second for second; writes what changed.
    fn runs(&mut self, seconds: u64) -> &mut Self {
        self.plans(&[]);
        for _ in 0..seconds {
            self.world.pass(Duration::from_secs(1));
            self.plans(&[]);
        }
        self
    }

    fn plans(&mut self, faults: &[Option<Fault>]) -> &mut Self {
        for _ in 0..4 {
            let plan = self.world.step(faults);
            self.tell(&plan);
            if plan.actions.is_empty() || self.world.forgotten || !faults.is_empty() {
                break;
            }
        }
        self
    }

    fn tell(&mut self, plan: &Plan) {
        for action in &plan.actions {
            writeln!(self.text, "{:>5}   {}", self.at(), self.action(action)).unwrap();
        }
        let status = &plan.status;
        let routed = status.routed.as_ref().map_or("nothing", |revision| self.letters[revision].as_str());
        let mut line = format!("{:?} {}/{} on {routed}", status.phase, status.ready_replicas, status.wanted_replicas);
        if let Some(waiting) = &plan.waiting {
            write!(line, "; {}", self.waiting(waiting)).unwrap();
        }
        if self.told.as_ref() != Some(&line) {
            writeln!(self.text, "{:>5}   = {line}", self.at()).unwrap();
            self.told = Some(line);
        }
    }

    fn name(&self, name: &InstanceName) -> String {
        format!("{}-{}", self.letters[&name.revision], name.suffix)
    }

    fn until(&self, at: Timestamp) -> String {
        format!("{}s", at.since(self.begin).as_secs())
    }

    fn action(&self, action: &Action) -> String {
        match action {
            Action::Start(start) => format!("start {} ({})", self.name(&start.name), start.spec.image),
            Action::Route { revision, instances } => {
                let names: Vec<String> = instances.iter().map(|name| self.name(name)).collect();
                format!("route to {}: {}", self.letters[revision], names.join(" "))
            }
            Action::Drain { instance, deadline } => {
                format!("drain {} until {}", self.name(instance), self.until(*deadline))
            }
            Action::Stop { instance, grace } => format!("stop {} within {} s", self.name(instance), grace.as_secs()),
            Action::Forget => "forget".into(),
        }
    }

    fn waiting(&self, waiting: &Waiting) -> String {
        let letter = |revision: &Revision| self.letters[revision].clone();
        let detail = match waiting {
            Waiting::ImagePull { instance, detail } | Waiting::Unschedulable { instance, detail } => {
                format!("{}: {detail}", self.name(instance))
            }
            Waiting::AwaitingReady { revision, ready, wanted, until, detail } => {
                let until = until.map_or_else(String::new, |until| format!(" until {}", self.until(until)));
                let detail = detail.as_ref().map_or_else(String::new, |detail| format!(", {detail}"));
                format!("{} {ready}/{wanted}{until}{detail}", letter(revision))
            }
            Waiting::AwaitingPromotion { revision } => letter(revision),
            Waiting::BackOff { revision, until, failures, cause } => {
                format!("{} until {} after {failures}: {cause}", letter(revision), self.until(*until))
            }
            Waiting::Draining { instances, tasks, until } => {
                format!("{instances} with {tasks:?} until {}", self.until(*until))
            }
            Waiting::Stopping { instances } => format!("{instances}"),
            Waiting::Starting { instances, until } => format!("{instances} until {}", self.until(*until)),
            Waiting::Withdrawn(withdrawn) => format!("{}: {}", letter(&withdrawn.revision), withdrawn.cause),
            // Never planned: said by whoever carries plans out.
            Waiting::RuntimeUnavailable { message } | Waiting::StoreUnavailable { message } => message.clone(),
        };
        format!("{} {detail}", waiting.reason())
    }
}

fn rolling(replicas: u32) -> Script {
    Script::new(UpgradeStrategy::RollingUpdate, replicas)
}

macro_rules! golden {
    ($script:expr) => {
        insta::assert_snapshot!($script.text)
    };
}

#[test]
fn upgrade() {
    let mut script = rolling(1);
    script.runs(3).edit("avs:b").runs(6);
    golden!(script);
}

#[test]
fn upgrade_of_two_replicas() {
    let mut script = rolling(2);
    script.runs(3).edit("avs:slow").runs(45);
    golden!(script);
}

#[test]
fn failed_upgrade_and_retry() {
    let mut script = rolling(1);
    script.runs(3).edit("avs:never").runs(70);
    script.does("somebody asks for a retry", |world| world.intent.retry += 1).runs(70);
    script.edit("avs:b").runs(6);
    golden!(script);
}

#[test]
fn refused_image() {
    let mut script = rolling(1);
    script.runs(3).edit("avs:refused").runs(3).edit("avs:a").runs(2);
    golden!(script);
}

#[test]
fn blue_green_promoted() {
    let mut script = Script::new(UpgradeStrategy::BlueGreen, 1);
    script.runs(3).edit("avs:b").runs(200).does("somebody promotes it", World::promote).runs(5);
    golden!(script);
}

#[test]
fn blue_green_aborted() {
    let mut script = Script::new(UpgradeStrategy::BlueGreen, 1);
    script.runs(3).edit("avs:b").runs(4).edit("avs:a").runs(4);
    golden!(script);
}

#[test]
fn recreate_and_back() {
    let mut script = Script::new(UpgradeStrategy::Recreate, 1);
    script.runs(3).edit("avs:b").runs(6).edit("avs:never").runs(70);
    golden!(script);
}

#[test]
fn newest_wins_and_rollback() {
    let mut script = rolling(1);
    script.runs(3).edit("avs:slow").runs(2).edit("avs:b").runs(2).edit("avs:a").runs(4);
    golden!(script);
}

#[test]
fn crash_loop() {
    let mut script = rolling(1);
    script.edit("avs:loop").runs(60);
    golden!(script);
}

#[test]
fn first_deployment_never_ready() {
    let mut script = rolling(1);
    script.edit("avs:crash").runs(70);
    golden!(script);
}

#[test]
fn hang() {
    let mut script = rolling(1);
    script.runs(3).does("it hangs", |world| world.hang(0)).runs(50);
    golden!(script);
}

#[test]
fn killed_after_a_stable_time() {
    let mut script = rolling(2);
    script.runs(130).does("one is killed", |world| world.kill(0)).runs(5);
    golden!(script);
}

#[test]
fn executor_restart() {
    let mut script = rolling(1);
    script.runs(3).does("the executor dies and comes back", World::restart).runs(3);
    script.does("it dies in the middle of an upgrade", |_| ()).edit("avs:b").runs(1);
    script.does("and comes back after ten minutes", |world| {
        world.pass(Duration::from_secs(600));
        world.restart();
    });
    script.runs(5);
    golden!(script);
}

#[test]
fn history_lost() {
    let mut script = rolling(1);
    script.runs(3).does("the store is lost", |world| {
        world.lose_history();
        world.restart();
    });
    script.runs(3);
    golden!(script);
}

#[test]
fn stuck_image_pull() {
    let mut script = rolling(1);
    script.runs(3).edit("avs:pull").runs(62).edit("avs:nowhere").runs(2);
    golden!(script);
}

#[test]
fn drain_deadline() {
    let mut script = rolling(1);
    script.runs(3).does("a task never ends", |world| world.stick_tasks(0)).edit("avs:b").runs(26);
    golden!(script);
}

#[test]
fn new_one_fails_while_the_old_one_drains() {
    let mut script = rolling(1);
    script.runs(3).does("a task never ends", |world| world.stick_tasks(0)).edit("avs:b").runs(5);
    script.does("the new one is killed", |world| world.kill(0)).runs(30);
    golden!(script);
}

#[test]
fn deletion() {
    let mut script = rolling(2);
    script.runs(3).does("it is deleted", |world| world.intent.deleted = true).runs(5);
    golden!(script);
}

#[test]
fn scale() {
    let mut script = rolling(1);
    script.runs(3).does("three are wanted", |world| world.intent.spec.replicas = 3).runs(4);
    script.does("one is wanted", |world| world.intent.spec.replicas = 1).runs(4);
    script.does("none is wanted", |world| world.intent.spec.replicas = 0).runs(4);
    script.does("one is wanted", |world| world.intent.spec.replicas = 1).runs(4);
    golden!(script);
}

#[test]
fn lost_start() {
    let mut script = rolling(1);
    script.does("the executor dies before it starts anything", |_| ());
    script.plans(&[Some(Fault::Crash)]).runs(8);
    golden!(script);
}

#[test]
fn foreign_names_are_left_alone() {
    let mut script = rolling(2);
    script.does("somebody else has a-1", |world| world.add_foreign(1)).runs(4);
    script.does("it is deleted", |world| world.intent.deleted = true).runs(4);
    golden!(script);
}
