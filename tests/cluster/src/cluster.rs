//! A cluster, in the hands of its owner.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result, bail};
use hourglass_environment::image::Image;
use hourglass_environment::packages;
use hourglass_environment::program;

use crate::api::Api;
use crate::audit::Audit;
use crate::certificates::Authority;
use crate::component::Component;
use crate::faults::Part;
use crate::kubeconfig;
use crate::kubectl::{self, Namespace};
use crate::network::{Network, Relay};
use crate::node;
use crate::options::{ClusterOptions, Node};
use crate::site::Site;
use crate::supervisor::{self, Order, Reply};
use crate::tools;

/// The name of this crate's program.
pub(crate) const PROGRAM: &str = "hourglass-cluster";

/// A running cluster. Dropping it removes it with everything it made: processes, pods, mounts, its network, cgroups, files.
///
/// The same happens when the process that owns it ends in any way, SIGKILL included: a supervisor process sees to it.
/// Calls block; each has a deadline of a minute or two.
#[derive(Debug)]
pub struct Cluster {
    site: Site,
    api: Api,
    link: Mutex<Link>,
}

#[derive(Debug)]
struct Link {
    process: Child,
    /// Closed when the cluster shall end.
    orders: Option<ChildStdin>,
    replies: BufReader<ChildStdout>,
    pids: BTreeMap<Component, i32>,
}

impl Cluster {
    /// Starts one. What it needs is built or installed first, which takes minutes where nothing of it is there yet, and is said on
    /// standard error. Returns when all its components are ready: a control plane after a few seconds.
    ///
    /// # Errors
    /// Where something does not build or cannot be installed, a real node is wanted and this process is not root, or a component
    /// does not start: what it said.
    pub fn start(options: &ClusterOptions) -> Result<Self> {
        options.check()?;
        if options.node == Node::Real {
            packages::ensure(&[packages::Component::Node])?;
            if !rustix::process::geteuid().is_root() {
                bail!("a real node needs root: run as root, or let KUBECONFIG name a cluster that may be used");
            }
        }
        tools::ensure(&tools::of(options))?;
        let mut command = Command::new(program::of(PROGRAM)?);
        command.arg("supervise").arg(serde_json::to_string(options)?);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().context("starting the supervisor of a cluster")?;
        let orders = process.stdin.take();
        let replies = process.stdout.take().context("the supervisor has no output")?;
        let mut link = Link { process, orders, replies: BufReader::new(replies), pids: BTreeMap::new() };
        let begun = link.order(&Order::Begin).and_then(|site| Ok((supervisor::admin(&site)?, site)));
        match begun {
            Ok((api, site)) => Ok(Self { site, api, link: Mutex::new(link) }),
            Err(error) => {
                link.end();
                Err(error)
            }
        }
    }

    /// The kubeconfig of its administrator. Good as long as the cluster lives, in every process of this machine.
    pub fn kubeconfig(&self) -> PathBuf {
        self.site.kubeconfig("admin")
    }

    /// The kubeconfig of its administrator at the second API server, where there is one.
    pub fn second_kubeconfig(&self) -> PathBuf {
        self.site.kubeconfig("admin-2")
    }

    /// A kubeconfig for a user of this name, in these groups, who may do what roles allow them.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn kubeconfig_for(&self, user: &str, groups: &[&str]) -> Result<PathBuf> {
        let authority = Authority::open(&self.site, "ca")?;
        kubeconfig::write(&self.site, &authority, Component::Apiserver, user, groups)
    }

    /// `https://127.0.0.1:port` of its API server.
    pub fn server(&self) -> String {
        self.site.server(Component::Apiserver)
    }

    /// Its API, as its administrator.
    pub fn api(&self) -> &Api {
        &self.api
    }

    /// Runs kubectl as its administrator and returns what it printed.
    ///
    /// # Errors
    /// Where it fails: what it said.
    pub fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        kubectl::run(&self.kubeconfig(), arguments, None)
    }

    /// The same, with something on its standard input: `kubectl apply -f -`.
    ///
    /// # Errors
    /// As [`kubectl`](Self::kubectl).
    pub fn kubectl_with(&self, arguments: &[&str], input: &str) -> Result<String> {
        kubectl::run(&self.kubeconfig(), arguments, Some(input))
    }

    /// A namespace whose name begins with this, for one test.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub fn namespace(&self, prefix: &str) -> Result<Namespace> {
        Namespace::create(&self.kubeconfig(), prefix, self.site.options.controllers)
    }

    /// What its API server wrote down of requests.
    pub fn audit(&self) -> Audit {
        Audit::new(self.site.audit_log(Component::Apiserver))
    }

    /// What the second API server wrote down, where there is one.
    pub fn second_audit(&self) -> Audit {
        Audit::new(self.site.audit_log(Component::SecondApiserver))
    }

    /// One of its processes, to be killed, frozen and started again.
    pub fn part(&self, component: Component) -> Part<'_> {
        Part::new(self, component)
    }

    /// kube-apiserver.
    pub fn apiserver(&self) -> Part<'_> {
        self.part(Component::Apiserver)
    }

    /// etcd.
    pub fn etcd(&self) -> Part<'_> {
        self.part(Component::Etcd)
    }

    /// From now on the second API server learns nothing new from etcd, and answers from what it knows: it is stale.
    ///
    /// # Errors
    /// Where the cluster has none.
    pub fn hold_second_apiserver(&self) -> Result<()> {
        self.order(&Order::Hold)
    }

    /// It catches up.
    ///
    /// # Errors
    /// Where the cluster has none.
    pub fn release_second_apiserver(&self) -> Result<()> {
        self.order(&Order::Release)
    }

    /// Brings an image onto the real node.
    ///
    /// # Errors
    /// Where there is no real node or it refuses the image: what it said.
    pub fn load(&self, image: &Image) -> Result<()> {
        if self.site.options.node != Node::Real {
            bail!("there is no real node that images could be loaded into");
        }
        node::load(&self.site, image)
    }

    /// Runs something where pods, Services and nodes of the real node are reached: a thread of its own in the cluster's network.
    /// Connections that are made there stay there. Without a real node that is just here.
    ///
    /// # Errors
    /// Where the network cannot be entered, or what runs panics.
    pub fn inside<T: Send>(&self, run: impl FnOnce() -> T + Send) -> Result<T> {
        Network::of(&self.site).inside(run)
    }

    /// A port of this machine's loopback behind which an address of the cluster's network answers: a pod's, a Service's.
    ///
    /// # Errors
    /// Where the network cannot be entered.
    pub fn relay(&self, to: SocketAddr) -> Result<Relay> {
        Relay::start(0, &Network::of(&self.site), to)
    }

    /// The network namespace of a cluster with a real node, for `nsenter --net=…`.
    pub fn network(&self) -> Option<PathBuf> {
        Network::of(&self.site).path().map(Path::to_path_buf)
    }

    /// What the cluster was started with.
    pub fn options(&self) -> &ClusterOptions {
        &self.site.options
    }

    /// The folders that are its own, all of which go with it.
    pub fn folders(&self) -> [PathBuf; 2] {
        [self.site.data.clone(), self.site.run()]
    }

    pub(crate) fn site(&self) -> &Site {
        &self.site
    }

    pub(crate) fn order(&self, order: &Order) -> Result<()> {
        self.lock().order(order).map(drop)
    }

    pub(crate) fn pids(&self) -> Result<BTreeMap<Component, i32>> {
        let mut link = self.lock();
        link.order(&Order::Look)?;
        Ok(link.pids.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Link> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.link.get_mut().unwrap_or_else(PoisonError::into_inner).end();
    }
}

impl Link {
    fn order(&mut self, order: &Order) -> Result<Site> {
        let orders = self.orders.as_mut().context("the cluster is being removed")?;
        writeln!(orders, "{}", serde_json::to_string(order)?).context("the supervisor of the cluster is gone")?;
        let mut line = String::new();
        self.replies.read_line(&mut line)?;
        if line.is_empty() {
            bail!("the supervisor of the cluster is gone");
        }
        match serde_json::from_str(&line).with_context(|| format!("not a reply: {line}"))? {
            Reply::Done { site, pids } => {
                self.pids = pids;
                Ok(site)
            }
            Reply::Failed(why) => bail!("{why}"),
        }
    }

    fn end(&mut self) {
        drop(self.orders.take());
        let ended = self.process.wait();
        if !ended.is_ok_and(|status| status.success()) {
            // It was killed, or could not remove everything: what it left is free to be removed by anybody.
            if let Err(error) = sweep() {
                eprintln!("a cluster of the tests is not removed: {error:#}");
            }
        }
    }
}

/// Removes what clusters left whose supervisor was killed as well. Returns how many there were; starting a cluster does it for
/// the place that it takes.
///
/// # Errors
/// Where something cannot be removed.
pub fn sweep() -> Result<usize> {
    Site::sweep()
}
