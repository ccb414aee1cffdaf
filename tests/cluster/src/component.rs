//! The programs that a cluster consists of.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::options::{ClusterOptions, Node};
use crate::tools::Tool;

/// One of the processes of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Component {
    /// etcd, one member.
    Etcd,
    /// kube-apiserver.
    Apiserver,
    /// A second kube-apiserver.
    SecondApiserver,
    /// kube-controller-manager.
    ControllerManager,
    /// kube-scheduler.
    Scheduler,
    /// kwok.
    Kwok,
    /// containerd of the real node.
    Containerd,
    /// The kubelet of the real node.
    Kubelet,
    /// kube-proxy of the real node.
    KubeProxy,
}

impl Component {
    /// All, in the order in which they start.
    pub(crate) const ALL: [Self; 9] = [
        Self::Etcd,
        Self::Apiserver,
        Self::SecondApiserver,
        Self::ControllerManager,
        Self::Scheduler,
        Self::Kwok,
        Self::Containerd,
        Self::Kubelet,
        Self::KubeProxy,
    ];

    /// The name of its program; its log is named so.
    pub fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::Apiserver => "kube-apiserver",
            Self::SecondApiserver => "kube-apiserver-2",
            Self::ControllerManager => "kube-controller-manager",
            Self::Scheduler => "kube-scheduler",
            Self::Kwok => "kwok",
            Self::Containerd => "containerd",
            Self::Kubelet => "kubelet",
            Self::KubeProxy => "kube-proxy",
        }
    }

    /// What it is built as, where it is none of the machine's commands.
    pub(crate) fn tool(self) -> Option<Tool> {
        match self {
            Self::Etcd => Some(Tool::Etcd),
            Self::Apiserver | Self::SecondApiserver => Some(Tool::KubeApiserver),
            Self::ControllerManager => Some(Tool::KubeControllerManager),
            Self::Scheduler => Some(Tool::KubeScheduler),
            Self::Kwok => Some(Tool::Kwok),
            Self::Containerd => None,
            Self::Kubelet => Some(Tool::Kubelet),
            Self::KubeProxy => Some(Tool::KubeProxy),
        }
    }

    /// Those of such a cluster, in the order in which they start.
    pub(crate) fn of(options: &ClusterOptions) -> impl Iterator<Item = Self> {
        let wanted = move |component: &Self| match component {
            Self::Etcd | Self::Apiserver => true,
            Self::SecondApiserver => options.second_apiserver,
            Self::ControllerManager => options.controllers,
            Self::Scheduler => options.scheduler,
            Self::Kwok => matches!(options.node, Node::Kwok(_)),
            Self::Containerd | Self::Kubelet | Self::KubeProxy => options.node == Node::Real,
        };
        Self::ALL.into_iter().filter(wanted)
    }
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
