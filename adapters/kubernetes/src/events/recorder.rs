use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use hourglass_core::Timestamp;
use hourglass_core::ports::Severity;
use http::Method;
use kube::Client;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::dedup::{Dedup, Sort, Told};
use crate::cache::Key;
use crate::connection::{ApiFailure, Call, Content, Resource, resources::EVENTS, send};
use crate::lease::micro_time;

/// Events that wait to be written. More are dropped.
const QUEUED: usize = 512;

/// Longer ones are refused by the API server.
const LONGEST_NOTE: usize = 1024;

/// What an Event is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventTarget {
    /// Its kind.
    pub resource: Resource,
    /// Which one.
    pub key: Key,
    /// Which object of that name.
    pub uid: String,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// To what.
    pub target: EventTarget,
    /// When.
    pub at: Timestamp,
    /// How much it matters.
    pub severity: Severity,
    /// Stable, in CamelCase.
    pub reason: String,
    /// What the operator did, or saw: in CamelCase.
    pub action: &'static str,
    /// For people.
    pub note: String,
}

/// Takes events; never waits. Clones share everything.
#[derive(Debug, Clone)]
pub struct EventRecorder {
    queue: mpsc::Sender<Recorded>,
    dropped: Arc<AtomicU64>,
}

impl EventRecorder {
    /// Takes an event, unless too many wait.
    pub fn record(&self, event: Recorded) {
        if self.queue.try_send(event).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Events that were not written: too many waited, or the API server did not take them.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// Writes what a recorder takes.
pub struct EventWorker {
    client: Client,
    queue: mpsc::Receiver<Recorded>,
    dropped: Arc<AtomicU64>,
    dedup: Dedup,
    /// Who reports: the controller and this process.
    controller: &'static str,
    instance: String,
    number: u64,
}

/// A recorder, and what writes for it; `instance` tells this process from others.
pub fn recorder(client: Client, controller: &'static str, instance: &str) -> (EventRecorder, EventWorker) {
    let (sender, queue) = mpsc::channel(QUEUED);
    let dropped = Arc::new(AtomicU64::new(0));
    let recorder = EventRecorder { queue: sender, dropped: dropped.clone() };
    let instance = instance.chars().take(128).collect();
    (recorder, EventWorker { client, queue, dropped, dedup: Dedup::default(), controller, instance, number: 0 })
}

impl EventWorker {
    /// Writes until every recorder is gone.
    pub async fn run(mut self) {
        while let Some(event) = self.queue.recv().await {
            self.write(&event).await;
        }
    }

    async fn write(&mut self, event: &Recorded) {
        let sort = Sort { uid: event.target.uid.clone(), reason: event.reason.clone(), message: event.note.clone() };
        let written = match self.dedup.tell(&sort, Instant::now()) {
            Told::Counted => return,
            Told::New => self.create(event, &sort).await,
            Told::Again { name, count } => self.count(event, &name, count).await,
        };
        if let Err(failure) = written {
            // The next one of this sort is tried again as a new one.
            self.dedup.forget(&sort);
            self.dropped.fetch_add(1, Ordering::Relaxed);
            tracing::debug!(key = %event.target.key, reason = %event.reason, %failure, "an event was not written");
        }
    }

    async fn create(&mut self, event: &Recorded, sort: &Sort) -> Result<(), ApiFailure> {
        self.number += 1;
        let key = &event.target.key;
        // As other recorders name theirs: the object and an instant, here with a number for two in one millisecond.
        let base: String = key.name().chars().take(200).collect();
        let name = format!("{base}.{:x}.{:x}", event.at.as_millis(), self.number);
        let body = self.object(event, &name);
        let uri = EVENTS.collection(Some(key.namespace()));
        self.send(Method::POST, uri, Content::Json, &body).await?;
        self.dedup.written(sort, name);
        Ok(())
    }

    async fn count(&self, event: &Recorded, name: &str, count: u32) -> Result<(), ApiFailure> {
        let patch = json!({ "series": { "count": count, "lastObservedTime": micro_time(event.at) } });
        let uri = EVENTS.object(event.target.key.namespace(), name, None);
        self.send(Method::PATCH, uri, Content::MergePatch, &patch).await
    }

    async fn send(&self, method: Method, uri: String, content: Content, body: &Value) -> Result<(), ApiFailure> {
        let body = Some((content, Bytes::from(body.to_string())));
        let call = Call { method, uri, body, timeout: Duration::from_secs(5) };
        send(&self.client, &call).await.map(|_| ())
    }

    fn object(&self, event: &Recorded, name: &str) -> Value {
        let EventTarget { resource, key, uid } = &event.target;
        let severity = match event.severity {
            Severity::Normal => "Normal",
            Severity::Warning => "Warning",
        };
        json!({
            "apiVersion": EVENTS.api_version(),
            "kind": EVENTS.kind,
            "metadata": { "name": name, "namespace": key.namespace() },
            "eventTime": micro_time(event.at),
            "reportingController": self.controller,
            "reportingInstance": self.instance,
            "action": event.action,
            "reason": event.reason,
            "regarding": {
                "apiVersion": resource.api_version(),
                "kind": resource.kind,
                "namespace": key.namespace(),
                "name": key.name(),
                "uid": uid,
            },
            "note": cut(&event.note),
            "type": severity,
        })
    }
}

/// The API server counts bytes.
fn cut(note: &str) -> &str {
    let mut end = note.len().min(LONGEST_NOTE);
    while !note.is_char_boundary(end) {
        end -= 1;
    }
    &note[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_cut_between_characters() {
        assert_eq!(cut("short"), "short");
        let long = "ä".repeat(600);
        assert_eq!(cut(&long).len(), LONGEST_NOTE);
        let odd = format!("a{long}");
        assert_eq!(cut(&odd).len(), LONGEST_NOTE - 1);
    }
}
