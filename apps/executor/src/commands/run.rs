//! `run`: serve until told to stop.

use hourglass_core::config::Loaded;
use tokio::signal::unix::{SignalKind, signal};
use tracing::error;

use crate::cli::{ConfigArgs, RunArgs};
use crate::compose::Executor;
use crate::configuration;

pub(crate) fn run(args: &RunArgs, supervisor: hourglass_process::Supervisor) -> anyhow::Result<()> {
    let loaded = configuration::load(&args.config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(&args.config, loaded, supervisor))
}

async fn serve(args: &ConfigArgs, loaded: Loaded, supervisor: hourglass_process::Supervisor) -> anyhow::Result<()> {
    // Before anything is started, so that no signal finds us without an answer.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let mut executor = Executor::start(loaded, supervisor).await?;
    let mut failed = std::pin::pin!(executor.failed());
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hangup.recv() => match configuration::load(args) {
                Ok(new) => executor.reload(new.config).await,
                Err(problems) => error!("the configuration stays as it is:\n{problems}"),
            },
            failure = &mut failed => anyhow::bail!("{failure}: see the log"),
        }
    }
    // A second signal ends it at once: whoever sends two means it.
    tokio::select! {
        left = executor.leave() => left,
        _ = terminate.recv() => anyhow::bail!("told to stop twice: left without finishing what was running"),
        _ = interrupt.recv() => anyhow::bail!("told to stop twice: left without finishing what was running"),
    }
}
