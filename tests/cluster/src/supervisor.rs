//! The process between a test and its cluster: whatever becomes of the test, the cluster and all that it made are removed.
//!
//! It reads orders, one of JSON per line, from its standard input and answers each with a line of JSON. When the input ends,
//! because its owner closed it or died, it removes everything and ends.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, Write};

use anyhow::{Context, Result};
use hourglass_environment::processes;
use rustix::process::{getpid, set_child_subreaper, setsid};
use serde::{Deserialize, Serialize};

use crate::api::Api;
use crate::certificates::{self, Authority};
use crate::component::Component;
use crate::control;
use crate::kubeconfig;
use crate::network::{self, Network, Relay};
use crate::node;
use crate::options::{ClusterOptions, Node};
use crate::process::Processes;
use crate::site::{Port, Site, create_folders};
use crate::teardown::{self, Caller};

/// What a supervisor is told.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Order {
    /// Bring everything up.
    Begin,
    /// Start a component, if it does not run, and wait until it is ready.
    Start(Component),
    /// SIGTERM, and wait until it has ended.
    Stop(Component),
    /// SIGKILL.
    Kill(Component),
    /// SIGSTOP.
    Freeze(Component),
    /// SIGCONT.
    Thaw(Component),
    /// Nothing passes between the second API server and etcd.
    Hold,
    /// It passes again.
    Release,
    /// Say how things are.
    Look,
}

/// What it answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reply {
    /// It is done: where the cluster is, and the processes that run.
    Done { site: Site, pids: BTreeMap<Component, i32> },
    /// Why not.
    Failed(String),
}

/// Runs a cluster until the standard input ends. For the program of this crate; tests start [`Cluster`](crate::Cluster).
///
/// # Errors
/// Where not everything could be removed. That the cluster does not start is told to the owner.
pub fn supervise(options: &str) -> Result<()> {
    // No signal to the owner's group or terminal reaches it.
    setsid()?;
    // What the cluster leaves behind becomes our child.
    set_child_subreaper(Some(getpid()))?;
    let taken =
        serde_json::from_str(options).map_err(Into::into).and_then(|options: ClusterOptions| Site::take(&options));
    let (site, lock) = match taken {
        Ok(taken) => taken,
        Err(error) => {
            answer(&Reply::Failed(format!("{error:#}")));
            return Ok(());
        }
    };
    let served = Supervised::new(&site, &lock).serve();
    let removed = teardown::remove(&site, Caller::Supervisor);
    // Only now is the slot free for others: its lock ends with this process.
    if removed.is_ok() {
        lock.set_len(0)?;
    }
    served.and(removed)
}

fn answer(reply: &Reply) {
    if let Ok(line) = serde_json::to_string(reply) {
        // Nobody may listen any more; that shows when the input ends.
        let _unheard = writeln!(io::stdout(), "{line}");
    }
}

struct Supervised<'a> {
    site: &'a Site,
    /// Held as long as anything of the cluster may be there.
    _lock: &'a File,
    network: Network,
    processes: Processes,
    relays: Vec<Relay>,
    slow: Option<Relay>,
}

impl<'a> Supervised<'a> {
    fn new(site: &'a Site, lock: &'a File) -> Self {
        let network = Network::of(site);
        let processes = Processes::new(network.clone());
        Self { site, _lock: lock, network, processes, relays: Vec::new(), slow: None }
    }

    fn serve(&mut self) -> Result<()> {
        for line in io::stdin().lock().lines() {
            let Ok(line) = line else { break };
            let done = serde_json::from_str(&line).context("not an order").and_then(|order| self.obey(&order));
            self.processes.notice();
            answer(&match done {
                Ok(()) => Reply::Done { site: self.site.clone(), pids: self.processes.running().clone() },
                Err(error) => Reply::Failed(format!("{error:#}")),
            });
        }
        Ok(())
    }

    fn obey(&mut self, order: &Order) -> Result<()> {
        match order {
            Order::Begin => self.begin(),
            Order::Start(component) => self.start(*component),
            Order::Stop(component) => self.processes.stop(*component),
            Order::Kill(component) => self.processes.kill(*component),
            Order::Freeze(component) => self.processes.freeze(*component),
            Order::Thaw(component) => self.processes.thaw(*component),
            Order::Hold => self.slow.as_ref().context("there is no second API server").map(Relay::freeze),
            Order::Release => self.slow.as_ref().context("there is no second API server").map(Relay::thaw),
            Order::Look => Ok(()),
        }
    }

    fn begin(&mut self) -> Result<()> {
        let site = self.site;
        create_folders(&[&site.run(), &site.pki(""), &site.kubeconfig(""), &site.file("log"), &site.file("home")])?;
        let authority = certificates::create(site)?;
        write_kubeconfigs(site, &authority)?;
        control::prepare(site)?;
        if let Some(name) = site.namespace() {
            network::create(&name)?;
            node::prepare(site)?;
            for port in [Port::Apiserver, Port::SecondApiserver] {
                self.relays.push(Relay::start(site.port(port), &self.network, site.at(port))?);
            }
        }
        if site.options.second_apiserver {
            let network = &Network::of(site);
            let (from, to) = (site.port(Port::SlowEtcd), site.at(Port::EtcdClients));
            self.slow = Some(network.inside(|| Relay::start(from, network, to))??);
        }

        self.start(Component::Etcd)?;
        self.start(Component::Apiserver)?;
        // The others wait for these two alone, so they start at the same time.
        let rest: Vec<_> = Component::of(&site.options).filter(|component| *component > Component::Apiserver).collect();
        let admin = self.admin()?;
        if let Node::Kwok(number) = site.options.node {
            control::kwok_nodes(&admin, number)?;
        }
        let (runtime, others): (Vec<_>, Vec<_>) = rest.into_iter().partition(|each| *each == Component::Containerd);
        for component in runtime {
            // Before anything asks it for a pod it has the image that every pod begins with.
            self.start(component)?;
            node::load_images(site)?;
        }
        let launches =
            others.iter().map(|each| Ok((*each, control::launch(site, *each)?))).collect::<Result<Vec<_>>>()?;
        for (component, launch) in &launches {
            self.processes.spawn(site, *component, launch)?;
        }
        for (component, launch) in &launches {
            self.processes.wait_until_ready(site, *component, launch, &admin)?;
        }
        if site.options.node == Node::Real {
            node::start_dns(&admin)?;
        }
        Ok(())
    }

    fn start(&mut self, component: Component) -> Result<()> {
        let launch = control::launch(self.site, component)?;
        self.processes.spawn(self.site, component, &launch)?;
        let admin = self.admin()?;
        self.processes.wait_until_ready(self.site, component, &launch, &admin)
    }

    fn admin(&self) -> Result<Api> {
        admin(self.site)
    }
}

/// The API server, as its administrator.
pub(crate) fn admin(site: &Site) -> Result<Api> {
    let identity = Authority::open(site, "ca")?.issue("admin", &["system:masters"], &[])?;
    Api::new(site.at(Port::Apiserver), &std::fs::read(site.pki("ca.crt"))?, &identity)
}

fn write_kubeconfigs(site: &Site, authority: &Authority) -> Result<()> {
    let users: [(&str, &[&str]); 6] = [
        ("admin", &["system:masters"]),
        ("system:kube-controller-manager", &[]),
        ("system:kube-scheduler", &[]),
        ("system:kube-proxy", &[]),
        ("system:kwok", &["system:masters"]),
        ("system:node:node", &["system:nodes"]),
    ];
    for (user, groups) in users {
        kubeconfig::write(site, authority, Component::Apiserver, user, groups)?;
    }
    if site.options.second_apiserver {
        kubeconfig::write(site, authority, Component::SecondApiserver, "admin", &["system:masters"])?;
    }
    Ok(())
}

/// Takes note of children that ended.
pub(crate) fn reap() -> Vec<i32> {
    processes::reap()
}
