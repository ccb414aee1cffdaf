//! Promoting an upgrade that waits, and calling one off.

use futures_util::FutureExt;
use hourglass_core::lifecycle::Intent;
use hourglass_core::performer::{PerformerSpec, UpgradeStrategy};
use hourglass_core::ports::PerformerManager;
use hourglass_core::service::{ManagementError, ManagementErrorKind as Kind, PerformerManagement};
use hourglass_core::testing::Behaviour;

use crate::management::{Desk, auth, request};
use crate::world::{SECOND, World, intent, spec};

fn version(of: u8) -> PerformerSpec {
    let mut spec = spec(&format!("org/p:v{of}"));
    spec.upgrade.strategy = UpgradeStrategy::BlueGreen;
    spec.upgrade.ready_deadline = 30 * SECOND;
    spec
}

fn id(spec: &PerformerSpec) -> String {
    format!("p-{}", spec.revision())
}

fn desk() -> Desk {
    Desk::with(World::new(0), version(1), None)
}

fn configure(desk: &Desk, spec: &PerformerSpec) {
    desk.world.sim.block_on(desk.executor.manager.configure(vec![("p".parse().unwrap(), spec.clone())])).unwrap();
}

fn promote(desk: &Desk, id: &str) -> Result<(), ManagementError> {
    desk.world.sim.block_on(desk.service.promote(id, None))
}

fn abort(desk: &Desk, id: &str) -> Result<(), ManagementError> {
    desk.world.sim.block_on(desk.service.abort(id, None))
}

fn refused(result: Result<(), ManagementError>, words: &str) {
    let error = result.unwrap_err();
    assert_eq!(error.kind, Kind::FailedPrecondition, "{error}");
    assert!(error.message.contains(words), "{error}");
}

/// As the list shows them: status and tag.
fn listed(desk: &Desk) -> Vec<(String, String)> {
    desk.list().into_iter().map(|listing| (listing.status, listing.artifact_tag)).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(status, tag)| ((*status).to_owned(), (*tag).to_owned())).collect()
}

fn staged_is_ready(desk: &Desk) {
    desk.world.until("the staged one is ready", 10 * SECOND, || {
        desk.list().iter().any(|listing| listing.status == "Staged" && listing.application_healthy)
    });
    desk.world.sim.run_for(SECOND);
}

#[test]
fn what_waits_takes_over_when_it_is_promoted_and_not_before() {
    let desk = desk();
    configure(&desk, &version(2));
    staged_is_ready(&desk);
    desk.world.sim.run_for(600 * SECOND);
    assert_eq!(listed(&desk), pairs(&[("InService", "v1"), ("Staged", "v2")]));
    refused(promote(&desk, &id(&version(1))), "is not what waits to take over");
    assert!(desk.executor.serves("p", &version(1)));

    assert_eq!(promote(&desk, &id(&version(2))), Ok(()));
    assert!(desk.executor.serves("p", &version(2)), "it serves at that very moment");
    assert_eq!(promote(&desk, &id(&version(2))), Ok(()), "whoever asks again is told the same");
    refused(promote(&desk, "p"), "no upgrade of performer p waits");
    desk.world.until("the old one is gone", 90 * SECOND, || desk.world.platform.instances().len() == 1);
    desk.world.assert_stable();

    // Promotions are for one revision: the next one waits again, and the plain name means it.
    configure(&desk, &version(3));
    staged_is_ready(&desk);
    assert_eq!(listed(&desk), pairs(&[("InService", "v2"), ("Staged", "v3")]));
    assert_eq!(promote(&desk, "p"), Ok(()));
    assert!(desk.executor.serves("p", &version(3)));
}

#[test]
fn what_is_on_its_way_out_is_listed_with_its_artifact() {
    let desk = desk();
    // It takes its whole grace to end.
    configure(&desk, &version(2));
    let stubborn = Behaviour { ignores_stop: true, ..Behaviour::default() };
    desk.world.platform.script("org/p:v3", stubborn);
    staged_is_ready(&desk);
    assert_eq!(promote(&desk, "p"), Ok(()));
    let leaving = listed(&desk);
    assert_eq!(leaving, pairs(&[("InService", "v2"), ("Terminating", "v1")]));
    configure(&desk, &version(3));
    staged_is_ready(&desk);
    assert_eq!(abort(&desk, "p"), Ok(()));
    desk.world.sim.run_for(SECOND);
    assert_eq!(listed(&desk), pairs(&[("InService", "v2"), ("Terminating", "v3")]));
    desk.world.until("only one is left", 90 * SECOND, || desk.world.platform.instances().len() == 1);
    desk.world.sim.run_for(SECOND);
    assert_eq!(listed(&desk), pairs(&[("InService", "v2")]));
    assert_eq!(desk.executor.view("p").unwrap().artifacts.len(), 1, "what is gone is forgotten");
}

/// The store knows what is wanted and what was good; what is on its way out is known by its instances.
#[test]
fn what_is_on_its_way_out_is_listed_with_its_artifact_after_a_restart_too() {
    let world = World::new(0);
    world.platform.script("org/p:v1", Behaviour { ignores_stop: true, ..Behaviour::default() });
    let mut desk = Desk::with(world, version(1), None);
    configure(&desk, &version(2));
    staged_is_ready(&desk);
    assert_eq!(promote(&desk, "p"), Ok(()));
    desk.template = version(2);
    let desk = desk.restart();
    desk.world.until("it serves after a restart", SECOND, || desk.executor.serves("p", &version(2)));
    assert_eq!(listed(&desk), pairs(&[("InService", "v2"), ("Terminating", "v1")]));
    desk.world.until("only one is left", 90 * SECOND, || desk.world.platform.instances().len() == 1);
    desk.world.sim.run_for(SECOND);
    assert_eq!(listed(&desk), pairs(&[("InService", "v2")]));
    assert_eq!(desk.executor.view("p").unwrap().artifacts.len(), 1, "what is gone is forgotten");
}

#[test]
fn nothing_is_promoted_that_is_not_ready() {
    let desk = desk();
    refused(promote(&desk, "p"), "no upgrade of performer p waits");
    let slow = Behaviour { start_delay: 20 * SECOND, ..Behaviour::default() };
    desk.world.platform.script("org/p:v2", slow);
    configure(&desk, &version(2));
    refused(promote(&desk, "p"), "is not ready yet, with 0 of 1 instances");
    desk.world.sim.run_for(SECOND);
    refused(promote(&desk, &id(&version(2))), "is not ready yet");
    staged_is_ready_within(&desk, 30);
    desk.world.assert_stable();
    assert!(desk.executor.serves("p", &version(1)), "what was asked for too early has no effect later");

    // One replica of two is not enough while the old one serves.
    let mut two = version(3);
    two.replicas = 2;
    desk.world.platform.script("org/p:v3", Behaviour { ready_after: None, ..Behaviour::default() });
    configure(&desk, &two);
    desk.world.sim.run_for(5 * SECOND);
    refused(promote(&desk, "p"), "with 0 of 2 instances");
    desk.world.sim.run_for(60 * SECOND);
    refused(promote(&desk, "p"), "was given up");
    assert_eq!(listed(&desk)[0], ("InService".to_owned(), "v1".to_owned()));
}

fn staged_is_ready_within(desk: &Desk, seconds: u32) {
    desk.world.until("the staged one is ready", seconds * SECOND, || {
        desk.list().iter().any(|listing| listing.status == "Staged" && listing.application_healthy)
    });
}

#[test]
fn what_takes_over_by_itself_is_not_promoted() {
    let mut first = version(1);
    first.upgrade.strategy = UpgradeStrategy::RollingUpdate;
    let desk = Desk::with(World::new(0), first.clone(), None);
    let mut second = version(2);
    second.upgrade.strategy = UpgradeStrategy::RollingUpdate;
    desk.world.platform.script("org/p:v2", Behaviour { start_delay: 20 * SECOND, ..Behaviour::default() });
    configure(&desk, &second);
    refused(promote(&desk, "p"), "its strategy is RollingUpdate");
    // Calling it off is possible all the same.
    assert_eq!(abort(&desk, "p"), Ok(()));
    desk.world.sim.run_for(60 * SECOND);
    assert!(desk.executor.serves("p", &first));
}

#[test]
fn a_first_deployment_needs_no_promotion_and_cannot_be_called_off() {
    let world = World::new(0);
    world.platform.script("org/p:v1", Behaviour { start_delay: 20 * SECOND, ..Behaviour::default() });
    let desk = Desk::unready(world, version(1), None);
    desk.world.sim.run_for(SECOND);
    assert_eq!(listed(&desk), pairs(&[("Staged", "v1")]), "it waits to serve");
    refused(promote(&desk, "p"), "is the first and takes over by itself");
    refused(abort(&desk, "p"), "nothing has served before");
    desk.world.until("it serves", 60 * SECOND, || desk.executor.serves("p", &version(1)));
}

#[test]
fn what_was_called_off_stays_away_until_the_configuration_changes() {
    let desk = desk();
    refused(abort(&desk, "p"), "no upgrade of performer p is under way");
    refused(abort(&desk, &id(&version(1))), "no upgrade of performer p is under way");
    configure(&desk, &version(2));
    staged_is_ready(&desk);
    refused(abort(&desk, &id(&version(1))), "only what is to replace it can be called off");
    assert_eq!(abort(&desk, &id(&version(2))), Ok(()));
    assert_eq!(abort(&desk, &id(&version(2))), Ok(()), "while it is still there, whoever asks again is told the same");
    desk.world.until("it is gone", 30 * SECOND, || desk.world.platform.instances().len() == 1);
    assert!(desk.executor.serves("p", &version(1)));
    desk.world.sim.run_for(SECOND);
    assert_eq!(abort(&desk, &id(&version(2))).unwrap_err().kind, Kind::NotFound);
    // The same configuration does not bring it back, nor does a restart with it.
    configure(&desk, &version(2));
    desk.world.assert_stable();
    let template = version(2);
    let desk = Desk { template, ..desk }.restart();
    desk.world.until("it serves after a restart", 10 * SECOND, || desk.executor.serves("p", &version(1)));
    desk.world.assert_stable();
    assert_eq!(listed(&desk), pairs(&[("InService", "v1")]));
    // Another one does; and what was called off can come back through it.
    configure(&desk, &version(3));
    staged_is_ready(&desk);
    assert_eq!(listed(&desk), pairs(&[("InService", "v1"), ("Staged", "v3")]));
    configure(&desk, &version(2));
    staged_is_ready(&desk);
    assert_eq!(promote(&desk, &id(&version(2))), Ok(()));
    assert!(desk.executor.serves("p", &version(2)));
}

#[test]
fn what_was_given_up_can_be_called_off_for_good() {
    let desk = desk();
    desk.world.platform.script("org/p:v2", Behaviour { ready_after: None, ..Behaviour::default() });
    configure(&desk, &version(2));
    desk.world.until("it is given up", 90 * SECOND, || desk.executor.view("p").unwrap().status.withdrawn.is_some());
    refused(promote(&desk, "p"), "was given up");
    assert_eq!(abort(&desk, "p"), Ok(()));
    desk.world.sim.run_for(SECOND);
    assert_eq!(desk.executor.view("p").unwrap().status.withdrawn, None);
    assert_eq!(listed(&desk), pairs(&[("InService", "v1")]));
}

#[test]
fn who_decided_meanwhile_is_not_overruled() {
    let desk = desk();
    let manager = &desk.executor.manager;
    let before = desk.executor.view("p").unwrap().intent;
    let apply_if = |expected: &Intent, wanted| desk.world.sim.block_on(manager.apply_if(expected, wanted));
    assert_eq!(apply_if(&intent("p", &version(9)), intent("p", &version(2))), Ok(false));
    assert_eq!(apply_if(&intent("other", &version(1)), intent("other", &version(2))), Ok(false));
    assert!(desk.executor.view("other").is_none());
    assert_eq!(desk.executor.view("p").unwrap().intent, before);
    assert_eq!(apply_if(&before, intent("p", &version(2))), Ok(true));
    assert_eq!(desk.executor.view("p").unwrap().intent.spec, version(2));
}

#[test]
fn unknown_ones_and_those_that_leave_are_refused() {
    let desk = desk();
    for result in [promote(&desk, ""), abort(&desk, "")] {
        let expected = ManagementError { kind: Kind::InvalidArgument, message: "performer ID is required".into() };
        assert_eq!(result.unwrap_err(), expected);
    }
    for result in [promote(&desk, "q"), abort(&desk, &id(&version(2)))] {
        assert_eq!(result.unwrap_err().kind, Kind::NotFound);
    }
    let stubborn = Behaviour { ignores_stop: true, ..Behaviour::default() };
    desk.world.platform.script("org/p:v2", stubborn);
    configure(&desk, &version(2));
    staged_is_ready(&desk);
    assert_eq!(desk.remove("p"), Ok(()));
    refused(promote(&desk, "p"), "on its way out");
    refused(abort(&desk, "p"), "on its way out");
}

#[test]
fn a_promotion_that_is_lost_on_the_way_goes_on() {
    let desk = desk();
    configure(&desk, &version(2));
    staged_is_ready(&desk);
    // The caller hangs up at once.
    drop(desk.service.promote("p", None).now_or_never());
    desk.world.sim.run_for(10 * SECOND);
    let promoted = desk.executor.view("p").unwrap().intent.promoted;
    if promoted.is_some() {
        assert!(desk.executor.serves("p", &version(2)));
    } else {
        assert_eq!(promote(&desk, "p"), Ok(()));
    }
}

#[test]
fn both_need_a_proof_before_anything_is_looked_at() {
    let desk = Desk::with(World::new(0), version(1), Some(auth()));
    assert_eq!(promote(&desk, "").unwrap_err().kind, Kind::Unauthenticated);
    assert_eq!(abort(&desk, "").unwrap_err().kind, Kind::Unauthenticated);
}

#[test]
fn a_deployment_is_called_off_too() {
    let mut template = version(1);
    template.upgrade.ready_deadline = 900 * SECOND;
    let desk = Desk::with(World::new(0), template, None);
    let slow = Behaviour { start_delay: 600 * SECOND, ..Behaviour::default() };
    let image = format!("ghcr.io/org/p@sha256:{}", "03".repeat(32));
    desk.world.platform.script(&image, slow);
    assert_eq!(desk.deploy(request(3)).unwrap_err().kind, Kind::DeadlineExceeded);
    assert_eq!(abort(&desk, "p"), Ok(()));
    desk.world.until("the staged one is gone", 30 * SECOND, || desk.world.platform.instances().len() == 1);
    assert!(desk.executor.serves("p", &version(1)));
}
