//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use hourglass_cluster::{ClusterOptions, Node};

/// A real Kubernetes for tests and for trying things, on any Debian machine.
#[derive(Debug, Parser)]
#[command(name = "hourglass-cluster", version, disable_help_subcommand = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Order,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Order {
    /// Brings a cluster up, which runs until it is taken down, and writes its kubeconfig
    Up {
        #[command(flatten)]
        shape: Shape,
        /// Where the kubeconfig is written
        #[arg(long)]
        kubeconfig: PathBuf,
    },
    /// Takes a cluster down, by the kubeconfig that was written for it
    Down {
        /// The kubeconfig
        #[arg(long)]
        kubeconfig: PathBuf,
    },
    /// Builds the tools that a cluster consists of, and those for its use, and prints where they are, a line each
    Tools {
        /// etcd, kube-apiserver, kubectl, …; all of them where none is named
        names: Vec<String>,
    },
    /// Runs a command with KUBECONFIG set to a cluster of its own that lives as long
    Run {
        #[command(flatten)]
        shape: Shape,
        /// The command and its arguments
        #[arg(trailing_var_arg = true, required = true)]
        command: Vec<OsString>,
    },
    /// Removes what clusters left whose processes were all killed
    Sweep,
    /// Is the cluster that `up` brought up
    #[command(hide = true)]
    Hold {
        #[command(flatten)]
        shape: Shape,
        #[arg(long)]
        kubeconfig: PathBuf,
    },
    /// Supervises a cluster for the process at the other end of the standard input
    #[command(hide = true)]
    Supervise {
        /// `ClusterOptions` as JSON
        options: String,
    },
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Shape {
    /// What runs pods: one real node, simulated ones, or nothing
    #[arg(long, value_enum, default_value_t = Kind::Real)]
    pub(crate) node: Kind,
    /// How many nodes are simulated
    #[arg(long, default_value_t = 3)]
    pub(crate) nodes: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// containerd, a kubelet, kube-proxy, CoreDNS; needs root
    Real,
    /// Nodes that kwok simulates: every pod is ready at once and nothing of it runs
    Kwok,
    /// The control plane alone
    None,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Real => "real",
            Self::Kwok => "kwok",
            Self::None => "none",
        }
    }
}

impl Shape {
    pub(crate) fn options(&self) -> ClusterOptions {
        match self.node {
            Kind::Real => ClusterOptions::real(),
            Kind::Kwok => ClusterOptions::kwok(self.nodes),
            Kind::None => ClusterOptions { node: Node::None, ..ClusterOptions::default() },
        }
    }
}
