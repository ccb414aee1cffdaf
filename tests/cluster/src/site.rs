//! What of the machine one cluster has for itself: a number, and all places, ports and names that follow from it.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::component::Component;
use crate::options::{ClusterOptions, Node};
use crate::teardown;

/// How many clusters one machine has at a time.
const SLOTS: u16 = 64;
/// The first port of the first cluster. All lie below those that the kernel gives to whoever connects, so that a server which was
/// killed finds its port free when it starts again.
const FIRST_PORT: u16 = 20_000;
/// So many for each.
const PORTS: u16 = 8;

/// The address of a cluster that has a network of its own; every such network is apart from all others.
pub(crate) const OWN_ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 90, 0, 1);

/// The place of one cluster. Everything that it makes on the machine bears its number or lies in its folders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Site {
    pub(crate) number: u16,
    /// What is large: state, images, logs.
    pub(crate) data: PathBuf,
    pub(crate) options: ClusterOptions,
}

/// What listens where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Port {
    EtcdClients,
    EtcdPeers,
    Apiserver,
    SecondApiserver,
    /// The way of the second API server to etcd.
    SlowEtcd,
    ControllerManager,
    Scheduler,
    Kwok,
}

impl Site {
    /// Takes a free one, and keeps it until the file is closed, however that happens. What a killed cluster left there is removed
    /// first.
    pub(crate) fn take(options: &ClusterOptions) -> Result<(Self, File)> {
        fs::create_dir_all(root()).with_context(|| root().display().to_string())?;
        for number in 0..SLOTS {
            let Some((left, mut lock)) = claim(number)? else { continue };
            if let Some(left) = left {
                teardown::remove(&left, teardown::Caller::Anyone)
                    .with_context(|| format!("removing what cluster {number} left"))?;
                lock.set_len(0)?;
            }
            let mut site = Self { number, data: PathBuf::new(), options: options.clone() };
            if !site.ports_are_free() {
                continue;
            }
            let folder = std::env::var_os("TMPDIR").map_or_else(|| PathBuf::from("/var/tmp"), PathBuf::from);
            fs::create_dir_all(&folder)?;
            site.data = tempfile::Builder::new().prefix("hourglass-cluster-").tempdir_in(&folder)?.keep();
            lock.rewind()?;
            lock.write_all(&serde_json::to_vec(&site)?)?;
            return Ok((site, lock));
        }
        bail!("{SLOTS} clusters run already, or their ports from {FIRST_PORT} on are in use: end some of them")
    }

    /// Removes what clusters left whose supervisor was killed. Returns how many there were.
    pub(crate) fn sweep() -> Result<usize> {
        let mut removed = 0;
        for number in 0..SLOTS {
            if !lock_path(number).exists() {
                continue;
            }
            if let Some((Some(left), lock)) = claim(number)? {
                teardown::remove(&left, teardown::Caller::Anyone)
                    .with_context(|| format!("removing what cluster {number} left"))?;
                lock.set_len(0)?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    fn ports_are_free(&self) -> bool {
        let first = self.port(Port::EtcdClients);
        (first..first + PORTS).all(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok())
    }

    pub(crate) fn port(&self, port: Port) -> u16 {
        let offset = match port {
            Port::EtcdClients => 0,
            Port::EtcdPeers => 1,
            Port::Apiserver => 2,
            Port::SecondApiserver => 3,
            Port::SlowEtcd => 4,
            Port::ControllerManager => 5,
            Port::Scheduler => 6,
            Port::Kwok => 7,
        };
        FIRST_PORT + self.number * PORTS + offset
    }

    /// Where something listens, as seen from inside the cluster's network and, for API servers, from outside as well.
    pub(crate) fn at(&self, port: Port) -> SocketAddr {
        SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), self.port(port))
    }

    /// Sockets: short paths, since a socket's may have 107 bytes.
    pub(crate) fn run(&self) -> PathBuf {
        root().join(self.number.to_string())
    }

    /// The network namespace, where the cluster has one.
    pub(crate) fn namespace(&self) -> Option<String> {
        (self.options.node == Node::Real).then(|| format!("hourglass-cluster-{}", self.number))
    }

    /// The address that the API server and the node go by.
    pub(crate) fn address(&self) -> Ipv4Addr {
        if self.namespace().is_some() { OWN_ADDRESS } else { Ipv4Addr::LOCALHOST }
    }

    /// What API servers listen on.
    pub(crate) fn listen_address(&self) -> Ipv4Addr {
        if self.namespace().is_some() { Ipv4Addr::UNSPECIFIED } else { Ipv4Addr::LOCALHOST }
    }

    /// The parent of the cgroups of all pods.
    pub(crate) fn cgroup(&self) -> String {
        format!("hourglass-cluster-{}", self.number)
    }

    /// A file of the cluster.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.data.join(name)
    }

    /// A file with keys or certificates.
    pub(crate) fn pki(&self, name: &str) -> PathBuf {
        self.data.join("pki").join(name)
    }

    /// The kubeconfig of a user: `admin`, or a component's.
    pub(crate) fn kubeconfig(&self, user: &str) -> PathBuf {
        self.data.join("kubeconfig").join(user)
    }

    pub(crate) fn log(&self, component: Component) -> PathBuf {
        self.data.join("log").join(format!("{}.log", component.name()))
    }

    pub(crate) fn audit_log(&self, component: Component) -> PathBuf {
        self.data.join("log").join(format!("{}.audit", component.name()))
    }

    /// `https://127.0.0.1:…`, of the first API server or the second.
    pub(crate) fn server(&self, component: Component) -> String {
        let port = if component == Component::SecondApiserver { Port::SecondApiserver } else { Port::Apiserver };
        format!("https://{}", self.at(port))
    }
}

/// Where clusters keep what must not outlive the machine: locks and sockets.
pub(crate) fn root() -> PathBuf {
    let user = rustix::process::geteuid();
    if user.is_root() {
        PathBuf::from("/run/hourglass-cluster")
    } else {
        std::env::temp_dir().join(format!("hourglass-cluster-{}", user.as_raw()))
    }
}

fn lock_path(number: u16) -> PathBuf {
    root().join(format!("{number}.lock"))
}

/// The lock of a slot, with what stands in it; nothing where somebody holds it.
fn claim(number: u16) -> Result<Option<(Option<Site>, File)>> {
    let path = lock_path(number);
    let lock = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path);
    let mut lock = lock.with_context(|| path.display().to_string())?;
    if lock.try_lock().is_err() {
        return Ok(None);
    }
    let mut text = String::new();
    lock.read_to_string(&mut text)?;
    Ok(Some((serde_json::from_str(&text).ok(), lock)))
}

/// Creates folders.
pub(crate) fn create_folders(folders: &[&Path]) -> Result<()> {
    folders.iter().try_for_each(|folder| fs::create_dir_all(folder).with_context(|| folder.display().to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_clusters_share_a_port_and_none_is_one_that_the_kernel_gives_away() {
        let site = |number| Site { number, data: PathBuf::new(), options: ClusterOptions::default() };
        let last = |number| site(number).port(Port::Kwok);
        for number in 1..SLOTS {
            assert!(last(number - 1) < site(number).port(Port::EtcdClients));
        }
        assert!(last(SLOTS - 1) < 32_768, "{}", last(SLOTS - 1));
    }
}
