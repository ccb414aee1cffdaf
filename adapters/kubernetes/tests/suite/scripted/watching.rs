use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hourglass_kubernetes::connection::resources::PODS;
use hourglass_kubernetes::watch::{Gone, Invalid, Observer, Record, Scope, WatchHealth, WatchOptions, Watcher};
use serde::Deserialize;
use serde_json::{Value, json};

use super::peer::{Answer, Peer, Step, status};

#[derive(Debug, Deserialize)]
struct Thing {
    metadata: Meta,
    spec: Spec,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    name: String,
    resource_version: String,
}

#[derive(Debug, Deserialize)]
struct Spec {
    size: u32,
}

impl Record for Thing {
    fn namespace(&self) -> &str {
        "n"
    }

    fn name(&self) -> &str {
        &self.metadata.name
    }

    fn uid(&self) -> &str {
        &self.metadata.name
    }

    fn resource_version(&self) -> &str {
        &self.metadata.resource_version
    }
}

/// What an observer was told, in its words.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<String>>>);

impl Told {
    fn tell(&self, what: String) {
        self.0.lock().unwrap().push(what);
    }

    async fn until(&self, last: &str) -> Vec<String> {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let told = self.0.lock().unwrap().clone();
            if told.iter().any(|line| line == last) {
                return told;
            }
            assert!(Instant::now() < deadline, "never told '{last}': {told:#?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Observer<Thing> for Told {
    fn list_began(&mut self, reset: bool) {
        self.tell(if reset { "list, reset".into() } else { "list".into() });
    }

    fn seen(&mut self, thing: Thing) {
        self.tell(format!("{}@{} {}", thing.name(), thing.resource_version(), thing.spec.size));
    }

    fn invalid(&mut self, invalid: Invalid) {
        self.tell(format!("{} invalid", invalid.name));
    }

    fn list_complete(&mut self, version: &str) {
        self.tell(format!("complete@{version}"));
    }

    fn gone(&mut self, gone: Gone) {
        self.tell(format!("{} gone", gone.name));
    }
}

fn thing(name: &str, version: u32) -> Value {
    json!({ "metadata": { "namespace": "n", "name": name, "resourceVersion": version.to_string() }, "spec": { "size": 1 } })
}

fn bookmark(version: u32) -> Step {
    Step::Event("BOOKMARK", json!({ "kind": "Pod", "metadata": { "resourceVersion": version.to_string() } }))
}

fn list(version: u32, next: &str, items: &[Value]) -> Answer {
    Answer::Whole(
        200,
        None,
        json!({ "metadata": { "resourceVersion": version.to_string(), "continue": next }, "items": items }),
    )
}

fn options() -> WatchOptions {
    WatchOptions {
        open_timeout: Duration::from_millis(500),
        list_timeout: Duration::from_millis(500),
        silent_for: Duration::from_millis(300),
        first_delay: Duration::from_millis(10),
        longest_delay: Duration::from_millis(100),
        believe_older_after: Duration::from_millis(400),
        ..WatchOptions::default()
    }
}

fn watch(peer: &Peer, options: WatchOptions) -> (Told, WatchHealth) {
    let scope = Scope { namespace: None, labels: "app=x".into() };
    let watcher = Watcher::new(peer.client.clone(), PODS, scope, options);
    let (told, health) = (Told::default(), watcher.health());
    let observer = told.clone();
    tokio::spawn(async move { match watcher.run(observer).await {} });
    (told, health)
}

#[tokio::test]
async fn pages_then_events_and_resumed_from_the_last_bookmark() {
    let peer = Peer::start(|seen, before| match (seen.is_watch(), before) {
        (false, 0) => list(5, "more of it", &[thing("a", 1)]),
        (false, _) => list(5, "", &[thing("b", 2)]),
        (true, 0) => Answer::Steps(vec![
            Step::Event("MODIFIED", thing("a", 6)),
            Step::Event("DELETED", thing("b", 7)),
            bookmark(20),
        ]),
        (true, _) => Answer::Steps(vec![Step::Event("ADDED", thing("c", 21)), Step::Hang]),
    })
    .await;
    let (told, health) = watch(&peer, options());
    let told = told.until("c@21 1").await;
    assert_eq!(told, ["list", "a@1 1", "b@2 1", "complete@5", "a@6 1", "b gone", "c@21 1"]);
    let seen = peer.seen();
    assert_eq!(seen[0].query, "limit=500&labelSelector=app%3Dx", "no resourceVersion: what a majority says");
    assert_eq!(seen[1].query, "limit=500&continue=more%20of%20it&labelSelector=app%3Dx");
    assert_eq!(seen[2].parameter("resourceVersion"), Some("5"));
    assert_eq!(seen[2].parameter("allowWatchBookmarks"), Some("true"));
    assert_eq!(seen[3].parameter("resourceVersion"), Some("20"), "not 7");
    assert_eq!((health.lists(), health.is_following()), (1, true));
}

#[tokio::test]
async fn a_forgotten_version_leads_to_a_list() {
    for as_event in [true, false] {
        let peer = Peer::start(move |seen, before| match (seen.is_watch(), before) {
            (false, 0) => list(5, "", &[thing("a", 1), thing("b", 2)]),
            (false, _) => list(50, "", &[thing("b", 2)]),
            (true, 0) if as_event => {
                Answer::Steps(vec![Step::Event("ERROR", status(410, "Expired", "too old resource version"))])
            }
            (true, 0) => Answer::Whole(410, None, status(410, "Expired", "too old resource version")),
            (true, _) => Answer::Steps(vec![Step::Hang]),
        })
        .await;
        let (told, _) = watch(&peer, options());
        let told = told.until("complete@50").await;
        assert_eq!(told, ["list", "a@1 1", "b@2 1", "complete@5", "list", "b@2 1", "complete@50"]);
        let seen = peer.until("the watch", |seen| seen.len() == 4).await;
        assert_eq!(seen[3].parameter("resourceVersion"), Some("50"));
    }
}

#[tokio::test]
async fn pages_that_expire_again_and_again_are_asked_for_in_one_piece() {
    let peer = Peer::start(|seen, _| match (seen.is_watch(), seen.parameter("limit"), seen.parameter("continue")) {
        (true, ..) => Answer::Steps(vec![Step::Hang]),
        (false, Some("500"), None) => list(5, "token", &[thing("a", 1)]),
        (false, Some("500"), Some(_)) => {
            Answer::Whole(410, None, status(410, "Expired", "the continue parameter is too old"))
        }
        (false, ..) => list(9, "", &[thing("a", 1), thing("b", 8)]),
    })
    .await;
    let (told, _) = watch(&peer, options());
    let told = told.until("complete@9").await;
    assert_eq!(told, ["list", "a@1 1", "list", "a@1 1", "list", "a@1 1", "b@8 1", "complete@9"]);
}

#[tokio::test]
async fn a_server_that_asks_to_be_left_alone_is() {
    let peer = Peer::start(|seen, before| match (seen.is_watch(), before) {
        (false, 0) => Answer::Whole(429, Some(1), status(429, "TooManyRequests", "slow down")),
        (false, 1) => Answer::Whole(503, None, status(503, "ServiceUnavailable", "apiserver is shutting down")),
        (false, _) => list(5, "", &[]),
        (true, _) => Answer::Steps(vec![Step::Hang]),
    })
    .await;
    let (told, health) = watch(&peer, options());
    told.until("complete@5").await;
    let seen = peer.seen();
    assert!(seen[1].at - seen[0].at >= Duration::from_secs(1), "it said one second");
    assert!(seen[2].at - seen[1].at < Duration::from_secs(1));
    assert_eq!(health.failures(), 2);
}

#[tokio::test]
async fn a_silent_connection_is_given_up_and_one_that_breaks_is_resumed_where_it_was_whole() {
    let peer = Peer::start(|seen, before| match (seen.is_watch(), before) {
        (false, _) => list(5, "", &[]),
        (true, 0) => Answer::Hang,
        (true, 1) => Answer::Steps(vec![Step::Event("ADDED", thing("a", 6)), Step::Hang]),
        (true, 2) => Answer::Steps(vec![
            Step::Event("ADDED", thing("b", 7)),
            Step::Bytes("{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"c\",\"resourceVersion\":\"8\""),
            Step::Wait(Duration::from_millis(20)),
            Step::Break,
        ]),
        (true, _) => Answer::Steps(vec![Step::Event("ADDED", thing("c", 8)), bookmark(9), Step::Hang]),
    })
    .await;
    let (told, health) = watch(&peer, options());
    let told = told.until("c@8 1").await;
    assert_eq!(told, ["list", "complete@5", "a@6 1", "b@7 1", "c@8 1"], "one list is enough");
    let from: Vec<_> =
        peer.seen().iter().filter_map(|seen| seen.parameter("resourceVersion").map(str::to_owned)).collect();
    assert_eq!(from[..4], ["5", "5", "6", "7"]);
    assert!(health.failures() >= 3, "never opened, silent, broken");
}

#[tokio::test]
async fn one_object_that_cannot_be_read_stops_no_other() {
    let bad = |name: &str, version: u32| {
        let mut bad = thing(name, version);
        bad["spec"]["size"] = "large".into();
        bad
    };
    let peer = Peer::start(move |seen, before| match (seen.is_watch(), before) {
        (false, _) => list(5, "", &[thing("a", 1), bad("b", 2), thing("c", 3)]),
        (true, 0) => Answer::Steps(vec![
            Step::Event("MODIFIED", bad("a", 6)),
            Step::Event("DELETED", bad("b", 7)),
            Step::Event("ADDED", thing("d", 8)),
            Step::Hang,
        ]),
        (true, _) => Answer::Hang,
    })
    .await;
    let (told, health) = watch(&peer, options());
    let told = told.until("d@8 1").await;
    assert_eq!(told, ["list", "a@1 1", "b invalid", "c@3 1", "complete@5", "a invalid", "b gone", "d@8 1"]);
    assert_eq!(health.invalid_objects(), 2);
}

#[tokio::test]
async fn a_list_from_the_past_is_believed_only_when_it_stays() {
    // A second server answers from a copy; later the store really was restored.
    let peer = Peer::start(|seen, before| match (seen.is_watch(), before) {
        (false, 0) => list(100, "", &[thing("a", 90)]),
        (false, 1) => list(40, "", &[thing("a", 30)]),
        (false, 2) => list(101, "", &[thing("a", 90)]),
        (false, _) => list(50, "", &[thing("a", 45)]),
        (true, _) => Answer::Whole(410, None, status(410, "Expired", "too old")),
    })
    .await;
    let (told, _) = watch(&peer, options());
    let told = told.until("complete@50").await;
    assert_eq!(
        told[..9],
        ["list", "a@90 1", "complete@100", "list", "a@90 1", "complete@101", "list, reset", "a@45 1", "complete@50"]
    );
    let lists: Vec<_> = peer.seen().into_iter().filter(|seen| !seen.is_watch()).collect();
    assert!(lists.last().unwrap().at - lists[3].at >= Duration::from_millis(350), "not at once");
}

#[tokio::test]
async fn a_server_that_lags_behind_is_asked_again_and_then_listed() {
    let late = || Answer::Whole(504, None, status(504, "Timeout", "Too large resource version: 5, current: 3"));
    let peer = Peer::start(move |seen, before| match (seen.is_watch(), before) {
        (false, 0) => list(5, "", &[]),
        (false, _) => list(6, "", &[]),
        (true, 0..5) => late(),
        (true, _) => Answer::Steps(vec![Step::Hang]),
    })
    .await;
    let (told, _) = watch(&peer, options());
    told.until("complete@6").await;
    let seen = peer.seen();
    let second_list = seen.iter().rposition(|seen| !seen.is_watch()).unwrap();
    assert_eq!(second_list, 6, "one list, five watches");
}

#[tokio::test]
async fn watches_that_end_at_once_are_no_loop() {
    let peer = Peer::start(|seen, _| if seen.is_watch() { Answer::Steps(vec![]) } else { list(5, "", &[]) }).await;
    let _watching = watch(&peer, options());
    let began = Instant::now();
    peer.until("ten watches", |seen| seen.len() > 10).await;
    // 10 + 20 + 40 + 80 + 6 × 100 ms, a quarter less at most.
    assert!(began.elapsed() >= Duration::from_millis(500), "{:?}", began.elapsed());
}
