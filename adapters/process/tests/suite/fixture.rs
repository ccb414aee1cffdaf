//! A runtime on a directory of its own, performers that are shell scripts, and a look at `/proc`.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use hourglass_core::Address;
use hourglass_core::lifecycle::{ExitCause, Instance, InstanceState, StartInstance};
use hourglass_core::performer::{EnvSource, EnvValue, EnvVar, InstanceName, PerformerName, PerformerSpec};
use hourglass_core::ports::InstanceRuntime;
use hourglass_process::{Options, ProcessRuntime, Supervisor};
use tempfile::TempDir;

pub(crate) const HOST: &str = env!("CARGO_BIN_EXE_hourglass-process-host");

/// Kills whatever a failed test leaves.
pub(crate) struct Fixture {
    dir: TempDir,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    pub(crate) fn instance(&self, name: &InstanceName) -> PathBuf {
        self.state().join("instances").join(name.to_string())
    }

    pub(crate) async fn open(&self) -> ProcessRuntime {
        self.open_with(Options::default()).await
    }

    pub(crate) async fn open_with(&self, options: Options) -> ProcessRuntime {
        ProcessRuntime::open(&self.state(), Supervisor::program(HOST), options).await.unwrap()
    }

    /// Live processes that carry the marker of this directory, or name it in their command line.
    pub(crate) fn processes(&self) -> Vec<i32> {
        let needle = self.dir.path().to_str().unwrap().as_bytes().to_vec();
        let holds =
            |path: String| std::fs::read(path).is_ok_and(|text| text.windows(needle.len()).any(|part| part == needle));
        let pids = std::fs::read_dir("/proc").unwrap().flatten();
        pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .filter(|pid| alive(*pid))
            .filter(|pid| holds(format!("/proc/{pid}/environ")) || holds(format!("/proc/{pid}/cmdline")))
            .collect()
    }

    pub(crate) async fn nothing_is_left(&self) {
        eventually("no process is left", || self.processes().is_empty()).await;
        let left: Vec<_> = std::fs::read_dir(self.state().join("instances")).unwrap().flatten().collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        // Only after a failure is anything there. Supervisors are among them, so nothing is started again.
        for pid in self.processes() {
            if let Some(pid) = rustix::process::Pid::from_raw(pid) {
                let _gone = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            }
        }
    }
}

pub(crate) fn alive(pid: i32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !matches!(stat.rsplit_once(") ").unwrap().1.as_bytes()[0], b'Z' | b'X'))
}

pub(crate) fn name(suffix: u32) -> InstanceName {
    format!("square-0123456789-{suffix}").parse().unwrap()
}

pub(crate) fn performer() -> PerformerName {
    "square".parse().unwrap()
}

/// A performer that is a script, beginning at once.
pub(crate) fn script(suffix: u32, text: &str) -> StartInstance {
    let avs: Address = "0x1111111111111111111111111111111111111111".parse().unwrap();
    let args = vec!["-c".into(), text.into()];
    StartInstance {
        name: name(suffix),
        spec: PerformerSpec { args, ..PerformerSpec::new(avs, "/bin/sh".parse().unwrap()) },
    }
}

pub(crate) fn with_env(mut start: StartInstance, name: &str, value: &str) -> StartInstance {
    let source = EnvSource::Value(EnvValue(value.into()));
    start.spec.env.push(EnvVar { name: name.into(), source });
    start
}

pub(crate) async fn observed(runtime: &ProcessRuntime, name: &InstanceName) -> Option<Instance> {
    runtime.observe(&name.performer).await.unwrap().into_iter().find(|each| each.name == *name)
}

pub(crate) async fn pid(runtime: &ProcessRuntime, name: &InstanceName) -> i32 {
    observed(runtime, name).await.unwrap().platform_id.unwrap().parse().unwrap()
}

/// Waits until the instance has ended and returns why.
pub(crate) async fn death(runtime: &ProcessRuntime, name: &InstanceName) -> ExitCause {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let state = observed(runtime, name).await.expect("its remains stay until it is stopped").state;
        if let InstanceState::Exited { cause, .. } = state {
            return cause;
        }
        assert!(Instant::now() < deadline, "it did not end: {state:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub(crate) async fn gone(runtime: &ProcessRuntime, name: &InstanceName) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while let Some(instance) = observed(runtime, name).await {
        assert!(Instant::now() < deadline, "it is still there: {instance:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub(crate) async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "not within 20 s: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// What a script wrote to this file, once there is a whole line.
pub(crate) async fn line(path: &Path) -> String {
    let read = || std::fs::read_to_string(path).unwrap_or_default();
    eventually("a script writes its file", || read().ends_with('\n')).await;
    read().trim().into()
}
