use std::time::Duration;

use square_performer::proto::StartSyncRequest;
use square_performer::proto::performer_service_client::PerformerServiceClient;
use square_performer::{Behaviour, Outcome};
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::running::Running;

const SHORT: Duration = Duration::from_millis(300);

#[tokio::test]
async fn it_squares_and_is_healthy() {
    let performer = Running::start(&[]);
    assert_eq!(performer.health().await.unwrap(), ServingStatus::Serving);
    let answer = performer.task(b"0xabcdef0123456789abcdef").await.unwrap();
    assert_eq!(answer.task_id, b"0x01");
    assert_eq!(answer.result, b"0x734cc2f42c145556a0bc301940eedca5e20890f2a521");
    assert_eq!(performer.task(b"hello").await.unwrap().result, b"hello");
    // A payload beyond gRPC's usual 4 MiB.
    let large = vec![b'?'; 6 << 20];
    let mut client = PerformerServiceClient::new(performer.channel().await).max_encoding_message_size(64 << 20);
    client.start_sync(StartSyncRequest { payload: large.clone() }).await.unwrap();
    assert_eq!(performer.task(&large).await.unwrap().result, large);

    let mut health = HealthClient::new(performer.channel().await);
    let other = health.check(HealthCheckRequest { service: "other".into() }).await.unwrap_err();
    assert_eq!(other.code(), Code::NotFound);
}

#[tokio::test]
async fn hanging_tasks_and_hanging_health_are_two_things() {
    let tasks = Running::start(&[("HANG_TASKS", "true")]);
    assert!(tokio::time::timeout(SHORT, tasks.task(b"1")).await.is_err());
    assert_eq!(tasks.health().await.unwrap(), ServingStatus::Serving);
    let health = Running::start(&[("HANG_HEALTH", "1"), ("HANG_TASKS", "off")]);
    assert!(tokio::time::timeout(SHORT, health.health()).await.is_err());
    assert_eq!(health.task(b"1").await.unwrap().result, b"1");
}

#[tokio::test]
async fn health_is_refused_or_late() {
    let refusing = Running::start(&[("REFUSE_HEALTH", "true")]);
    assert_eq!(refusing.health().await.unwrap(), ServingStatus::NotServing);
    let late = Running::start(&[("READY_AFTER_MS", "1500")]);
    let mut watch = HealthClient::new(late.channel().await);
    let mut states = watch.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert_eq!(states.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);
    assert_eq!(states.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
}

#[tokio::test]
async fn floods_and_counts() {
    let flooding = Running::start(&[("FLOOD_ANSWER_BYTES", "5000000"), ("FLOOD_OUTPUT_BYTES", "3000000")]);
    assert_eq!(flooding.task(b"1").await.unwrap().result.len(), 5_000_000);
    let counting = Running::start(&[("COUNT_IN_ANSWER", "true"), ("ANSWER_DIFFERENTLY", "true")]);
    let (one, two) = (counting.task(b"3").await.unwrap().result, counting.task(b"3").await.unwrap().result);
    assert!(one.starts_with(b"9#run1#") && two.starts_with(b"9#run2#"));
    assert_ne!(one[7..], two[7..]);
}

#[tokio::test]
async fn in_this_process() {
    let crash = Behaviour { crash_on_task: Some(1), crash_exit_code: 9, ..Behaviour::default() };
    let performer = square_performer::spawn(crash).await.unwrap();
    let mut client = PerformerServiceClient::connect(format!("http://{}", performer.address())).await.unwrap();
    let task = tokio::spawn(async move { client.execute_task(square_performer::proto::TaskRequest::default()).await });
    assert_eq!(performer.ended(Duration::from_secs(20)).await.unwrap(), Outcome::Crashed(9));
    task.abort();
}
