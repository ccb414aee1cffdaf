//! The cluster of tests that break nothing: one for a process.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context, Result, anyhow, ensure};

use crate::cluster::Cluster;
use crate::kubectl::{self, Namespace};
use crate::options::ClusterOptions;

/// What a cluster's namespace `default` bears where tests may use the cluster.
const MARK: &str = "hourglass.eigenlayer.io/tests";
const ALLOWED: &str = "allowed";

/// A cluster that several tests use at a time, each in a namespace of its own. They must not break it.
#[derive(Debug)]
pub struct Shared {
    kubeconfig: PathBuf,
    own: Option<Cluster>,
}

impl Shared {
    /// The kubeconfig of its administrator.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The cluster, where it is our own and not one that the user named.
    pub fn own(&self) -> Option<&Cluster> {
        self.own.as_ref()
    }

    /// Runs kubectl as its administrator and returns what it printed.
    ///
    /// # Errors
    /// Where it fails: what it said.
    pub fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        kubectl::run(&self.kubeconfig, arguments, None)
    }

    /// A namespace whose name begins with this, for one test.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub fn namespace(&self, prefix: &str) -> Result<Namespace> {
        Namespace::create(&self.kubeconfig, prefix, true)
    }
}

/// The cluster that `KUBECONFIG` names, if it may be used for tests: its namespace `default` must bear the label
/// `hourglass.eigenlayer.io/tests=allowed`. That variable is often set to a cluster that serves somebody, where tests that make
/// and delete resources would do harm; so it alone is not enough.
pub fn existing() -> Option<PathBuf> {
    let kubeconfig = PathBuf::from(std::env::var_os("KUBECONFIG").filter(|value| !value.is_empty())?);
    match check_allowed(&kubeconfig) {
        Ok(()) => Some(kubeconfig),
        Err(error) => {
            eprintln!("==> KUBECONFIG is not used, tests have a cluster of their own: {error:#}");
            None
        }
    }
}

/// Whether tests may use the cluster of this kubeconfig.
///
/// # Errors
/// Where it does not answer, or is not marked for tests: how to mark it.
pub fn check_allowed(kubeconfig: &Path) -> Result<()> {
    let query = ["get", "namespace", "default", "--output=jsonpath={.metadata.labels}", "--request-timeout=10s"];
    let labels = kubectl::run(kubeconfig, &query, None).context("it names a cluster that does not answer")?;
    ensure!(
        labels.contains(&format!("\"{MARK}\":\"{ALLOWED}\"")),
        "it names a cluster that is not marked for tests; to allow it: kubectl label namespace default {MARK}={ALLOWED}"
    );
    Ok(())
}

/// Marks a cluster for tests.
///
/// # Errors
/// Where it does not answer or refuses.
pub fn allow(kubeconfig: &Path) -> Result<()> {
    kubectl::run(kubeconfig, &["label", "--overwrite", "namespace", "default", &format!("{MARK}={ALLOWED}")], None)
        .map(drop)
}

/// The cluster of this process: an [`existing`] one, or else one of our own with controllers, started at the first call and removed
/// when the process ends in whatever way.
///
/// # Errors
/// As [`Cluster::start`]; every call returns the same.
pub fn shared() -> Result<&'static Shared> {
    static SHARED: OnceLock<Result<Shared, String>> = OnceLock::new();
    let shared = SHARED.get_or_init(|| start().map_err(|error| format!("{error:#}")));
    shared.as_ref().map_err(|error| anyhow!("{error}"))
}

fn start() -> Result<Shared> {
    if let Some(kubeconfig) = existing() {
        return Ok(Shared { kubeconfig, own: None });
    }
    let cluster = Cluster::start(&ClusterOptions::default())?;
    Ok(Shared { kubeconfig: cluster.kubeconfig(), own: Some(cluster) })
}
