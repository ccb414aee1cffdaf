use std::time::Duration;

use futures_util::StreamExt;
use hourglass_core::lifecycle::{ExitCause, InstanceState, Owner};
use hourglass_core::ports::InstanceRuntime;
use hourglass_process::{OpenError, Options, ProcessRuntime, Supervisor};

use crate::fixture::*;

#[tokio::test]
async fn it_runs_with_its_environment_and_nothing_else() {
    let fixture = Fixture::new();
    let runtime = fixture.open().await;
    let out = fixture.path().join("env");
    let text = format!("pwd > {0}.new; env >> {0}.new; mv {0}.new {0}; exec sleep 1000", out.display());
    let mut start = with_env(with_env(script(1, &text), "A", "old"), "A", "new");
    start.spec.port = "23456".parse().ok();
    runtime.start(&start).await.unwrap();

    let instance = observed(&runtime, &name(1)).await.unwrap();
    assert_eq!((instance.owner, &instance.state), (Owner::Ours, &InstanceState::Running));
    let port = instance.endpoint.unwrap().port;
    assert_eq!(port, 23_456);
    let text = line(&out).await;
    let mut names: Vec<_> = text.lines().skip(1).filter_map(|each| Some(each.split_once('=')?.0)).collect();
    names.retain(|name| !["LANG", "_", "SHLVL", "OLDPWD"].contains(name));
    names.sort_unstable();
    assert_eq!(names, ["A", "AVS_ADDRESS", "GRPC_PORT", "HOME", "HOURGLASS_INSTANCE", "PATH", "PWD", "TMPDIR"]);
    for expected in ["A=new", "GRPC_PORT=23456", "AVS_ADDRESS=0x1111111111111111111111111111111111111111"] {
        assert!(text.lines().any(|each| each == expected), "{expected}");
    }
    let work = fixture.instance(&name(1)).join("work").canonicalize().unwrap();
    assert_eq!(text.lines().next(), work.to_str());

    runtime.stop(&name(1), Duration::from_secs(10)).await.unwrap();
    gone(&runtime, &name(1)).await;
    fixture.nothing_is_left().await;
}

#[tokio::test]
async fn starting_twice_starts_once() {
    let fixture = Fixture::new();
    let runtime = fixture.open().await;
    let count = fixture.path().join("count");
    let start = script(1, &format!("echo ran >> {}; exec sleep 1000", count.display()));
    let starts = futures_util::future::join_all((0..10).map(|_| runtime.start(&start))).await;
    assert!(starts.into_iter().all(|each| each.is_ok()));
    line(&count).await;
    let first = pid(&runtime, &name(1)).await;
    runtime.start(&start).await.unwrap();
    assert_eq!(pid(&runtime, &name(1)).await, first);
    assert_eq!(std::fs::read_to_string(count).unwrap(), "ran\n");

    // Nor does one that has ended start again under its name.
    runtime.start(&script(2, "exit 3")).await.unwrap();
    assert_eq!(death(&runtime, &name(2)).await, ExitCause::Code(3));
    runtime.start(&script(2, "exec sleep 1000")).await.unwrap();
    assert_eq!(death(&runtime, &name(2)).await, ExitCause::Code(3));
}

#[tokio::test]
async fn fifty_at_once_have_fifty_ports() {
    let fixture = Fixture::new();
    let runtime = fixture.open().await;
    let started = futures_util::future::join_all((0..50).map(|n| {
        let (runtime, start) = (&runtime, script(n, "exec sleep 1000"));
        async move { runtime.start(&start).await }
    }));
    assert!(started.await.into_iter().all(|each| each.is_ok()));
    let instances = runtime.observe(&performer()).await.unwrap();
    assert!(instances.iter().all(|each| each.state == InstanceState::Running));
    let mut ports: Vec<_> = instances.iter().map(|each| each.endpoint.as_ref().unwrap().port).collect();
    ports.sort_unstable();
    ports.dedup();
    assert_eq!(ports.len(), 50);
    assert_eq!(runtime.performers().await.unwrap(), [performer()]);

    for n in 0..50 {
        runtime.stop(&name(n), Duration::from_secs(10)).await.unwrap();
    }
    for n in 0..50 {
        gone(&runtime, &name(n)).await;
    }
    assert!(runtime.performers().await.unwrap().is_empty());
    fixture.nothing_is_left().await;
}

#[tokio::test]
async fn refused_starts_leave_nothing() {
    let fixture = Fixture::new();
    let runtime = fixture.open().await;
    for (image, reason) in [
        (format!("/bin/sh@sha256:{}", "0".repeat(64)), "DigestMismatch"),
        ("/no/such/file".into(), "ImageNotFound"),
        ("org/performer:v1".into(), "ImageNotAPath"),
    ] {
        let mut start = script(1, "exec sleep 1000");
        start.spec.image = image.parse().unwrap();
        let error = runtime.start(&start).await.unwrap_err();
        assert_eq!((error.reason(), error.retryable()), (reason, false));
    }
    assert!(runtime.observe(&performer()).await.unwrap().is_empty());
    fixture.nothing_is_left().await;
}

#[tokio::test]
async fn what_cannot_be_executed_is_observed() {
    let fixture = Fixture::new();
    let runtime = fixture.open().await;
    let mut start = script(1, "true");
    start.spec.command = vec!["/no/such/command".into()];
    runtime.start(&start).await.unwrap();
    let ExitCause::Refused { reason, message } = death(&runtime, &name(1)).await else { panic!("another cause") };
    assert_eq!(reason, "CommandNotFound");
    assert!(message.contains("/no/such/command"), "{message}");
}

#[tokio::test]
async fn changes_are_told() {
    let fixture = Fixture::new();
    let runtime = fixture.open().await;
    let mut changes = runtime.watch();
    runtime.start(&script(1, "exec sleep 1000")).await.unwrap();
    let told = tokio::time::timeout(Duration::from_secs(10), changes.next()).await.unwrap();
    assert_eq!(told, Some(performer()));
    let victim = pid(&runtime, &name(1)).await;
    rustix::process::kill_process(rustix::process::Pid::from_raw(victim).unwrap(), rustix::process::Signal::KILL)
        .unwrap();
    // Notices alone lead to the death: nobody looks in between.
    tokio::time::timeout(Duration::from_secs(10), async {
        while !matches!(observed(&runtime, &name(1)).await.unwrap().state, InstanceState::Exited { .. }) {
            changes.next().await.unwrap();
        }
    })
    .await
    .unwrap();
    drop(runtime);
}

#[tokio::test]
async fn one_runtime_per_directory() {
    let fixture = Fixture::new();
    let first = fixture.open().await;
    let second = ProcessRuntime::open(&fixture.state(), Supervisor::program(HOST), Options::default()).await;
    assert!(matches!(second, Err(OpenError::InUse(_))));
    drop(first);
    fixture.open().await;
}
