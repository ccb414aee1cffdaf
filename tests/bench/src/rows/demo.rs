//! Upgrade gap and recovery time, as the demo measures them.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use crate::Bench;
use crate::run::say;
use crate::spread::{Spread, figure};
use crate::table::{Row, Table};

#[derive(Deserialize)]
struct Report {
    rows: Vec<Avs>,
    executor_restart_ms: f64,
}

#[derive(Deserialize)]
struct Avs {
    tasks: u32,
    failed: u32,
    p50_ms: f64,
    upgrade_gap_ms: Option<f64>,
    performer_recovery_ms: Option<f64>,
    executor_recovery_ms: f64,
}

/// Milliseconds between two tasks of one AVS: the demo sends 100 a second to two.
const BETWEEN_TASKS_MS: f64 = 20.0;

pub(crate) fn measure(bench: &Bench) -> Result<Table> {
    say("the demo: an upgrade, a killed performer, a killed executor, under load");
    let (rounds, tasks) = (bench.rounds(3), bench.scaled(1000).max(300));
    let reports = (0..rounds).map(|_| demo(bench, tasks)).collect::<Result<Vec<_>>>()?;
    let avss = || reports.iter().flat_map(|report| &report.rows);
    let undisturbed = Spread::of(avss().map(|avs| avs.p50_ms));
    let baseline = format!("a task takes {undisturbed} ms (p50), one comes every {} ms", figure(BETWEEN_TASKS_MS));
    let sample = format!("{rounds} runs × {tasks} tasks, none lost");
    let row = |what: &str, times: Spread| Row {
        what: what.into(),
        measured: format!("{times} ms"),
        baseline: baseline.clone(),
        aim: String::new(),
        sample: sample.clone(),
    };
    Ok(Table {
        title: "Faults under load",
        note: "`hourglass-executor demo -o json`, 100 tasks/s over two AVSs; signatures made and verified, repeated tasks \
               answered byte for byte the same."
            .into(),
        rows: vec![
            row("upgrade: the longest time between two answers", Spread::of(avss().filter_map(|avs| avs.upgrade_gap_ms))),
            row(
                "performer killed: until the next answer",
                Spread::of(avss().filter_map(|avs| avs.performer_recovery_ms)),
            ),
            row("executor killed: until the next answer", Spread::of(avss().map(|avs| avs.executor_recovery_ms))),
            row("executor killed: until both AVSs serve", Spread::of(reports.iter().map(|r| r.executor_restart_ms))),
        ],
    })
}

fn demo(bench: &Bench, tasks: u32) -> Result<Report> {
    let mut command = Command::new(&bench.programs.executor);
    command.args(["demo", "-o", "json", "--tasks", &tasks.to_string(), "--performer"]).arg(&bench.programs.performer);
    // Its temporary directory must be on the disk that is measured.
    let output = command.env("TMPDIR", &bench.directory).output().context("the demo")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "the demo failed: {said}");
    let report: Report = serde_json::from_slice(&output.stdout).context("the demo's report")?;
    let (sent, failed) = report.rows.iter().fold((0, 0), |(sent, lost), avs| (sent + avs.tasks, lost + avs.failed));
    ensure!(sent == tasks && failed == 0, "{failed} of {sent} tasks failed, {tasks} were asked for");
    Ok(report)
}
