//! The engine's stream of events.
//!
//! Read here and not through the client library, which does not tell when the stream is open: what is listed before
//! that may be outdated without anybody saying so.

use std::time::Duration;

use bollard::models::EventMessage;
use bollard::{BollardRequest, body_full};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::{Method, Request};
use serde_json::json;

use crate::engine::{EngineError, one_line};
use crate::transport::Transport;

/// What may change what is known of a container.
const ACTIONS: &[&str] =
    &["create", "start", "die", "oom", "destroy", "pause", "unpause", "rename", "restart", "kill", "stop"];

/// The longest event that is believed, in bytes.
const LONGEST: usize = 1 << 20;

/// The stream, open.
#[derive(Debug)]
pub(crate) struct Events {
    body: Incoming,
    buffer: BytesMut,
    address: String,
}

/// Something happened to a container, ours or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    /// The container's.
    pub(crate) id: String,
    pub(crate) action: String,
    /// Of the container.
    pub(crate) name: String,
    /// The value of the label that says whose it is.
    pub(crate) executor: Option<String>,
}

impl Events {
    /// Opens the stream. Events of the last moments come again: nothing falls between opening it and being heard.
    ///
    /// It is not filtered by our label: a foreign container may take one of our names.
    pub(crate) async fn open(transport: &Transport, limit: Duration) -> Result<Self, EngineError> {
        let silent = |what: String| EngineError::Silent(format!("{transport}: the stream of events: {what}"));
        let filters = json!({ "type": ["container"], "event": ACTIONS }).to_string();
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let since = since.saturating_sub(Duration::from_secs(2)).as_secs();
        let target = format!("/events?since={since}&filters={}", escaped(&filters));
        let request: Result<BollardRequest, _> =
            Request::builder().method(Method::GET).uri(target).body(body_full(Bytes::new()));
        let request = request.map_err(|error| silent(error.to_string()))?;
        let answer = tokio::time::timeout(limit, transport.send(request)).await;
        let answer = answer.map_err(|_| silent(format!("no answer within {limit:?}")))?;
        let answer = answer.map_err(|error| silent(error.to_string()))?;
        if !answer.status().is_success() {
            return Err(silent(format!("it answers with status {}", answer.status())));
        }
        Ok(Self { body: answer.into_body(), buffer: BytesMut::new(), address: transport.to_string() })
    }

    /// The next event; an error where the stream ended, broke, or cannot be understood.
    pub(crate) async fn next(&mut self) -> Result<Event, EngineError> {
        loop {
            while let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line = self.buffer.split_to(end + 1);
                if let Some(event) = self.read(&line)? {
                    return Ok(event);
                }
            }
            if self.buffer.len() > LONGEST {
                return Err(self.broken("an event is longer than 1 MiB"));
            }
            match self.body.frame().await {
                Some(Ok(frame)) => self.buffer.extend(frame.into_data().unwrap_or_default()),
                Some(Err(error)) => return Err(self.broken(&error.to_string())),
                None => return Err(self.broken("it ended")),
            }
        }
    }

    fn broken(&self, what: &str) -> EngineError {
        EngineError::Silent(format!("{}: the stream of events: {what}", self.address))
    }

    fn read(&self, line: &[u8]) -> Result<Option<Event>, EngineError> {
        if line.trim_ascii().is_empty() {
            return Ok(None);
        }
        let message: EventMessage = serde_json::from_slice(line).map_err(|error| {
            let start: String = String::from_utf8_lossy(line).chars().take(80).collect();
            self.broken(&format!("{error} in '{}'", one_line(&start)))
        })?;
        Ok(event(message))
    }
}

fn event(message: EventMessage) -> Option<Event> {
    let actor = message.actor?;
    let mut attributes = actor.attributes.unwrap_or_default();
    // `exec_start: /bin/sh` and the like carry more than the action.
    let action = message.action?;
    ACTIONS.contains(&action.as_str()).then_some(())?;
    Some(Event {
        id: actor.id?,
        action,
        name: attributes.remove("name").unwrap_or_default(),
        executor: attributes.remove(crate::labels::EXECUTOR),
    })
}

/// For a query: everything but letters and digits as `%xx`.
fn escaped(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => (byte as char).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(escape).collect()
}
