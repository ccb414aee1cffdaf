//! Random histories with everything that can go wrong, and one oracle: in the end the state is that of a run in which
//! nothing went wrong, nothing is orphaned, and nothing more is done.

use std::collections::BTreeMap;
use std::time::Duration;

use hourglass_core::lifecycle::{ExitCause, InstanceState, Intent};
use hourglass_core::performer::{InstanceName, PerformerSpec};
use hourglass_core::ports::{Clock, PerformerManager, RuntimeError};
use hourglass_core::testing::{Behaviour, Call, Fault};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::world::{Executor, SECOND, World, intent, spec};

const NAMES: [&str; 3] = ["a", "b", "c"];
/// The last two are of no use: one is never ready, one crashes.
const IMAGES: [&str; 4] = ["v1", "v2", "never", "loop"];

#[derive(Debug, Clone)]
enum Step {
    Apply {
        performer: usize,
        image: usize,
        replicas: u32,
    },
    Remove(usize),
    /// SIGKILL after so many polls of tasks, and another start.
    Kill {
        after: usize,
    },
    Crash(usize),
    Hang(usize),
    Vanish(usize),
    Pass(Duration),
    /// The wall clock is set to another time.
    Jump {
        forward: bool,
        by: Duration,
    },
    /// Of every so many calls that change something one fails, in one of four ways.
    Faults {
        one_in: u64,
    },
    StoreFaults {
        one_in: u64,
    },
    Heal,
}

fn step() -> impl Strategy<Value = Step> {
    let apply = (0..3usize, 0..4usize, 1..3u32);
    let pass = prop_oneof![0..200u64, 0..5_000u64, 0..120_000u64];
    prop_oneof![
        4 => apply.prop_map(|(performer, image, replicas)| Step::Apply { performer, image, replicas }),
        1 => (0..3usize).prop_map(Step::Remove),
        4 => (0..120usize).prop_map(|after| Step::Kill { after }),
        1 => (0..6usize).prop_map(Step::Crash),
        1 => (0..6usize).prop_map(Step::Hang),
        1 => (0..6usize).prop_map(Step::Vanish),
        4 => pass.prop_map(|millis| Step::Pass(Duration::from_millis(millis))),
        1 => (any::<bool>(), 0..7200u64)
            .prop_map(|(forward, secs)| Step::Jump { forward, by: Duration::from_secs(secs) }),
        2 => (1..6u64).prop_map(|one_in| Step::Faults { one_in }),
        1 => (1..4u64).prop_map(|one_in| Step::StoreFaults { one_in }),
        2 => Just(Step::Heal),
    ]
}

struct Campaign {
    world: World,
    executor: Option<Executor>,
    /// What was applied last, successfully or in an unknown way.
    wanted: BTreeMap<&'static str, PerformerSpec>,
    faults: u64,
}

impl Campaign {
    fn new(seed: u64) -> Self {
        let mut world = World::new(seed | 1);
        world.options.call_timeout = 5 * SECOND;
        world.platform.script("never", Behaviour { ready_after: None, ..Behaviour::default() });
        let ends = Some((Duration::from_millis(300), ExitCause::Code(1)));
        world.platform.script("loop", Behaviour { ends, ..Behaviour::default() });
        world.platform.add_foreign(&foreign());
        let executor = Some(world.boot(&[]));
        Self { world, executor, wanted: BTreeMap::new(), faults: seed }
    }

    fn executor(&self) -> &Executor {
        self.executor.as_ref().unwrap()
    }

    fn kill(&mut self) {
        self.world.kill(self.executor.take().unwrap());
        // A store that fails does so on writes only: the next start can always read.
        self.executor = Some(self.world.boot(&[]));
    }

    fn victim(&self, at: usize) -> Option<InstanceName> {
        let mut ours = self.world.running();
        ours.retain(|name| *name != foreign());
        (!ours.is_empty()).then(|| ours[at % ours.len()].clone())
    }

    fn apply(&mut self, name: &'static str, spec: Option<PerformerSpec>) {
        let manager = &self.executor().manager;
        let done = match &spec {
            Some(spec) => self.world.sim.block_on(manager.apply(intent(name, spec))),
            None => self.world.sim.block_on(manager.remove(&name.parse().unwrap())),
        };
        if done.is_ok() {
            match spec {
                Some(spec) => self.wanted.insert(name, spec),
                None => self.wanted.remove(name),
            };
        }
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Apply { performer, image, replicas } => {
                self.apply(NAMES[*performer], Some(wanted(IMAGES[*image], *replicas)));
            }
            Step::Remove(performer) => self.apply(NAMES[*performer], None),
            Step::Kill { after } => {
                self.world.sim.run_steps(*after);
                self.kill();
            }
            Step::Crash(at) => {
                self.victim(*at).into_iter().for_each(|name| self.world.platform.crash(&name, ExitCause::Signal(11)));
            }
            Step::Hang(at) => self.victim(*at).into_iter().for_each(|name| self.world.platform.hang(&name, true)),
            Step::Vanish(at) => self.victim(*at).into_iter().for_each(|name| self.world.platform.vanish(&name)),
            Step::Pass(duration) => self.world.sim.run_for(*duration),
            Step::Jump { forward, by } => {
                let now = self.world.clock.now();
                self.world.clock.jump(if *forward { now + *by } else { now - *by });
            }
            Step::Faults { one_in } => self.fail_calls(*one_in),
            Step::StoreFaults { one_in } => {
                let (one_in, mut count) = (*one_in, 0);
                self.world.store.set_faults(move || {
                    count += 1;
                    (count % one_in == 0).then_some(count / one_in % 2 == 0)
                });
            }
            Step::Heal => {
                self.world.platform.heal();
                self.world.store.heal();
                // A revision that hangs before it was ever ready is given up for good, rightly.
                self.world.running().iter().for_each(|name| self.world.platform.hang(name, false));
            }
        }
    }

    fn fail_calls(&mut self, one_in: u64) {
        self.faults += 1;
        let mut count = self.faults;
        self.world.platform.set_faults(move |call| {
            count += 1;
            let away = || RuntimeError::Unavailable { platform: "fake", message: "gone away".into() };
            let failed = || RuntimeError::Failed { reason: "ImagePullFailed", message: "no route".into() };
            if !count.is_multiple_of(one_in) {
                return Fault::None;
            }
            match (count / one_in % 5, call) {
                (0, _) => Fault::Before(away()),
                (1, _) => Fault::After(away()),
                (2, _) => Fault::Hang,
                (3, Call::Start(_)) => Fault::Before(failed()),
                _ => Fault::Slow(Duration::from_millis(700)),
            }
        });
    }

    /// What holds at every moment.
    fn check(&self) {
        for name in NAMES {
            let routed = self.executor().routed(name);
            assert!(routed.windows(2).all(|pair| pair[0].revision == pair[1].revision), "routed: {routed:?}");
            assert!(!routed.contains(&foreign()), "a foreign instance gets tasks");
        }
        let foreign_state = self.world.platform.instances().into_iter().find(|(name, _)| *name == foreign());
        assert_eq!(foreign_state.map(|(_, state)| state), Some(InstanceState::Running), "a foreign one was touched");
    }

    /// Everything is whole again, and a person asks once more for what is wanted: a revision that could not become ready
    /// while nothing worked was rightly given up, and a write whose outcome nobody knew may have gone either way.
    fn converges(mut self) {
        self.take(&Step::Heal);
        for name in NAMES {
            let Some(mut spec) = self.wanted.get(name).cloned() else {
                self.apply(name, None);
                continue;
            };
            if ["never", "loop"].contains(&spec.image.as_str()) {
                spec = wanted("v3", 1);
            }
            let again = Intent { retry: 1, ..intent(name, &spec) };
            self.world.sim.block_on(self.executor().manager.apply(again)).unwrap();
            self.wanted.insert(name, spec);
        }
        let wanted = self.wanted.clone();
        let as_wanted = || {
            NAMES.iter().all(|name| {
                let there: Vec<_> = self.world.platform.instances();
                let of_it = there.iter().filter(|(instance, _)| instance.performer.as_str() == *name);
                let ours = of_it.filter(|(instance, _)| *instance != foreign());
                let (ours, routed) = (ours.count(), self.executor().routed(name));
                let healthy = routed.iter().filter(|name| self.world.platform.probe(name).is_ok()).count();
                match wanted.get(name) {
                    Some(spec) => {
                        let replicas = spec.replicas as usize;
                        ours == replicas && healthy == replicas && self.executor().serves(name, spec)
                    }
                    None => {
                        ours == 0 && self.world.store.record(name).is_none() && self.executor().view(name).is_none()
                    }
                }
            })
        };
        let began = self.world.clock.elapsed();
        while !as_wanted() {
            self.check();
            let seen = || self.executor().views().into_iter().map(|view| (view.status, view.waiting, view.instances));
            let late = self.world.clock.elapsed() - began > 3600 * SECOND;
            assert!(!late, "{wanted:?} is not there at {}: {:?}", self.world.clock.now(), seen().collect::<Vec<_>>());
            self.world.sim.run_for(SECOND / 2);
        }
        self.world.assert_stable();
        assert!(as_wanted());
        for (name, spec) in &wanted {
            assert_eq!(self.executor().view(name).unwrap().intent.spec, *spec);
            assert_eq!(self.world.store.record(name).unwrap().intent.spec, *spec);
        }
        assert_eq!(self.executor().views().len(), wanted.len());
    }
}

fn foreign() -> InstanceName {
    "a-0123456789-3".parse().unwrap()
}

fn wanted(image: &str, replicas: u32) -> PerformerSpec {
    let mut spec = spec(image);
    spec.replicas = replicas;
    spec.upgrade.ready_deadline = 20 * SECOND;
    spec.upgrade.drain_deadline = 5 * SECOND;
    spec
}

#[test]
fn whatever_happens_the_end_is_as_if_nothing_had() {
    let config = Config { cases: 400, failure_persistence: None, max_shrink_iters: 60, ..Config::default() };
    // Always the same histories: a failure is found again.
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let histories = (any::<u64>(), proptest::collection::vec(step(), 1..25));
    let outcome = runner.run(&histories, |(seed, steps)| {
        let mut campaign = Campaign::new(seed);
        for step in &steps {
            campaign.take(step);
            campaign.check();
        }
        campaign.converges();
        Ok(())
    });
    outcome.unwrap();
}
