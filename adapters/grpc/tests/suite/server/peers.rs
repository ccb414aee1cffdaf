use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use hourglass_grpc::api::{ApiOptions, ExecutorApi};
use hourglass_grpc::server::{ExecutorServer, ServerHandle, ServerOptions};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

use crate::support::{Management, Tasks, result, submission, within};

/// A server of tasks and of management apart, whose loopback peers are refused while `closed` says so.
async fn serve(listen: IpAddr, closed: &Arc<AtomicBool>) -> (ServerHandle, Arc<Mutex<Vec<IpAddr>>>) {
    let options = ServerOptions {
        listen: SocketAddr::new(listen, 0),
        management_listen: Some(SocketAddr::new(listen, 0)),
        ..ServerOptions::default()
    };
    let (closed, asked) = (Arc::clone(closed), Arc::new(Mutex::new(Vec::new())));
    let seen = Arc::clone(&asked);
    let refuses = Arc::new(move |peer: IpAddr| {
        seen.lock().unwrap().push(peer);
        closed.load(Ordering::SeqCst) && peer == IpAddr::V4(Ipv4Addr::LOCALHOST)
    });
    let server = ExecutorServer::builder(options)
        .tasks(Tasks::new(Ok(result())))
        .management(Arc::new(Management::default()))
        .refuse_peers(refuses)
        .bind()
        .await
        .unwrap();
    let handle = server.handle();
    handle.set_ready(true);
    tokio::spawn(server.serve());
    (handle, asked)
}

/// Whether a connection is closed without a word.
async fn is_closed(address: SocketAddr) -> bool {
    let mut tcp = TcpStream::connect(address).await.unwrap();
    let mut heard = Vec::new();
    // A reset is as closed as an end.
    let _ = within("the server closes", tcp.read_to_end(&mut heard)).await;
    heard.is_empty()
}

#[tokio::test]
async fn a_peer_that_may_not_connect_reaches_no_listener() {
    for listen in [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::UNSPECIFIED)] {
        let closed = Arc::new(AtomicBool::new(true));
        let (handle, asked) = serve(listen, &closed).await;
        let v4 = |address: SocketAddr| SocketAddr::new(Ipv4Addr::LOCALHOST.into(), address.port());
        let (tasks, management) = (v4(handle.local_addr()), v4(handle.management_addr().unwrap()));
        for _ in 0..3 {
            assert!(is_closed(tasks).await && is_closed(management).await);
        }
        assert_eq!(handle.refused_peers(), 6);
        assert_eq!(handle.load().0, 0, "they take no place");
        assert_eq!(*asked.lock().unwrap(), vec![IpAddr::V4(Ipv4Addr::LOCALHOST); 6], "never mapped into IPv6");

        // Each connection is judged anew.
        closed.store(false, Ordering::SeqCst);
        let api = ExecutorApi::connect(ApiOptions::new(tasks.to_string())).await.unwrap();
        within("a task", api.submit(submission())).await.unwrap();
        let api = ExecutorApi::connect(ApiOptions::new(management.to_string())).await.unwrap();
        within("a list", api.list("", None)).await.unwrap();
        assert_eq!(handle.refused_peers(), 6);
    }
}
