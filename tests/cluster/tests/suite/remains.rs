//! That nothing is left of a cluster, whatever ended it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use hourglass_cluster::{Cluster, ClusterOptions};
use hourglass_environment::waiting::until;

use crate::traces::{self, Traces};

const SOON: Duration = Duration::from_secs(60);

#[test]
fn nothing_is_left_of_one_that_is_dropped() {
    let left = {
        let cluster = Cluster::start(&ClusterOptions::kwok(1)).unwrap();
        Traces::of(&cluster.kubeconfig())
    };
    left.are_gone().unwrap();
}

#[test]
fn nothing_is_left_when_its_owner_is_killed() {
    let (mut owner, kubeconfig) = owner("none");
    let left = Traces::of(&kubeconfig);
    owner.kill().unwrap();
    owner.wait().unwrap();
    until("everything is removed", SOON, || left.are_gone()).unwrap();
}

#[test]
fn what_is_left_when_all_were_killed_is_swept() {
    let (mut owner, kubeconfig) = owner("none");
    let left = Traces::of(&kubeconfig);
    // The supervisor first: nobody is there any more who could clean up.
    kill(traces::supervisor(&kubeconfig));
    owner.kill().unwrap();
    owner.wait().unwrap();
    assert!(left.are_gone().is_err(), "there is something to sweep");
    // Another test's cluster may have swept first, when it started: what counts is that it is gone.
    until("everything is swept", SOON, || hourglass_cluster::sweep().and_then(|_| left.are_gone())).unwrap();
}

#[test]
fn one_in_the_background_lives_until_it_is_taken_down() {
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = folder.path().join("kubeconfig");
    let up = program(&["up", "--node", "none"], &kubeconfig);
    assert!(up.contains(&format!("export KUBECONFIG={}", kubeconfig.display())), "{up}");
    hourglass_cluster::check_allowed(&kubeconfig).unwrap();
    let down = program(&["down"], &kubeconfig);
    assert!(down.contains("gone"), "{down}");
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().flatten().map(|entry| entry.path()).collect();
    assert!(left.is_empty(), "{left:?}");
    // Once more is no failure.
    assert!(program(&["down"], &kubeconfig).contains("No cluster"));
}

#[test]
fn a_kubeconfig_of_somebody_else_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = folder.path().join("config");
    std::fs::write(&kubeconfig, "precious").unwrap();
    let up = Command::new(env!("CARGO_BIN_EXE_hourglass-cluster"))
        .args(["up", "--node", "none", "--kubeconfig"])
        .arg(&kubeconfig)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&up.stderr);
    assert!(!up.status.success() && said.contains("is there already"), "{said}");
    assert_eq!(std::fs::read_to_string(&kubeconfig).unwrap(), "precious");
}

/// A process that owns a cluster and does nothing but print its kubeconfig's path and wait for the end of its input.
pub(crate) fn owner(node: &str) -> (Child, PathBuf) {
    // It ends with its input, which is ours: also where this test fails.
    let script = "echo $KUBECONFIG; exec cat";
    let mut command = Command::new(env!("CARGO_BIN_EXE_hourglass-cluster"));
    command.args(["run", "--node", node, "--", "/bin/sh", "-c", script]);
    let mut owner = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(owner.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with('/'), "{line:?}");
    (owner, PathBuf::from(line.trim()))
}

fn program(words: &[&str], kubeconfig: &Path) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hourglass-cluster"));
    let output = command.args(words).arg("--kubeconfig").arg(kubeconfig).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn kill(pid: u32) {
    let pid = rustix::process::Pid::from_raw(pid.cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}
