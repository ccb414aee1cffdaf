//! What stands between an executor and its engine: a proxy that can be cut, and a peer that plays an engine from a script.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;

/// Passes connections on, one for each request, and counts them.
pub(crate) struct Proxy {
    pub(crate) host: String,
    count: Arc<AtomicUsize>,
    connections: Arc<Mutex<JoinSet<()>>>,
    acceptor: tokio::task::JoinHandle<()>,
    _folder: tempfile::TempDir,
}

impl Proxy {
    pub(crate) fn new(engine: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        let engine = PathBuf::from(engine.strip_prefix("unix://").expect("a socket"));
        let (count, connections) = (Arc::<AtomicUsize>::default(), Arc::new(Mutex::new(JoinSet::new())));
        let acceptor = {
            let (count, connections) = (Arc::clone(&count), Arc::clone(&connections));
            tokio::spawn(async move {
                while let Ok((mut near, _)) = listener.accept().await {
                    count.fetch_add(1, Ordering::Relaxed);
                    let engine = engine.clone();
                    connections.lock().unwrap().spawn(async move {
                        if let Ok(mut far) = UnixStream::connect(engine).await {
                            let _ended = tokio::io::copy_bidirectional(&mut near, &mut far).await;
                        }
                    });
                }
            })
        };
        Self { host: format!("unix://{}", path.display()), count, connections, acceptor, _folder: folder }
    }

    /// Requests so far.
    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Cuts every connection.
    pub(crate) fn cut(&self) {
        self.connections.lock().unwrap().abort_all();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.acceptor.abort();
    }
}

/// What a peer does with a request.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// Sends this and closes.
    Bytes(Vec<u8>),
    /// Sends this and leaves the connection open.
    Open(Vec<u8>),
}

impl Reply {
    pub(crate) fn json(status: u16, body: &str) -> Self {
        let length = body.len();
        Self::Bytes(format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n\r\n{body}").into_bytes())
    }

    /// The head and the first piece of a stream.
    pub(crate) fn stream(piece: &str) -> Self {
        let length = piece.len();
        let chunk = if piece.is_empty() { String::new() } else { format!("{length:x}\r\n{piece}\r\n") };
        Self::Open(format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}").into_bytes())
    }
}

/// The replies to each path, in order.
type Script = Arc<Mutex<Vec<(String, VecDeque<Reply>)>>>;

/// Plays an engine.
pub(crate) struct Peer {
    pub(crate) host: String,
    acceptor: tokio::task::JoinHandle<()>,
    _folder: tempfile::TempDir,
}

impl Peer {
    /// Each path has its replies, of which the last stays; an unknown path is 404.
    pub(crate) fn new(script: &[(&str, &[Reply])]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        let script = script.iter().map(|(path, replies)| ((*path).to_owned(), replies.iter().cloned().collect()));
        let script: Script = Arc::new(Mutex::new(script.collect()));
        let acceptor = tokio::spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let script = Arc::clone(&script);
                open.spawn(serve(stream, script));
            }
        });
        Self { host: format!("unix://{}", path.display()), acceptor, _folder: folder }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.acceptor.abort();
    }
}

async fn serve(mut stream: UnixStream, script: Script) {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read_exact(&mut byte).await.is_err() {
            return;
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split(' ').nth(1).unwrap_or_default().split('?').next().unwrap_or_default().to_owned();
    let reply = {
        let mut script = script.lock().unwrap();
        script
            .iter_mut()
            .find(|(each, _)| *each == path)
            .and_then(|(_, replies)| if replies.len() > 1 { replies.pop_front() } else { replies.front().cloned() })
    };
    match reply.unwrap_or_else(|| Reply::json(404, r#"{"message":"no such thing"}"#)) {
        Reply::Bytes(bytes) => {
            let _gone = stream.write_all(&bytes).await;
            let _closed = stream.shutdown().await;
        }
        Reply::Open(bytes) => {
            let _gone = stream.write_all(&bytes).await;
            std::future::pending::<()>().await;
        }
    }
}
