//! A cluster that runs on in the background, known by the kubeconfig that was written for it.
//!
//! `up` starts another process of this program, `hold`, which owns the cluster, and waits until it says that it is ready. As long
//! as it lives it holds a lock beside the kubeconfig, in which its number is; `down` sends it SIGTERM and waits for the lock.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Seek, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use hourglass_cluster::{Cluster, tools};
use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::arguments::{Kind, Shape};

/// What `hold` says first when its cluster is ready.
const READY: &str = "ready";

pub(crate) fn up(shape: &Shape, kubeconfig: &Path) -> Result<()> {
    let kubeconfig = std::path::absolute(kubeconfig)?;
    let (mut lock, lock_file) = open_lock(&kubeconfig)?;
    if lock.try_lock().is_err() {
        bail!("{} belongs to a cluster that runs: take it down first", kubeconfig.display());
    }
    // A kubeconfig of somebody else must not be lost.
    let mut text = String::new();
    lock.read_to_string(&mut text)?;
    if text.is_empty() && kubeconfig.exists() {
        fs::remove_file(&lock_file)?;
        bail!("{} is there already and is none of a cluster for tests", kubeconfig.display());
    }
    lock.unlock()?;

    println!("==> Starting a cluster (node: {})", shape.node.name());
    let log_file = beside(&kubeconfig, "log");
    let log = File::create(&log_file).with_context(|| log_file.display().to_string())?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["hold", "--node", shape.node.name(), "--nodes", &shape.nodes.to_string(), "--kubeconfig"]);
    // What is built, and how long it takes, is said by the one that builds; the pipe ends when it has something else to do.
    command.arg(&kubeconfig).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).process_group(0);
    tools::ensure(&wanted(shape))?;
    let mut child = command.spawn().context("starting the process that holds the cluster")?;
    let mut said = String::new();
    BufReader::new(child.stdout.take().context("a pipe")?).read_line(&mut said)?;
    if said.trim() != READY {
        let status = child.wait()?;
        bail!("the cluster did not start ({status}):\n{}", fs::read_to_string(&log_file).unwrap_or_default().trim());
    }
    println!("==> It is ready. To use it, in this shell and for tests:");
    println!("export KUBECONFIG={}", kubeconfig.display());
    let kubectl = tools::path(tools::Tool::Kubectl)?;
    println!("export PATH={}:$PATH", kubectl.parent().unwrap_or(&kubectl).display());
    println!("==> To take it down: hourglass-cluster down --kubeconfig {}", kubeconfig.display());
    Ok(())
}

pub(crate) fn down(kubeconfig: &Path) -> Result<()> {
    let kubeconfig = std::path::absolute(kubeconfig)?;
    let (mut lock, lock_file) = open_lock(&kubeconfig)?;
    let mut holder = String::new();
    lock.read_to_string(&mut holder)?;
    if lock.try_lock().is_ok() {
        fs::remove_file(&lock_file)?;
        if holder.is_empty() {
            println!("==> No cluster belongs to {}", kubeconfig.display());
            return Ok(());
        }
        // It was killed; its supervisor removed the cluster, and the rest is ours to remove.
        remove_files(&kubeconfig);
        let left = hourglass_cluster::sweep()?;
        println!("==> The cluster had ended already ({left} had to be swept)");
        return Ok(());
    }
    let pid = holder.trim().parse().ok().and_then(Pid::from_raw);
    kill_process(pid.with_context(|| format!("{}: no process", lock_file.display()))?, Signal::TERM)?;
    // Released when it has ended, and with it the cluster.
    lock.lock()?;
    ensure!(!kubeconfig.exists(), "the cluster could not be removed: see {}", beside(&kubeconfig, "log").display());
    remove_files(&kubeconfig);
    let _gone = fs::remove_file(&lock_file);
    println!("==> The cluster is gone");
    Ok(())
}

pub(crate) fn hold(shape: &Shape, kubeconfig: &Path) -> Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let (mut lock, _) = open_lock(kubeconfig)?;
    lock.try_lock().context("another cluster was faster")?;
    lock.set_len(0)?;
    lock.rewind()?;
    write!(lock, "{}", std::process::id())?;
    let cluster = Cluster::start(&shape.options())?;
    hourglass_cluster::allow(&cluster.kubeconfig())?;
    let written = write_private(kubeconfig, &fs::read(cluster.kubeconfig())?);
    written.with_context(|| kubeconfig.display().to_string())?;
    println!("{READY}");
    let _asked = signals.forever().next();
    drop(cluster);
    fs::remove_file(kubeconfig)?;
    Ok(())
}

/// What has to be built before the cluster can start, and for its use.
fn wanted(shape: &Shape) -> Vec<tools::Tool> {
    let mut wanted = tools::of(&shape.options());
    if shape.node == Kind::Real {
        wanted.push(tools::Tool::Grpcurl);
    }
    wanted
}

fn write_private(path: &Path, content: &[u8]) -> Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut file = File::options().create(true).truncate(true).write(true).mode(0o600).open(path)?;
    Ok(file.write_all(content)?)
}

fn remove_files(kubeconfig: &Path) {
    for file in [kubeconfig.to_path_buf(), beside(kubeconfig, "log")] {
        let _absent = fs::remove_file(file);
    }
}

fn open_lock(kubeconfig: &Path) -> Result<(File, PathBuf)> {
    let file = beside(kubeconfig, "lock");
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    let lock = File::options().create(true).truncate(false).read(true).write(true).open(&file);
    Ok((lock.with_context(|| file.display().to_string())?, file))
}

fn beside(kubeconfig: &Path, end: &str) -> PathBuf {
    let mut name = kubeconfig.as_os_str().to_owned();
    name.push(".");
    name.push(end);
    name.into()
}
