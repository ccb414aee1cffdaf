//! kubectl, and namespaces for tests.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::tools::{self, Tool};

/// Runs it and returns what it printed.
pub(crate) fn run(kubeconfig: &Path, arguments: &[&str], input: Option<&str>) -> Result<String> {
    let mut command = Command::new(tools::path(Tool::Kubectl)?);
    command.arg("--kubeconfig").arg(kubeconfig).args(arguments).env_remove("KUBECONFIG");
    command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().context("running kubectl")?;
    if let (Some(input), Some(mut pipe)) = (input, child.stdin.take()) {
        // One that fails before it has read everything tells more than the broken pipe.
        let _refused = pipe.write_all(input.as_bytes());
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!("kubectl {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A namespace that no other test uses. Dropping it asks for its removal and does not wait for it.
#[derive(Debug)]
pub struct Namespace {
    kubeconfig: PathBuf,
    name: String,
}

impl Namespace {
    /// One whose name begins with this. Where controllers run it has its service account already.
    pub(crate) fn create(kubeconfig: &Path, prefix: &str, controllers: bool) -> Result<Self> {
        let name = unique(prefix);
        run(kubeconfig, &["create", "namespace", &name], None)?;
        let namespace = Self { kubeconfig: kubeconfig.to_path_buf(), name };
        if controllers {
            namespace.kubectl(&["wait", "--for=create", "serviceaccount/default", "--timeout=60s"])?;
        }
        Ok(namespace)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs kubectl in it as the administrator and returns what it printed.
    ///
    /// # Errors
    /// Where it fails: what it said.
    pub fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        run(&self.kubeconfig, &[&["--namespace", &self.name], arguments].concat(), None)
    }

    /// The same, with something on its standard input: `kubectl apply -f -`.
    ///
    /// # Errors
    /// As [`kubectl`](Self::kubectl).
    pub fn kubectl_with(&self, arguments: &[&str], input: &str) -> Result<String> {
        run(&self.kubeconfig, &[&["--namespace", &self.name], arguments].concat(), Some(input))
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let deleted = run(&self.kubeconfig, &["delete", "namespace", &self.name, "--wait=false"], None);
        if let Err(error) = deleted {
            // A cluster that a test broke takes it along anyway.
            eprintln!("the namespace {} is not deleted: {error:#}", self.name);
        }
    }
}

fn unique(prefix: &str) -> String {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    let seed = format!("{} {now} {}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed));
    let digest = const_hex::encode(Sha256::digest(seed));
    format!("{prefix}-{}", digest.get(..8).unwrap_or_default())
}
