use std::time::Duration;

use hourglass_grpc::api::ApiError;
use tokio::io::AsyncReadExt as _;
use tonic::Code;

use crate::support::{Http2, LONG, Tasks, eventually, result, start, submission, within};

#[tokio::test]
async fn calls_beyond_the_limit_may_try_again_later() {
    let tasks = Tasks::hanging();
    let server = start(|options| options.max_calls = 1, Some(tasks.clone()), None).await;
    let api = server.api().await;
    let running = tokio::spawn({
        let api = api.clone();
        async move { api.submit(submission()).await }
    });
    eventually("the first call runs", || tasks.calls() == 1).await;
    let refused = api.submit(submission()).await.unwrap_err();
    assert_eq!(refused.reason(), "TooManyCalls");
    assert!(matches!(refused, ApiError::Refused { code: Code::ResourceExhausted, .. }), "{refused}");
    tasks.gate.add_permits(2);
    assert!(within("the first call", running).await.unwrap().is_ok());
    assert!(api.submit(submission()).await.is_ok(), "its place is free again");
}

#[tokio::test]
async fn a_call_ends_at_the_deadline_of_either_side() {
    let tasks = Tasks::hanging();
    let limit = Duration::from_millis(100);
    let server = start(|options| options.call_timeout = limit, Some(tasks.clone()), None).await;
    let refused = within("the refusal", server.api().await.submit(submission())).await.unwrap_err();
    assert_eq!(refused.reason(), "CallDeadline");
    assert!(matches!(refused, ApiError::Refused { code: Code::DeadlineExceeded, .. }), "{refused}");
    eventually("the call is dropped", || *tasks.dropped.lock().unwrap() == 1).await;
}

#[tokio::test]
async fn a_request_that_trickles_in_is_given_up() {
    let tasks = Tasks::new(Ok(result()));
    let limit = Duration::from_millis(100);
    let server = start(|options| options.request_timeout = limit, Some(tasks), None).await;
    let connection = Http2::connect(server.addr()).await;
    let (answer, mut body) = connection.open("/eigenlayer.hourglass.v1.ExecutorService/SubmitTask").await;
    body.send_data(vec![0, 0].into(), false).unwrap();
    let answer = within("the refusal", answer).await.unwrap();
    assert_eq!(answer.headers()["grpc-status"], (Code::DeadlineExceeded as i32).to_string());
    assert_eq!(answer.headers()["hourglass-reason"], "RequestTooSlow");
}

#[tokio::test]
async fn an_idle_connection_is_closed_although_its_pings_are_answered() {
    let idle = Duration::from_millis(400);
    let server = start(|options| options.idle_timeout = idle, Some(Tasks::new(Ok(result()))), None).await;
    let mut connection = Http2::connect(server.addr()).await;
    let began = tokio::time::Instant::now();
    let mut answered = 0;
    within("the connection closes", async {
        while connection.pings.ping(h2::Ping::opaque()).await.is_ok() {
            answered += 1;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    assert!(answered >= 5, "only {answered} pings were answered");
    assert!(began.elapsed() >= idle, "closed after {:?}", began.elapsed());
    within("the end", connection.ended).await.unwrap();
    eventually("its place is free", || server.handle.load().0 == 0).await;
}

#[tokio::test]
async fn a_connection_with_a_running_call_is_not_idle() {
    let tasks = Tasks::hanging();
    let idle = Duration::from_millis(100);
    let server = start(|options| options.idle_timeout = idle, Some(tasks.clone()), None).await;
    let api = server.api().await;
    let call = tokio::spawn(async move { api.submit(submission()).await });
    eventually("the call runs", || tasks.calls() == 1).await;
    // Several idle timeouts long: what is waited for is that nothing happens.
    tokio::time::sleep(idle * 5).await;
    assert_eq!(server.handle.load(), (1, 1));
    tasks.gate.add_permits(1);
    assert!(within("the call", call).await.unwrap().is_ok());
}

#[tokio::test]
async fn the_longest_idle_connection_of_a_peer_gives_way() {
    let tasks = Tasks::new(Ok(result()));
    let server = start(|options| options.max_connections_per_peer = 2, Some(tasks.clone()), None).await;
    let first = Http2::connect(server.addr()).await;
    eventually("the first is there", || server.handle.load().0 == 1).await;
    let second = Http2::connect(server.addr()).await;
    eventually("the second is there", || server.handle.load().0 == 2).await;
    let third = server.api().await;
    within("the first gives way", first.ended).await.unwrap();
    assert!(third.submit(submission()).await.is_ok());
    assert!(!second.ended.is_finished());
}

#[tokio::test]
async fn a_peer_whose_connections_are_all_busy_gets_no_more() {
    let tasks = Tasks::hanging();
    let server = start(
        |options| (options.max_connections_per_peer, options.handshake_timeout) = (1, LONG * 2),
        Some(tasks.clone()),
        None,
    )
    .await;
    let api = server.api().await;
    let call = tokio::spawn(async move { api.submit(submission()).await });
    eventually("the call runs", || tasks.calls() == 1).await;
    let mut tcp = tokio::net::TcpStream::connect(server.addr()).await.unwrap();
    let mut heard = Vec::new();
    // The ordinary handshake time is longer than this test waits.
    within("the refusal", tcp.read_to_end(&mut heard)).await.unwrap();
    tasks.gate.add_permits(1);
    assert!(within("the call", call).await.unwrap().is_ok());
}

#[tokio::test]
async fn an_aggregator_that_never_closes_a_connection_is_served_on_and_on() {
    let tasks = Tasks::new(Ok(result()));
    let server = start(|options| options.max_connections_per_peer = 8, Some(tasks.clone()), None).await;
    let mut left_open = Vec::new();
    for _ in 0..100 {
        let api = server.api().await;
        assert_eq!(api.submit(submission()).await.unwrap(), result());
        left_open.push(api);
    }
    assert_eq!(tasks.calls(), 100);
    eventually("no more than allowed", || server.handle.load().0 <= 8).await;
}
