//! How large the executor's binary is, without symbols.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;

use crate::Bench;
use crate::spread::figure;
use crate::table::{Row, Table, aim};

const AIM_MB: f64 = 20.0;

pub(crate) fn measure(bench: &Bench) -> Result<Table> {
    let dist = bench.dist.as_ref().filter(|file| file.is_file());
    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    let (what, bytes) = match dist {
        Some(file) => ("`hourglass-executor` as released (profile dist, stripped)", fs::metadata(file)?.len()),
        None => ("`hourglass-executor` of the profile release, stripped", stripped(bench)?),
    };
    let performer = fs::metadata(&bench.programs.performer)?.len();
    let row = Row {
        what: what.into(),
        measured: format!("{} MB", figure(megabytes(bytes))),
        baseline: format!("`square-performer`, a tonic server, not stripped: {} MB", figure(megabytes(performer))),
        aim: aim(&format!("< {AIM_MB:.0} MB"), megabytes(bytes) < AIM_MB),
        sample: "1 file".into(),
    };
    Ok(Table { title: "Size of the binary", note: String::new(), rows: vec![row] })
}

/// The size of a copy without symbols.
fn stripped(bench: &Bench) -> Result<u64> {
    let directory = TempDir::with_prefix_in("hourglass-bench-", &bench.directory)?;
    let copy = directory.path().join("stripped");
    let status = Command::new("strip").arg("-o").arg(&copy).arg(&bench.programs.executor).status();
    let status = status.context("strip (binutils) is needed, or a binary of the profile dist: make build")?;
    ensure!(status.success(), "strip failed: {status}");
    Ok(fs::metadata(&copy)?.len())
}
