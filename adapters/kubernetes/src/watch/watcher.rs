use std::convert::Infallible;
use std::time::Duration;

use kube::Client;
use tokio::time::Instant;

use super::follow::{Ended, SHORTEST_WATCH, follow};
use super::list::Pages;
use super::record::{Observer, Record, Scope, newer};
use super::source::{Source, WatchHealth, WatchOptions};
use crate::connection::{ApiFailure, Refusal, Resource};
use crate::pace::{Backoff, jittered};

/// Follows all objects of a kind, for ever.
pub struct Watcher {
    source: Source,
    backoff: Backoff,
    /// The newest state that a server has shown.
    highest: String,
    /// Since when servers show an older one.
    older_since: Option<Instant>,
    /// Lists in a row whose continuation was refused as too old.
    expired_lists: u32,
}

/// Lists whose pages expire so often in a row are asked for in one piece.
const EXPIRED_LISTS: u32 = 2;

/// A watch refused so often in a row as being ahead of the server is given up for a list.
const AHEAD: u32 = 5;

impl Watcher {
    /// A watcher; nothing is sent before it runs.
    pub fn new(client: Client, resource: Resource, scope: Scope, options: WatchOptions) -> Self {
        let backoff = Backoff::new(options.first_delay, options.longest_delay);
        let source = Source { client, resource, scope, options, health: WatchHealth::default() };
        Self { source, backoff, highest: "0".to_owned(), older_since: None, expired_lists: 0 }
    }

    /// What is known of it.
    pub fn health(&self) -> WatchHealth {
        self.source.health.clone()
    }

    /// Follows until it is dropped.
    pub async fn run<R: Record>(mut self, mut observer: impl Observer<R>) -> Infallible {
        loop {
            let mut position = self.listed(&mut observer).await;
            self.watched(&mut position, &mut observer).await;
        }
    }

    /// Lists until that succeeds.
    async fn listed<R: Record>(&mut self, observer: &mut dyn Observer<R>) -> String {
        loop {
            match self.list(observer).await {
                Ok(version) => {
                    self.expired_lists = 0;
                    self.source.health.listed();
                    return version;
                }
                Err(failure) => {
                    if failure.refusal().is_some_and(Refusal::is_expired) {
                        self.expired_lists += 1;
                    }
                    self.pause("list", &failure).await;
                }
            }
        }
    }

    async fn list<R: Record>(&mut self, observer: &mut dyn Observer<R>) -> Result<String, ApiFailure> {
        let whole = self.expired_lists >= EXPIRED_LISTS;
        let mut pages = Pages::new(&self.source, whole);
        let mut version: Option<String> = None;
        while let Some(page) = pages.next::<R>().await? {
            if version.is_none() {
                let patience = self.source.options.believe_older_after;
                let reset = believe(&self.highest, &mut self.older_since, patience, &page.resource_version)?;
                observer.list_began(reset);
            }
            // All pages are of the state of the first; the last one says the same again.
            version = Some(page.resource_version);
            for item in page.items {
                match item {
                    Ok(record) => observer.seen(record),
                    Err(invalid) => {
                        self.source.health.invalid(&invalid);
                        observer.invalid(invalid);
                    }
                }
            }
        }
        let version = version.unwrap_or_default();
        self.highest.clone_from(&version);
        observer.list_complete(&version);
        Ok(version)
    }

    /// Watches until a list is needed.
    async fn watched<R: Record>(&mut self, position: &mut String, observer: &mut dyn Observer<R>) {
        let relist_at = Instant::now() + jittered(self.source.options.relist);
        let mut ahead = 0;
        while Instant::now() < relist_at {
            let began = Instant::now();
            let mut delivered = 0;
            let watch = follow::<R>(&self.source, position, observer, &mut delivered);
            let ended = tokio::select! {
                ended = watch => ended,
                () = tokio::time::sleep_until(relist_at) => return,
            };
            if newer(position, &self.highest) {
                self.highest.clone_from(position);
            }
            let worked = delivered > 0 || began.elapsed() >= SHORTEST_WATCH;
            match ended {
                Ended::Well if worked => self.backoff.succeeded(),
                Ended::Well => {
                    let message = "the watch ended at once".to_owned();
                    self.pause("watch", &ApiFailure::Unanswered { message }).await;
                }
                Ended::Expired => {
                    tracing::info!(kind = self.source.resource.kind, "the watch cannot be resumed: listing again");
                    if delivered > 0 {
                        self.backoff.succeeded();
                    } else {
                        tokio::time::sleep(self.backoff.failed()).await;
                    }
                    return;
                }
                Ended::AheadOfServer => {
                    ahead += 1;
                    let message = format!("it is not as far as {position} yet");
                    self.pause("watch", &ApiFailure::Unanswered { message }).await;
                    if ahead >= AHEAD {
                        return;
                    }
                }
                Ended::Failed(failure) => {
                    if delivered > 0 {
                        self.backoff.succeeded();
                    }
                    self.pause("watch", &failure).await;
                }
            }
        }
    }

    async fn pause(&mut self, what: &'static str, failure: &ApiFailure) {
        let delay = self.backoff.failed();
        let delay = failure.retry_after().map_or(delay, |asked| asked.max(delay));
        let kind = self.source.resource.kind;
        self.source.health.failed(format!("{what} of {kind}: {failure}"));
        tracing::warn!(kind, what, %failure, reason = failure.reason(), ?delay, "cannot follow");
        tokio::time::sleep(delay).await;
    }
}

/// Whether what a list says is older than what is known, and true all the same.
///
/// A list is never stale by itself. One that is older comes through something that keeps answers, and is asked for
/// again; or the store was restored from a copy, and then every answer is so.
fn believe(
    highest: &str,
    older_since: &mut Option<Instant>,
    patience: Duration,
    version: &str,
) -> Result<bool, ApiFailure> {
    let older = version.parse::<u128>().is_ok() && highest.parse::<u128>().is_ok() && newer(highest, version);
    if !older {
        *older_since = None;
        return Ok(false);
    }
    let since = *older_since.get_or_insert_with(Instant::now);
    if since.elapsed() < patience {
        let message = format!("it shows state {version}, and {highest} was shown before");
        return Err(ApiFailure::Malformed { message });
    }
    tracing::warn!(%version, %highest, "the cluster's store has gone back in time: what it says now counts");
    *older_since = None;
    Ok(true)
}
