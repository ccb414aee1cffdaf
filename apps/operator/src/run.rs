use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use hourglass_core::ports::Spawner as _;
use hourglass_kubernetes::connection::{ConnectOptions, Connection, NEEDED, RightsError, connect, missing};
use hourglass_kubernetes::lease::LeaseTimings;
use hourglass_kubernetes::operator::{Operator, OperatorOptions, OperatorPorts};
use hourglass_kubernetes::writer::NoHook;
use hourglass_runtime::{Supervisor, TokioClock};
use hourglass_telemetry::{BuildInfo, OperatorMetrics, Readiness, http, logs};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::address::BindAddress;
use crate::cli::RunArgs;
use crate::metrics::{Measured, register};
use crate::{readiness, tables};

/// Of the release and of the source.
const BUILD: BuildInfo = BuildInfo {
    version: env!("CARGO_PKG_VERSION"),
    revision: match option_env!("HOURGLASS_REVISION") {
        Some(revision) => revision,
        None => "unknown",
    },
};

/// Where the operator is at home where nobody says so.
const NAMESPACE: &str = "hourglass-system";

/// How long the last writes and the lease may take after SIGTERM.
const STOPS_WITHIN: Duration = Duration::from_secs(15);

/// Runs until SIGTERM.
pub(crate) fn run(args: RunArgs) -> anyhow::Result<()> {
    let format = args.log_format.parse()?;
    let _level = logs::init(format, &args.log_level)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(args))
}

async fn serve(args: RunArgs) -> anyhow::Result<()> {
    // Before anything is started, so that no signal finds us without an answer.
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let user_agent = format!("hourglass-operator/{}", BUILD.version);
    let connect_options =
        ConnectOptions { kubeconfig: args.kubeconfig.clone(), context: args.context.clone(), user_agent };
    let connection = connect(&connect_options).await?;
    let options = options(&args, &connection)?;
    let (server, namespace, identity) = (&connection.server, &options.namespace, &options.identity);
    tracing::info!(version = BUILD.version, revision = BUILD.revision, %server, %namespace, %identity, "the operator starts");

    let supervisor = Supervisor::current();
    let readiness = Readiness::new();
    let metrics = OperatorMetrics::new(BUILD, &readiness);
    let measured = Arc::new(Measured(metrics.clone()));
    let (own, watched) = (options.namespace.clone(), options.watch.namespace.clone());
    let ports = OperatorPorts {
        clock: Arc::new(TokioClock),
        writes: measured.clone(),
        reconciles: measured,
        hook: Arc::new(NoHook),
    };
    let operator = Operator::new(&connection.client, options, ports);
    register(&metrics, &operator);
    listen(&supervisor, args.metrics_bind_address, http::exposition_router(move || metrics.encode(), "/metrics"))
        .await?;
    listen(&supervisor, args.health_probe_bind_address, http::probes_router(readiness.clone())).await?;
    supervisor.spawn("rights", Box::pin(check_rights(connection, watched, own)));
    supervisor.spawn_service("readiness", Box::pin(readiness::caches(readiness.clone(), operator.stores.clone())));
    supervisor.spawn_service("leader", Box::pin(readiness::leader(readiness.clone(), operator.leadership.clone())));
    for (name, service) in operator.services {
        supervisor.spawn_service(name, service);
    }
    let (stop, mut stopping) = watch::channel(false);
    let lead = operator.lead;
    let mut leading =
        tokio::spawn(async move { lead.run(async { drop(stopping.wait_for(|stop| *stop).await) }).await });
    readiness.started();

    let failed = tokio::select! {
        failure = supervisor.failed() => Some(anyhow::anyhow!("{failure}")),
        ended = &mut leading => Some(anyhow::anyhow!("leader election ended although it must run as long as the process: {ended:?}")),
        _ = terminate.recv() => None,
        _ = interrupt.recv() => None,
    };
    tracing::info!("stopping: the last writes, then the lease");
    stop.send_replace(true);
    let given_back = async {
        if !leading.is_finished() {
            drop((&mut leading).await);
        }
    };
    tokio::select! {
        ended = tokio::time::timeout(STOPS_WITHIN, given_back) => {
            if ended.is_err() {
                tracing::warn!("the lease was not given back in time and runs out");
            }
        }
        // A second signal ends it at once: whoever sends two means it.
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    supervisor.stop();
    failed.map_or(Ok(()), Err)
}

fn options(args: &RunArgs, connection: &Connection) -> anyhow::Result<OperatorOptions> {
    let in_pod = std::env::var_os("KUBERNETES_SERVICE_HOST").is_some() && args.kubeconfig.is_none();
    let namespace = args.namespace.clone().filter(|name| !name.is_empty());
    let namespace = namespace.unwrap_or_else(|| if in_pod { connection.namespace.clone() } else { NAMESPACE.into() });
    let mut options = OperatorOptions::new(&namespace, &identity()?);
    options.watch.namespace.clone_from(&args.watch_namespace);
    options.watch.options.relist = Duration::from_secs(args.resync.max(1));
    options.workers = args.workers.into();
    options.tables = tables::read(args.config.as_deref())?;
    let timings = LeaseTimings {
        duration: Duration::from_secs(args.leader_elect_lease_duration),
        renew_deadline: Duration::from_secs(args.leader_elect_renew_deadline),
        renew_every: Duration::from_secs(args.leader_elect_retry_period),
        ..LeaseTimings::default()
    };
    timings.validate().map_err(|problem| anyhow::anyhow!("--leader-elect-…: {problem}"))?;
    options.lease = args.leader_elect.then_some(timings);
    Ok(options)
}

/// The pod's name and something that no other process has had, this pod's containers before included.
fn identity() -> anyhow::Result<String> {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let mut random = String::new();
    let uuid = std::fs::read_to_string("/proc/sys/kernel/random/uuid").context("the system gives no random number")?;
    random.push_str(uuid.trim());
    Ok(format!("{}_{random}", host.trim()))
}

async fn listen(supervisor: &Supervisor, address: BindAddress, router: axum::Router) -> anyhow::Result<()> {
    let Some(address) = address.socket() else { return Ok(()) };
    let listener = http::bind(address).await?;
    let serving = http::serve(listener, router, http::Limits::default());
    supervisor.spawn_service("http", Box::pin(async move { match serving.await {} }));
    Ok(())
}

/// Says what the operator is not allowed to do, by name: everything that needs it fails, and would say so one by one.
async fn check_rights(connection: Connection, watched: Option<String>, own: String) {
    loop {
        match missing(&connection.client, NEEDED, watched.as_deref(), &own).await {
            Ok(missing) if missing.is_empty() => return,
            Ok(missing) => {
                let error = RightsError(missing);
                tracing::error!(reason = error.reason(), %error, "permissions are missing");
                return;
            }
            Err(error) => tracing::warn!(%error, reason = error.reason(), "it cannot be found out what is allowed"),
        }
        tokio::time::sleep(Duration::from_secs(10)).await;
    }
}
