use std::time::Duration;

use hourglass_grpc::server::{DrainReport, ServerOptions};
use tokio::net::TcpStream;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::support::{Http2, Tasks, eventually, result, start, submission, within};

#[tokio::test]
async fn unready_first_then_no_new_connections_then_the_running_calls_end() {
    let tasks = Tasks::hanging();
    let delay = Duration::from_millis(600);
    let mut server = start(|options| options.drain_delay = delay, Some(tasks.clone()), None).await;
    let api = server.api().await;
    let call = tokio::spawn(async move { api.submit(submission()).await });
    eventually("the call runs", || tasks.calls() == 1).await;
    let idle = Http2::connect(server.addr()).await;

    let handle = server.handle.clone();
    let drain = tokio::spawn(async move { handle.drain().await });
    let mut readiness = server.handle.readiness();
    within("unready", readiness.wait_for(|ready| !ready)).await.unwrap();
    // During the delay: new connections are served, and hear that they had better go elsewhere.
    let url = format!("http://{}", server.addr());
    let channel = tonic::transport::Channel::from_shared(url).unwrap().connect().await.unwrap();
    let mut health = HealthClient::new(channel);
    let status = health.check(HealthCheckRequest::default()).await.unwrap().into_inner().status;
    assert_eq!(status, 2, "NOT_SERVING");
    server.handle.set_ready(true);
    assert!(!*readiness.borrow_and_update(), "a server that leaves cannot become ready");

    within("GOAWAY ends the idle connection", idle.ended).await.unwrap();
    let refused = async {
        while TcpStream::connect(server.addr()).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    within("no new connections", refused).await;
    assert!(!drain.is_finished(), "a call still runs");
    tasks.gate.add_permits(1);
    assert!(within("the running call", call).await.unwrap().is_ok());
    assert_eq!(within("the drain", drain).await.unwrap(), DrainReport::default());
    within("serving ends", &mut server.serving).await.unwrap();
}

#[tokio::test]
async fn what_does_not_end_is_cut_and_reported() {
    let tasks = Tasks::hanging();
    let change = |options: &mut ServerOptions| options.drain_timeout = Duration::from_millis(100);
    let mut server = start(change, Some(tasks.clone()), None).await;
    let api = server.api().await;
    let call = tokio::spawn(async move { api.submit(submission()).await });
    eventually("the call runs", || tasks.calls() == 1).await;
    let report = within("the drain", server.handle.drain()).await;
    assert_eq!(report, DrainReport { connections_cut: 1, calls_cut: 1 });
    assert!(within("the call", call).await.unwrap().is_err());
    eventually("the call is dropped", || *tasks.dropped.lock().unwrap() == 1).await;
    within("serving ends", &mut server.serving).await.unwrap();
}

#[tokio::test]
async fn the_port_is_free_for_a_successor_while_calls_end() {
    let tasks = Tasks::hanging();
    let server = start(|_| {}, Some(tasks.clone()), None).await;
    let api = server.api().await;
    let call = tokio::spawn(async move { api.submit(submission()).await });
    eventually("the call runs", || tasks.calls() == 1).await;
    let handle = server.handle.clone();
    let drain = tokio::spawn(async move { handle.drain().await });
    let addr = server.addr();
    let mut successor = None;
    let until = tokio::time::Instant::now() + crate::support::LONG;
    while successor.is_none() && tokio::time::Instant::now() < until {
        successor = tokio::net::TcpListener::bind(addr).await.ok();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(successor.is_some());
    tasks.gate.add_permits(1);
    assert_eq!(within("the call", call).await.unwrap().unwrap(), result());
    within("the drain", drain).await.unwrap();
}
