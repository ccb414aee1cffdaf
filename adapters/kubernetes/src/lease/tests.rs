//! Electors against an API server that loses answers, delays and fails, on a clock that is turned by hand.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use hourglass_core::Timestamp;
use hourglass_core::ports::Clock;
use proptest::prelude::*;
use tokio::time::Instant;

use super::*;
use crate::connection::ApiFailure;

/// What happens to one call.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Well,
    /// Carried out after so long, answered after so long again.
    Slow(u64, u64),
    /// Never carried out.
    Lost,
    /// Carried out, and the answer never came.
    Unanswered,
}

#[derive(Clone, Default)]
struct Server {
    lease: Arc<Mutex<Option<LeaseRecord>>>,
    writes: Arc<Mutex<Vec<(Instant, String)>>>,
}

struct Line {
    server: Server,
    fates: Mutex<VecDeque<Fate>>,
}

impl Line {
    fn new(server: &Server, fates: impl IntoIterator<Item = Fate>) -> Self {
        Self { server: server.clone(), fates: Mutex::new(fates.into_iter().collect()) }
    }

    async fn call<T>(&self, act: impl FnOnce() -> T) -> Result<T, ApiFailure> {
        let fate = self.fates.lock().unwrap().pop_front().unwrap_or(Fate::Well);
        let lost = ApiFailure::Unanswered { message: "lost".into() };
        match fate {
            Fate::Well => Ok(act()),
            Fate::Slow(before, after) => {
                tokio::time::sleep(Duration::from_millis(before)).await;
                let done = act();
                tokio::time::sleep(Duration::from_millis(after)).await;
                Ok(done)
            }
            Fate::Lost => {
                tokio::time::sleep(Duration::from_secs(5)).await;
                Err(lost)
            }
            Fate::Unanswered => {
                act();
                tokio::time::sleep(Duration::from_secs(5)).await;
                Err(lost)
            }
        }
    }
}

impl Server {
    fn put(&self, expected: Option<&str>, write: &LeaseWrite) -> Result<LeaseRecord, LeaseFailure> {
        let mut lease = self.lease.lock().unwrap();
        if lease.as_ref().map(|lease| &*lease.resource_version) != expected {
            return Err(LeaseFailure::Conflict);
        }
        let version: u64 = expected.map_or(0, |version| version.parse().unwrap());
        let acquired = write.acquire_time.map(|at| at.to_string());
        let record = LeaseRecord {
            resource_version: (version + 1).to_string(),
            holder: write.holder.clone(),
            duration_seconds: write.duration_seconds,
            renew_time: write.renew_time.to_string(),
            acquire_time: acquired.or(lease.as_ref().map(|l| l.acquire_time.clone())).unwrap_or_default(),
            transitions: write.transitions,
        };
        self.writes.lock().unwrap().push((Instant::now(), write.holder.clone()));
        *lease = Some(record.clone());
        Ok(record)
    }
}

#[async_trait]
impl LeaseApi for Line {
    async fn get(&self) -> Result<Option<LeaseRecord>, ApiFailure> {
        self.call(|| self.server.lease.lock().unwrap().clone()).await
    }

    async fn create(&self, write: &LeaseWrite) -> Result<LeaseRecord, LeaseFailure> {
        self.call(|| self.server.put(None, write)).await?
    }

    async fn write(&self, version: &str, write: &LeaseWrite) -> Result<LeaseRecord, LeaseFailure> {
        self.call(|| self.server.put(Some(version), write)).await?
    }
}

/// The wall clocks differ by years; the monotonic ones are tokio's.
struct Skewed(u64, Instant);

impl Clock for Skewed {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(self.0) + self.1.elapsed()
    }

    fn sleep(&self, duration: Duration) -> futures_util::future::BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}

fn elector(server: &Server, name: &str, fates: impl IntoIterator<Item = Fate>) -> Elector<Line> {
    let skew = u64::from(name.as_bytes()[0]) * 40_000_000;
    let clock = Arc::new(Skewed(skew, Instant::now()));
    Elector::new(Line::new(server, fates), name.to_owned(), LeaseTimings::default(), clock)
}

async fn seconds(count: u64) {
    tokio::time::sleep(Duration::from_secs(count)).await;
}

fn spawn(mut elector: Elector<Line>) -> (Leadership, tokio::task::JoinHandle<()>) {
    let leadership = elector.leadership();
    let running = tokio::spawn(async move { match elector.run().await {} });
    (leadership, running)
}

#[tokio::test(start_paused = true)]
async fn one_leads_and_the_other_follows_within_its_duration() {
    let server = Server::default();
    let (a, running) = spawn(elector(&server, "a", []));
    seconds(1).await;
    let (b, _running) = spawn(elector(&server, "b", []));
    seconds(300).await;
    assert!(a.is_leading() && !b.is_leading());
    let term = a.term().unwrap();
    assert_eq!(term.number(), 1, "one term all the time");
    running.abort();
    let died = Instant::now();
    let _ = b.leads().await;
    let took = died.elapsed();
    assert!((Duration::from_secs(13)..=Duration::from_secs(17)).contains(&took), "{took:?}");
    assert!(term.check().is_err());
    assert_eq!(server.lease.lock().unwrap().as_ref().unwrap().transitions, 2);
}

#[tokio::test(start_paused = true)]
async fn a_release_lets_the_other_lead_at_once() {
    let server = Server::default();
    let mut first = elector(&server, "a", []);
    let a = first.leadership();
    tokio::select! {
        _ = first.run() => {}
        () = seconds(5) => {}
    }
    let (b, _running) = spawn(elector(&server, "b", []));
    seconds(3).await;
    assert!(a.is_leading() && !b.is_leading());
    first.release().await.unwrap();
    assert!(!a.is_leading());
    let released = Instant::now();
    let _ = b.leads().await;
    assert!(released.elapsed() <= Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_costs_no_term() {
    let server = Server::default();
    // The creation is answered, then every third renewal is written and its answer lost.
    let fates = (0..60).map(|n| if n % 6 == 3 { Fate::Unanswered } else { Fate::Well });
    let (a, _running) = spawn(elector(&server, "a", fates));
    let term = a.leads().await;
    for _ in 0..200 {
        seconds(1).await;
        term.check().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn labels_on_a_dead_lease_are_no_sign_of_life() {
    let server = Server::default();
    let (a, running) = spawn(elector(&server, "a", []));
    let _ = a.leads().await;
    running.abort();
    let lease = server.lease.clone();
    let labelling = tokio::spawn(async move {
        for version in 1000..1200 {
            lease.lock().unwrap().as_mut().unwrap().resource_version = version.to_string();
            tokio::time::sleep(Duration::from_millis(700)).await;
        }
    });
    let (b, _running) = spawn(elector(&server, "b", []));
    tokio::time::timeout(Duration::from_secs(40), b.leads()).await.expect("it is dead all the same");
    labelling.abort();
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_is_gone_ends_the_term_in_time() {
    let server = Server::default();
    let fates = [Fate::Well, Fate::Well].into_iter().chain((0..100).map(|_| Fate::Lost));
    let (a, _running) = spawn(elector(&server, "a", fates));
    let term = a.leads().await;
    let began = Instant::now();
    a.ended(&term).await;
    assert!(began.elapsed() <= Duration::from_secs(10), "{:?}", began.elapsed());
    assert!(term.check().is_err());
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        6 => Just(Fate::Well),
        2 => (0_u64..20_000, 0_u64..20_000).prop_map(|(before, after)| Fate::Slow(before, after)),
        1 => Just(Fate::Lost),
        1 => Just(Fate::Unanswered),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever happens to their calls, no two lead at the same time; and when all is well again, one does.
    #[test]
    fn never_two_at_once(
        fates in proptest::collection::vec(proptest::collection::vec(fate(), 0..60), 3),
        stop in 0_usize..4,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let server = Server::default();
            let electors: Vec<_> = ["a", "b", "c"].into_iter().zip(fates)
                .map(|(name, fates)| spawn(elector(&server, name, fates))).collect();
            let mut terms: Vec<(usize, Term)> = Vec::new();
            for tick in 0..4000 {
                tokio::time::sleep(Duration::from_millis(250)).await;
                if tick == 400 && stop < 3 {
                    electors[stop].1.abort();
                }
                let leading: Vec<usize> = (0..3).filter(|n| electors[*n].0.is_leading()).collect();
                assert!(leading.len() <= 1, "{leading:?} lead at tick {tick}");
                for n in leading {
                    let term = electors[n].0.term().unwrap();
                    if terms.last().is_none_or(|(last, known)| *last != n || known.number() != term.number()) {
                        terms.push((n, term));
                    }
                }
                for (_, old) in terms.iter().rev().skip(1) {
                    assert!(old.check().is_err(), "a term that was followed by another runs again");
                }
            }
            assert!(electors.iter().enumerate().any(|(n, (l, _))| n != stop && l.is_leading()), "nobody leads");
        });
    }
}
