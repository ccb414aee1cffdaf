//! What can become of a component.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use hourglass_environment::api;
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::component::Component;
use crate::site::Port;
use crate::supervisor::Order;

/// One process of a cluster. Its port and its data stay its own while it does not run.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    cluster: &'a Cluster,
    component: Component,
}

impl<'a> Part<'a> {
    pub(crate) fn new(cluster: &'a Cluster, component: Component) -> Self {
        Self { cluster, component }
    }

    /// Kills it (SIGKILL) and returns when it is gone. Nothing where it does not run.
    ///
    /// # Errors
    /// Where the supervisor is gone.
    pub fn kill(&self) -> Result<()> {
        self.cluster.order(&Order::Kill(self.component))
    }

    /// Asks it to end (SIGTERM) and waits until it has.
    ///
    /// # Errors
    /// Where it takes longer than a minute.
    pub fn stop(&self) -> Result<()> {
        self.cluster.order(&Order::Stop(self.component))
    }

    /// Starts it again, as it was, and returns when it is ready. Nothing where it runs.
    ///
    /// # Errors
    /// Where it does not start: what it said.
    pub fn start(&self) -> Result<()> {
        self.cluster.order(&Order::Start(self.component))
    }

    /// Freezes it (SIGSTOP) and returns when none of its threads runs: connections are accepted and nothing is answered.
    ///
    /// # Errors
    /// Where it does not run, or a thread hangs in the kernel for half a minute.
    pub fn freeze(&self) -> Result<()> {
        self.cluster.order(&Order::Freeze(self.component))
    }

    /// Lets a frozen one go on (SIGCONT).
    ///
    /// # Errors
    /// Where it does not run.
    pub fn thaw(&self) -> Result<()> {
        self.cluster.order(&Order::Thaw(self.component))
    }

    /// Its process, while it runs.
    ///
    /// # Errors
    /// Where the supervisor is gone.
    pub fn pid(&self) -> Result<Option<u32>> {
        Ok(self.cluster.pids()?.get(&self.component).map(|pid| pid.cast_unsigned()))
    }

    /// Where it writes what it says.
    pub fn log_file(&self) -> PathBuf {
        self.cluster.site().log(self.component)
    }

    /// What it has said so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.log_file()).unwrap_or_default()).into_owned()
    }
}

impl Cluster {
    /// Makes etcd forget all history before now, and returns the revision: whoever asks an API server that starts after this to
    /// go on from an older one is answered 410. One that runs serves what it still remembers itself.
    ///
    /// # Errors
    /// Where etcd does not answer or refuses: what it said.
    pub fn compact(&self) -> Result<u64> {
        let at = self.site().at(Port::EtcdClients);
        self.inside(|| {
            let etcd = api::Api::at(&format!("tcp://{at}"))?;
            let found = etcd.post("/v3/kv/range", &json!({ "key": "AA==" }))?;
            let revision =
                found.pointer("/header/revision").and_then(Value::as_str).context("etcd names no revision")?;
            etcd.post("/v3/kv/compaction", &json!({ "revision": revision, "physical": true }))?;
            let revision = revision.parse()?;
            ensure!(revision > 0, "etcd has no history yet");
            Ok(revision)
        })?
    }
}
