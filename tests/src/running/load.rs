//! Tasks of one AVS at a steady rate, each sent once, while something happens to it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use hourglass_grpc::api::ExecutorApi;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};

use crate::running::caller::{connect, submission};
use crate::running::site::{Avs, Site};

const SENDERS: u32 = 4;
/// A sender with so many unanswered tasks waits: a machine that cannot carry the rate is offered less, rather than
/// refused what its queue (288 tasks by default) has no room for.
const MOST_UNANSWERED: usize = 288 / SENDERS as usize - 2;
/// What every task squares, and the result.
const PAYLOAD: &[u8] = b"7";
const SQUARE: &[u8] = b"31";

/// What became of the tasks.
#[derive(Debug, Default)]
pub struct Sent {
    /// Those with the right answer.
    pub answered: usize,
    /// What went wrong, for each of the others.
    pub failed: Vec<String>,
    /// The longest time that any task took.
    pub longest: Duration,
    /// When each right answer came, and what it said beyond the square.
    answers: Vec<(Instant, Vec<u8>)>,
}

/// Tasks that are being sent.
#[derive(Debug)]
pub struct Load {
    stop: watch::Sender<bool>,
    sending: JoinSet<Result<Sent>>,
    began: Instant,
}

impl Load {
    /// Begins to send so many tasks a second to an AVS, over several connections.
    ///
    /// # Errors
    /// Where the executor cannot be reached.
    pub async fn start(site: &Arc<Site>, avs: &Avs, per_second: u32, label: &str) -> Result<Self> {
        let (stop, stopped) = watch::channel(false);
        let mut sending = JoinSet::new();
        let period = Duration::from_secs(1) * SENDERS / per_second.max(1);
        for sender in 0..SENDERS {
            let (site, avs, stopped, api) = (site.clone(), avs.clone(), stopped.clone(), connect(site).await?);
            let label = format!("{label} {sender}");
            sending.spawn(async move { send(api, &site, &avs, &label, period, stopped).await });
        }
        Ok(Self { stop, sending, began: Instant::now() })
    }

    /// Stops sending and waits for every answer. How long tasks were sent is told too.
    ///
    /// # Errors
    /// Where a sender could not sign.
    pub async fn finish(mut self) -> Result<(Sent, Duration)> {
        let took = self.began.elapsed();
        self.stop.send_replace(true);
        let mut all = Sent::default();
        while let Some(sent) = self.sending.join_next().await {
            let sent = sent??;
            all.answered += sent.answered;
            all.failed.extend(sent.failed);
            all.longest = all.longest.max(sent.longest);
            all.answers.extend(sent.answers);
        }
        all.answers.sort();
        Ok((all, took))
    }
}

impl Sent {
    /// The longest time without any answer.
    pub fn longest_gap(&self) -> Duration {
        self.answers.windows(2).map(|pair| pair[1].0 - pair[0].0).max().unwrap_or_default()
    }

    /// How often each answer was given, beyond the square: by which revision, where revisions say.
    pub fn suffixes(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for (_, suffix) in &self.answers {
            *counts.entry(String::from_utf8_lossy(suffix).into_owned()).or_default() += 1;
        }
        counts
    }
}

/// Sends a task at every tick until told to stop.
async fn send(
    api: ExecutorApi,
    site: &Site,
    avs: &Avs,
    label: &str,
    period: Duration,
    mut stop: watch::Receiver<bool>,
) -> Result<Sent> {
    let (mut sent, mut running, mut number) = (Sent::default(), JoinSet::new(), 0_u32);
    let mut tick = tokio::time::interval(period);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = stop.changed() => break,
            Some(done) = running.join_next(), if !running.is_empty() => note(&mut sent, done)?,
            _ = tick.tick(), if running.len() < MOST_UNANSWERED => {
                number += 1;
                let task = submission(site, avs, &format!("{label} {number}"), PAYLOAD).await?;
                let api = api.clone();
                running.spawn(async move {
                    let began = Instant::now();
                    let result = api.submit(task).await.map_err(|error| error.to_string());
                    let answer = result.and_then(|result| match result.output.strip_prefix(SQUARE) {
                        Some(suffix) => Ok((Instant::now(), suffix.to_vec())),
                        None => Err(format!("answered {:?}", String::from_utf8_lossy(&result.output))),
                    });
                    (began.elapsed(), answer)
                });
            }
        }
    }
    while let Some(done) = running.join_next().await {
        note(&mut sent, done)?;
    }
    Ok(sent)
}

type Done = (Duration, Result<(Instant, Vec<u8>), String>);

fn note(sent: &mut Sent, done: Result<Done, JoinError>) -> Result<()> {
    let (took, answer) = done.context("a sender ended")?;
    sent.longest = sent.longest.max(took);
    match answer {
        Ok(answer) => {
            sent.answered += 1;
            sent.answers.push(answer);
        }
        Err(error) => sent.failed.push(error),
    }
    Ok(())
}
