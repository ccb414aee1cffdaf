//! Calls at a steady rate, and as many as can be answered.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use hourglass_core::task::RawSubmission;
use hourglass_grpc::proto::v1::TaskResult;
use hourglass_grpc::proto::v1::executor_service_client::ExecutorServiceClient;
use tokio::task::JoinSet;
use tonic::transport::Channel;

use crate::world::message;

/// A way to `SubmitTask`.
pub(crate) type Client = ExecutorServiceClient<Channel>;

/// Begins every call when it is due, whether or not earlier ones are answered, and says how long each took from there.
pub(crate) async fn steady<F, T>(per_second: u32, calls: impl IntoIterator<Item = F>) -> Result<Vec<(Duration, T)>>
where
    F: Future<Output = Result<T>> + Send + 'static,
    T: Send + 'static,
{
    let mut due = tokio::time::interval(Duration::from_secs(1) / per_second);
    let mut running = JoinSet::new();
    for call in calls {
        due.tick().await;
        running.spawn(async move {
            let began = Instant::now();
            let answer = call.await?;
            anyhow::Ok((began.elapsed(), answer))
        });
    }
    let mut done = Vec::with_capacity(running.len());
    while let Some(ended) = running.join_next().await {
        done.push(ended??);
    }
    Ok(done)
}

/// Submits one task.
pub(crate) async fn submit(mut client: Client, submission: RawSubmission) -> Result<(RawSubmission, TaskResult)> {
    let result = client.submit_task(message(&submission)).await?.into_inner();
    Ok((submission, result))
}

/// What a closed loop gave.
pub(crate) struct Flood {
    pub(crate) answers: Vec<(RawSubmission, TaskResult)>,
    pub(crate) took: Duration,
}

impl Flood {
    pub(crate) fn per_second(&self) -> f64 {
        self.answers.len() as f64 / self.took.as_secs_f64()
    }
}

/// Keeps `in_flight` calls running over all clients for a time; without a time, until all are answered.
///
/// # Errors
/// Where a call fails, and where there was too little to submit for so long.
pub(crate) async fn flood(
    clients: &[Client],
    submissions: impl IntoIterator<Item = RawSubmission>,
    in_flight: usize,
    time: Duration,
) -> Result<Flood> {
    let began = Instant::now();
    let (mut waiting, mut running, mut answers) = (submissions.into_iter(), JoinSet::new(), Vec::new());
    let mut turn = clients.iter().cycle();
    while running.len() < in_flight
        && let (Some(submission), Some(client)) = (waiting.next(), turn.next())
    {
        running.spawn(submit(client.clone(), submission));
    }
    while let Some(ended) = running.join_next().await {
        answers.push(ended??);
        if (time.is_zero() || began.elapsed() < time)
            && let (Some(submission), Some(client)) = (waiting.next(), turn.next())
        {
            running.spawn(submit(client.clone(), submission));
        }
    }
    ensure!(began.elapsed() >= time, "{} tasks were too few for {time:?}", answers.len());
    Ok(Flood { answers, took: began.elapsed() })
}
