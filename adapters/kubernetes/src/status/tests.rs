use hourglass_core::Timestamp;
use hourglass_core::lifecycle::{
    ExitCause, Failure, Health, History, Instance, InstanceState, Intent, Owner, StartDelay, Waiting, plan,
};
use hourglass_core::performer::{InstanceName, PerformerSpec, Revision, UpgradeStrategy};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, ObjectMeta};
use serde_json::json;

use super::*;
use crate::api::{Performer, PerformerStatus};
use crate::build::samples::{performer, performer_spec, variable};
use crate::translate::Problem;

/// A Performer through its life: each step plans with the real planner and writes the status as an operator would.
struct Life {
    object: Performer,
    intent: Intent,
    history: History,
    instances: Vec<Instance>,
    problems: Vec<Problem>,
    waiting: Option<Waiting>,
    wanted: Option<Revision>,
    now: u64,
    told: String,
}

impl Life {
    fn new() -> Self {
        let metadata = ObjectMeta {
            name: Some("example".into()),
            namespace: Some("avs-ns".into()),
            generation: Some(1),
            ..ObjectMeta::default()
        };
        let spec = performer_spec();
        Self {
            object: Performer { metadata, ..Performer::default() },
            wanted: Some(spec.revision()),
            intent: Intent::new(performer(), spec),
            history: History::default(),
            instances: Vec::new(),
            problems: Vec::new(),
            waiting: None,
            now: 1_800_000_000,
            told: String::new(),
        }
    }

    /// Somebody changes the specification.
    fn change(&mut self, change: impl FnOnce(&mut PerformerSpec)) {
        change(&mut self.intent.spec);
        self.wanted = Some(self.intent.spec.revision());
        *self.object.metadata.generation.as_mut().unwrap() += 1;
    }

    fn second(&mut self) {
        self.change(|spec| spec.env = vec![variable("A", "2")]);
    }

    fn name(&self, revision: &Revision, suffix: u32) -> InstanceName {
        InstanceName { performer: performer(), revision: revision.clone(), suffix }
    }

    fn instance(&self, suffix: u32, state: InstanceState, ready: bool, routed: bool) -> Instance {
        let since = Timestamp::from_secs(self.now);
        let unready = || Health::NotReady { since, reason: "its gRPC health check has not succeeded yet".into() };
        Instance {
            name: self.name(&self.intent.spec.revision(), suffix),
            owner: Owner::Ours,
            health: match state {
                InstanceState::Running if ready => Health::Ready { since },
                InstanceState::Running => unready(),
                _ => Health::Unknown,
            },
            state,
            endpoint: None,
            started_at: since,
            routed,
            in_flight: None,
            platform_id: None,
        }
    }

    fn running(&self, suffix: u32) -> Instance {
        self.instance(suffix, InstanceState::Running, false, false)
    }

    fn serving(&self, suffix: u32) -> Instance {
        self.instance(suffix, InstanceState::Running, true, true)
    }

    fn exited(&self, suffix: u32, cause: ExitCause) -> Instance {
        let at = Timestamp::from_secs(self.now);
        self.instance(suffix, InstanceState::Exited { cause, at, output: None }, false, false)
    }

    fn status(&self) -> PerformerStatus {
        let planned = plan(&self.intent, &self.history, &self.instances, Timestamp::from_secs(self.now));
        status(&View {
            object: &self.object,
            name: Some(&self.intent.name),
            plan: Some(&planned),
            waiting: self.waiting.as_ref(),
            instances: &self.instances,
            problems: &self.problems,
            wanted: self.wanted.as_ref(),
            port: 9090,
            now: Timestamp::from_secs(self.now),
        })
    }

    /// Plans, writes the status, and notes what was written.
    fn step(&mut self, what: &str) -> PerformerStatus {
        let new = self.status();
        let waits = can_wait(self.object.status.as_ref(), &new);
        let line = line(&new, if waits { "" } else { ", at once" });
        self.told.push_str(&format!("{what}{line}\n"));
        self.history = plan(&self.intent, &self.history, &self.instances, Timestamp::from_secs(self.now)).history;
        self.object.status = Some(new.clone());
        self.now += 1;
        new
    }

    /// Until it serves.
    fn up(mut self) -> Self {
        self.step("asked for");
        self.instances = vec![self.serving(0)];
        self.step("serves");
        self.told.clear();
        self
    }
}

fn line(status: &PerformerStatus, hurry: &str) -> String {
    let kinds = status.conditions.iter().map(|condition| {
        let sign = if condition.status == "True" { '+' } else { '-' };
        format!("{sign}{}", condition.type_)
    });
    let kinds: Vec<String> = kinds.collect();
    let ready = status.conditions.iter().find(|condition| condition.type_ == "Ready").unwrap();
    let count = |n: Option<i32>| n.unwrap_or(-1);
    format!(
        ": {:?}{hurry}\n    {}\n    {} of {} pods, pod {}, {}: {}",
        status.phase.unwrap(),
        kinds.join(" "),
        count(status.ready_replicas),
        count(status.replicas),
        status.pod_name.as_deref().unwrap_or("none"),
        ready.reason,
        ready.message,
    )
}

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
    assert_eq!(
        (&first.history, &first.revision, first.phase),
        (&None, &None, Some(crate::api::PerformerPhase::Failed))
    );
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

#[test]
fn instants_are_kept_while_nothing_changes_and_others_conditions_always() {
    let mut life = Life::new();
    let theirs = Condition {
        type_: "Audited".into(),
        status: "True".into(),
        reason: "ByThem".into(),
        message: String::new(),
        observed_generation: None,
        last_transition_time: super::compose::time(Timestamp::from_secs(5)),
    };
    life.object.status = Some(PerformerStatus { conditions: vec![theirs.clone()], ..PerformerStatus::default() });
    let first = life.step("new");
    assert!(first.conditions.contains(&theirs));
    life.instances = vec![life.running(0)];
    let second = life.step("runs");
    let since = |status: &PerformerStatus, kind: &str| {
        let found = status.conditions.iter().find(|condition| condition.type_ == kind).unwrap();
        found.last_transition_time.clone()
    };
    assert_eq!(since(&first, "Ready"), since(&second, "Ready"));
    life.instances = vec![life.serving(0)];
    let third = life.step("serves");
    assert_ne!(since(&second, "Ready"), since(&third, "Ready"));
    assert_eq!(since(&second, "Degraded"), since(&third, "Degraded"));
    assert_eq!(third.ready_time, Some(since(&third, "Ready")));
    assert!(third.conditions.contains(&theirs));
}

#[test]
fn patches_say_what_differs_and_nothing_else() {
    let mut life = Life::new().up();
    let old = life.object.status.clone().unwrap();
    life.second();
    let new = life.status();
    let patch = patch(Some(&old), &new, "41").unwrap();
    assert_eq!(patch["metadata"], json!({"resourceVersion": "41"}));
    let fields: Vec<&str> = patch["status"].as_object().unwrap().keys().map(String::as_str).collect();
    let expected = ["conditions", "desiredRevision", "history", "observedGeneration", "phase", "ready"];
    assert_eq!(fields, expected);
    // What a patch makes of the old status is the new one.
    let mut merged = serde_json::to_value(&old).unwrap();
    apply(&mut merged, &patch["status"]);
    assert_eq!(merged, serde_json::to_value(&new).unwrap());
}

/// RFC 7386.
fn apply(target: &mut serde_json::Value, patch: &serde_json::Value) {
    let Some(changes) = patch.as_object() else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    let fields = target.as_object_mut().unwrap();
    for (key, change) in changes {
        if change.is_null() {
            fields.remove(key);
        } else {
            apply(fields.entry(key.clone()).or_insert(serde_json::Value::Null), change);
        }
    }
}

#[test]
fn a_history_is_read_as_it_was_written() {
    let mut life = Life::new().up();
    life.second();
    life.instances.push(life.exited(1, ExitCause::Refused { reason: "ImageNotFound".into(), message: "no".into() }));
    let written = life.step("withdrawn");
    let stored = serde_json::to_string(&written).unwrap();
    assert!(!stored.contains("null"), "a patch would take it for a removal: {stored}");
    let read: PerformerStatus = serde_json::from_str(&stored).unwrap();
    assert_eq!(history(Some(&read)).unwrap(), life.history);
    assert!(!unreadable(Some(&read)));

    assert_eq!(history(None).unwrap(), History::default());
    let with = |value| PerformerStatus { history: Some(value), ..PerformerStatus::default() };
    assert_eq!(history(Some(&with(json!("nonsense")))).unwrap(), History::default());
    assert!(unreadable(Some(&with(json!("nonsense")))));
    let newer = history(Some(&with(json!({"version": 2})))).unwrap_err();
    assert!(newer.contains("version 2"), "{newer}");
}

#[test]
fn words_are_bounded_and_reasons_are_words() {
    let mut life = Life::new();
    let words = "ä".repeat(700);
    let failure = Failure::new("Some reason/with: signs", &words, Timestamp::from_secs(life.now));
    let cause = Waiting::BackOff {
        revision: performer_spec().revision(),
        until: Timestamp::EPOCH,
        failures: 2,
        cause: failure,
    };
    life.waiting = Some(cause);
    let status = life.step("new");
    for condition in &status.conditions {
        assert!(condition.reason.chars().all(|c| c.is_ascii_alphanumeric()) && !condition.reason.is_empty());
        assert!(condition.message.chars().count() <= 1025);
    }
    life.waiting = Some(Waiting::RuntimeUnavailable { message: "x".repeat(50_000) });
    assert!(life.step("again").conditions.iter().all(|condition| condition.message.len() < 1100));
}
