use std::time::{Duration, Instant};

use hourglass_core::lifecycle::InstanceState;
use hourglass_core::ports::InstanceRuntime;

use crate::fixture::*;

const LONG: Duration = Duration::from_secs(600);

#[tokio::test]
async fn a_graceful_stop_is_waited_for() {
    let fixture = Fixture::new();
    let runtime = fixture.open().await;
    let (ready, done) = (fixture.path().join("ready"), fixture.path().join("done"));
    // The child gets the signal as well as the leader: without it `wait` would last.
    let text = format!(
        "trap 'wait; echo done > {}; exit 0' TERM; sleep 1000 & echo ready > {}; wait; wait",
        done.display(),
        ready.display()
    );
    runtime.start(&script(1, &text)).await.unwrap();
    line(&ready).await;
    runtime.stop(&name(1), LONG).await.unwrap();
    gone(&runtime, &name(1)).await;
    assert_eq!(line(&done).await, "done");
    fixture.nothing_is_left().await;
    // Idempotent, for what is not there too.
    runtime.stop(&name(1), LONG).await.unwrap();
}

#[tokio::test]
async fn what_ignores_sigterm_is_killed_after_its_grace() {
    let fixture = Fixture::new();
    let runtime = fixture.open().await;
    let ready = fixture.path().join("ready");
    let text = format!(
        "trap '' TERM; setsid sh -c 'trap \"\" TERM; while :; do sleep 1; done' & echo ready > {}; \
         while :; do sleep 1; done",
        ready.display()
    );
    runtime.start(&script(1, &text)).await.unwrap();
    line(&ready).await;
    let begun = Instant::now();
    runtime.stop(&name(1), Duration::from_millis(700)).await.unwrap();
    assert_eq!(observed(&runtime, &name(1)).await.unwrap().state, InstanceState::Stopping);
    gone(&runtime, &name(1)).await;
    assert!(begun.elapsed() >= Duration::from_millis(700));
    fixture.nothing_is_left().await;
}

#[tokio::test]
async fn a_second_stop_only_shortens() {
    let fixture = Fixture::new();
    let runtime = fixture.open().await;
    let ready = fixture.path().join("ready");
    let text = format!("trap '' TERM; echo ready > {}; while :; do sleep 1; done", ready.display());
    runtime.start(&script(1, &text)).await.unwrap();
    line(&ready).await;
    runtime.stop(&name(1), LONG).await.unwrap();
    runtime.stop(&name(1), Duration::ZERO).await.unwrap();
    runtime.stop(&name(1), LONG).await.unwrap();
    gone(&runtime, &name(1)).await;
    fixture.nothing_is_left().await;
}
