use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use hourglass_core::lifecycle::Health;
use hourglass_core::performer::Endpoint;
use hourglass_core::ports::{CallError, PerformerClient as _, Target, TaskCall};

use super::{call, client, name};
use crate::support::{Behaviour, OUT_OF_ROTATION, Performer, eventually, within};

#[tokio::test]
async fn the_reason_says_what_was_seen() {
    for (behaviour, expected) in [(Behaviour::NotServing, "NOT_SERVING"), (Behaviour::NoHealth, "UNIMPLEMENTED")] {
        let performer = Performer::start(behaviour);
        let client = client(|_| {});
        client.set_targets(&name(), vec![performer.target(0, true)]);
        let reason = client.not_ready().await;
        assert!(reason.contains(expected), "{reason}");
        let short = TaskCall { deadline: Duration::from_millis(200), ..call() };
        let error = within("the refusal", client.execute(&name(), short)).await.unwrap_err();
        assert!(matches!(&error, CallError::NotReady { detail, .. } if detail.contains(expected)), "{error}");
        assert_eq!(performer.seen(), 0, "no task for an unhealthy performer");
        performer.set(Behaviour::Echo);
        client.all_ready().await;
        within("the answer", client.execute(&name(), call())).await.unwrap();
    }
}

#[tokio::test]
async fn where_nobody_listens_the_earlier_port_is_named() {
    let mut gone = Performer::start(Behaviour::Echo);
    gone.kill();
    let client = client(|_| {});
    let target = gone.target(0, true);
    eventually("the port is closed", || std::net::TcpStream::connect(gone.addr).is_err()).await;
    client.set_targets(&name(), vec![target]);
    let reason = client.not_ready().await;
    assert!(reason.contains("nothing listens") && reason.contains("8080"), "{reason}");
    assert!(client.connection_errors() > 0);
    let nowhere = Endpoint { host: "not a host".into(), port: 9090 };
    client.set_targets(&name(), vec![Target { endpoint: nowhere, ..gone.target(1, true) }]);
    let reason = client.not_ready().await;
    assert!(reason.contains("not a host"), "{reason}");
}

/// So does the proxy in front of a container's published port, where nobody listens within.
#[tokio::test]
async fn where_somebody_hangs_up_the_earlier_port_is_named() {
    let proxy = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let endpoint = Endpoint { host: "127.0.0.1".into(), port: proxy.local_addr().unwrap().port() };
    let hangs_up = tokio::spawn(async move {
        while let Ok((connection, _)) = proxy.accept().await {
            drop(connection);
        }
    });
    let instance = Performer::start(Behaviour::Echo).target(0, true);
    let client = client(|_| {});
    client.set_targets(&name(), vec![Target { endpoint, ..instance }]);
    let reason = client.not_ready().await;
    assert!(reason.contains("8080"), "{reason}");
    hangs_up.abort();
}

#[tokio::test]
async fn a_target_that_starts_is_seen_soon() {
    let mut performer = Performer::start(Behaviour::Echo);
    performer.kill();
    let client = client(|_| {});
    eventually("the port is closed", || std::net::TcpStream::connect(performer.addr).is_err()).await;
    client.set_targets(&name(), vec![performer.target(0, true)]);
    client.not_ready().await;
    let waiting = tokio::spawn({
        let client = client.client.clone();
        async move { client.execute(&name(), call()).await }
    });
    performer.revive();
    let revived = Instant::now();
    assert!(within("the answer", waiting).await.unwrap().is_ok());
    assert!(revived.elapsed() < Duration::from_secs(2), "{:?}", revived.elapsed());
}

#[tokio::test]
async fn a_hung_performer_under_traffic_leaves_the_rotation_and_returns() {
    let (hung, fine) = (Performer::start(Behaviour::Echo), Performer::start(Behaviour::Echo));
    let client = client(|_| {});
    client.set_targets(&name(), vec![hung.target(0, true), fine.target(1, true)]);
    client.all_ready().await;
    let mut notices = client.watch();
    hung.set(Behaviour::Hang);
    let began = Instant::now();
    let deadline = Duration::from_secs(20);
    let traffic: Vec<_> = (0..2)
        .map(|_| {
            let client = client.client.clone();
            tokio::spawn(async move { client.execute(&name(), TaskCall { deadline, ..call() }).await })
        })
        .collect();
    eventually("out of rotation", || matches!(client.healths()[0], Health::NotReady { .. })).await;
    assert!(began.elapsed() < OUT_OF_ROTATION, "{:?}", began.elapsed());
    within("a notice", notices.next()).await.unwrap();
    // Everything goes to the other one now.
    for _ in 0..10 {
        within("the answer", client.execute(&name(), call())).await.unwrap();
    }
    assert_eq!(hung.seen(), 1);
    // It comes back to life: the task that it still has is answered, and it takes tasks again.
    hung.set(Behaviour::Echo);
    for task in traffic {
        within("the task that hung", task).await.unwrap().unwrap();
    }
    client.all_ready().await;
}

#[tokio::test]
async fn a_slow_performer_that_is_healthy_stays() {
    let slow = Performer::start(Behaviour::Echo);
    let client = client(|options| options.slow_threshold = Duration::from_millis(50));
    client.set_targets(&name(), vec![slow.target(0, true)]);
    client.all_ready().await;
    let checks = || *slow.shared.checks.lock().unwrap();
    let before = checks();
    slow.set(Behaviour::Hold);
    let running = tokio::spawn({
        let client = client.client.clone();
        async move { client.execute(&name(), call()).await }
    });
    eventually("the slow call asks for a check", || checks() > before).await;
    slow.set(Behaviour::Echo);
    within("the answer", running).await.unwrap().unwrap();
    assert!(matches!(client.healths()[0], Health::Ready { .. }));
}

#[tokio::test]
async fn a_killed_performer_is_noticed_at_once_and_found_again_on_its_port() {
    let mut performer = Performer::start(Behaviour::Echo);
    let client = client(|_| {});
    client.set_targets(&name(), vec![performer.target(0, true)]);
    within("the answer", client.execute(&name(), call())).await.unwrap();
    performer.kill();
    let reason = client.not_ready().await;
    assert!(!reason.is_empty());
    performer.revive();
    within("the answer after the restart", client.execute(&name(), call())).await.unwrap();
}

#[tokio::test]
async fn a_connection_that_has_gone_dead_is_replaced() {
    let performer = Performer::start(Behaviour::Echo);
    let proxy = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = Endpoint { host: "127.0.0.1".into(), port: proxy.local_addr().unwrap().port() };
    let (cut, _) = tokio::sync::broadcast::channel::<()>(1);
    let (upstream, cuts) = (performer.addr, cut.clone());
    tokio::spawn(async move {
        loop {
            let (mut near, _) = proxy.accept().await.unwrap();
            let mut cut = cuts.subscribe();
            tokio::spawn(async move {
                let mut far = tokio::net::TcpStream::connect(upstream).await.unwrap();
                tokio::select! {
                    _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                    // As a lost entry in a NAT table: both ends stay open, nothing passes.
                    _ = cut.recv() => std::future::pending().await,
                }
            });
        }
    });
    let client = client(|options| options.slow_threshold = Duration::from_millis(50));
    client.set_targets(&name(), vec![Target { endpoint, ..performer.target(0, true) }]);
    within("the answer", client.execute(&name(), call())).await.unwrap();
    cut.send(()).unwrap();
    let lost = tokio::spawn({
        let client = client.client.clone();
        async move { client.execute(&name(), TaskCall { deadline: Duration::from_secs(3), ..call() }).await }
    });
    client.not_ready().await;
    within("the answer on a new connection", client.execute(&name(), call())).await.unwrap();
    let lost = within("the deadline", lost).await.unwrap();
    assert!(matches!(lost, Err(CallError::Deadline(_))), "{lost:?}");
}
