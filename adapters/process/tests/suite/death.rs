use std::time::Duration;

use hourglass_core::lifecycle::{ExitCause, InstanceState};
use hourglass_core::ports::InstanceRuntime;
use hourglass_process::Options;
use rustix::process::{Pid, Signal, kill_process};

use crate::fixture::*;

#[tokio::test]
async fn codes_and_signals_are_told_apart() {
    let fixture = Fixture::new();
    let runtime = fixture.open().await;
    for (suffix, text, cause) in [
        (1, "exit 0", ExitCause::Code(0)),
        (2, "exit 137", ExitCause::Code(137)),
        (3, "kill -9 $$", ExitCause::Signal(9)),
        (4, "kill -11 $$", ExitCause::Signal(11)),
        (5, "kill -15 $$", ExitCause::Signal(15)),
    ] {
        runtime.start(&script(suffix, text)).await.unwrap();
        assert_eq!(death(&runtime, &name(suffix)).await, cause);
    }
    // The remains are there until somebody stops it.
    assert!(fixture.instance(&name(1)).exists());
    for suffix in 1..=5 {
        runtime.stop(&name(suffix), Duration::ZERO).await.unwrap();
        gone(&runtime, &name(suffix)).await;
    }
    fixture.nothing_is_left().await;
}

#[tokio::test]
async fn what_the_leader_leaves_dies_with_it() {
    let fixture = Fixture::new();
    let runtime = fixture.open().await;
    let pids = fixture.path().join("pids");
    // One in the group, one in a session of its own, one that also dropped its environment and ignores SIGTERM.
    let text = format!(
        "sleep 1000 & a=$!; setsid sleep 1001 & b=$!; \
         setsid env -i /bin/sh -c 'trap \"\" TERM; sleep 1002; sleep 1003' & c=$!; \
         echo $a $b $c > {0}.new; mv {0}.new {0}; exit 7",
        pids.display()
    );
    runtime.start(&script(1, &text)).await.unwrap();
    assert_eq!(death(&runtime, &name(1)).await, ExitCause::Code(7));
    for pid in line(&pids).await.split(' ') {
        let pid = pid.parse().unwrap();
        eventually("an orphan dies", || !alive(pid)).await;
    }
}

#[tokio::test]
async fn a_supervisor_that_is_killed_takes_only_the_cause_with_it() {
    let fixture = Fixture::new();
    let runtime = fixture.open().await;
    runtime.start(&script(1, "setsid sleep 1001 & exec sleep 1000")).await.unwrap();
    let leader = pid(&runtime, &name(1)).await;
    let stat = std::fs::read_to_string(format!("/proc/{leader}/stat")).unwrap();
    let supervisor = stat.rsplit_once(") ").unwrap().1.split(' ').nth(1).unwrap().parse().unwrap();
    kill_process(Pid::from_raw(supervisor).unwrap(), Signal::KILL).unwrap();
    eventually("the supervisor is gone", || !alive(supervisor)).await;
    assert!(alive(leader));
    kill_process(Pid::from_raw(leader).unwrap(), Signal::KILL).unwrap();
    assert_eq!(death(&runtime, &name(1)).await, ExitCause::Unknown);
    runtime.stop(&name(1), Duration::ZERO).await.unwrap();
    gone(&runtime, &name(1)).await;
    fixture.nothing_is_left().await;
}

#[tokio::test]
async fn output_is_kept_within_bounds() {
    let fixture = Fixture::new();
    let log_bytes = 64 << 10;
    let runtime = fixture.open_with(Options { log_bytes }).await;
    let text = "i=0; while [ $i -lt 400 ]; do head -c 10000 /dev/zero | tr '\\0' x; echo; i=$((i+1)); done; \
                echo the end >&2; exit 4";
    runtime.start(&script(1, text)).await.unwrap();
    let mut largest = 0;
    let dir = fixture.instance(&name(1));
    let size = |file: &str| std::fs::metadata(dir.join(file)).map_or(0, |metadata| metadata.len());
    loop {
        largest = largest.max(size("output.log")).max(size("output.log.1"));
        let state = observed(&runtime, &name(1)).await.unwrap().state;
        if matches!(state, InstanceState::Exited { .. }) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(largest > 0 && largest <= log_bytes, "{largest}");
    assert_eq!(death(&runtime, &name(1)).await, ExitCause::Code(4));
    let mut last = Vec::new();
    for _ in 0..1000 {
        last = runtime.output_tail(&name(1), 1).await;
        if last == ["the end"] {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(last, ["the end"]);
}

#[tokio::test]
async fn its_last_words_are_told_with_its_death() {
    let fixture = Fixture::new();
    let runtime = fixture.open().await;
    // More than a pipe holds: whoever tells the death before everything was read tells something older.
    let text = "head -c 300000 /dev/zero | tr '\\0' 'x' | fold -w 1000; echo; printf '\\033[31mno key\\tin /keys\\n'; \
                printf 'giving up' >&2; exit 3";
    for suffix in 1..=10 {
        runtime.start(&script(suffix, text)).await.unwrap();
        assert_eq!(death(&runtime, &name(suffix)).await, ExitCause::Code(3));
        let words = words(&runtime, suffix).await.unwrap();
        assert!(words.ends_with("x | no key in /keys | giving up"), "{words}");
        assert_eq!(words.chars().count(), 600);
    }
    // Also when somebody else saw it end, and nothing where nothing was printed.
    runtime.start(&script(11, "exit 4")).await.unwrap();
    assert_eq!(death(&runtime, &name(11)).await, ExitCause::Code(4));
    assert_eq!(words(&runtime, 11).await, None);
    drop(runtime);
    let runtime = fixture.open().await;
    assert!(words(&runtime, 1).await.unwrap().ends_with("giving up"));
    for suffix in 1..=11 {
        runtime.stop(&name(suffix), Duration::ZERO).await.unwrap();
        gone(&runtime, &name(suffix)).await;
    }
    // What was told to stop has nothing to explain.
    runtime.start(&script(12, "trap 'echo bye; exit 5' TERM; echo ready; while :; do sleep 0.01; done")).await.unwrap();
    eventually_says(&runtime, 12, "ready").await;
    runtime.stop(&name(12), Duration::from_secs(10)).await.unwrap();
    gone(&runtime, &name(12)).await;
    fixture.nothing_is_left().await;
}

async fn eventually_says(runtime: &hourglass_process::ProcessRuntime, suffix: u32, line: &str) {
    for _ in 0..2000 {
        if runtime.output_tail(&name(suffix), 1).await == [line] {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it never says {line}");
}

async fn words(runtime: &hourglass_process::ProcessRuntime, suffix: u32) -> Option<String> {
    match observed(runtime, &name(suffix)).await.unwrap().state {
        InstanceState::Exited { output, .. } => output,
        other => panic!("{other:?}"),
    }
}
