//! `socket-proxy`: a gate in front of the engine's socket.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use hourglass_docker::proxy::{Owner, Permits, ProxyOptions, SocketProxy};
use hourglass_telemetry::logs::{LogFormat, init};
use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};

use crate::cli::{ProxyLogFormat, SocketProxyArgs};

pub(crate) async fn run(args: &SocketProxyArgs) -> anyhow::Result<()> {
    let format = match args.log_format {
        ProxyLogFormat::Text => LogFormat::Human,
        ProxyLogFormat::Json => LogFormat::Json,
    };
    init(format, &args.log_level).context("--log-level")?;
    // Before anything is served, so that no signal finds us without an answer.
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let proxy = SocketProxy::bind(&args.listen, options(args)?).await?;
    if let hourglass_docker::proxy::Listen::Tcp(address) = &args.listen {
        warn!(%address, "whoever reaches this address is let through as the executor is: a socket is safer");
    }
    info!(version = env!("CARGO_PKG_VERSION"), engine = args.docker_host, "letting through what the executor calls");
    tokio::select! {
        never = proxy.serve() => match never {},
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    // Nothing to wait for: what was begun goes on in the engine, and the executor looks again when we are back.
    info!("stopped");
    Ok(())
}

fn options(args: &SocketProxyArgs) -> anyhow::Result<ProxyOptions> {
    let Some(engine) = args.docker_host.strip_prefix("unix://").filter(|path| path.starts_with('/')) else {
        bail!(
            "--docker-host: the proxy stands before the socket of this host's engine, as in unix:///var/run/docker.sock"
        );
    };
    let owner = match (&args.executor_id, &args.executor_id_file) {
        (Some(id), _) => Owner::Id(id.clone()),
        (None, Some(file)) => Owner::File(file.clone()),
        (None, None) => bail!("give --executor-id or --executor-id-file"),
    };
    let permits = Permits {
        capabilities: args.allow_capability.iter().cloned().collect(),
        devices: args.allow_device.iter().cloned().collect(),
        runtimes: args.allow_runtime.iter().cloned().collect(),
        networks: args.allow_network.iter().cloned().collect(),
        gpus: args.allow_gpus,
        new_privileges: args.allow_new_privileges,
        executor_container: args.executor_container.clone(),
    };
    Ok(ProxyOptions { engine: PathBuf::from(engine), owner, permits: permits.checked()? })
}
