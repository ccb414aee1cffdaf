//! What is measured, a file for each.

mod curves;
mod demo;
mod journal;
mod latency;
mod refusals;
pub(crate) mod restart;
mod size;
mod stages;
mod throughput;

use anyhow::Result;

use crate::table::Table;
use crate::{Bench, Part};

/// Measures one part.
pub(crate) async fn measure(bench: &Bench, part: Part) -> Result<Vec<Table>> {
    Ok(match part {
        Part::Latency => vec![latency::measure(bench).await?],
        Part::Throughput => throughput::measure(bench).await?,
        Part::Curves => vec![curves::measure(bench)?],
        Part::Refusals => vec![refusals::measure(bench).await?],
        Part::Restart => vec![restart::measure(bench).await?, size::measure(bench)?],
        Part::Journal => vec![journal::measure(bench).await?],
        Part::Demo => vec![demo::measure(bench)?],
    })
}
