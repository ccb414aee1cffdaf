use hourglass_core::Timestamp;
use k8s_openapi::api::apps::v1::{StatefulSet, StatefulSetStatus};
use serde_json::{Value, json};

use super::{executor, made, merge};
use crate::api::{ExecutorPhase, HourglassExecutor, HourglassExecutorStatus};
use crate::executor::{Children, Trouble, View, children, status};
use crate::status::patch;

const BEGIN: u64 = 1_700_000_000;

/// A StatefulSet with so many replicas, of which so many are ready; all of them as it asks for.
fn workload(children: &Children, replicas: i32, ready: i32) -> StatefulSet {
    let mut set = children.stateful_set.clone();
    set.metadata.generation = Some(4);
    set.status = Some(StatefulSetStatus {
        replicas,
        ready_replicas: Some(ready),
        observed_generation: Some(4),
        current_revision: Some("example-1".into()),
        update_revision: Some("example-1".into()),
        ..StatefulSetStatus::default()
    });
    set
}

fn see(executor: &HourglassExecutor, workload: Option<&StatefulSet>, at: u64) -> HourglassExecutorStatus {
    told(executor, workload, None, at)
}

fn told(
    executor: &HourglassExecutor,
    workload: Option<&StatefulSet>,
    trouble: Option<&Trouble>,
    at: u64,
) -> HourglassExecutorStatus {
    let made = children(executor, workload);
    let now = Timestamp::from_secs(BEGIN + at);
    status(&View { executor, children: made.as_ref().map_err(Vec::as_slice), workload, trouble, now })
}

/// Conditions that are True, and why Ready is as it is.
fn short(status: &HourglassExecutorStatus) -> (ExecutorPhase, Vec<&str>, &str) {
    let holds = status.conditions.iter().filter(|condition| condition.status == "True");
    let ready = status.conditions.iter().find(|condition| condition.type_ == "Ready").unwrap();
    (status.phase.unwrap(), holds.map(|condition| condition.type_.as_str()).collect(), ready.reason.as_str())
}

#[test]
fn a_life() {
    let mut executor = executor(json!({}));
    let made = made(&executor);
    let mut at = 0;
    let mut next = |executor: &mut HourglassExecutor, set: Option<&StatefulSet>| {
        at += 10;
        executor.status = Some(see(executor, set, at));
        executor.status.clone().unwrap()
    };
    let pending = next(&mut executor, None);
    assert_eq!(short(&pending), (ExecutorPhase::Pending, vec!["Progressing", "Reconciling"], "Starting"));
    let starting = next(&mut executor, Some(&workload(&made, 1, 0)));
    assert_eq!(short(&starting), (ExecutorPhase::Pending, vec!["Progressing", "Reconciling"], "AwaitingReady"));
    let running = next(&mut executor, Some(&workload(&made, 1, 1)));
    assert_eq!(short(&running), (ExecutorPhase::Running, vec!["Ready", "Available"], "Serving"));
    assert_eq!((running.replicas, running.ready_replicas, running.observed_generation), (Some(1), Some(1), Some(3)));
    let selector = "app=hourglass-executor,hourglass.eigenlayer.io/name=example";
    assert_eq!(running.selector.as_deref(), Some(selector));
    let lost = next(&mut executor, Some(&workload(&made, 0, 0)));
    assert_eq!(short(&lost), (ExecutorPhase::Pending, vec!["Progressing", "Degraded", "Reconciling"], "AwaitingReady"));
    let again = next(&mut executor, Some(&workload(&made, 1, 1)));
    assert_eq!(short(&again), (ExecutorPhase::Running, vec!["Ready", "Available"], "Serving"));
    executor.metadata.deletion_timestamp = again.last_config_update.clone();
    let going = next(&mut executor, Some(&workload(&made, 1, 1)));
    let holds = vec!["Available", "Progressing", "Reconciling"];
    assert_eq!(short(&going), (ExecutorPhase::Stopped, holds, "Stopping"));
}

/// What is about another configuration, another generation or another revision is not ready, whatever it counts.
#[test]
fn counts_of_something_older_are_not_ready() {
    let executor = executor(json!({}));
    let made = made(&executor);
    let ready = workload(&made, 1, 1);
    let change = |change: &dyn Fn(&mut StatefulSet)| {
        let mut set = ready.clone();
        change(&mut set);
        set
    };
    let status_of = |set: &mut StatefulSet| set.status.take().unwrap();
    let rolling = [
        change(&|set| set.metadata.generation = Some(5)),
        change(&|set| {
            let old = status_of(set);
            set.status = Some(StatefulSetStatus { update_revision: Some("example-2".into()), ..old });
        }),
        change(&|set| {
            let annotations = set.spec.as_mut().unwrap().template.metadata.as_mut().unwrap().annotations.as_mut();
            annotations.unwrap().insert("hourglass.eigenlayer.io/config-revision".into(), "other".into());
        }),
    ];
    for set in rolling {
        let (phase, holds, reason) =
            (ExecutorPhase::Running, vec!["Available", "Progressing", "Reconciling"], "RollingOut");
        assert_eq!(short(&see(&executor, Some(&set), 0)), (phase, holds, reason));
    }
}

#[test]
fn what_cannot_be_run_is_told_and_what_ran_goes_on() {
    let good = executor(json!({}));
    let bad = executor(json!({ "config": { "logLevel": "loud", "additionalConfig": { "taskss": {} } } }));
    let failed = see(&bad, None, 0);
    assert_eq!(short(&failed), (ExecutorPhase::Failed, vec!["Degraded", "Stalled"], "InvalidSpec"));
    assert_eq!((failed.config_revision, failed.last_config_update), (None, None));
    let message = &failed.conditions[0].message;
    assert!(message.contains("spec.config.logLevel") && message.contains("taskss"), "{message}");
    let serves = see(&bad, Some(&workload(&made(&good), 1, 1)), 0);
    assert_eq!(short(&serves), (ExecutorPhase::Running, vec!["Available", "Degraded", "Stalled"], "InvalidSpec"));
}

#[test]
fn troubles_and_warnings() {
    let plain = executor(json!({}));
    let ready = workload(&made(&plain), 1, 1);
    let trouble = Trouble { reason: "QuotaExceeded".into(), message: "no more pods".into() };
    let refused = told(&plain, Some(&ready), Some(&trouble), 0);
    let holds = vec!["Available", "Progressing", "Degraded", "Reconciling"];
    assert_eq!(short(&refused), (ExecutorPhase::Running, holds, "QuotaExceeded"));

    let two = executor(json!({ "replicas": 2, "config": { "operatorKeys": { "bls": "0x0b" } } }));
    let status = see(&two, Some(&workload(&made(&two), 1, 1)), 0);
    let holds = vec!["Ready", "Available", "Degraded", "LiteralKeys", "JournalNotShared"];
    assert_eq!(short(&status), (ExecutorPhase::Running, holds, "Serving"));
    let degraded = status.conditions.iter().find(|condition| condition.type_ == "Degraded").unwrap();
    assert_eq!(degraded.reason, "JournalNotShared");

    let none = executor(json!({ "replicas": 0 }));
    let status = see(&none, Some(&workload(&made(&none), 0, 0)), 0);
    assert_eq!(short(&status), (ExecutorPhase::Stopped, vec!["Ready"], "ScaledToZero"));
}

#[test]
fn the_last_change_of_the_configuration() {
    let mut executor = executor(json!({}));
    let first = see(&executor, None, 0);
    executor.status = Some(first.clone());
    let later = see(&executor, Some(&workload(&made(&executor), 1, 1)), 60);
    assert_eq!(later.last_config_update, first.last_config_update, "what runs changed, and its configuration did not");
    assert!(first.last_config_update.is_some());
    executor.spec.image = "another".into();
    executor.status = Some(later);
    assert_eq!(see(&executor, None, 120).last_config_update, first.last_config_update);
    executor.spec.config.as_mut().unwrap().log_level = Some("debug".into());
    let changed = see(&executor, None, 180);
    assert_ne!(changed.last_config_update, first.last_config_update);
    assert_ne!(changed.config_revision, first.config_revision);
}

/// What is written is found again, and then there is nothing more to write.
#[test]
fn patches() {
    let mut executor = executor(json!({}));
    let made = made(&executor);
    let foreign = json!({ "conditions": [{ "type": "example.com/Audited", "status": "True", "reason": "Yes", "message": "",
        "lastTransitionTime": "2026-01-01T00:00:00Z" }] });
    executor.status = serde_json::from_value(foreign.clone()).unwrap();
    let mut stored = foreign;
    let steps = [None, Some(workload(&made, 1, 0)), Some(workload(&made, 1, 1))];
    for (at, set) in steps.iter().enumerate() {
        let new = see(&executor, set.as_ref(), u64::try_from(at).unwrap() * 10);
        let patch: Value = patch(executor.status.as_ref(), &new, "7").unwrap();
        assert_eq!(patch["metadata"]["resourceVersion"], "7");
        merge(&mut stored, &patch["status"]);
        executor.status = Some(serde_json::from_value(stored.clone()).unwrap());
        assert_eq!(executor.status.as_ref(), Some(&new));
        assert!(new.conditions.iter().any(|condition| condition.type_ == "example.com/Audited"));
        let again = see(&executor, set.as_ref(), 1000);
        assert_eq!(crate::status::patch(executor.status.as_ref(), &again, "8"), None);
    }
    // Only what changed.
    let more = workload(&made, 2, 1);
    let patch = patch(executor.status.as_ref(), &see(&executor, Some(&more), 50), "9").unwrap();
    assert!(patch["status"].get("selector").is_none() && patch["status"]["replicas"] == 2, "{patch}");
}
