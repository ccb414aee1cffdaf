//! The engine's events, as far as they are the executor's business: it is told of its own containers and of those that
//! bear one of its names, and of nothing else that happens on the host.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, BodyStream, StreamBody};
use hyper::body::{Frame, Incoming};
use serde::Deserialize;

use super::rules::Identity;

/// The longest event that is passed on, in bytes; after a longer one the stream ends.
const LONGEST: usize = 1 << 20;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Event {
    actor: Actor,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Actor {
    attributes: Option<BTreeMap<String, String>>,
}

/// Whether the executor is told.
pub(super) fn concerns(line: &[u8], identity: &Identity) -> bool {
    let Ok(event) = serde_json::from_slice::<Event>(line) else { return false };
    let attributes = event.actor.attributes.unwrap_or_default();
    let named = |key| attributes.get(key).is_some_and(|name| identity.named(name));
    identity.owns(&attributes) || named("name") || named("oldName")
}

/// A stream that carries only those.
pub(super) fn filtered(body: Incoming, identity: Identity) -> BoxBody<Bytes, Cut> {
    let mut buffer = BytesMut::new();
    let lines = TryStreamExt::map_err(BodyStream::new(body), Cut::Engine).try_filter_map(move |frame: Frame<Bytes>| {
        let kept = frame.into_data().map_or(Ok(Bytes::new()), |data| take(&mut buffer, &data, &identity));
        std::future::ready(kept.map(|kept| (!kept.is_empty()).then(|| Frame::data(kept))))
    });
    BodyExt::boxed(StreamBody::new(lines))
}

fn take(buffer: &mut BytesMut, data: &[u8], identity: &Identity) -> Result<Bytes, Cut> {
    buffer.extend_from_slice(data);
    let mut kept = BytesMut::new();
    while let Some(end) = buffer.iter().position(|byte| *byte == b'\n') {
        let line = buffer.split_to(end + 1);
        if concerns(&line, identity) {
            kept.extend_from_slice(&line);
        }
    }
    if buffer.len() > LONGEST { Err(Cut::Long) } else { Ok(kept.freeze()) }
}

/// Why an answer ended before its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum Cut {
    #[error("the engine cut its answer")]
    Engine(#[source] hyper::Error),
    #[error("an event is longer than 1 MiB")]
    Long,
}
