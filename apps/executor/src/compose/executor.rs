//! A running executor.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use hourglass_core::config::{Config, Loaded};
use hourglass_core::ports::{Clock, PerformerClient, PerformerManager, SignatureVerifier, Spawner};
use hourglass_core::service::manager::{LoopingManager, ManagerParts, ShutdownPolicy};
use hourglass_core::service::{ManagementAuth, ManagementService, TaskPorts, TaskService};
use hourglass_core::trust::StaticAuthority;
use hourglass_grpc::client::GrpcPerformerClient;
use hourglass_grpc::server::{ExecutorServer, ServerHandle};
use hourglass_keys::CurveVerifier;
use hourglass_runtime::{ServiceFailure, Supervisor, TokioClock};
use hourglass_store::Store;
use hourglass_telemetry::http::{Limits, RefusePeers, bind, health_router, metrics_router, serve_except};
use hourglass_telemetry::logs::LogLevel;
use hourglass_telemetry::{BuildInfo, Condition, EventLog, Metrics, Readiness, TracedTasks};
use tracing::{error, info, warn};

use crate::compose::{engine, parts, settings, usage, watch};
use crate::keyring::Keyring;

/// How long performers may take to stop where they stop with the executor, beyond their own drain.
const STOP_TIME: Duration = Duration::from_secs(15);

/// An executor that serves.
pub(crate) struct Executor {
    /// The configuration it began with; what a reload changed is in `current`.
    began: Config,
    current: Config,
    level: LogLevel,
    supervisor: Supervisor,
    store: Store,
    authority: Arc<StaticAuthority>,
    tasks: TaskService,
    manager: Arc<LoopingManager>,
    management: Option<Arc<ManagementService>>,
    server: ServerHandle,
    draining: Condition,
}

impl Executor {
    /// Starts everything the configuration asks for. Returns when tasks are accepted; `/ready` says when they can be
    /// answered.
    ///
    /// # Errors
    /// What could not be started, and what to change.
    pub(crate) async fn start(loaded: Loaded, process: hourglass_process::Supervisor) -> anyhow::Result<Self> {
        let config = loaded.config;
        let level = hourglass_telemetry::logs::init(settings::log_format(&config), &config.log_level)?;
        info!(version = env!("CARGO_PKG_VERSION"), name = config.operator.name, "starting");
        loaded.notes.iter().for_each(|note| warn!("{note}"));
        let supervisor = Supervisor::current();
        let spawner: Arc<dyn Spawner> = Arc::new(supervisor.clone());
        let clock: Arc<dyn Clock> = Arc::new(TokioClock);
        let readiness = Readiness::new();
        // Holds once tasks are accepted: `/ready` is served before that, and the other conditions come with their parts.
        let draining = readiness.condition("draining");
        let build = BuildInfo {
            version: env!("CARGO_PKG_VERSION"),
            revision: option_env!("HOURGLASS_REVISION").unwrap_or("unknown"),
        };
        let metrics = Metrics::new(build, &readiness);
        // What takes a while goes on at once: the engine is asked what runs, the journal is opened, keys are decrypted.
        let containers = parts::containers(&config).await?;
        if let Some(containers) = &containers {
            spawner.spawn_service("container engine", Box::pin(containers.follow()));
            let condition = readiness.informational("engine");
            spawner.spawn_service(
                "engine watch",
                Box::pin(engine::watch(containers.engine(), condition, metrics.clone())),
            );
        }
        Self::serve_http(&config, &spawner, &metrics, &readiness, parts::refused_peers(containers.as_ref())).await?;
        let keys = config.clone();
        let keyring = async { tokio::task::spawn_blocking(move || Keyring::read(&keys)).await? };
        let (keyring, store) = tokio::try_join!(keyring, parts::store(&config))?;
        info!(operator = %keyring.operator.checksummed(), "signing for this operator");
        let commits = metrics.clone();
        store.on_commit(move |took, records| commits.journal_commit(took, records));
        let runtime = parts::instances(&config, containers.as_ref(), process).await?;
        if let Some(containers) = &containers {
            engine::known(containers.engine()).await;
        }
        let connections = Arc::new(parts::Connections(metrics.clone()));
        let client: Arc<dyn PerformerClient> =
            Arc::new(GrpcPerformerClient::new(settings::client(&config), clock.clone(), spawner.clone(), connections));
        let manager = LoopingManager::start(
            ManagerParts {
                runtime,
                client: client.clone(),
                store: store.performers(),
                clock: clock.clone(),
                spawner: spawner.clone(),
                events: Arc::new(EventLog::new(metrics.clone())),
            },
            settings::manager(&config),
            settings::performers(&config),
        )
        .await?;

        let verifier: Arc<dyn SignatureVerifier> = Arc::new(CurveVerifier::new());
        let authority = Arc::new(StaticAuthority::new(settings::trust(&config)));
        let ports = TaskPorts {
            journal: store.journal(),
            authority: authority.clone(),
            verifier: verifier.clone(),
            client,
            clock: clock.clone(),
            spawner: spawner.clone(),
            metrics: Arc::new(metrics.clone()),
        };
        let tasks =
            TaskService::new(keyring.operator, keyring.signers.clone(), ports, settings::tasks(&config, &config));
        let management = Self::management(&config, &keyring, &manager, &clock, verifier)?;

        let mut builder = ExecutorServer::builder(settings::server(&config)?)
            .refuse_peers(parts::refused_peers(containers.as_ref()))
            .tasks(Arc::new(TracedTasks::new(tasks.clone())));
        if let Some(management) = &management {
            builder = builder.management(management.clone());
        }
        let server = builder.bind().await.context("server.listen, management.listen: cannot serve")?;
        let handle = server.handle();
        info!(address = %handle.local_addr(), "accepting tasks");
        if let Some(address) = handle.management_addr() {
            info!(%address, "accepting management calls without the tasks' listener");
        }
        spawner.spawn("grpc server", Box::pin(server.serve()));

        watch::start(&spawner, &manager, store.journal(), &metrics, &readiness, &handle);
        if config.performer.resource_monitoring_enabled {
            let interval = config.performer.resource_monitoring_interval;
            let sampled = usage::sample(manager.clone(), containers, metrics, interval);
            spawner.spawn_service("usage", Box::pin(sampled));
        }
        draining.ready("accepting tasks");
        readiness.started();
        let current = config.clone();
        let began = config;
        Ok(Self {
            began,
            current,
            level,
            supervisor,
            store,
            authority,
            tasks,
            manager,
            management,
            server: handle,
            draining,
        })
    }

    async fn serve_http(
        config: &Config,
        spawner: &Arc<dyn Spawner>,
        metrics: &Metrics,
        readiness: &Readiness,
        refuses: RefusePeers,
    ) -> anyhow::Result<()> {
        let mut listeners = Vec::new();
        if config.metrics.enabled {
            let listener = bind(config.metrics.listen).await.context("metrics: cannot serve")?;
            listeners.push(("metrics", listener, metrics_router(metrics.clone(), &config.metrics.path)));
        }
        if config.health.enabled {
            let listener = bind(config.health.listen).await.context("health: cannot serve")?;
            listeners.push(("health", listener, health_router(readiness.clone())));
        }
        for (name, listener, router) in listeners {
            let refuses = refuses.clone();
            let service = async move { match serve_except(listener, router, Limits::default(), refuses).await {} };
            spawner.spawn_service(name, Box::pin(service));
        }
        Ok(())
    }

    fn management(
        config: &Config,
        keyring: &Keyring,
        manager: &Arc<LoopingManager>,
        clock: &Arc<dyn Clock>,
        verifier: Arc<dyn SignatureVerifier>,
    ) -> anyhow::Result<Option<Arc<ManagementService>>> {
        if !config.management.enabled {
            return Ok(None);
        }
        let auth = if config.authentication.enabled {
            // Tokens that can be guessed are worse than no service.
            getrandom::fill(&mut [0; 32]).context("the system gives no random numbers")?;
            let random = Box::new(|| {
                let mut bytes = [0; 32];
                if getrandom::fill(&mut bytes).is_err() {
                    std::process::abort();
                }
                bytes
            });
            ManagementAuth::new(&keyring.public_keys(), verifier, random, settings::challenges(config))
        } else {
            warn!("authentication is off: anyone on this host may manage performers");
            None
        };
        let manager: Arc<dyn PerformerManager> = manager.clone();
        let options = settings::management(config, keyring.operator);
        let service = ManagementService::new(manager, clock.clone(), auth, settings::managed(config), options);
        Ok(Some(Arc::new(service)))
    }

    /// Resolves when something that must never end has ended.
    pub(crate) fn failed(&self) -> impl Future<Output = ServiceFailure> + Send + 'static {
        self.supervisor.failed()
    }

    /// Takes over what can change without a restart: AVSs, the log level, certificates. Says what needs one.
    pub(crate) async fn reload(&mut self, new: Config) {
        if let (Some(tls), true) = (&self.began.server.tls, new.server.tls.is_some()) {
            match settings::tls(tls).and_then(|tls| Ok(self.server.reload_tls(&tls)?)) {
                Ok(()) => info!("read the certificates again"),
                Err(error) => error!("the old certificates stay: {error:#}"),
            }
        }
        let diff = self.current.reload_diff(&new);
        if !diff.needs_restart.is_empty() {
            warn!(paths = ?diff.needs_restart, "these take effect at the next start");
        }
        self.current.avs = new.avs;
        self.current.log_level = new.log_level;
        if let Err(error) = self.level.set(&self.current.log_level) {
            error!("log_level: {error}");
        }
        // Trust before tasks: an AVS must not be served before it is known who may submit.
        self.authority.replace(settings::trust(&self.current));
        self.tasks.reconfigure(settings::tasks(&self.began, &self.current));
        if let Some(management) = &self.management {
            management.set_avss(settings::managed(&self.current));
        }
        if let Err(error) = self.manager.configure(settings::performers(&self.current)).await {
            error!("performers do not follow the configuration yet: {error}");
        }
        info!(applied = ?diff.applied, "configuration read again");
    }

    /// Leaves in order: unready, no new connections, running tasks finished, performers left running (or, in
    /// development, stopped), the journal closed.
    ///
    /// # Errors
    /// What had to be cut.
    pub(crate) async fn leave(self) -> anyhow::Result<()> {
        info!(delay = ?self.began.server.drain_delay, "draining");
        self.draining.not_ready("the executor is shutting down");
        let report = self.server.drain().await;
        let unfinished = self.tasks.idle(self.began.server.drain_timeout).await;
        // Processes belong to whoever develops on this host: nothing stays behind, only a kill leaves them running.
        // Containers serve on, and the next start takes them up: that is an upgrade of the executor without a gap.
        let (policy, deadline) = if settings::runs_processes(&self.began) {
            (ShutdownPolicy::StopAll, self.longest_drain() + STOP_TIME)
        } else {
            (ShutdownPolicy::LeaveRunning, STOP_TIME)
        };
        let left = self.manager.shutdown(policy, deadline).await;
        self.supervisor.stop();
        tokio::task::spawn_blocking(move || self.store.close()).await?.context("the journal did not close in order")?;
        info!(cut_calls = report.calls_cut, unfinished, ?left, "stopped");
        anyhow::ensure!(
            report.calls_cut == 0 && unfinished == 0 && left.is_empty(),
            "stopped after server.drain_timeout with {} calls cut, {unfinished} tasks unfinished, performers not stopped: {left:?}",
            report.calls_cut
        );
        Ok(())
    }

    fn longest_drain(&self) -> Duration {
        let of = |avs: &hourglass_core::config::AvsConfig| avs.upgrade.drain_deadline + avs.upgrade.stop_grace;
        self.current.avs.iter().map(of).max().unwrap_or_default()
    }
}
