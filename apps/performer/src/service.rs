//! `PerformerService`: runs tasks, or does to them what the behaviour says.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::mpsc;
use tonic::{Request, Response, Status};

use crate::answer::answer;
use crate::behaviour::Behaviour;
use crate::count::RunCount;
use crate::flood::flood_output;
use crate::proto::performer_service_server::PerformerService;
use crate::proto::{StartSyncRequest, StartSyncResponse, TaskRequest, TaskResponse};

pub(crate) struct Service {
    behaviour: Behaviour,
    runs: RunCount,
    begun: AtomicU64,
    answered: AtomicU64,
    /// Tells the server to crash.
    crash: mpsc::Sender<()>,
}

impl Service {
    pub(crate) fn new(behaviour: Behaviour, crash: mpsc::Sender<()>) -> Self {
        let runs = RunCount::new(behaviour.count_file.clone());
        Self { behaviour, runs, begun: AtomicU64::new(0), answered: AtomicU64::new(0), crash }
    }

    async fn run(&self, request: TaskRequest) -> Result<TaskResponse, Status> {
        let nth = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
        let runs = self.runs.note(&request.task_id).map_err(|error| {
            Status::failed_precondition(format!("cannot write the count file: {error}; check COUNT_FILE"))
        })?;
        // Nothing that every task would print: a container's output goes through 64 KiB that its engine empties, and who
        // writes more while the engine hangs or is away waits for it.
        tracing::debug!(task = %String::from_utf8_lossy(&request.task_id), nth, runs, "task begins");
        if self.behaviour.crash_on_task.is_some_and(|n| nth >= n) {
            self.crash().await;
        }
        if self.behaviour.hang_tasks {
            std::future::pending::<()>().await;
        }
        if let Some(bytes) = self.behaviour.flood_output_bytes {
            let flooded = tokio::task::spawn_blocking(move || flood_output(bytes)).await;
            flooded.map_err(internal)?.map_err(internal)?;
        }
        // Even a sleep of nothing lasts until the clock's next tick, a millisecond.
        if !self.behaviour.task_delay().is_zero() {
            tokio::time::sleep(self.behaviour.task_delay()).await;
        }
        let behaviour = self.behaviour.clone();
        let nonce = self.nonce(nth);
        // Squaring megabytes takes a while: not on the threads that answer health checks.
        let answered = tokio::task::spawn_blocking(move || answer(&behaviour, request, runs, nonce)).await;
        answered.map_err(internal)?
    }

    /// Different for every call, also over restarts.
    fn nonce(&self, nth: u64) -> u128 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        since.as_nanos() << 32 | u128::from(nth & 0xffff_ffff)
    }

    async fn crash(&self) {
        // A full channel means that a crash is under way already.
        let _sent = self.crash.try_send(());
        std::future::pending::<()>().await;
    }
}

fn internal(error: impl std::fmt::Display) -> Status {
    Status::internal(error.to_string())
}

/// Shared, so that a task runs on when its caller hangs up: as a real performer's work does.
pub(crate) struct Shared(pub(crate) Arc<Service>);

#[tonic::async_trait]
impl PerformerService for Shared {
    async fn start_sync(&self, _: Request<StartSyncRequest>) -> Result<Response<StartSyncResponse>, Status> {
        Ok(Response::new(StartSyncResponse {}))
    }

    async fn execute_task(&self, request: Request<TaskRequest>) -> Result<Response<TaskResponse>, Status> {
        let service = Arc::clone(&self.0);
        let task = tokio::spawn(async move { service.run(request.into_inner()).await });
        let response = task.await.map_err(internal)??;
        let answered = self.0.answered.fetch_add(1, Ordering::SeqCst) + 1;
        if self.0.behaviour.crash_after_tasks.is_some_and(|n| answered >= n) {
            let service = Arc::clone(&self.0);
            tokio::spawn(async move {
                // Long enough for the answer to reach the wire; what is shown is a crash between two tasks.
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                service.crash().await;
            });
        }
        Ok(Response::new(response))
    }
}
