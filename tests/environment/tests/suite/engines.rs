//! Engines: side by side, frozen, killed, with a full disk, and gone without a trace.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Result, ensure};
use hourglass_environment::api::Api;
use hourglass_environment::engine::{self, Engine, EngineOptions};
use hourglass_environment::waiting::until;
use serde_json::json;

use crate::container::{ask, finished, image, inspect, published, run};

const SOON: Duration = Duration::from_secs(30);

#[test]
fn two_run_side_by_side_and_each_serves_its_own_containers() {
    let engines = [Engine::start().unwrap(), Engine::start().unwrap()];
    let ids: Vec<_> = engines.iter().map(|engine| image("guest:side").load(engine.host()).unwrap()).collect();
    assert_eq!(ids[0], ids[1], "the same content has the same id");
    let containers: Vec<_> =
        engines.iter().map(|e| run(e.host(), "guest:side", &["serve"], None, Some("same-name")).unwrap()).collect();
    // The second engine's start and its rules have not harmed the first's.
    engines[1].restart().unwrap();
    for (engine, id) in engines.iter().zip(&containers) {
        let address = published(engine.host(), id).unwrap();
        until("the port answers", SOON, || ask(address)).unwrap();
        let all = Api::at(engine.host()).unwrap().get("/containers/json").unwrap();
        assert_eq!(all.as_array().map(Vec::len), Some(1), "{all}");
    }
}

#[test]
fn a_container_finds_another_by_name_and_only_where_it_may_reaches_it() {
    let engine = Engine::start().unwrap();
    image("guest:names").load(engine.host()).unwrap();
    let api = engine.api().unwrap();
    api.post("/networks/create", &json!({ "Name": "together" })).unwrap();
    run(engine.host(), "guest:names", &["serve"], Some("together"), Some("performer-a")).unwrap();
    let asking = run(engine.host(), "guest:names", &["resolve", "performer-a"], Some("together"), None).unwrap();
    let (code, said) = finished(engine.host(), &asking).unwrap();
    // A static program resolves names, also in an image that has nothing but itself.
    assert_eq!(code, 0, "{said}");
    assert!(said.starts_with("10.") || said.starts_with("172."), "{said}");
}

#[test]
fn a_frozen_engine_keeps_silent_and_its_containers_serve_on() {
    let engine = Engine::start().unwrap();
    image("guest:frozen").load(engine.host()).unwrap();
    let id = run(engine.host(), "guest:frozen", &["serve"], None, None).unwrap();
    let address = published(engine.host(), &id).unwrap();
    until("the port answers", SOON, || ask(address)).unwrap();
    let impatient = engine.api().unwrap().silence(Duration::from_millis(300));

    engine.freeze().unwrap();
    assert!(impatient.ping().is_err(), "a frozen engine answers");
    ask(address).unwrap();
    engine.thaw().unwrap();
    until("the engine answers again", SOON, || impatient.ping()).unwrap();
}

#[test]
fn a_killed_engine_finds_its_containers_again() {
    let engine = Engine::start().unwrap();
    image("guest:killed").load(engine.host()).unwrap();
    let id = run(engine.host(), "guest:killed", &["serve"], None, None).unwrap();
    let before = inspect(engine.host(), &id).unwrap();

    engine.kill().unwrap();
    assert_eq!(engine.pid(), None);
    assert!(engine.api().unwrap().ping().is_err());
    let pid = before.pointer("/State/Pid").and_then(serde_json::Value::as_i64).unwrap();
    assert!(Path::new(&format!("/proc/{pid}")).exists(), "the container runs on");

    engine.resume().unwrap();
    let after = inspect(engine.host(), &id).unwrap();
    assert_eq!(after.pointer("/State/Pid"), before.pointer("/State/Pid"));
    let address = published(engine.host(), &id).unwrap();
    until("the port answers again", SOON, || ask(address)).unwrap();
}

#[test]
fn without_proxies_ports_are_served_while_the_engine_is_down() {
    let engine = Engine::with(&EngineOptions { userland_proxy: false, ..EngineOptions::default() }).unwrap();
    image("guest:rules").load(engine.host()).unwrap();
    let id = run(engine.host(), "guest:rules", &["serve"], None, None).unwrap();
    let address = published(engine.host(), &id).unwrap();
    until("the port answers", SOON, || ask(address)).unwrap();
    engine.stop().unwrap();
    ask(address).unwrap();
}

#[test]
fn a_small_disk_is_full_soon() {
    let engine = Engine::with(&EngineOptions { disk: Some(64 << 20), ..EngineOptions::default() }).unwrap();
    image("guest:disk").load(engine.host()).unwrap();
    let big = image("guest:big").file("/big", vec![7; 80 << 20], 0o644);
    let refused = big.load(engine.host()).unwrap_err();
    assert!(format!("{refused:#}").contains("no space left"), "{refused:#}");
    // And it lives.
    run(engine.host(), "guest:disk", &["serve"], None, None).unwrap();
}

#[test]
fn nothing_is_left_of_one_that_is_dropped() {
    let left = {
        let engine = Engine::start().unwrap();
        populate(engine.host()).unwrap();
        Traces::of(engine.socket())
    };
    left.are_gone().unwrap();
}

#[test]
fn nothing_is_left_when_its_owner_is_killed() {
    let mut owner = owner();
    let socket = first_line(&mut owner);
    let host = format!("unix://{socket}");
    populate(&host).unwrap();
    let left = Traces::of(Path::new(&socket));
    owner.kill().unwrap();
    owner.wait().unwrap();
    until("everything is removed", SOON, || left.are_gone()).unwrap();
}

#[test]
fn what_is_left_when_all_were_killed_is_swept() {
    let mut owner = owner();
    let socket = first_line(&mut owner);
    populate(&format!("unix://{socket}")).unwrap();
    let left = Traces::of(Path::new(&socket));
    // The supervisor first: nobody is there any more who could clean up.
    let supervisor = child_of(owner.id()).unwrap();
    kill(supervisor);
    owner.kill().unwrap();
    owner.wait().unwrap();
    assert!(left.are_gone().is_err(), "there is something to sweep");
    // Another test's engine may have swept first, when it started: what counts is that it is gone.
    until("everything is swept", SOON, || engine::sweep().map(drop).and_then(|()| left.are_gone())).unwrap();
}

/// A process that owns an engine and does nothing but print its socket and wait for the end of its input.
fn owner() -> std::process::Child {
    let program = env!("CARGO_BIN_EXE_hourglass-environment");
    // It ends with its input, which is ours: also where this test fails.
    let script = "echo ${DOCKER_HOST#unix://}; exec cat";
    let mut command = Command::new(program);
    command.args(["with-engine", "--own", "--", "/bin/sh", "-c", script]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
}

fn first_line(owner: &mut std::process::Child) -> String {
    let mut line = String::new();
    BufReader::new(owner.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with('/'), "{line:?}");
    line.trim().to_owned()
}

/// The supervisor that a process started.
fn child_of(pid: u32) -> Option<u32> {
    let children = std::fs::read_dir("/proc").unwrap().flatten().filter_map(|e| e.file_name().to_str()?.parse().ok());
    children.into_iter().find(|child: &u32| {
        let stat = std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
        let parent = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1)?.parse().ok());
        let line = std::fs::read(format!("/proc/{child}/cmdline")).unwrap_or_default();
        parent == Some(pid) && line.split(|byte| *byte == 0).nth(1) == Some(b"engine")
    })
}

fn kill(pid: u32) {
    let pid = rustix::process::Pid::from_raw(pid.cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

/// A bit of everything that an engine can leave: running and paused containers, a network, a published port.
fn populate(host: &str) -> Result<()> {
    image("guest:left").load(host)?;
    let api = Api::at(host)?;
    api.post("/networks/create", &json!({ "Name": "left" }))?;
    run(host, "guest:left", &["serve"], None, None)?;
    let paused = run(host, "guest:left", &["serve"], Some("left"), None)?;
    api.post(&format!("/containers/{paused}/pause"), &serde_json::Value::Null)?;
    Ok(())
}

/// What an engine has on the machine.
struct Traces {
    number: u8,
    processes: BTreeSet<u32>,
    data: Vec<String>,
}

impl Traces {
    fn of(socket: &Path) -> Self {
        let folder = socket.parent().unwrap();
        let number: u8 = folder.file_name().unwrap().to_str().unwrap().parse().unwrap();
        let mut traces = Self { number, processes: BTreeSet::new(), data: Vec::new() };
        let lock = std::fs::read_to_string(format!("{}.lock", folder.display())).unwrap();
        let slot: serde_json::Value = serde_json::from_str(&lock).unwrap();
        traces.data = vec![slot["data"].as_str().unwrap().to_owned(), folder.display().to_string()];
        traces.processes = traces.living();
        assert!(traces.processes.len() >= 5, "dockerd, containerd, two shims, two containers: {:?}", traces.processes);
        let found = traces.found();
        assert!(found.iter().any(|each| each.contains("bridge")), "{found:?}");
        assert!(found.iter().any(|each| each.contains("rule")), "{found:?}");
        assert!(found.iter().any(|each| each.contains("mount")), "{found:?}");
        assert!(found.iter().any(|each| each.contains("cgroup")), "{found:?}");
        traces
    }

    fn are_gone(&self) -> Result<()> {
        // A slot that somebody else has taken meanwhile shows only what is that one's.
        let taken = std::fs::read_to_string(format!("/run/hourglass-environment/{}.lock", self.number));
        let reused = taken.is_ok_and(|text| !text.is_empty() && !text.contains(&self.data[0]));
        let found = if reused { Vec::new() } else { self.found() };
        ensure!(found.is_empty(), "left: {found:?}");
        let living: Vec<_> = self.processes.iter().filter(|pid| alive(**pid)).collect();
        ensure!(living.is_empty(), "left: processes {living:?}");
        ensure!(!Path::new(&self.data[0]).exists(), "left: {}", self.data[0]);
        Ok(())
    }

    fn found(&self) -> Vec<String> {
        let mut found = Vec::new();
        let links = output("ip", &["-o", "-4", "address", "show", "type", "bridge"]);
        let network = format!(" 10.{}.", 150 + u16::from(self.number));
        found.extend(links.lines().filter(|line| line.contains(&network)).map(|line| format!("bridge {line}")));
        let chain = format!("HG{}", self.number);
        let rules = output("iptables-save", &[]);
        let ours = |line: &&str| line.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == chain);
        found.extend(rules.lines().filter(ours).map(|line| format!("rule {line}")));
        let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
        let below = |line: &&str| self.data.iter().any(|folder| line.contains(&format!("{folder}/")));
        found.extend(mounts.lines().filter(below).map(|line| format!("mount {line}")));
        for group in ["/sys/fs/cgroup", "/sys/fs/cgroup/memory", "/sys/fs/cgroup/freezer", "/sys/fs/cgroup/pids"] {
            let group = format!("{group}/hourglass-engine-{}", self.number);
            found.extend(Path::new(&group).exists().then(|| format!("cgroup {group}")));
        }
        found
    }

    /// Processes that name the engine's folder, and those in its containers.
    fn living(&self) -> BTreeSet<u32> {
        let run = format!("/run/hourglass-environment/{}/", self.number);
        let group = format!("/hourglass-engine-{}/", self.number);
        let all = std::fs::read_dir("/proc").unwrap().flatten().filter_map(|e| e.file_name().to_str()?.parse().ok());
        let ours = |pid: &u32| {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let groups = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
            String::from_utf8_lossy(&line).contains(&run) || groups.contains(&group)
        };
        all.filter(ours).collect()
    }
}

/// Whether a process runs. A zombie that nobody takes note of is none.
fn alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| !matches!(rest.trim_start().chars().next(), Some('Z' | 'X') | None))
}

fn output(program: &str, arguments: &[&str]) -> String {
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap());
    let output = Command::new(program).args(arguments).env("PATH", path).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
