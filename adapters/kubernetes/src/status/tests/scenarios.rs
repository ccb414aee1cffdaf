//! What a status says in every situation: tables, and the few things that no table shows.

use hourglass_core::Timestamp;
use hourglass_core::lifecycle::{ExitCause, Instance, InstanceState, StartDelay, Waiting};
use hourglass_core::performer::UpgradeStrategy;

use super::life::{Life, kstatus, line};
use crate::api::PerformerPhase;
use crate::build::samples::{performer_spec, variable};
use crate::status::{View, can_wait, patch, status};
use crate::translate::Problem;

#[test]
fn a_first_deployment() {
    let mut life = Life::new();
    life.step("new");
    life.instances = vec![life.instance(0, InstanceState::Starting { waiting_for: None }, false, false)];
    life.step("its pod is there");
    let delay = StartDelay::Pulling { detail: "my-org/performer:v1 is pulled, or its container is made".into() };
    life.instances = vec![life.instance(0, InstanceState::Starting { waiting_for: Some(delay) }, false, false)];
    life.step("waits for its image");
    let detail =
        "0/3 nodes are available: 3 Insufficient nvidia.com/gpu.; it needs a node with nvidia.com/gpu 2".into();
    let delay = StartDelay::Unschedulable { detail };
    life.instances = vec![life.instance(0, InstanceState::Starting { waiting_for: Some(delay) }, false, false)];
    life.step("no node fits");
    life.instances = vec![life.running(0)];
    life.step("runs");
    life.instances = vec![life.instance(0, InstanceState::Running, true, false)];
    life.step("ready, and not behind the Service yet");
    life.instances = vec![life.serving(0)];
    let ready = life.step("serves");
    assert_eq!(ready.ready, Some(true));
    assert_eq!(ready.grpc_endpoint.as_deref(), Some("performer-example.avs-ns.svc.cluster.local:9090"));
    assert_eq!((ready.last_upgrade, ready.service_name.as_deref()), (None, Some("performer-example")));
    assert!(ready.ready_time.is_some());
    let selector = format!(
        "hourglass.eigenlayer.io/performer=example,hourglass.eigenlayer.io/revision={},hourglass.eigenlayer.io/serving=true",
        life.intent.spec.revision()
    );
    assert_eq!(ready.selector, Some(selector));
    let told = std::mem::take(&mut life.told);
    // The same again is nothing to write, however much later.
    life.now += 3600;
    let again = life.status();
    assert_eq!(patch(life.object.status.as_ref(), &again, "1"), None);
    insta::assert_snapshot!(told);
}

#[test]
fn an_upgrade() {
    let mut life = Life::new().up();
    let old = life.serving(0);
    life.second();
    let before = life.object.status.as_ref().unwrap();
    assert_eq!(kstatus(before, Some(1)), "Current");
    assert_eq!(kstatus(before, life.object.metadata.generation), "InProgress", "from the very moment of the change");
    let changed = life.step("changed");
    assert_eq!(changed.conditions.iter().map(|condition| condition.observed_generation).min().unwrap(), Some(2));
    life.instances = vec![old.clone(), life.running(1)];
    life.step("the new one runs");
    life.instances = vec![old.clone(), life.instance(1, InstanceState::Running, true, false)];
    life.step("it is ready: decided, not switched yet");
    life.instances = vec![Instance { routed: false, ..old.clone() }, life.serving(1)];
    let switched = life.step("switched, the old one drains");
    assert_eq!(switched.draining_pods, [crate::names::pod(&old.name)]);
    assert!(switched.last_upgrade.is_some());
    life.instances = vec![Instance { state: InstanceState::Stopping, routed: false, ..old }, life.serving(1)];
    life.now += 61;
    life.step("the old one is told to stop");
    life.instances = vec![life.serving(1)];
    life.step("gone");
    insta::assert_snapshot!(life.told);
}

#[test]
fn an_upgrade_that_fails() {
    let mut life = Life::new().up();
    let old = life.serving(0);
    life.second();
    life.step("changed");
    let message = "my-org/performer:v2: not found; push the image".into();
    let refusal = ExitCause::Refused { reason: "ImageNotFound".into(), message };
    life.instances = vec![old.clone(), life.exited(1, refusal)];
    let failed = life.step("no such image");
    let withdrawn = failed.withdrawn.clone().unwrap();
    assert_eq!(
        (withdrawn.revision, withdrawn.reason.as_str()),
        (life.intent.spec.revision().to_string(), "ImageNotFound")
    );
    life.instances = vec![old];
    let rests = life.step("what is left of it is gone");
    assert_eq!(rests.revision, Some(performer_spec().revision().to_string()));
    assert_eq!(rests.desired_revision, Some(life.intent.spec.revision().to_string()));
    life.now += 3600;
    assert_eq!(patch(life.object.status.as_ref(), &life.status(), "1"), None, "nothing more happens by itself");
    life.change(|spec| spec.env.clear());
    life.step("taken back");
    insta::assert_snapshot!(life.told);
}

#[test]
fn a_first_deployment_that_fails() {
    let mut life = Life::new();
    life.step("new");
    for attempt in 0..3 {
        life.instances = vec![life.exited(attempt, ExitCause::OutOfMemory)];
        life.step("out of memory");
        life.instances.clear();
        life.now += 2 << attempt;
        life.step("tried again");
    }
    life.now += 300;
    life.instances = vec![life.running(9)];
    life.step("its time is over");
    life.now += 40;
    life.instances = vec![life.running(9)];
    life.step("still");
    life.instances.clear();
    life.now += 10;
    life.step("gone");
    insta::assert_snapshot!(life.told);
}

#[test]
fn blue_and_green() {
    let mut life = Life::new().up();
    let old = life.serving(0);
    life.change(|spec| {
        spec.upgrade.strategy = UpgradeStrategy::BlueGreen;
        spec.env = vec![variable("A", "2")];
    });
    life.step("changed");
    life.instances = vec![old, life.instance(1, InstanceState::Running, true, false)];
    life.step("waits to be promoted");
    life.intent.promoted = Some(life.intent.spec.revision());
    life.step("promoted, not switched yet");
    insta::assert_snapshot!(life.told);
}

#[test]
fn replicas() {
    let mut life = Life::new().up();
    life.change(|spec| spec.replicas = 3);
    life.step("more are asked for");
    life.instances = vec![life.serving(0), life.serving(1), life.running(2)];
    life.step("two of three");
    life.instances = vec![life.serving(0), life.serving(1), life.serving(2)];
    life.step("all");
    life.instances = vec![life.serving(0), life.serving(1), life.instance(2, InstanceState::Stopping, false, false)];
    life.step("one is evicted");
    life.instances = vec![life.serving(0), life.serving(1), life.running(3)];
    life.step("another one comes");
    life.instances = vec![life.serving(0), life.serving(1), life.serving(3)];
    life.step("all again");
    life.change(|spec| spec.replicas = 1);
    life.step("fewer are asked for");
    life.instances.truncate(1);
    life.step("one");
    life.instances = vec![life.running(0)];
    life.step("it is not ready any more");
    life.instances = vec![life.serving(0)];
    life.step("it is again");
    life.change(|spec| spec.replicas = 0);
    life.step("none is asked for");
    life.instances = vec![life.instance(0, InstanceState::Running, true, false)];
    life.step("it drains");
    life.instances.clear();
    let none = life.step("none");
    assert_eq!(none.ready, Some(false), "nothing gets tasks");
    insta::assert_snapshot!(life.told);
}

#[test]
fn a_specification_that_cannot_be_run() {
    let problem = |path: &str, reason| Problem {
        path: path.into(),
        message: "is wrong".into(),
        remedy: "write something else".into(),
        reason,
    };
    let mut life = Life::new();
    life.problems =
        vec![problem("spec.hardwareRequirements.gpuType", "UnknownGpuType"), problem("spec.image", "InvalidSpec")];
    let view = View {
        object: &life.object,
        name: None,
        plan: None,
        waiting: None,
        instances: &[],
        problems: &life.problems,
        wanted: None,
        port: 9090,
        now: Timestamp::from_secs(life.now),
    };
    let first = status(&view);
    assert!(!can_wait(None, &first), "a problem is told at once");
    assert_eq!((&first.history, &first.revision, first.phase), (&None, &None, Some(PerformerPhase::Failed)));
    let mut told = format!("from the first{}\n", line(&first, ""));

    life = Life::new().up();
    life.problems = vec![problem("spec.image", "InvalidSpec")];
    life.object.metadata.generation = Some(2);
    life.wanted = None;
    life.step("while another one serves");
    life.instances.clear();
    life.step("which is gone");
    told.push_str(&life.told);
    insta::assert_snapshot!(told);
}

#[test]
fn an_upgrade_that_is_called_off() {
    let mut life = Life::new().up();
    life.object.metadata.generation = Some(2);
    let mut other = performer_spec();
    other.env = vec![variable("A", "2")];
    life.wanted = Some(other.revision());
    life.step("planned with what served before");
    insta::assert_snapshot!(life.told);
}

#[test]
fn on_its_way_out() {
    let mut life = Life::new().up();
    life.intent.deleted = true;
    life.object.metadata.deletion_timestamp =
        Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(k8s_openapi::jiff::Timestamp::UNIX_EPOCH));
    life.step("deleted");
    life.instances = vec![life.instance(0, InstanceState::Running, true, false)];
    life.step("drains");
    life.instances = vec![life.instance(0, InstanceState::Stopping, false, false)];
    life.step("stops");
    life.instances.clear();
    life.step("gone");
    insta::assert_snapshot!(life.told);
}

#[test]
fn what_the_api_server_does_not_take_is_said() {
    let mut life = Life::new().up();
    life.waiting =
        Some(Waiting::RuntimeUnavailable { message: "the API server does not answer: connection refused".into() });
    life.step("it still serves");
    life.instances.clear();
    life.step("it does not");
    insta::assert_snapshot!(life.told);
}
