//! One pull, for all who want the same image.

use std::sync::Arc;
use std::time::Duration;

use bollard::Docker;
use bollard::auth::DockerCredentials;
use bollard::query_parameters::CreateImageOptionsBuilder;
use futures_util::future::{BoxFuture, FutureExt as _, Shared as SharedFuture, WeakShared};
use futures_util::stream::StreamExt as _;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::Report;
use super::errors::{self, Sent};
use super::progress::Progress;
use super::reference::Reference;
use crate::credentials::Credentials;
use crate::failure::StartFailure;

/// Between two lines about progress.
const REPORT_EVERY: Duration = Duration::from_millis(500);

/// Somebody who waits for a pull. While one of them polls, it goes on; when the last is dropped, the connection to the
/// engine is closed, which ends it there too.
pub(super) struct Pull {
    work: SharedFuture<BoxFuture<'static, Result<(), StartFailure>>>,
    line: watch::Receiver<String>,
}

/// How later ones find a pull that goes on.
#[derive(Debug)]
pub(super) struct Shared {
    work: Option<WeakShared<BoxFuture<'static, Result<(), StartFailure>>>>,
    line: watch::Receiver<String>,
}

/// What a pull needs.
pub(super) struct Work {
    pub(super) docker: Docker,
    pub(super) credentials: Credentials,
    pub(super) reference: Reference,
    pub(super) stall_timeout: Duration,
    pub(super) permits: Arc<Semaphore>,
}

impl Shared {
    pub(super) fn join(&self) -> Option<Pull> {
        let work = self.work.as_ref()?.upgrade().filter(|work| work.peek().is_none())?;
        Some(Pull { work, line: self.line.clone() })
    }

    pub(super) fn goes_on(&self) -> bool {
        self.join().is_some()
    }
}

impl Pull {
    pub(super) fn begin(work: Work) -> (Self, Shared) {
        let (sender, line) = watch::channel("pulling: asking the registry".to_owned());
        let work = run(work, sender).boxed().shared();
        let shared = Shared {
            // Always there before the first poll.
            work: work.downgrade(),
            line: line.clone(),
        };
        (Self { work, line }, shared)
    }

    /// Waits for the end, telling how far it is.
    pub(super) async fn wait(self, progress: Report<'_>) -> Result<(), StartFailure> {
        let Self { mut work, mut line } = self;
        line.mark_changed();
        let mut next = Instant::now();
        loop {
            tokio::select! {
                biased;
                ended = &mut work => return ended,
                () = async { sleep_until(next).await; let _closed = line.changed().await; } => {
                    progress(line.borrow_and_update().clone());
                    next = Instant::now() + REPORT_EVERY;
                }
            }
        }
    }
}

async fn run(work: Work, line: watch::Sender<String>) -> Result<(), StartFailure> {
    let permit = match work.permits.clone().try_acquire_owned() {
        Ok(permit) => Ok(permit),
        Err(_) => {
            line.send_replace("pulling: waits for other images".into());
            work.permits.clone().acquire_owned().await
        }
    };
    // Nobody closes it.
    let _permit = permit.map_err(|_| errors::engine_silent("the executor is stopping"))?;
    line.send_replace(Progress::default().line());
    let (credentials, sent) = credentials(&work.credentials, &work.reference).await;
    pull(&work, credentials, &sent, &line).await
}

async fn pull(
    work: &Work,
    credentials: Option<DockerCredentials>,
    sent: &Sent,
    line: &watch::Sender<String>,
) -> Result<(), StartFailure> {
    let reference = &work.reference;
    let options = CreateImageOptionsBuilder::default().from_image(reference.name()).tag(reference.version()).build();
    let mut messages = std::pin::pin!(work.docker.create_image(Some(options), None, credentials));
    let mut progress = Progress::default();
    let mut deadline = Instant::now() + work.stall_timeout;
    loop {
        match timeout_at(deadline, messages.next()).await {
            Err(_) => {
                let seconds = work.stall_timeout.as_secs();
                return Err(errors::stalled(reference, seconds, &progress.line()));
            }
            Ok(None) => return Ok(()),
            Ok(Some(Err(error))) => return Err(errors::of(&error, reference, sent)),
            Ok(Some(Ok(message))) => {
                if progress.take(&message) {
                    deadline = Instant::now() + work.stall_timeout;
                }
                line.send_if_modified(|shown| {
                    let new = progress.line();
                    let differs = *shown != new;
                    *shown = new;
                    differs
                });
            }
        }
    }
}

/// Credentials that cannot be read are none, as for Docker's own client: public images need none. What was wrong is
/// said where the registry then refuses.
pub(super) async fn credentials(from: &Credentials, reference: &Reference) -> (Option<DockerCredentials>, Sent) {
    match from.of(reference.server()).await {
        Ok(None) => (None, Sent::Nothing),
        Ok(Some(found)) => (Some(found), Sent::Credentials),
        Err(error) => {
            tracing::warn!(registry = reference.registry(), %error, "goes without credentials");
            (None, Sent::Unreadable(error.to_string()))
        }
    }
}
