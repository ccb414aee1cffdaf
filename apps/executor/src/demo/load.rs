//! The aggregators' side: signed tasks at a steady rate, every answer verified.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use hourglass_core::ports::Clock as _;
use hourglass_core::service::SignedResult;
use hourglass_core::task::{RawSubmission, TaskId};
use hourglass_core::{Digest, keccak256};
use hourglass_keys::CurveVerifier;
use hourglass_runtime::TokioClock;
use indicatif::ProgressBar;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::aggregator::{send, verify};
use crate::demo::world::World;

/// Tasks a second, over both AVSs: slow enough that the faults fall among them.
const RATE: f64 = 100.0;
/// Longer than the known aggregator tries, so that a slow machine is not mistaken for a lost task.
const ATTEMPTS: u32 = 20;
/// How many answered tasks are submitted again at the end.
const REPEATED: usize = 100;

/// One task and what became of it.
pub(crate) struct Done {
    pub(crate) avs: usize,
    pub(crate) submission: RawSubmission,
    pub(crate) finished: Instant,
    pub(crate) took: Duration,
    pub(crate) result: Result<SignedResult, String>,
}

/// Tasks that are being sent.
pub(crate) struct Load {
    sent: JoinSet<Done>,
    sender: tokio::task::JoinHandle<anyhow::Result<JoinSet<Done>>>,
    progress: watch::Receiver<u32>,
    pub(crate) total: u32,
}

/// Begins to send `total` tasks, alternating between the AVSs.
pub(crate) fn start(world: &Arc<World>, total: u32, bar: &ProgressBar) -> Load {
    let (world, bar) = (world.clone(), bar.clone());
    let (progress, watched) = watch::channel(0);
    let answered = Arc::new(AtomicU32::new(0));
    let sender = tokio::spawn(async move {
        let run = random()?;
        let verifier = Arc::new(CurveVerifier::new());
        let mut tasks = JoinSet::new();
        let mut tick = tokio::time::interval(Duration::from_secs_f64(1.0 / RATE));
        for number in 0..total {
            tick.tick().await;
            let (world, verifier) = (world.clone(), verifier.clone());
            let (bar, progress, answered) = (bar.clone(), progress.clone(), answered.clone());
            tasks.spawn(async move {
                let done = one(&world, &verifier, &run, number).await;
                bar.inc(1);
                progress.send_replace(answered.fetch_add(1, Ordering::Relaxed) + 1);
                done
            });
        }
        Ok(tasks)
    });
    Load { sent: JoinSet::new(), sender, progress: watched, total }
}

impl Load {
    /// Waits until so many tasks have been answered.
    pub(crate) async fn reached(&self, count: u32) {
        // It only fails when nothing is sent any more, and then there is nothing to wait for.
        let mut progress = self.progress.clone();
        let _ended = progress.wait_for(|answered| *answered >= count).await.is_err();
    }

    /// Everything, when the last task has ended.
    pub(crate) async fn finish(mut self) -> anyhow::Result<Vec<Done>> {
        self.sent = self.sender.await??;
        let mut done = Vec::new();
        while let Some(task) = self.sent.join_next().await {
            done.push(task?);
        }
        Ok(done)
    }
}

async fn one(world: &World, verifier: &CurveVerifier, run: &Digest, number: u32) -> Done {
    let index = (number % 2) as usize;
    let avs = &world.avs[index];
    let task_id = TaskId::new(*keccak256([run.as_bytes().as_slice(), &number.to_be_bytes()].concat()).as_bytes());
    let timestamp = u32::try_from(TokioClock.now().as_secs()).unwrap_or(u32::MAX);
    let started = Instant::now();
    let payload = format!("{number:x}").into_bytes();
    let (submission, result) = match avs.aggregator.submission(task_id, payload, timestamp, 0).await {
        Err(error) => (RawSubmission::default(), Err(format!("{error:#}"))),
        Ok(submission) => {
            let result = match send(&world.endpoint, &submission, ATTEMPTS).await {
                Err(error) => Err(error.to_string()),
                Ok(result) => check(world, verifier, index, number, &submission, result),
            };
            (submission, result)
        }
    };
    Done { avs: index, submission, finished: Instant::now(), took: started.elapsed(), result }
}

fn check(
    world: &World,
    verifier: &CurveVerifier,
    avs: usize,
    number: u32,
    submission: &RawSubmission,
    result: SignedResult,
) -> Result<SignedResult, String> {
    verify(verifier, &world.avs[avs].expected, submission, &result).map_err(|error| error.to_string())?;
    let square = format!("{:x}", u64::from(number) * u64::from(number));
    if result.output == square.as_bytes() {
        Ok(result)
    } else {
        Err(format!("the output is {:?} instead of {square}", String::from_utf8_lossy(&result.output)))
    }
}

/// Submits answered tasks once more; how many of the answers are byte for byte the same.
pub(crate) async fn repeat(world: &World, tasks: &[Done]) -> (usize, usize) {
    let answered: Vec<_> =
        tasks.iter().filter_map(|task| Some((&task.submission, task.result.as_ref().ok()?))).collect();
    let step = answered.len().div_ceil(REPEATED).max(1);
    let (mut same, mut asked) = (0, 0);
    for (submission, first) in answered.into_iter().step_by(step) {
        asked += 1;
        same += usize::from(send(&world.endpoint, submission, ATTEMPTS).await.is_ok_and(|again| again == *first));
    }
    (same, asked)
}

fn random() -> anyhow::Result<Digest> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(Digest::new(bytes))
}
