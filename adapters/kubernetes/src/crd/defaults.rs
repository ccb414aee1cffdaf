use serde_json::{Value, json};

use super::path::each;

/// What the API server writes where nobody wrote anything.
///
/// `status` has one, so that a resource that no operator has looked at yet says so: without it, tools that judge by
/// conditions take a resource that has none for done.
pub(super) fn of_performers() -> Vec<(&'static str, Value)> {
    vec![
        ("spec.imagePullPolicy", json!("IfNotPresent")),
        ("spec.replicas", json!(1)),
        ("spec.config.grpcPort", json!(9090)),
        ("spec.upgradeStrategy.type", json!("RollingUpdate")),
        ("spec.upgradeStrategy.readyDeadlineSeconds", json!(300)),
        ("spec.upgradeStrategy.drainDeadlineSeconds", json!(60)),
        ("spec.upgradeStrategy.stopGraceSeconds", json!(10)),
        ("spec.spread.topologyKey", json!("kubernetes.io/hostname")),
        ("spec.spread.maxSkew", json!(1)),
        ("spec.spread.whenUnsatisfiable", json!("ScheduleAnyway")),
        ("spec.service.headless", json!(false)),
        ("status", json!({ "phase": "Pending", "ready": false, "conditions": conditions() })),
    ]
}

pub(super) fn of_executors() -> Vec<(&'static str, Value)> {
    vec![
        ("spec.imagePullPolicy", json!("IfNotPresent")),
        ("spec.replicas", json!(1)),
        ("spec.config.performerMode", json!("kubernetes")),
        ("spec.config.logLevel", json!("info")),
        ("spec.persistence.size", json!("1Gi")),
        ("status", json!({ "phase": "Pending", "conditions": conditions() })),
    ]
}

/// In order of type, each at the beginning of time: nobody has made the transition.
fn conditions() -> Value {
    let condition = |name: &str, holds: bool| {
        json!({
            "type": name,
            "status": if holds { "True" } else { "False" },
            "reason": "Pending",
            "message": "waiting for the operator",
            "lastTransitionTime": "1970-01-01T00:00:00Z",
        })
    };
    let found =
        [("Available", false), ("Degraded", false), ("Progressing", true), ("Ready", false), ("Reconciling", true)];
    Value::Array(found.map(|(name, holds)| condition(name, holds)).into())
}

pub(super) fn add(schema: &mut Value, defaults: &[(&'static str, Value)]) {
    each(schema, "", &mut |path, fields| {
        if let Some((_, value)) = defaults.iter().find(|(wanted, _)| *wanted == path) {
            fields.insert("default".into(), value.clone());
        }
    });
}
