//! How a status is written and read again.

use hourglass_core::Timestamp;
use hourglass_core::lifecycle::{ExitCause, Failure, History, Waiting};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde_json::json;

use super::life::Life;
use crate::api::PerformerStatus;
use crate::build::samples::performer_spec;
use crate::status::{compose, history, patch, unreadable};

#[test]
fn instants_are_kept_while_nothing_changes_and_others_conditions_always() {
    let mut life = Life::new();
    let theirs = Condition {
        type_: "Audited".into(),
        status: "True".into(),
        reason: "ByThem".into(),
        message: String::new(),
        observed_generation: None,
        last_transition_time: compose::time(Timestamp::from_secs(5)),
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
