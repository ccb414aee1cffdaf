//! A real Kubernetes for tests: etcd, a kube-apiserver, and as much of the rest as a suite wants.
//!
//! ```text
//!  test process ── Cluster ──pipe──► hourglass-cluster supervise ── etcd, kube-apiserver, controllers, scheduler
//!        │            │                       │                       ├─ kwok: nodes without end, pods ready at once
//!        │            │                       │                       └─ a network of its own: containerd, kubelet, kube-proxy
//!        │            │                       └─ pipe closed: everything that the cluster made is removed
//!        │            └─ apiserver().kill(), etcd().freeze(), compact(), audit()
//!        └─ kubeconfig() ── https://127.0.0.1:… ── kube-apiserver
//! ```
//!
//! Everything here is the real thing, built once from Go modules of pinned versions (`tests/cluster/tools`) into a folder outside the
//! checkout, and from Debian's packages. Nothing simulates the API server, ever. What kwok simulates is nodes.
//!
//! Clusters run side by side, each with ports and, where it has a real node, a network of its own. Nothing is left of one that ended,
//! in whatever way. `docs/adr/0019-test-cluster.md` says why it is made so.
//!
//! ```no_run
//! use hourglass_cluster::{Cluster, ClusterOptions};
//!
//! # fn main() -> anyhow::Result<()> {
//! let cluster = Cluster::start(&ClusterOptions::kwok(3))?;
//! let namespace = cluster.namespace("example")?;
//! namespace.kubectl(&["create", "deployment", "box", "--image=example/box:1", "--replicas=100"])?;
//! namespace.kubectl(&["wait", "--for=condition=Available", "deployment/box", "--timeout=120s"])?;
//! cluster.apiserver().kill()?;
//! cluster.apiserver().start()?;
//! # Ok(())
//! # }
//! ```

mod api;
mod audit;
mod certificates;
mod cluster;
mod component;
mod control;
mod faults;
mod kubeconfig;
mod kubectl;
mod launch;
mod network;
mod node;
mod options;
mod process;
mod shared;
mod site;
mod supervisor;
mod teardown;
pub mod tools;

pub use api::{Answer, Api};
pub use audit::{Audit, Event};
pub use cluster::{Cluster, sweep};
pub use component::Component;
pub use faults::Part;
pub use kubectl::Namespace;
pub use network::Relay;
pub use options::{ClusterOptions, Node};
pub use shared::{Shared, allow, check_allowed, existing, shared};
pub use supervisor::supervise;
