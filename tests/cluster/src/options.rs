//! What a cluster shall have.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

/// What runs pods, if anything does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Node {
    /// Nothing. A test may play the node: it registers one and reports what it likes of its pods.
    #[default]
    None,
    /// So many nodes that kwok simulates: every pod that is bound to one is ready at once, and nothing of it runs. Their names are
    /// `kwok-0`, `kwok-1`, … ; nodes that tests add themselves are left alone, unless they bear the annotation
    /// `kwok.x-k8s.io/node: fake`.
    Kwok(u32),
    /// One node that is real: containerd, a kubelet, kube-proxy and CoreDNS, in a network of the cluster's own. Needs root.
    Real,
}

/// How a cluster is started. [`ClusterOptions::default`] is a control plane with controllers and the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClusterOptions {
    /// Whether kube-controller-manager runs. True. Without it nothing makes service accounts (so pods are accepted that have none),
    /// nothing removes what is in a deleted namespace, nothing collects what lost its owner.
    pub controllers: bool,
    /// Whether kube-scheduler runs. False: nothing binds pods but a test.
    pub scheduler: bool,
    /// What runs pods. Nothing.
    pub node: Node,
    /// Whether kube-apiserver writes down every request of clients and every write of its own parts. True.
    pub audit: bool,
    /// Whether a second kube-apiserver runs on the same etcd, by a way that can be frozen: a stale one.
    pub second_apiserver: bool,
    /// More arguments for kube-apiserver (the first one and the second).
    pub apiserver_arguments: Vec<String>,
    /// More arguments for kube-controller-manager, which win over ours: `--node-monitor-grace-period=5s` where a test plays a node that
    /// dies. Without it only a real node is ever found lost (after 20 s).
    pub controller_arguments: Vec<String>,
}

impl Default for ClusterOptions {
    fn default() -> Self {
        Self {
            controllers: true,
            scheduler: false,
            node: Node::None,
            audit: true,
            second_apiserver: false,
            apiserver_arguments: Vec::new(),
            controller_arguments: Vec::new(),
        }
    }
}

impl ClusterOptions {
    /// etcd and kube-apiserver alone.
    pub fn bare() -> Self {
        Self { controllers: false, ..Self::default() }
    }

    /// Controllers, the scheduler and so many simulated nodes.
    pub fn kwok(nodes: u32) -> Self {
        Self { scheduler: true, node: Node::Kwok(nodes), ..Self::default() }
    }

    /// Controllers, the scheduler and one real node.
    pub fn real() -> Self {
        Self { scheduler: true, node: Node::Real, ..Self::default() }
    }

    /// # Errors
    /// Where one wish needs another: which.
    pub(crate) fn check(&self) -> Result<()> {
        ensure!(
            self.node != Node::Real || (self.controllers && self.scheduler),
            "a real node needs controllers and the scheduler: its DNS is a Deployment"
        );
        Ok(())
    }
}
