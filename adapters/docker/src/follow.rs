//! Keeps the table true: one listing when the engine is reached, then its events, and a listing now and then.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bollard::query_parameters::ListContainersOptionsBuilder;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt, TryStreamExt};
use tokio::time::Instant;

use crate::engine::{EngineError, EngineState};
use crate::events::{Event, Events};
use crate::jobs;
use crate::labels;
use crate::place;
use crate::shared::{Shared, now};

/// Pauses between tries to reach the engine.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// A session of this length was a good one: the next failure is the first again.
const STABLE: Duration = Duration::from_secs(10);
/// Between tries to learn what became of one container.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Containers that are inspected at once.
const AT_ONCE: usize = 16;

/// Follows the engine for ever.
pub(crate) async fn follow(shared: Arc<Shared>) {
    let mut pause = FIRST_PAUSE;
    loop {
        let began = Instant::now();
        let mut connected = None;
        let error = session(&shared, &mut connected).await;
        let stable = connected.is_some_and(|since: Instant| since.elapsed() > STABLE);
        if stable {
            // Cut after a good while: most likely it is back at once. What is known stays until that has failed.
            tracing::info!(%error, "lost the container engine's events: connecting anew");
            pause = FIRST_PAUSE;
            continue;
        }
        if began.elapsed() > LONGEST_PAUSE {
            pause = FIRST_PAUSE;
        }
        unavailable(&shared, &error);
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

fn unavailable(shared: &Shared, error: &EngineError) {
    shared.table.lose();
    let message = error.to_string();
    shared.engine.state().send_if_modified(|state| {
        let since = match &*state {
            EngineState::Unavailable { message: last, .. } if *last == message => return false,
            EngineState::Unavailable { since, .. } => *since,
            _ => now(),
        };
        *state = EngineState::Unavailable { message, since };
        true
    });
}

/// From reaching the engine to losing it.
async fn session(shared: &Arc<Shared>, connected: &mut Option<Instant>) -> EngineError {
    let (version, events) =
        tokio::join!(shared.engine.version(), Events::open(shared.engine.transport(), shared.options.call_timeout));
    let ((version, api_version), events) = match (version, events) {
        (Ok(version), Ok(events)) => (version, events),
        (Err(error), _) | (_, Err(error)) => return error,
    };
    if let Err(error) = take_over(shared).await {
        return error;
    }
    *connected = Some(Instant::now());
    shared.engine.state().send_if_modified(|state| {
        let connected = EngineState::Connected { version, api_version };
        let news = *state != connected;
        *state = connected;
        news
    });
    listen(shared, events).await
}

/// Everything that there is, and what an executor before this one left half done.
async fn take_over(shared: &Arc<Shared>) -> Result<(), EngineError> {
    let place = place::find(&shared.engine, shared.options.executor_container.as_deref()).await?;
    // First, since it decides where containers are reached.
    shared.networks.learn(&shared.engine, place).await?;
    list(shared).await?;
    let networks = shared.table.ours().into_iter().flat_map(|container| container.networks);
    shared.networks.rejoin(&shared.engine, networks).await;
    resume(shared);
    Ok(())
}

/// Goes on with starts that an executor before this one did not come to finish. Also when events tell of them: the engine
/// makes what it was asked for last while its asker is gone already, and its successor's first listing is over.
fn resume(shared: &Arc<Shared>) {
    for made in shared.table.left_created() {
        if let Some(job) = shared.table.resume_start(&made.name, now()) {
            jobs::resume(shared, made.name, made.id, job);
        }
    }
}

/// Lists and inspects everything that bears our label or one of our names.
pub(crate) async fn list(shared: &Shared) -> Result<(), EngineError> {
    let ticket = shared.table.ticket();
    let listing = |filter: &'static str, value: String| {
        let filters = HashMap::from([(filter, vec![value])]);
        let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
        shared.engine.call(shared.engine.docker().list_containers(Some(options)))
    };
    let (labelled, named) = tokio::try_join!(
        listing("label", format!("{}={}", labels::EXECUTOR, shared.owner)),
        listing("name", format!("^/{}-", labels::network_name(&shared.owner))),
    )?;
    let ids: BTreeSet<String> = labelled.into_iter().chain(named).filter_map(|each| each.id).collect();
    let looks = ids.iter().cloned().map(|id| async move { shared.look(&id).await });
    let looks = futures_util::stream::iter(looks.collect::<Vec<_>>()).buffer_unordered(AT_ONCE);
    looks.try_for_each(|_| std::future::ready(Ok(()))).await?;
    shared.table.listed(ticket, &ids);
    Ok(())
}

/// Takes in events until the stream, or a listing, fails.
async fn listen(shared: &Arc<Shared>, mut events: Events) -> EngineError {
    let mut looks = Looks { shared, under_way: BTreeMap::new(), running: FuturesUnordered::new() };
    let mut relist = pin!(tokio::time::sleep(shared.options.relist));
    let mut listing: Option<BoxFuture<'_, Result<(), EngineError>>> = None;
    loop {
        tokio::select! {
            event = events.next() => match event {
                Ok(event) => looks.take(event),
                Err(error) => return error,
            },
            Some((id, answered)) = looks.running.next(), if !looks.running.is_empty() => looks.done(id, answered),
            () = &mut relist, if listing.is_none() => listing = Some(list(shared).boxed()),
            listed = async { match &mut listing { Some(listing) => listing.await, None => std::future::pending().await } } => {
                if let Err(error) = listed {
                    return error;
                }
                resume(shared);
                listing = None;
                relist.as_mut().reset(Instant::now() + shared.options.relist);
            }
        }
    }
}

/// Inspections after events: one at a time for each container, and once more where something happened meanwhile.
struct Looks<'a> {
    shared: &'a Arc<Shared>,
    /// Whether to look again.
    under_way: BTreeMap<String, bool>,
    running: FuturesUnordered<BoxFuture<'a, (String, bool)>>,
}

impl Looks<'_> {
    fn take(&mut self, event: Event) {
        let ours = event.executor.as_deref() == Some(self.shared.owner.as_str());
        if !ours && labels::named_instance(&self.shared.owner, &event.name).is_none() && event.action != "rename" {
            return;
        }
        tracing::debug!(container = event.name, action = event.action, "the engine tells");
        if event.action == "destroy" {
            let ticket = self.shared.table.ticket();
            return self.shared.table.gone(ticket, &event.id);
        }
        // Whoever starts it looks at what it made.
        if ours
            && matches!(event.action.as_str(), "create" | "start")
            && labels::named_instance(&self.shared.owner, &event.name)
                .is_some_and(|n| self.shared.table.is_starting(&n))
        {
            return;
        }
        match self.under_way.get_mut(&event.id) {
            Some(again) => *again = true,
            None => self.begin(event.id, Duration::ZERO),
        }
    }

    fn begin(&mut self, id: String, after: Duration) {
        let shared = self.shared;
        self.under_way.insert(id.clone(), false);
        let look = async move {
            if !after.is_zero() {
                tokio::time::sleep(after).await;
            }
            let answered = shared.look(&id).await;
            if let Err(error) = &answered {
                tracing::warn!(container = id, %error, "what became of it is asked again");
            }
            (id, answered.is_ok())
        };
        self.running.push(look.boxed());
    }

    fn done(&mut self, id: String, answered: bool) {
        let again = self.under_way.remove(&id).unwrap_or_default();
        match (answered, again) {
            (true, false) => resume(self.shared),
            (true, true) => self.begin(id, Duration::ZERO),
            (false, _) => self.begin(id, LOOK_AGAIN),
        }
    }
}
