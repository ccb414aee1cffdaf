use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::stream;
use hourglass_kubernetes::connection::connect_with;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use kube::{Client, Config};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// A request as the peer saw it.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) at: Instant,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) body: String,
}

impl Seen {
    pub(super) fn is_watch(&self) -> bool {
        self.query.contains("watch=1")
    }

    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    }
}

/// What a peer answers.
pub(super) enum Answer {
    /// A status, `Retry-After` if any, and a body.
    Whole(u16, Option<u32>, Value),
    /// A body that comes in steps.
    Steps(Vec<Step>),
    /// Nothing, ever.
    Hang,
}

/// A step of an answer.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// An event, and the end of its line.
    Event(&'static str, Value),
    /// These bytes.
    Bytes(&'static str),
    /// So long nothing.
    Wait(Duration),
    /// The connection breaks.
    Break,
    /// Nothing more comes, and no end.
    Hang,
}

pub(super) struct Peer {
    pub(super) client: Client,
    seen: Arc<Mutex<Vec<Seen>>>,
    serving: tokio::task::JoinHandle<()>,
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

type Script = dyn Fn(&Seen, usize) -> Answer + Send + Sync;

impl Peer {
    /// Serves what `script` says of each request; it is told how many there were of the same sort (lists, watches,
    /// others) before.
    pub(super) async fn start(script: impl Fn(&Seen, usize) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("http://{}", listener.local_addr().unwrap());
        let client = connect_with(Config::new(uri.parse().unwrap()), "hourglass-test/1").unwrap().client;
        let (seen, script): (Arc<Mutex<Vec<Seen>>>, Arc<Script>) = (Arc::default(), Arc::new(script));
        let log = seen.clone();
        let serving = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (script, log) = (script.clone(), log.clone());
                let service = service_fn(move |request| serve(request, script.clone(), log.clone()));
                tokio::spawn(async move {
                    drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await)
                });
            }
        });
        Self { client, seen, serving }
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Waits until something holds.
    pub(super) async fn until(&self, what: &str, holds: impl Fn(&[Seen]) -> bool) -> Vec<Seen> {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let seen = self.seen();
            if holds(&seen) {
                return seen;
            }
            assert!(Instant::now() < deadline, "not within the deadline: {what}; seen: {seen:#?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

async fn serve(
    request: Request<Incoming>,
    script: Arc<Script>,
    log: Arc<Mutex<Vec<Seen>>>,
) -> Result<Response<UnsyncBoxBody<Bytes, std::io::Error>>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let seen = Seen {
        at: Instant::now(),
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    let before = {
        let mut log = log.lock().unwrap();
        let same = |other: &&Seen| other.is_watch() == seen.is_watch() && other.method == seen.method;
        let before = log.iter().filter(same).count();
        log.push(seen.clone());
        before
    };
    let answer = match script(&seen, before) {
        Answer::Whole(code, retry_after, body) => {
            let mut response = Response::builder().status(code);
            if let Some(seconds) = retry_after {
                response = response.header("Retry-After", seconds);
            }
            response.body(Full::from(body.to_string()).map_err(|never| match never {}).boxed_unsync()).unwrap()
        }
        Answer::Steps(steps) => {
            let steps = stream::unfold(steps.into_iter(), |mut steps| async move {
                loop {
                    let data = match steps.next()? {
                        Step::Event(kind, object) => Ok(format!("{}\n", json!({ "type": kind, "object": object }))),
                        Step::Bytes(bytes) => Ok(bytes.to_owned()),
                        Step::Wait(duration) => {
                            tokio::time::sleep(duration).await;
                            continue;
                        }
                        Step::Break => Err(std::io::Error::other("as the script says")),
                        Step::Hang => std::future::pending().await,
                    };
                    return Some((data.map(|text| Frame::data(Bytes::from(text))), steps));
                }
            });
            Response::new(StreamBody::new(steps).boxed_unsync())
        }
        Answer::Hang => std::future::pending().await,
    };
    Ok(answer)
}

/// A failure as the API server writes it.
pub(super) fn status(code: u16, reason: &str, message: &str) -> Value {
    json!({ "kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": message })
}
