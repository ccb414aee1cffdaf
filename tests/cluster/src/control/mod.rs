//! The command lines of the control plane.

mod apiserver;
mod controllers;
mod kwok;

use anyhow::Result;

use crate::component::Component;
use crate::launch::{Launch, Ready};
use crate::node;
use crate::site::{Port, Site};
use crate::tools::{self, Tool};

pub(crate) use kwok::nodes as kwok_nodes;

/// What is written before anything starts.
pub(crate) fn prepare(site: &Site) -> Result<()> {
    apiserver::write_audit_policy(site)
}

/// How a component of this cluster is started.
pub(crate) fn launch(site: &Site, component: Component) -> Result<Launch> {
    match component {
        Component::Etcd => etcd(site),
        Component::Apiserver | Component::SecondApiserver => apiserver::launch(site, component),
        Component::ControllerManager => controllers::manager(site),
        Component::Scheduler => controllers::scheduler(site),
        Component::Kwok => kwok::launch(site),
        Component::Containerd => node::containerd(site),
        Component::Kubelet => node::kubelet(site),
        Component::KubeProxy => node::proxy(site),
    }
}

fn etcd(site: &Site) -> Result<Launch> {
    let (clients, peers) = (site.at(Port::EtcdClients), site.at(Port::EtcdPeers));
    let flags = [
        ("name", "only".to_owned()),
        ("data-dir", site.file("etcd").display().to_string()),
        ("listen-client-urls", format!("http://{clients}")),
        ("advertise-client-urls", format!("http://{clients}")),
        ("listen-peer-urls", format!("http://{peers}")),
        ("initial-advertise-peer-urls", format!("http://{peers}")),
        ("initial-cluster", format!("only=http://{peers}")),
        // What it holds need not survive the machine.
        ("unsafe-no-fsync", "true".to_owned()),
        ("log-level", "warn".to_owned()),
    ];
    Ok(Launch::new(tools::path(Tool::Etcd)?, flags, vec![Ready::Http(clients, "/health")]))
}
