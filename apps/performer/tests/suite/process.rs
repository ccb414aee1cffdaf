use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use rustix::process::Signal;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::running::{Running, command};

#[tokio::test]
async fn sigterm_finishes_what_runs() {
    let dir = tempfile::tempdir().unwrap();
    let count = dir.path().join("count");
    let mut performer = Running::start(&[("TASK_DELAY_MS", "700"), ("COUNT_FILE", count.to_str().unwrap())]);
    let mut watch = HealthClient::new(performer.channel().await);
    let mut states = watch.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    while states.message().await.unwrap().unwrap().status() != ServingStatus::Serving {}
    let answer = {
        let task = performer.task(b"ff");
        tokio::pin!(task);
        // Once it is counted, it runs.
        loop {
            tokio::select! {
                _ = &mut task => unreachable!("it takes 700 ms"),
                () = tokio::time::sleep(Duration::from_millis(5)) => {}
            }
            if count.exists() {
                break;
            }
        }
        performer.signal(Signal::TERM);
        assert_eq!(states.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);
        task.await.unwrap()
    };
    assert_eq!(answer.result, b"fe01");
    assert_eq!(performer.ended().await.code(), Some(0));
}

#[tokio::test]
async fn sigterm_can_be_ignored() {
    let mut performer = Running::start(&[("IGNORE_SIGTERM", "yes")]);
    performer.signal(Signal::TERM);
    assert_eq!(performer.task(b"2").await.unwrap().result, b"4");
    performer.signal(Signal::TERM);
    assert_eq!(performer.health().await.unwrap(), ServingStatus::Serving);
    performer.signal(Signal::KILL);
    assert_eq!(performer.ended().await.signal(), Some(9));
}

#[tokio::test]
async fn crashes() {
    let mut second = Running::start(&[("CRASH_ON_TASK", "2"), ("CRASH_EXIT_CODE", "17")]);
    assert_eq!(second.task(b"2").await.unwrap().result, b"4");
    assert!(second.task(b"2").await.is_err());
    assert_eq!(second.ended().await.code(), Some(17));

    let mut after = Running::start(&[("CRASH_AFTER_TASKS", "1")]);
    assert_eq!(after.task(b"2").await.unwrap().result, b"4");
    assert_eq!(after.ended().await.code(), Some(1));

    let start = command(&[("CRASH_AT_START", "true"), ("CRASH_EXIT_CODE", "3")]).output().unwrap();
    assert_eq!(start.status.code(), Some(3));
}

#[test]
fn every_switch_is_in_the_help() {
    let help = command(&[]).arg("--help").stdout(std::process::Stdio::piped()).output().unwrap();
    let text = String::from_utf8(help.stdout).unwrap();
    for variable in ["GRPC_PORT", "TASK_DELAY_MS", "HANG_TASKS", "CRASH_ON_TASK", "COUNT_FILE", "IGNORE_SIGTERM"] {
        assert!(text.contains(variable), "{variable}: {text}");
    }
}
