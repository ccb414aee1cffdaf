//! Tasks of one AVS at a steady rate, each sent once, until told to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use hourglass_core::task::RawSubmission;
use hourglass_grpc::proto::v1::TaskResult;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};

use crate::load;
use crate::world::{World, message};

const CONNECTIONS: usize = 4;
/// Tasks that are signed in one go, ahead of time.
const CHUNK: u32 = 200;

/// Tasks that are being sent.
pub(crate) struct Traffic {
    stop: Arc<AtomicBool>,
    sending: JoinHandle<Result<Vec<Sent>>>,
}

/// What became of one task.
pub(crate) struct Sent {
    /// When it was due, which is where its time begins.
    pub(crate) due: Instant,
    pub(crate) took: Duration,
    pub(crate) outcome: Result<(RawSubmission, TaskResult), String>,
}

impl Traffic {
    /// Begins with tasks of this number on.
    pub(crate) async fn start(world: &Arc<World>, avs: usize, first: u32, per_second: u32) -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let mut clients = Vec::new();
        for _ in 0..CONNECTIONS {
            clients.push(world.client().await?);
        }
        let (signed, mut ready) = mpsc::channel(2);
        let world = Arc::clone(world);
        tokio::spawn(async move {
            for chunk in (first..).step_by(CHUNK as usize) {
                let made = world.submissions(avs, chunk..chunk + CHUNK).await;
                if signed.send(made).await.is_err() {
                    break;
                }
            }
        });
        let stopped = Arc::clone(&stop);
        let sending = tokio::spawn(async move {
            let (mut running, mut turn) = (JoinSet::new(), clients.into_iter().cycle());
            // A sender that comes too late catches up: what it owes is due when it was due.
            let mut ticks = tokio::time::interval(Duration::from_secs(1) / per_second);
            'sending: while let Some(chunk) = ready.recv().await {
                for task in chunk? {
                    let due = ticks.tick().await.into_std();
                    if stopped.load(Ordering::Acquire) {
                        break 'sending;
                    }
                    running.spawn(send(turn.next().context("no connection")?, task, due));
                }
            }
            let mut all = Vec::with_capacity(running.len());
            while let Some(sent) = running.join_next().await {
                all.push(sent?);
            }
            all.sort_by_key(|sent: &Sent| sent.due);
            anyhow::Ok(all)
        });
        Ok(Self { stop, sending })
    }

    /// Stops sending and waits for every answer.
    pub(crate) async fn finish(self) -> Result<Vec<Sent>> {
        self.stop.store(true, Ordering::Release);
        self.sending.await?
    }
}

async fn send(mut client: load::Client, task: RawSubmission, due: Instant) -> Sent {
    let outcome = match client.submit_task(message(&task)).await {
        Ok(answer) => Ok((task, answer.into_inner())),
        Err(status) => Err(format!("{:?}: {}", status.code(), status.message())),
    };
    Sent { due, took: due.elapsed(), outcome }
}

/// The longest time without any answer.
pub(crate) fn longest_gap(all: &[Sent]) -> Duration {
    let mut answers: Vec<Instant> = all.iter().filter(|sent| sent.outcome.is_ok()).map(|s| s.due + s.took).collect();
    answers.sort_unstable();
    answers.windows(2).map(|pair| pair[1].duration_since(pair[0])).max().unwrap_or_default()
}
