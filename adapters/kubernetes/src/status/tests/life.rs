//! A Performer for tests, from its first moment to its last.

use hourglass_core::Timestamp;
use hourglass_core::lifecycle::{ExitCause, Health, History, Instance, InstanceState, Intent, Owner, Waiting, plan};
use hourglass_core::performer::{InstanceName, PerformerSpec, Revision};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::api::{Performer, PerformerStatus};
use crate::build::samples::{performer, performer_spec, variable};
use crate::status::{View, can_wait, status};
use crate::translate::Problem;

/// A Performer through its life: each step plans with the real planner and writes the status as an operator would.
pub(super) struct Life {
    pub(super) object: Performer,
    pub(super) intent: Intent,
    pub(super) history: History,
    pub(super) instances: Vec<Instance>,
    pub(super) problems: Vec<Problem>,
    pub(super) waiting: Option<Waiting>,
    pub(super) wanted: Option<Revision>,
    pub(super) now: u64,
    pub(super) told: String,
}

impl Life {
    pub(super) fn new() -> Self {
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
    pub(super) fn change(&mut self, change: impl FnOnce(&mut PerformerSpec)) {
        change(&mut self.intent.spec);
        self.wanted = Some(self.intent.spec.revision());
        *self.object.metadata.generation.as_mut().unwrap() += 1;
    }

    pub(super) fn second(&mut self) {
        self.change(|spec| spec.env = vec![variable("A", "2")]);
    }

    pub(super) fn name(&self, revision: &Revision, suffix: u32) -> InstanceName {
        InstanceName { performer: performer(), revision: revision.clone(), suffix }
    }

    pub(super) fn instance(&self, suffix: u32, state: InstanceState, ready: bool, routed: bool) -> Instance {
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
            image: None,
        }
    }

    pub(super) fn running(&self, suffix: u32) -> Instance {
        self.instance(suffix, InstanceState::Running, false, false)
    }

    pub(super) fn serving(&self, suffix: u32) -> Instance {
        self.instance(suffix, InstanceState::Running, true, true)
    }

    pub(super) fn exited(&self, suffix: u32, cause: ExitCause) -> Instance {
        let at = Timestamp::from_secs(self.now);
        self.instance(suffix, InstanceState::Exited { cause, at, output: None }, false, false)
    }

    pub(super) fn status(&self) -> PerformerStatus {
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
    pub(super) fn step(&mut self, what: &str) -> PerformerStatus {
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
    pub(super) fn up(mut self) -> Self {
        self.step("asked for");
        self.instances = vec![self.serving(0)];
        self.step("serves");
        self.told.clear();
        self
    }
}

/// What kstatus makes of it (sigs.k8s.io/cli-utils, for kinds that it does not know): its rules, in its order.
pub(super) fn kstatus(status: &PerformerStatus, generation: Option<i64>) -> &'static str {
    let holds = |kind: &str, value: &str| {
        status.conditions.iter().any(|condition| condition.type_ == kind && condition.status == value)
    };
    match () {
        () if status.observed_generation != generation => "InProgress",
        () if holds("Reconciling", "True") => "InProgress",
        () if holds("Stalled", "True") => "Failed",
        () if holds("Ready", "True") => "Current",
        () => "InProgress",
    }
}

pub(super) fn line(status: &PerformerStatus, hurry: &str) -> String {
    let kinds = status.conditions.iter().map(|condition| {
        let sign = if condition.status == "True" { '+' } else { '-' };
        format!("{sign}{}", condition.type_)
    });
    let kinds: Vec<String> = kinds.collect();
    let ready = status.conditions.iter().find(|condition| condition.type_ == "Ready").unwrap();
    let count = |n: Option<i32>| n.unwrap_or(-1);
    format!(
        ": {:?}, {}{hurry}\n    {}\n    {} of {} pods, pod {}, {}: {}",
        status.phase.unwrap(),
        kstatus(status, status.observed_generation),
        kinds.join(" "),
        count(status.ready_replicas),
        count(status.replicas),
        status.pod_name.as_deref().unwrap_or("none"),
        ready.reason,
        ready.message,
    )
}
