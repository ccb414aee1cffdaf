//! What the cluster says, as the planner needs it. Pure.
//!
//! ```text
//! JSON of a pod     ──► PodRecord       slim: some hundred bytes, kept for every pod that is watched
//! PodRecord + Viewer ──► Instance        what core::lifecycle::plan takes
//!                   ──► Notice          what befell a pod and the planner does not decide about
//! JSON of a Service ──► ServiceRecord   where it routes, and what differs from what is wanted
//! ```
//!
//! How a pod's state becomes an instance's:
//!
//! | the pod | the instance |
//! |---|---|
//! | has a deletion timestamp | `Stopping`, until it is gone: on a lost node it may still run |
//! | phase `Failed`: evicted, preempted, with its node | `Exited`, [`Evicted`](hourglass_core::lifecycle::ExitCause) |
//! | refused by its node | `Exited`, `NodeRefused` |
//! | no node fits | `Starting`, with the scheduler's words and what a node would need |
//! | has its sandbox, and no container yet | `Starting`, pulling |
//! | a pull that may succeed later | `Starting`, pulling, with what went wrong: the kubelet tries again in place |
//! | a pull or a start that cannot succeed | `Exited`, `Refused` |
//! | a container that cannot be made or started, a missing Secret | `Exited`, `StartFailed`: the planner tries again, with its pauses |
//! | a container that ended and is started again by the kubelet | `Running`, not ready |
//! | `CrashLoopBackOff` | `Exited`, with how the container last ended |
//! | runs, ready | `Running`, `Ready` since the condition says so |
//! | runs, not ready | `Running`, `NotReady`; of a lost node, which says so |
//!
//! So the first crash of a container costs nothing but the kubelet's restart in place, at once and on the same node. From
//! the second within ten minutes the kubelet begins to pause, and there the planner takes over: it counts the failure,
//! replaces the pod at once, later with its own pauses (1 s, 2 s, 4 s … 5 min), and keeps the cause.

mod acknowledgement;
mod disruption;
mod earlier;
mod exit;
mod health;
mod image;
mod instance;
mod instant;
mod needs;
mod notice;
mod record;
mod refusal;
mod service;
mod wire;

#[cfg(test)]
#[path = "samples_tests.rs"]
pub(crate) mod samples;

pub use acknowledgement::drained;
pub use disruption::{Disruption, DisruptionKind};
pub use earlier::{ADOPTED_SUFFIX, Adoption, Earlier};
pub use exit::Ending;
pub(crate) use instance::state;
pub use instance::{Viewer, instance, pod_name};
pub use notice::Notice;
pub use record::{ContainerRecord, ContainerState, Phase, PodRecord, Readiness, Schedule};
pub use service::{Difference, Maker, PortRecord, ServiceRecord};
