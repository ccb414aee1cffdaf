use std::time::Duration;

use super::decode::{self, Event};
use super::lines::Lines;
use super::list::Query;
use super::record::{Observer, Record, newer};
use super::source::Source;
use crate::connection::{ApiFailure, Call, Refusal};
use crate::pace::jittered;

/// How a watch ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// As it should: its time was over, or the server goes.
    Well,
    /// What was to be resumed from is forgotten: list again.
    Expired,
    /// The server knows nothing yet of the state that was to be resumed from.
    AheadOfServer,
    /// Some other way.
    Failed(ApiFailure),
}

/// A watch from a resourceVersion on, which it moves along; counts into `delivered` what came.
pub(super) async fn follow<R: Record>(
    source: &Source,
    position: &mut String,
    observer: &mut dyn Observer<R>,
    delivered: &mut u64,
) -> Ended {
    let Source { client, resource, scope, options, health } = source;
    let seconds = jittered(options.watch_time).as_secs().max(1).to_string();
    let query = Query::new(&resource.collection(scope.namespace.as_deref()))
        .with("watch", "1")
        .with("allowWatchBookmarks", "true")
        .with("resourceVersion", position)
        .with("timeoutSeconds", &seconds)
        .with_some("labelSelector", &scope.labels);
    let opened = Call::get(query.done(), options.open_timeout).open(client).await;
    let mut lines = match opened {
        Ok(response) => Lines::new(response.into_body()),
        Err(failure) => return Ended::of(failure),
    };
    health.watching();
    loop {
        let line = match lines.next(options.silent_for).await {
            Ok(Some(line)) => line,
            Ok(None) => return Ended::Well,
            Err(failure) => return Ended::Failed(failure),
        };
        let (event, version) = match decode::event::<R>(&line) {
            Ok(event) => event,
            // Not even its frame can be read: the stream is broken, and what it says next would be, too.
            Err(error) => return Ended::Failed(ApiFailure::Malformed { message: error.to_string() }),
        };
        match event {
            Event::Seen(record) => observer.seen(record),
            Event::Invalid(invalid) => {
                health.invalid(&invalid);
                observer.invalid(invalid);
            }
            Event::Gone(gone) => observer.gone(gone),
            Event::Bookmark => {}
            Event::Failed { code: 410, .. } => return Ended::Expired,
            Event::Failed { code, message } => {
                let (reason, causes) = (String::new(), Vec::new());
                let refusal = Refusal { code, reason, message, retry_after: None, causes };
                return Ended::of(ApiFailure::Refused(Box::new(refusal)));
            }
        }
        *delivered += 1;
        // Only forward: an event that comes twice or late is not where to resume from.
        if !version.is_empty() && newer(&version, position) {
            *position = version;
        }
    }
}

impl Ended {
    fn of(failure: ApiFailure) -> Self {
        match failure.refusal() {
            Some(refusal) if refusal.is_expired() => Self::Expired,
            Some(refusal) if refusal.is_ahead_of_server() => Self::AheadOfServer,
            _ => Self::Failed(failure),
        }
    }
}

/// A watch that ends well sooner than this did nothing: resuming it at once would be a loop.
pub(super) const SHORTEST_WATCH: Duration = Duration::from_secs(1);
