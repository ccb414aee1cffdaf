//! The job of a stop: ask, kill after the grace period, remove; again and again until nothing is left.

use std::sync::Arc;
use std::time::Duration;

use bollard::query_parameters::{
    KillContainerOptionsBuilder, RemoveContainerOptionsBuilder, StopContainerOptionsBuilder,
};
use hourglass_core::lifecycle::Owner;
use hourglass_core::performer::InstanceName;

use crate::engine::EngineError;
use crate::entry::StopJob;
use crate::shared::{Pause, Shared};

/// Stops an instance that is in the table as stopping.
pub(crate) async fn run(shared: Arc<Shared>, name: InstanceName, grace: Duration, job: StopJob) {
    if let Some(start) = &job.start {
        start.cancelled.cancel();
        // Within the limit of one call: what it is about to make must not be made after it was looked for.
        start.ended.cancelled().await;
    }
    let mut pause = Pause::new();
    while let Err(error) = attempt(&shared, &name, grace, &job).await {
        tracing::warn!(instance = %name, %error, "its stop is tried again");
        if !pause.wait(&shared.closed, None).await {
            return;
        }
    }
    shared.table.stopped(&name);
    let is_used = || shared.table.has_performer(&name.performer);
    shared.networks.clean_up(&shared.engine, &name.performer, is_used).await;
}

/// `Ok` where nothing of ours is left.
async fn attempt(shared: &Shared, name: &InstanceName, grace: Duration, job: &StopJob) -> Result<(), EngineError> {
    let id = match &job.id {
        Some(id) => id.clone(),
        // By its name, which may be anybody's: only the label says that it is ours.
        None => match shared.look(&shared.container_name(name)).await? {
            Some(found) if found.owner == Owner::Ours => found.id,
            _ => return Ok(()),
        },
    };
    match stop(shared, &id, grace, job).await {
        Err(error) if error.is_missing() => return Ok(()),
        stopped => stopped?,
    }
    let options = RemoveContainerOptionsBuilder::default().v(true).build();
    let (docker, limit) = shared.engine.patient(Duration::ZERO);
    match shared.engine.within(limit, docker.remove_container(&id, Some(options))).await {
        Err(error) if error.is_missing() => {}
        removed => removed?,
    }
    let ticket = shared.table.ticket();
    shared.table.gone(ticket, &id);
    Ok(())
}

/// Until it has ended. The engine counts whole seconds.
async fn stop(shared: &Shared, id: &str, grace: Duration, job: &StopJob) -> Result<(), EngineError> {
    let seconds = grace.as_secs() + u64::from(grace.subsec_nanos() > 0);
    let seconds = i32::try_from(seconds).unwrap_or(i32::MAX);
    let options = StopContainerOptionsBuilder::default().t(seconds).build();
    let (docker, limit) = shared.engine.patient(grace + Duration::from_secs(1));
    let stopped = shared.engine.within(limit, docker.stop_container(id, Some(options)));
    let mut stopped = std::pin::pin!(stopped);
    loop {
        tokio::select! {
            ended = &mut stopped => return ended,
            () = job.hurry.notified() => {
                let options = KillContainerOptionsBuilder::default().signal("SIGKILL").build();
                let kill = shared.engine.docker().kill_container(id, Some(options));
                if let Err(error) = shared.engine.call(kill).await {
                    tracing::debug!(container = id, %error, "could not be killed before its time");
                }
            }
        }
    }
}
