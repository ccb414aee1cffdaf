//! Runs the jobs of starts and stops so that none of them ends in silence: a panic, which is a defect of ours, is logged
//! and becomes a failed start, or another try of a stop.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use hourglass_core::lifecycle::StartInstance;
use hourglass_core::performer::InstanceName;

use crate::entry::{StartJob, StopJob};
use crate::failure::StartFailure;
use crate::shared::{Pause, Shared, now};
use crate::{start, stop};

/// Starts an instance that is in the table as starting.
pub(crate) fn start(shared: &Arc<Shared>, request: StartInstance, job: StartJob) {
    let name = request.name.clone();
    let work = start::run(Arc::clone(shared), request, job.clone());
    tokio::spawn(watched(Arc::clone(shared), name, job, work));
}

/// Goes on with a start that was interrupted after its container was made.
pub(crate) fn resume(shared: &Arc<Shared>, name: InstanceName, id: String, job: StartJob) {
    let work = start::resume(Arc::clone(shared), name.clone(), id, job.clone());
    tokio::spawn(watched(Arc::clone(shared), name, job, work));
}

async fn watched(shared: Arc<Shared>, name: InstanceName, job: StartJob, work: impl Future<Output = ()>) {
    if AssertUnwindSafe(work).catch_unwind().await.is_err() {
        tracing::error!(instance = %name, "a defect of this software ended its start");
        let failure = StartFailure::failed("InternalError", "a defect of this software ended its start: see the log");
        shared.table.start_failed(&name, failure.cause(), now());
        // Whoever stops it waits for this.
        job.ended.cancel();
    }
}

/// Stops an instance that is in the table as stopping.
pub(crate) fn stop(shared: &Arc<Shared>, name: InstanceName, grace: Duration, job: StopJob) {
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        let mut pause = Pause::new();
        let attempt = || AssertUnwindSafe(stop::run(Arc::clone(&shared), name.clone(), grace, job.clone()));
        while attempt().catch_unwind().await.is_err() {
            tracing::error!(instance = %name, "a defect of this software ended its stop: it is tried again");
            if !pause.wait(&shared.closed, None).await {
                return;
            }
        }
    });
}
