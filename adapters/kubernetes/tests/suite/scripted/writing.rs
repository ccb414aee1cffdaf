use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use hourglass_kubernetes::cache::Key;
use hourglass_kubernetes::connection::resources::PODS;
use hourglass_kubernetes::lease::Leadership;
use hourglass_kubernetes::writer::{
    Verb, Write, WriteFailure, WriteHook, WriteMetrics, WriteOutcome, Writer, WriterOptions,
};
use serde_json::json;

use super::peer::{Answer, Peer, status};

#[derive(Default)]
struct Watched {
    outcomes: Mutex<Vec<WriteOutcome>>,
    calls: Mutex<Vec<String>>,
}

impl WriteMetrics for Watched {
    fn written(&self, outcome: WriteOutcome) {
        self.outcomes.lock().unwrap().push(outcome);
    }
}

#[async_trait]
impl WriteHook for Watched {
    async fn before(&self, write: &Write) {
        self.calls.lock().unwrap().push(format!("before {}", write.verb()));
    }

    async fn after(&self, write: &Write, outcome: Result<(), &WriteFailure>) {
        self.calls.lock().unwrap().push(format!("after {} {}", write.verb(), outcome.is_ok()));
    }
}

fn writer(peer: &Peer) -> (Writer, Arc<Watched>) {
    let watched = Arc::new(Watched::default());
    let options = WriterOptions { timeout: Duration::from_millis(300), ..WriterOptions::default() };
    (Writer::new(peer.client.clone(), options, watched.clone(), watched.clone()), watched)
}

fn create() -> Write {
    Write { resource: PODS, key: Key::new("n", "p"), verb: Verb::Create(json!({ "kind": "Pod" })) }
}

#[tokio::test]
async fn what_the_server_could_not_do_now_is_sent_again() {
    let peer = Peer::start(|_, before| match before {
        0 => Answer::Whole(429, Some(1), status(429, "TooManyRequests", "slow down")),
        1 => Answer::Whole(500, None, status(500, "InternalError", "etcdserver: request timed out")),
        2 => Answer::Hang,
        _ => Answer::Whole(201, None, json!({ "kind": "Pod" })),
    })
    .await;
    let (writer, watched) = writer(&peer);
    let term = Leadership::always().term().unwrap();
    writer.write(&term, &create()).await.unwrap();
    let seen = peer.seen();
    assert_eq!(seen.len(), 4);
    assert!(seen[1].at - seen[0].at >= Duration::from_secs(1));
    let outcomes = watched.outcomes.lock().unwrap();
    assert_eq!(
        (outcomes[0].kind, outcomes[0].verb, outcomes[0].outcome, outcomes[0].attempts),
        ("Pod", "create", "ok", 4)
    );
    assert_eq!(
        *watched.calls.lock().unwrap(),
        ["before create", "after create true"],
        "once, however often it is sent"
    );
}

#[tokio::test]
async fn answers_that_another_try_would_not_change_are_told_at_once() {
    let cases = [
        (409, "AlreadyExists", "pods \"p\" already exists", "AlreadyExists"),
        (409, "Conflict", "the object has been modified", "Conflict"),
        (404, "NotFound", "pods \"p\" not found", "NotFound"),
        (403, "Forbidden", "exceeded quota: q", "Refused"),
        (422, "Invalid", "spec.containers: Required value", "Refused"),
    ];
    for (code, reason, message, expected) in cases {
        let peer = Peer::start(move |_, _| Answer::Whole(code, None, status(code, reason, message))).await;
        let (writer, _) = writer(&peer);
        let failure = writer.write(&Leadership::always().term().unwrap(), &create()).await.unwrap_err();
        assert!(format!("{failure:?}").starts_with(expected), "{failure:?}");
        assert_eq!(peer.seen().len(), 1);
        if expected == "Refused" {
            assert!(failure.to_string().contains(message), "in the server's own words: {failure}");
        }
    }
}

#[tokio::test]
async fn a_server_that_is_gone_is_the_callers_affair_after_some_tries() {
    let peer = Peer::start(|_, _| Answer::Whole(503, None, status(503, "ServiceUnavailable", "no"))).await;
    let (writer, watched) = writer(&peer);
    let failure = writer.write(&Leadership::always().term().unwrap(), &create()).await.unwrap_err();
    assert!(matches!(failure, WriteFailure::Unavailable(_)), "{failure:?}");
    assert_eq!(peer.seen().len(), 4);
    assert_eq!(watched.outcomes.lock().unwrap()[0].outcome, "ApiUnavailable");
}

#[tokio::test]
async fn a_long_wait_is_the_callers_affair_at_once() {
    let peer = Peer::start(|_, _| Answer::Whole(429, Some(60), status(429, "TooManyRequests", "later"))).await;
    let (writer, _) = writer(&peer);
    let failure = writer.write(&Leadership::always().term().unwrap(), &create()).await.unwrap_err();
    assert!(matches!(failure, WriteFailure::Unavailable(_)), "{failure:?}");
    assert_eq!(peer.seen().len(), 1);
}
