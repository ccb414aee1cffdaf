//! One of two replicas hangs as a program hangs: it accepts connections and answers nothing, health checks neither.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use hourglass_executor::aggregator::send;
use tokio::task::JoinSet;

use crate::running::caller::submission;
use crate::running::site::{Avs, Site};
use crate::running::web;
use crate::waiting::until_async;

/// Tasks are sent at this pace, and so many of them: six seconds.
const PACE: Duration = Duration::from_millis(25);
const TASKS: u32 = 240;
/// When it begins to hang.
const HANGS_AFTER: Duration = Duration::from_millis(500);
/// How long tasks may still meet it.
const OUT_WITHIN: Duration = Duration::from_secs(3);

/// An AVS of two replicas, one of which is to hang. A task that meets it fails soon.
pub fn two_replicas() -> Avs {
    Avs::ecdsa().line("replicas: 2").line("task: {deadline: 1500ms}")
}

/// So that only the failing calls themselves can find it out in time.
pub const RARE_CHECKS: &str = "performer_config.health_check_interval=60s";

/// Waits until tasks go to both replicas.
///
/// # Errors
/// At the deadline.
pub async fn both_serve(site: &Site, deadline: Duration) -> Result<()> {
    let both = until_async("two replicas that serve", deadline, async || {
        let metrics = web::get(site.ports.metrics, "/metrics")?.body;
        let ready = metrics.lines().find(|line| line.starts_with("hourglass_performer_ready_replicas{"));
        ensure!(ready.is_some_and(|line| line.ends_with(" 2")), "{ready:?}");
        Ok(())
    });
    both.await
}

/// Sends tasks at a steady rate, each once, and lets `hang` stop one of two replicas in the midst of it: tasks meet it,
/// and none that is sent three seconds later or more.
///
/// # Errors
/// Where a task failed that was sent later, or the run says too little: none met it, or hardly any was sent after it.
pub async fn leaves_rotation(site: &Site, avs: &Avs, hang: impl AsyncFnOnce() -> Result<()>) -> Result<()> {
    let mut sent = JoinSet::new();
    let began = Instant::now();
    let (mut hang, mut hung) = (Some(hang), began);
    for number in 0..TASKS {
        let task = submission(site, avs, &format!("hang {number}"), b"3").await?;
        let (endpoint, started) = (site.endpoint(), Instant::now());
        sent.spawn(async move { (started, send(&endpoint, &task, 1).await) });
        if began.elapsed() > HANGS_AFTER
            && let Some(hang) = hang.take()
        {
            hang().await?;
            hung = Instant::now();
        }
        tokio::time::sleep_until((began + PACE * (number + 1)).into()).await;
    }
    let (mut met_it, mut after, mut failed_after) = (0, 0, Vec::new());
    while let Some(done) = sent.join_next().await {
        let (started, result) = done?;
        let late = started > hung + OUT_WITHIN;
        match result {
            Ok(_) => after += u32::from(late),
            Err(error) if late => failed_after.push(error.to_string()),
            Err(_) => met_it += 1,
        }
    }
    ensure!(failed_after.is_empty(), "{failed_after:?}");
    ensure!(after > 20, "{after} tasks after three seconds say too little");
    ensure!(met_it > 0, "no task ever met the hung one");
    Ok(())
}
