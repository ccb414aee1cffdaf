//! Between the executor and the engine: passes everything on, and counts what is asked.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;

/// A socket at which the engine seems to be. It ends when this is dropped.
pub(crate) struct Counting {
    directory: TempDir,
    calls: Arc<Mutex<Vec<String>>>,
    serving: JoinHandle<()>,
}

const SOCKET: &str = "engine.sock";

impl Counting {
    /// In front of the engine at `host`, which must be a socket.
    pub(crate) fn start(host: &str) -> Result<Self> {
        let engine = host.strip_prefix("unix://").context("calls are counted at a socket: DOCKER_HOST=unix://…")?;
        let engine = PathBuf::from(engine);
        let directory = TempDir::with_prefix("hourglass-bench-engine-")?;
        let listener = UnixListener::bind(directory.path().join(SOCKET))?;
        let calls = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&calls);
        let serving = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (engine, noted) = (engine.clone(), Arc::clone(&noted));
                tokio::spawn(async move {
                    if let Ok(engine) = UnixStream::connect(&engine).await {
                        pass_on(client, engine, &noted).await;
                    }
                });
            }
        });
        Ok(Self { directory, calls, serving })
    }

    /// Its address.
    pub(crate) fn host(&self) -> String {
        format!("unix://{}", self.directory.path().join(SOCKET).display())
    }

    /// What was asked since the last time, in order: `GET /containers/…/json`.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn pass_on(client: UnixStream, engine: UnixStream, calls: &Mutex<Vec<String>>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_engine, mut to_engine) = engine.into_split();
    let asked = async {
        let mut bytes = vec![0; 64 << 10];
        loop {
            let length = match from_client.read(&mut bytes).await {
                Ok(length) if length > 0 => length,
                _ => break,
            };
            let chunk = bytes.get(..length).unwrap_or_default();
            // Whoever asks waits for the answer before asking again: a request begins a chunk.
            if let Some(call) = call(chunk) {
                calls.lock().unwrap_or_else(PoisonError::into_inner).push(call);
            }
            if to_engine.write_all(chunk).await.is_err() {
                break;
            }
        }
        let _closed = to_engine.shutdown().await;
    };
    let answered = async {
        let _ended = tokio::io::copy(&mut from_engine, &mut to_client).await;
        let _closed = to_client.shutdown().await;
    };
    // An answer that has ended ends the connection; the side that asks may have said all it has to say long before.
    tokio::pin!(answered);
    tokio::select! {
        () = asked => answered.await,
        () = &mut answered => {}
    }
}

/// The method and the path of what begins a request: without version and query, ids as `…`.
fn call(chunk: &[u8]) -> Option<String> {
    let line = chunk.split(|byte| *byte == b'\r').next()?;
    let mut words = std::str::from_utf8(line).ok()?.split(' ');
    let (method, target, _http) = (words.next()?, words.next()?, words.next()?.strip_prefix("HTTP/1")?);
    let path = target.split('?').next()?;
    let is_version = |segment: &str| segment.starts_with("v1.");
    let segments = path.split('/').skip(1).filter(|segment| !is_version(segment)).collect::<Vec<_>>();
    let path: String = match segments.as_slice() {
        [kind] => format!("/{kind}"),
        [kind, word @ ("json" | "create")] => format!("/{kind}/{word}"),
        [kind, .., verb @ ("json" | "start" | "stop" | "kill" | "wait" | "logs")] => format!("/{kind}/…/{verb}"),
        [kind, ..] => format!("/{kind}/…"),
        [] => "/".to_owned(),
    };
    Some(format!("{method} {path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked() {
        let of = |text: &str| call(text.as_bytes());
        assert_eq!(of("GET /v1.41/containers/0a1/json HTTP/1.1\r\nHost: x"), Some("GET /containers/…/json".into()));
        assert_eq!(of("GET /containers/json?all=1 HTTP/1.1\r\n"), Some("GET /containers/json".into()));
        assert_eq!(of("POST /containers/create?name=x HTTP/1.1\r\n"), Some("POST /containers/create".into()));
        assert_eq!(of("GET /v1.41/images/h:1/a@sha256:0/json HTTP/1.1\r\n"), Some("GET /images/…/json".into()));
        assert_eq!(of("DELETE /containers/0a1?force=1 HTTP/1.1\r\n"), Some("DELETE /containers/…".into()));
        assert_eq!(of("GET /events?filters=x HTTP/1.1\r\n"), Some("GET /events".into()));
        assert_eq!(of("{\"Image\": \"x\"}"), None);
    }
}
