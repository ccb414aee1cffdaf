//! The known aggregator's way with connections: a new one for each task, never closed, kept alive with pings.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};

use hourglass_tests::running::caller::{answered, connect, submission};
use hourglass_tests::running::executor::Executor;
use hourglass_tests::running::site::{Avs, Site};
use tokio::task::JoinSet;

const PING: &[u8] = b"\0\0\x08\x06\0\0\0\0\0pingping";

/// Keeps an HTTP/2 connection open with pings, as long as it lives; how long that was, and how many were answered.
fn lives(port: u16, at_most: Duration) -> std::io::Result<(Duration, usize)> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    let began = Instant::now();
    stream.set_read_timeout(Some(Duration::from_millis(200)))?;
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")?;
    let (mut received, mut buffer) = (Vec::new(), [0; 4096]);
    while began.elapsed() < at_most {
        if stream.write_all(PING).is_err() {
            break;
        }
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => received.extend_from_slice(&buffer[..n]),
            Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {}
            Err(_) => break,
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let acknowledged = received.windows(17).filter(|w| w.starts_with(b"\0\0\x08\x06\x01") && w.ends_with(b"pingping"));
    Ok((began.elapsed(), acknowledged.count()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pings_are_answered_and_keep_no_connection_alive() {
    let site = Site::new([]).unwrap().set("server.idle_timeout=1s");
    let mut executor = Executor::spawn(&site).unwrap();
    executor.serving().await.unwrap();
    let port = site.ports.tasks;
    let (lived, answered) =
        tokio::task::spawn_blocking(move || lives(port, Duration::from_secs(20))).await.unwrap().unwrap();
    assert!(lived >= Duration::from_millis(900), "closed after {lived:?}");
    assert!(lived < Duration::from_secs(10), "still open after {lived:?}");
    assert!(answered > 3, "{answered} pings were answered");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_for_each_task_left_open() {
    // Fewer places than tasks: those that have been idle longest make room.
    let site =
        Site::new([Avs::ecdsa()]).unwrap().set("server.max_connections=24").set("server.max_connections_per_peer=24");
    let _executor = Executor::start(&site).await.unwrap();
    let avs = &site.avs[0];
    let mut left_open = Vec::new();
    for number in 0..60 {
        let api = connect(&site).await.unwrap();
        let task = submission(&site, avs, &format!("left open {number}"), b"3").await.unwrap();
        assert_eq!(api.submit(task).await.unwrap().output, b"9", "task {number}");
        left_open.push(api);
        assert!(open_connections(site.ports.tasks) <= 24 + 4, "they are not bounded");
    }
    drop(left_open);
}

/// Connections of the port that the executor holds: established ones in `/proc/net/tcp`, by their local side.
fn open_connections(port: u16) -> usize {
    let suffix = format!(":{port:04X}");
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let rows = table.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    rows.filter(|row| row[1].ends_with(&suffix) && row[3] == "01").count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_queue_of_a_performer_is_bounded_and_refuses_at_once() {
    let avs = Avs::ecdsa().env("TASK_DELAY_MS", 1000).line("task: {max_concurrent: 2, max_queued: 3}");
    let site = Site::new([avs]).unwrap();
    let _executor = Executor::start(&site).await.unwrap();
    let avs = &site.avs[0];
    let mut sent = JoinSet::new();
    for number in 0..12 {
        let task = submission(&site, avs, &format!("queued {number}"), b"3").await.unwrap();
        let endpoint = site.endpoint();
        sent.spawn(async move { (task.clone(), hourglass_executor::aggregator::send(&endpoint, &task, 1).await) });
    }
    let (mut done, mut full) = (0, Vec::new());
    while let Some(result) = sent.join_next().await {
        match result.unwrap() {
            (_, Ok(_)) => done += 1,
            (task, Err(error)) => {
                assert!(error.to_string().contains("QueueFull"), "{error}");
                full.push(task);
            }
        }
    }
    assert_eq!((done, full.len()), (5, 7));
    // Which says: come again.
    assert_eq!(answered(&site, avs, &full[0]).await.unwrap().output, b"9");
}
