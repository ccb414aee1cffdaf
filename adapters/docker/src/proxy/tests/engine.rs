//! An engine that says what it is told to, over a Unix socket, and remembers every byte that it was sent.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;

/// What was asked: the first line, the lower-case headers, the body.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) line: String,
    pub(super) headers: String,
    pub(super) body: String,
}

pub(super) struct Scripted {
    asked: Arc<Mutex<Vec<Asked>>>,
    _tasks: JoinSet<()>,
}

impl Scripted {
    /// `answer` is given the first line of a request and says the whole answer, head and body; the connection is closed
    /// after it, unless it ends with `…`: then it stays open until the other side closes.
    pub(super) fn start(path: &Path, answer: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        let listener = UnixListener::bind(path).unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (remembered, answer) = (asked.clone(), Arc::new(answer));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(one(stream, remembered.clone(), answer.clone()));
            }
        });
        Self { asked, _tasks: tasks }
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

async fn one(mut stream: UnixStream, asked: Arc<Mutex<Vec<Asked>>>, answer: Arc<impl Fn(&str) -> String>) {
    let text = read(&mut stream).await;
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let (line, headers) = head.split_once("\r\n").unwrap();
    let request = Asked { line: line.to_owned(), headers: headers.to_lowercase(), body: body.to_owned() };
    asked.lock().unwrap().push(request);
    let answer = answer(line);
    let stays = answer.ends_with('…');
    let _ = stream.write_all(answer.trim_end_matches('…').as_bytes()).await;
    if stays {
        let _ = stream.read(&mut [0; 1]).await;
        asked.lock().unwrap().push(Asked { line: "hung up".into(), headers: String::new(), body: String::new() });
    }
}

async fn read(stream: &mut UnixStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .to_lowercase()
                .split("content-length: ")
                .nth(1)
                .map_or(0, |rest| rest.split("\r\n").next().unwrap().trim().parse().unwrap());
            if body.len() >= length {
                return text;
            }
        }
        let mut buffer = [0; 4096];
        match stream.read(&mut buffer).await.unwrap() {
            0 => return format!("{text}\r\n\r\n"),
            read => bytes.extend_from_slice(buffer.get(..read).unwrap()),
        }
    }
}

pub(super) fn answered(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// Sends raw bytes and reads until the other side closes, or says all of `until`.
pub(super) async fn raw(socket: &PathBuf, bytes: &[u8], until: &str) -> String {
    let mut stream = UnixStream::connect(socket).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut text = String::new();
    let mut buffer = [0; 4096];
    while until.is_empty() || !text.contains(until) {
        match stream.read(&mut buffer).await.unwrap() {
            0 => break,
            read => text.push_str(&String::from_utf8_lossy(buffer.get(..read).unwrap())),
        }
    }
    text
}
