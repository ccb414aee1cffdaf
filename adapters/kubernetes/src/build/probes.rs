//! Who asks a performer whether it serves, and how often.

use std::time::Duration;

use k8s_openapi::api::core::v1::{GRPCAction, Probe};

/// Asked every second until the first answer, so that a fast performer serves fast. It is given up, and its container
/// started again, no sooner than the planner gives up the instance: the planner's deadline began before.
pub(super) fn startup(port: u16, ready_deadline: Duration) -> Probe {
    let attempts = i32::try_from(ready_deadline.as_secs()).unwrap_or(i32::MAX).max(1);
    probe(port, Timing { period: 1, timeout: 1, failures: attempts })
}

/// No new tasks after three seconds without an answer.
pub(super) fn readiness(port: u16) -> Probe {
    probe(port, Timing { period: 1, timeout: 2, failures: 3 })
}

/// For when no operator watches: the planner replaces what hangs after 30 s, the kubelet after a minute. A performer
/// that is merely busy must not lose its tasks to this.
pub(super) fn liveness(port: u16) -> Probe {
    probe(port, Timing { period: 10, timeout: 5, failures: 6 })
}

struct Timing {
    /// In seconds.
    period: i32,
    /// In seconds.
    timeout: i32,
    /// In a row.
    failures: i32,
}

/// The standard health service, under the empty name (`contract.md` §1).
fn probe(port: u16, timing: Timing) -> Probe {
    Probe {
        grpc: Some(GRPCAction { port: port.into(), service: None }),
        period_seconds: Some(timing.period),
        timeout_seconds: Some(timing.timeout),
        failure_threshold: Some(timing.failures),
        ..Probe::default()
    }
}
