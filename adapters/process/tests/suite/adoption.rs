use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use hourglass_core::lifecycle::{ExitCause, InstanceState, Owner};
use hourglass_core::ports::InstanceRuntime;
use rustix::process::{Pid, Signal, kill_process};

use crate::fixture::*;

/// Has another process start the script, and kills that process with SIGKILL.
fn started_by_another(fixture: &Fixture, suffix: u32, text: &str) {
    let mut host = Command::new(HOST)
        .arg(fixture.state())
        .args([name(suffix).to_string().as_str(), "/bin/sh", "-c", text])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    BufReader::new(host.stdout.take().unwrap()).read_line(&mut said).unwrap();
    assert_eq!(said, "started\n");
    host.kill().unwrap();
    host.wait().unwrap();
}

fn waits_for(path: &Path, then: &str) -> String {
    format!("until [ -e {} ]; do sleep 0.05; done; {then}", path.display())
}

#[tokio::test]
async fn it_outlives_the_executor_and_its_death_is_known() {
    let fixture = Fixture::new();
    let (go, on) = (fixture.path().join("go"), fixture.path().join("on"));
    let text = format!("{}; {}", waits_for(&go, "echo spoke"), waits_for(&on, "exit 42"));
    started_by_another(&fixture, 1, &text);

    let runtime = fixture.open().await;
    let adopted = observed(&runtime, &name(1)).await.unwrap();
    assert_eq!((adopted.owner, &adopted.state), (Owner::Ours, &InstanceState::Running));
    assert!(adopted.endpoint.is_some());
    assert!(alive(adopted.platform_id.unwrap().parse().unwrap()));
    std::fs::write(&go, "").unwrap();
    for _ in 0..1000 {
        if runtime.output_tail(&name(1), 9).await == ["spoke"] {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(runtime.output_tail(&name(1), 9).await, ["spoke"]);
    std::fs::write(&on, "").unwrap();
    assert_eq!(death(&runtime, &name(1)).await, ExitCause::Code(42));
    runtime.stop(&name(1), Duration::ZERO).await.unwrap();
    gone(&runtime, &name(1)).await;
    fixture.nothing_is_left().await;
}

#[tokio::test]
async fn a_death_while_nobody_looked_is_known_too() {
    let fixture = Fixture::new();
    let go = fixture.path().join("go");
    started_by_another(&fixture, 1, &waits_for(&go, "kill -6 $$"));
    std::fs::write(&go, "").unwrap();
    eventually("it ends", || fixture.processes().is_empty()).await;
    let runtime = fixture.open().await;
    assert_eq!(death(&runtime, &name(1)).await, ExitCause::Signal(6));
}

#[tokio::test]
async fn output_without_an_executor_makes_it_wait_and_not_die() {
    let fixture = Fixture::new();
    let text = "head -c 1000000 /dev/zero | tr '\\0' x; echo; echo over; exec sleep 1000";
    started_by_another(&fixture, 1, text);
    let runtime = fixture.open().await;
    let mut last = Vec::new();
    for _ in 0..2000 {
        last = runtime.output_tail(&name(1), 1).await;
        if last == ["over"] {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(last, ["over"]);
    assert_eq!(observed(&runtime, &name(1)).await.unwrap().state, InstanceState::Running);
}

#[tokio::test]
async fn a_stop_outlives_the_executor() {
    let fixture = Fixture::new();
    let ready = fixture.path().join("ready");
    let text = format!("trap '' TERM; echo ready > {}; while :; do sleep 0.1; done", ready.display());
    let first = fixture.open().await;
    first.start(&script(1, &text)).await.unwrap();
    line(&ready).await;
    first.stop(&name(1), Duration::from_secs(1)).await.unwrap();
    drop(first);
    assert!(!fixture.processes().is_empty());
    let second = fixture.open().await;
    gone(&second, &name(1)).await;
    fixture.nothing_is_left().await;
}

#[tokio::test]
async fn a_start_that_was_interrupted_never_happened() {
    let fixture = Fixture::new();
    drop(fixture.open().await);
    let dir = fixture.instance(&name(1));
    for each in ["work", "tmp"] {
        std::fs::create_dir_all(dir.join(each)).unwrap();
    }
    std::fs::write(dir.join("supervisor.lock"), "").unwrap();
    let owner = fixture.state().canonicalize().unwrap();
    let intent =
        format!(r#"{{"launch":"x","owner":"{}","port":20000,"image":"/bin/sh","started_at":1}}"#, owner.display());
    std::fs::write(dir.join("intent.json"), intent).unwrap();
    std::fs::create_dir(fixture.state().join("instances/.new-y")).unwrap();
    let runtime = fixture.open().await;
    assert!(observed(&runtime, &name(1)).await.is_none());
    fixture.nothing_is_left().await;
    runtime.start(&script(1, "exec sleep 1000")).await.unwrap();
    assert_eq!(observed(&runtime, &name(1)).await.unwrap().state, InstanceState::Running);
}

#[tokio::test]
async fn a_performer_is_found_by_its_marker_alone() {
    let fixture = Fixture::new();
    let first = fixture.open().await;
    first.start(&script(1, "exec sleep 1000")).await.unwrap();
    let leader = pid(&first, &name(1)).await;
    drop(first);
    // As if the supervisor had been killed between starting the performer and writing down which one it is.
    let stat = std::fs::read_to_string(format!("/proc/{leader}/stat")).unwrap();
    let supervisor = stat.rsplit_once(") ").unwrap().1.split(' ').nth(1).unwrap().parse().unwrap();
    kill_process(Pid::from_raw(supervisor).unwrap(), Signal::KILL).unwrap();
    eventually("the supervisor is gone", || !alive(supervisor)).await;
    std::fs::remove_file(fixture.instance(&name(1)).join("leader.json")).unwrap();

    let second = fixture.open().await;
    assert_eq!(observed(&second, &name(1)).await.unwrap().state, InstanceState::Running);
    assert_eq!(pid(&second, &name(1)).await, leader);
    second.stop(&name(1), Duration::from_secs(10)).await.unwrap();
    gone(&second, &name(1)).await;
    fixture.nothing_is_left().await;
}

#[tokio::test]
async fn a_process_id_that_was_used_again_is_not_ours() {
    let fixture = Fixture::new();
    let first = fixture.open().await;
    first.start(&script(1, "exec sleep 1000")).await.unwrap();
    let leader = pid(&first, &name(1)).await;
    drop(first);
    for pid in fixture.processes() {
        kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
    }
    eventually("all are gone", || fixture.processes().is_empty()).await;
    let _unwritten = std::fs::remove_file(fixture.instance(&name(1)).join("exit.json"));

    // Somebody else's process now has the number of our performer, as far as the records say. A number comes back only
    // after all others, so never within the tick of the clock in which it was ours.
    let record = fixture.instance(&name(1)).join("leader.json");
    let text = std::fs::read_to_string(&record).unwrap();
    let mut stranger = loop {
        let mut stranger = Command::new("sleep").arg("1000").process_group_of_its_own().spawn().unwrap();
        if !text.contains(&start_ticks(stranger.id())) {
            break stranger;
        }
        stranger.kill().unwrap();
        stranger.wait().unwrap();
    };
    std::fs::write(&record, text.replace(&leader.to_string(), &stranger.id().to_string())).unwrap();

    let second = fixture.open().await;
    assert_eq!(death(&second, &name(1)).await, ExitCause::Unknown);
    second.stop(&name(1), Duration::ZERO).await.unwrap();
    gone(&second, &name(1)).await;
    assert!(stranger.try_wait().unwrap().is_none(), "a stranger was killed");
    stranger.kill().unwrap();
    stranger.wait().unwrap();
    fixture.nothing_is_left().await;
}

#[tokio::test]
async fn what_another_owner_made_is_left_alone() {
    let fixture = Fixture::new();
    drop(fixture.open().await);
    let dir = fixture.instance(&name(1));
    std::fs::create_dir_all(&dir).unwrap();
    let intent = r#"{"launch":"x","owner":"/elsewhere","port":20000,"image":"/bin/sh","started_at":1}"#;
    std::fs::write(dir.join("intent.json"), intent).unwrap();
    let runtime = fixture.open().await;
    assert_eq!(observed(&runtime, &name(1)).await.unwrap().owner, Owner::Foreign);
    assert!(runtime.performers().await.unwrap().is_empty());
    runtime.start(&script(1, "exec sleep 1000")).await.unwrap();
    runtime.stop(&name(1), Duration::ZERO).await.unwrap();
    assert_eq!(std::fs::read_to_string(dir.join("intent.json")).unwrap(), intent);
}

/// When a process began, in ticks of the clock since boot: field 22 of its status.
fn start_ticks(pid: u32) -> String {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.rsplit_once(") ").unwrap().1.split(' ').nth(19).unwrap().to_owned()
}

trait OwnGroup {
    fn process_group_of_its_own(&mut self) -> &mut Self;
}

impl OwnGroup for Command {
    fn process_group_of_its_own(&mut self) -> &mut Self {
        std::os::unix::process::CommandExt::process_group(self, 0)
    }
}
