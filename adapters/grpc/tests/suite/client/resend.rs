use std::time::Duration;

use bytes::Bytes;
use hourglass_core::performer::Endpoint;
use hourglass_core::ports::{CallError, PerformerClient as _, Target, TaskCall};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::{call, client, name};
use crate::support::{Behaviour, Performer, eventually, grpc_frame, within};

#[tokio::test]
async fn a_task_that_may_have_run_is_not_sent_again() {
    let (mut dies, fine) = (Performer::start(Behaviour::Hold), Performer::start(Behaviour::Echo));
    let client = client(|_| {});
    client.set_targets(&name(), vec![dies.target(0, true)]);
    let running = tokio::spawn({
        let client = client.client.clone();
        async move { client.execute(&name(), call()).await }
    });
    eventually("the task arrived", || dies.seen() == 1).await;
    client.set_targets(&name(), vec![dies.target(0, true), fine.target(1, true)]);
    client.all_ready().await;
    let before = client.connection_errors();
    dies.kill();
    let error = within("the end", running).await.unwrap().unwrap_err();
    assert!(matches!(error, CallError::Broken(_)), "{error:?}");
    assert_eq!(fine.seen(), 0);
    assert!(client.connection_errors() > before);
}

#[tokio::test]
async fn an_idempotent_task_goes_to_another_instance() {
    let (mut dies, fine) = (Performer::start(Behaviour::Hold), Performer::start(Behaviour::Echo));
    let client = client(|_| {});
    client.set_targets(&name(), vec![dies.target(0, true)]);
    let running = tokio::spawn({
        let client = client.client.clone();
        async move { client.execute(&name(), TaskCall { idempotent: true, ..call() }).await }
    });
    eventually("the task arrived", || dies.seen() == 1).await;
    client.set_targets(&name(), vec![dies.target(0, true), fine.target(1, true)]);
    client.all_ready().await;
    dies.kill();
    assert_eq!(within("the answer", running).await.unwrap().unwrap(), b"0x04");
    assert_eq!(fine.seen(), 1);
}

#[tokio::test]
async fn an_idempotent_task_leaves_an_instance_that_hangs() {
    let (hangs, fine) = (Performer::start(Behaviour::Echo), Performer::start(Behaviour::Echo));
    let client = client(|options| options.slow_threshold = Duration::from_millis(100));
    client.set_targets(&name(), vec![hangs.target(0, true)]);
    client.all_ready().await;
    hangs.set(Behaviour::Hang);
    let running = tokio::spawn({
        let client = client.client.clone();
        async move { client.execute(&name(), TaskCall { idempotent: true, ..call() }).await }
    });
    eventually("the task arrived", || hangs.seen() == 1).await;
    client.set_targets(&name(), vec![hangs.target(0, true), fine.target(1, true)]);
    assert_eq!(within("the answer", running).await.unwrap().unwrap(), b"0x04");
    assert_eq!((hangs.seen(), fine.seen()), (1, 1));
}

/// What a scripted server does with a task.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Script {
    Answer,
    Reset(h2::Reason),
    /// Ends the connection without having looked at the stream.
    GoAway,
}

/// A performer below gRPC: healthy, and each task is treated as the script says, then answered.
async fn scripted(script: Vec<Script>) -> (Target, mpsc::UnboundedReceiver<Script>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let (tell, told) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut script = script.into_iter();
        loop {
            let (tcp, _) = listener.accept().await.unwrap();
            let mut connection = h2::server::handshake(tcp).await.unwrap();
            while let Some(Ok((request, respond))) = connection.accept().await {
                if request.uri().path().ends_with("/Check") {
                    answer(respond, vec![8, 1]);
                    continue;
                }
                let step = script.next().unwrap_or(Script::Answer);
                tell.send(step).unwrap();
                match step {
                    Script::Answer => answer(respond, vec![]),
                    Script::Reset(reason) => {
                        let mut respond = respond;
                        respond.send_reset(reason);
                    }
                    Script::GoAway => {
                        connection.abrupt_shutdown(h2::Reason::NO_ERROR);
                    }
                }
            }
        }
    });
    let endpoint = Endpoint { host: addr.ip().to_string(), port: addr.port() };
    (Target { instance: "p-0123456789-9".parse().unwrap(), endpoint, routed: true }, told)
}

fn answer(mut respond: h2::server::SendResponse<Bytes>, message: Vec<u8>) {
    let head = http::Response::builder().header("content-type", "application/grpc").body(()).unwrap();
    let mut stream = respond.send_response(head, false).unwrap();
    stream.send_data(grpc_frame(0, &message).into(), false).unwrap();
    let mut trailers = http::HeaderMap::new();
    trailers.insert("grpc-status", "0".parse().unwrap());
    stream.send_trailers(trailers).unwrap();
}

#[tokio::test]
async fn a_refused_stream_was_not_processed_and_is_sent_again() {
    let refusal = Script::Reset(h2::Reason::REFUSED_STREAM);
    let (target, mut told) = scripted(vec![refusal, refusal]).await;
    let client = client(|_| {});
    client.set_targets(&name(), vec![target]);
    assert!(within("the answer", client.execute(&name(), call())).await.is_ok());
    for expected in [refusal, refusal, Script::Answer] {
        assert_eq!(told.recv().await, Some(expected));
    }
}

#[tokio::test]
async fn any_other_reset_may_have_run() {
    let reset = Script::Reset(h2::Reason::INTERNAL_ERROR);
    let (target, mut told) = scripted(vec![reset]).await;
    let client = client(|_| {});
    client.set_targets(&name(), vec![target]);
    let error = within("the end", client.execute(&name(), call())).await.unwrap_err();
    assert!(matches!(error, CallError::Broken(_)), "{error:?}");
    assert_eq!(told.recv().await, Some(reset));
    assert!(told.try_recv().is_err(), "sent again");
}

#[tokio::test]
async fn a_connection_that_ends_under_a_task_may_have_run_it() {
    let (target, mut told) = scripted(vec![Script::GoAway]).await;
    let client = client(|_| {});
    client.set_targets(&name(), vec![target]);
    let error = within("the end", client.execute(&name(), call())).await.unwrap_err();
    assert!(matches!(error, CallError::Broken(_)), "{error:?}");
    assert_eq!(told.recv().await, Some(Script::GoAway));
}

#[tokio::test]
async fn a_goaway_that_excludes_a_task_lets_it_be_sent_again() {
    // Below h2, which never says that a stream it has seen was not processed: everything by hand.
    use crate::support::frame;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let (target, mut told) = scripted(vec![]).await;
    let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = proxy.local_addr().unwrap();
    let (seen, mut first_seen) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut first = true;
        loop {
            let (mut inbound, _) = proxy.accept().await.unwrap();
            let upstream = tokio::net::TcpStream::connect(("127.0.0.1", target.endpoint.port)).await.unwrap();
            if !std::mem::take(&mut first) {
                let mut upstream = upstream;
                tokio::spawn(async move { tokio::io::copy_bidirectional(&mut inbound, &mut upstream).await });
                continue;
            }
            // Health is stream 1 and passes; the task, stream 3, gets GOAWAY with 1 as the last stream.
            let (mut from_client, mut to_client) = inbound.into_split();
            let (mut from_server, mut to_server) = upstream.into_split();
            let back = tokio::spawn(async move {
                let _ = tokio::io::copy(&mut from_server, &mut to_client).await;
                to_client
            });
            let mut bytes = vec![0; 64 << 10];
            loop {
                let len = from_client.read(&mut bytes).await.unwrap();
                // The task's message holds its payload as it is.
                if bytes[..len].windows(4).any(|part| part == b"0x04") {
                    break;
                }
                to_server.write_all(&bytes[..len]).await.unwrap();
            }
            seen.send(()).unwrap();
            drop(to_server);
            let mut to_client = back.await.unwrap();
            to_client.write_all(&frame(7, 0, 0, &[0, 0, 0, 1, 0, 0, 0, 0])).await.unwrap();
        }
    });
    let client = client(|_| {});
    let endpoint = Endpoint { host: "127.0.0.1".into(), port: addr.port() };
    client.set_targets(&name(), vec![Target { endpoint, ..target.clone() }]);
    assert!(within("the answer", client.execute(&name(), call())).await.is_ok());
    assert_eq!(first_seen.recv().await, Some(()));
    assert_eq!(told.recv().await, Some(Script::Answer));
}

#[tokio::test]
async fn waiting_ends_at_the_deadline() {
    let client = client(|_| {});
    let deadline = Duration::from_millis(50);
    let error = within("the end", client.execute(&name(), TaskCall { deadline, ..call() })).await.unwrap_err();
    assert!(matches!(&error, CallError::NotReady { detail, .. } if detail == "it has no instance"), "{error}");
}
