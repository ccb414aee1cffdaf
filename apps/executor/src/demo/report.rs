//! What happened, for each AVS.

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::cli::Output;
use crate::demo::faults::Faults;
use crate::demo::load::Done;
use crate::demo::world::World;
use crate::output;

/// The figures of one AVS; times in milliseconds.
#[derive(Debug, Serialize)]
struct Row {
    avs: &'static str,
    tasks: usize,
    failed: usize,
    p50_ms: f64,
    p99_ms: f64,
    /// The longest time without an answer around the upgrade, where this AVS was upgraded.
    upgrade_gap_ms: Option<f64>,
    /// From the performer's death to the next answer, where this AVS's performer was killed.
    performer_recovery_ms: Option<f64>,
    /// From the executor's death to the next answer.
    executor_recovery_ms: f64,
}

/// The whole demo in figures.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    rows: Vec<Row>,
    /// From the executor's death until both AVSs served again.
    executor_restart_ms: f64,
    /// Answered tasks that were submitted again, and of them those with byte-identical answers.
    repeated: usize,
    identical: usize,
    failures: Vec<String>,
}

impl Report {
    pub(crate) fn new(world: &World, tasks: &[Done], faults: &Faults, (identical, repeated): (usize, usize)) -> Self {
        let rows = (0..world.avs.len()).map(|avs| row(world, avs, tasks, faults)).collect();
        let failures = tasks.iter().filter_map(|task| task.result.as_ref().err().cloned()).collect();
        let executor_restart_ms = millis(faults.executor_killed.1);
        Self { rows, executor_restart_ms, repeated, identical, failures }
    }

    pub(crate) fn print(&self, format: Output) -> anyhow::Result<()> {
        if format == Output::Json {
            println!("{}", serde_json::to_string_pretty(self)?);
            return Ok(());
        }
        let heading = ["AVS", "TASKS", "FAILED", "P50", "P99", "UPGRADE GAP", "PERFORMER KILLED", "EXECUTOR KILLED"];
        let cell = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |ms| format!("{ms:.1} ms"));
        output::rows(format, &heading, &self.rows, |row| {
            vec![
                row.avs.to_owned(),
                row.tasks.to_string(),
                row.failed.to_string(),
                cell(Some(row.p50_ms)),
                cell(Some(row.p99_ms)),
                cell(row.upgrade_gap_ms),
                cell(row.performer_recovery_ms),
                cell(Some(row.executor_recovery_ms)),
            ]
        })?;
        println!(
            "(upgrade gap: longest time between answers during the upgrade; killed: time to the next answer)\n\
             the executor served both AVSs again {:.0} ms after SIGKILL\n\
             {} of {} tasks that were submitted again gave the byte-identical answer",
            self.executor_restart_ms, self.identical, self.repeated
        );
        Ok(())
    }

    /// # Errors
    /// Where anything was lost.
    pub(crate) fn verdict(&self) -> anyhow::Result<()> {
        let first = self.failures.first().map(String::as_str).unwrap_or_default();
        anyhow::ensure!(self.failures.is_empty(), "{} tasks failed; the first: {first}", self.failures.len());
        let different = self.repeated - self.identical;
        anyhow::ensure!(different == 0, "{different} repeated tasks gave another answer");
        Ok(())
    }
}

fn row(world: &World, avs: usize, tasks: &[Done], faults: &Faults) -> Row {
    let own: Vec<&Done> = tasks.iter().filter(|task| task.avs == avs).collect();
    let good = own.iter().filter(|task| task.result.is_ok());
    let mut took: Vec<Duration> = good.clone().map(|task| task.took).collect();
    took.sort_unstable();
    let mut answers: Vec<Instant> = good.map(|task| task.finished).collect();
    answers.sort_unstable();
    let after = |at: Instant| answers.iter().find(|answer| **answer > at).map(|answer| millis(*answer - at));
    Row {
        avs: world.avs[avs].name,
        tasks: own.len(),
        failed: own.len() - took.len(),
        p50_ms: percentile(&took, 50),
        p99_ms: percentile(&took, 99),
        upgrade_gap_ms: (avs == 0).then(|| gap(&answers, faults.upgrade)),
        performer_recovery_ms: if avs == 1 { after(faults.performer_killed) } else { None },
        executor_recovery_ms: after(faults.executor_killed.0).unwrap_or(f64::NAN),
    }
}

/// The longest pause between answers that touches the period.
fn gap(answers: &[Instant], (from, to): (Instant, Instant)) -> f64 {
    let touching = answers.windows(2).filter(|pair| pair[1] >= from && pair[0] <= to);
    touching.map(|pair| millis(pair[1] - pair[0])).fold(0.0, f64::max)
}

fn percentile(sorted: &[Duration], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(rank).copied().map_or(f64::NAN, millis)
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_and_gaps() {
        let took: Vec<_> = (1..=100).map(Duration::from_millis).collect();
        assert_eq!((percentile(&took, 50), percentile(&took, 99)), (50.0, 99.0));
        assert!(percentile(&[], 50).is_nan());
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let answers = [at(0), at(10), at(100), at(110), at(500)];
        assert_eq!(gap(&answers, (at(20), at(105))), 90.0);
        assert_eq!(gap(&answers, (at(101), at(102))), 10.0);
    }
}
