//! A deployed artifact stays in force until the configuration changes, over restarts too.

use hourglass_core::performer::PerformerSpec;

use crate::world::{Executor, SECOND, World, spec};

struct Story {
    world: World,
    executor: Option<Executor>,
}

impl Story {
    /// An executor whose configuration asks for `p` in this version, serving.
    fn new(version: &str) -> Self {
        let mut story = Self { world: World::new(0), executor: None };
        story.restart(&[("p", &spec(version))]);
        story.serves(&spec(version));
        story
    }

    fn executor(&self) -> &Executor {
        self.executor.as_ref().unwrap()
    }

    fn restart(&mut self, configured: &[(&str, &PerformerSpec)]) {
        if let Some(executor) = self.executor.take() {
            self.world.kill(executor);
        }
        self.executor = Some(self.world.boot(configured));
    }

    fn configure(&self, configured: &[(&str, &PerformerSpec)]) {
        let desired = configured.iter().map(|(name, spec)| (name.parse().unwrap(), (*spec).clone())).collect();
        self.world.sim.block_on(self.executor().manager.configure(desired)).unwrap();
    }

    fn deploy(&self, spec: &PerformerSpec) {
        self.executor().apply(&self.world, "p", spec);
        self.serves(spec);
    }

    fn serves(&self, spec: &PerformerSpec) {
        self.world.until("it serves", 60 * SECOND, || self.executor().serves("p", spec));
        self.world.until("and nothing else is there", 60 * SECOND, || {
            self.world.platform.instances().len() == spec.replicas as usize
        });
        self.world.assert_stable();
        assert!(self.executor().serves("p", spec));
    }

    fn is_gone(&self) {
        self.world.until("p is gone", 60 * SECOND, || self.executor().view("p").is_none());
        assert!(self.world.platform.instances().is_empty());
        self.world.assert_stable();
    }
}

#[test]
fn what_was_deployed_outlives_restarts_until_the_configuration_changes() {
    let mut story = Story::new("v1");
    story.deploy(&spec("deployed"));
    story.restart(&[("p", &spec("v1"))]);
    story.serves(&spec("deployed"));
    story.configure(&[("p", &spec("v1"))]);
    story.serves(&spec("deployed"));
    story.restart(&[("p", &spec("v2"))]);
    story.serves(&spec("v2"));
    story.deploy(&spec("deployed"));
    story.restart(&[("p", &spec("v2"))]);
    story.serves(&spec("deployed"));
    // Back to what it asked before last is a change, too.
    story.configure(&[("p", &spec("v1"))]);
    story.serves(&spec("v1"));
}

#[test]
fn a_change_of_replicas_keeps_the_deployed_artifact() {
    let story = Story::new("v1");
    story.deploy(&spec("deployed"));
    let (mut more, mut expected) = (spec("v1"), spec("deployed"));
    more.replicas = 2;
    expected.replicas = 2;
    story.configure(&[("p", &more)]);
    story.world.until("two serve", 60 * SECOND, || story.executor().routed("p").len() == 2);
    story.serves(&expected);
}

#[test]
fn what_leaves_the_configuration_goes_unless_something_else_was_deployed() {
    let mut story = Story::new("v1");
    story.configure(&[]);
    story.is_gone();
    assert_eq!(story.world.store.record("p"), None);
    story.restart(&[("p", &spec("v1"))]);
    story.serves(&spec("v1"));
    story.restart(&[]);
    story.is_gone();

    let mut story = Story::new("v1");
    story.deploy(&spec("deployed"));
    story.restart(&[]);
    story.serves(&spec("deployed"));
    story.restart(&[]);
    story.serves(&spec("deployed"));
    story.configure(&[("p", &spec("v1"))]);
    story.serves(&spec("v1"));
}

#[test]
fn a_removed_performer_stays_removed_until_the_configuration_changes() {
    let mut story = Story::new("v1");
    story.executor().remove(&story.world, "p");
    story.is_gone();
    story.restart(&[("p", &spec("v1"))]);
    story.is_gone();
    assert!(story.executor().views().is_empty());
    story.deploy(&spec("v1"));
    story.executor().remove(&story.world, "p");
    story.is_gone();
    story.restart(&[("p", &spec("v2"))]);
    story.serves(&spec("v2"));

    story.executor().remove(&story.world, "p");
    story.is_gone();
    story.configure(&[]);
    assert_eq!(story.world.store.record("p"), None, "nobody names it any more: it is no longer remembered");
    story.configure(&[("p", &spec("v2"))]);
    story.serves(&spec("v2"));
}

#[test]
fn a_configuration_makes_room_before_it_fills_it() {
    let mut world = World::new(0);
    world.options.max_performers = 1;
    let executor = world.boot(&[("a", &spec("v1"))]);
    let desired = vec![("b".parse().unwrap(), spec("v1"))];
    world.sim.block_on(executor.manager.configure(desired)).unwrap();
    world.until("b serves", 10 * SECOND, || executor.serves("b", &spec("v1")) && executor.views().len() == 1);
}
