use std::time::Duration;

use hourglass_grpc::server::ServerOptions;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{Running, Tasks, eventually, frame, headers_frame, result, start, submission, within};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

async fn impatient() -> Running {
    let change = |options: &mut ServerOptions| {
        options.handshake_timeout = Duration::from_millis(200);
        options.idle_timeout = Duration::from_millis(300);
    };
    start(change, Some(Tasks::new(Ok(result()))), None).await
}

/// Reads until the server closes.
async fn closed(tcp: &mut TcpStream) -> Vec<u8> {
    let mut heard = Vec::new();
    // A reset is as closed as an end.
    let _ = within("the server closes", tcp.read_to_end(&mut heard)).await;
    heard
}

#[tokio::test]
async fn a_preface_that_never_ends_is_cut() {
    let server = impatient().await;
    for sent in [&b""[..], &PREFACE[..10], &PREFACE[..23]] {
        let mut tcp = TcpStream::connect(server.addr()).await.unwrap();
        tcp.write_all(sent).await.unwrap();
        assert_eq!(closed(&mut tcp).await, b"");
    }
    assert!(server.api().await.submit(submission()).await.is_ok(), "others are served");
}

#[tokio::test]
async fn another_protocol_is_cut_at_once() {
    let change = |options: &mut ServerOptions| options.handshake_timeout = Duration::from_secs(600);
    let server = start(change, Some(Tasks::new(Ok(result()))), None).await;
    for sent in [&b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"[..], b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"] {
        let mut tcp = TcpStream::connect(server.addr()).await.unwrap();
        tcp.write_all(sent).await.unwrap();
        closed(&mut tcp).await;
    }
}

#[tokio::test]
async fn headers_that_never_end_are_cut() {
    let server = impatient().await;
    let begin = [PREFACE, &frame(4, 0, 0, &[]), &headers_frame(1)].concat();

    let mut stalled = TcpStream::connect(server.addr()).await.unwrap();
    stalled.write_all(&begin).await.unwrap();
    closed(&mut stalled).await;

    let mut endless = TcpStream::connect(server.addr()).await.unwrap();
    endless.write_all(&begin).await.unwrap();
    // An indexed header that costs one byte to send, again and again.
    let more = frame(9, 0, 1, &[0x84; 4096]);
    within("the server closes", async { while endless.write_all(&more).await.is_ok() {} }).await;
    eventually("both places are free", || server.handle.load().0 == 0).await;
}

#[tokio::test]
async fn streams_that_are_opened_and_reset_end_the_connection() {
    let server = impatient().await;
    let mut tcp = TcpStream::connect(server.addr()).await.unwrap();
    tcp.write_all(&[PREFACE, &frame(4, 0, 0, &[])].concat()).await.unwrap();
    // POST http / with END_HEADERS, then RST_STREAM(CANCEL), all in one write so that they are seen together.
    let mut burst = Vec::new();
    for stream in (1..2001).step_by(2) {
        burst.extend(frame(1, 0x4, stream, &[0x83, 0x86, 0x84, 0x41, 0x01, b'x']));
        burst.extend(frame(3, 0, stream, &8u32.to_be_bytes()));
    }
    let _ = tcp.write_all(&burst).await;
    let heard = closed(&mut tcp).await;
    let go_away = heard.windows(2).any(|bytes| bytes == [7, 0]);
    let calm = heard.windows(4).any(|bytes| bytes == 0xbu32.to_be_bytes());
    assert!(go_away && calm, "no GOAWAY with ENHANCE_YOUR_CALM in {heard:?}");
}
