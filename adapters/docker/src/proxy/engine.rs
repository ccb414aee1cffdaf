use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

use super::refusal::Refusal;

/// What an inspection may say at most.
const ANSWER_BYTES: usize = 4 << 20;
const CONNECT: Duration = Duration::from_secs(5);
const LOOK_UP: Duration = Duration::from_secs(30);
/// A registry that asks for it is sent credentials in this header.
pub(super) const CREDENTIALS: &str = "x-registry-auth";

/// The engine's own socket. One connection for each call: nothing of one call is left for the next.
#[derive(Debug)]
pub(super) struct Engine {
    socket: PathBuf,
}

/// What a look-up found.
pub(super) enum Found<T> {
    It(T),
    /// The engine says something else, as a rule that there is no such thing; the caller is told in its words.
    Otherwise(Response<Full<Bytes>>),
}

/// What is sent.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) method: Method,
    pub(super) target: String,
    pub(super) json: Option<Vec<u8>>,
    pub(super) credentials: Option<HeaderValue>,
    /// How long the engine may take until it begins to answer.
    pub(super) patience: Duration,
}

impl Engine {
    pub(super) fn new(socket: PathBuf) -> Self {
        Self { socket }
    }

    /// # Errors
    /// The engine cannot be reached, or does not begin to answer in time.
    pub(super) async fn send(&self, outgoing: Outgoing) -> Result<Response<Incoming>, Refusal> {
        let answered = tokio::time::timeout(outgoing.patience, self.exchange(&outgoing));
        match answered.await {
            Ok(Ok(response)) if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
                Err(Refusal::unavailable("engine", "the engine left HTTP"))
            }
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => {
                let message = format!("the engine at {} cannot be reached: {error}", self.socket.display());
                Err(Refusal::unavailable("engine", message))
            }
            Err(_) => {
                Err(Refusal::unavailable("engine", format!("no answer of the engine within {:?}", outgoing.patience)))
            }
        }
    }

    async fn exchange(
        &self,
        outgoing: &Outgoing,
    ) -> Result<Response<Incoming>, Box<dyn std::error::Error + Send + Sync>> {
        let stream = tokio::time::timeout(CONNECT, UnixStream::connect(&self.socket)).await??;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // Ends with the answer, or when whoever reads it stops.
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "an exchange with the engine was cut");
            }
        });
        let mut request =
            Request::builder().method(&outgoing.method).uri(&outgoing.target).header(header::HOST, "docker");
        if let Some(credentials) = &outgoing.credentials {
            request = request.header(CREDENTIALS, credentials);
        }
        let body = match &outgoing.json {
            Some(json) => {
                // The engine reads forms as parameters too: a body is never anything but JSON.
                request = request.header(header::CONTENT_TYPE, "application/json");
                Bytes::copy_from_slice(json)
            }
            None => Bytes::new(),
        };
        Ok(sender.send_request(request.body(Full::new(body))?).await?)
    }

    /// # Errors
    /// The engine cannot be reached, or says what cannot be read.
    pub(super) async fn look_up<T: DeserializeOwned>(&self, target: String) -> Result<Found<T>, Refusal> {
        let outgoing = Outgoing { method: Method::GET, target, json: None, credentials: None, patience: LOOK_UP };
        let response = self.send(outgoing).await?;
        let status = response.status();
        let body = tokio::time::timeout(LOOK_UP, Limited::new(response.into_body(), ANSWER_BYTES).collect()).await;
        let unreadable =
            |what: String| Refusal::unavailable("engine", format!("the engine's answer is unreadable: {what}"));
        let body = match body {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(error)) => return Err(unreadable(error.to_string())),
            Err(_) => return Err(unreadable("it does not end".to_owned())),
        };
        if status != StatusCode::OK {
            let mut response = Response::new(Full::new(body));
            *response.status_mut() = status;
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            return Ok(Found::Otherwise(response));
        }
        serde_json::from_slice(&body).map(Found::It).map_err(|error| unreadable(error.to_string()))
    }
}
