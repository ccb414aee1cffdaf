//! Keeps metrics, readiness and health true while the executor runs.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use hourglass_core::lifecycle::Phase;
use hourglass_core::ports::{PerformerManager, PerformerView, Spawner, TaskJournal};
use hourglass_core::service::manager::LoopingManager;
use hourglass_grpc::server::ServerHandle;
use hourglass_telemetry::{Condition, Metrics, Readiness, SampleKind};

/// How often everything is looked at where nothing tells of a change.
const INTERVAL: Duration = Duration::from_secs(2);
/// How often the journal is asked whether it can be written.
const JOURNAL_INTERVAL: Duration = Duration::from_secs(3);

pub(super) fn start(
    spawner: &Arc<dyn Spawner>,
    manager: &Arc<LoopingManager>,
    journal: Arc<dyn TaskJournal>,
    metrics: &Metrics,
    readiness: &Readiness,
    server: &ServerHandle,
) {
    let condition = readiness.condition("journal");
    spawner.spawn_service("journal check", Box::pin(check_journal(journal, condition)));
    let condition = readiness.condition("performers");
    let all = readiness.informational("all_performers");
    let watched = watch_performers(manager.clone(), metrics.clone(), condition, all);
    spawner.spawn_service("performer watch", Box::pin(watched));
    let refusing = server.clone();
    metrics.sampled(
        "hourglass_refused_peers_total",
        "Connections closed because they came from a performer",
        SampleKind::Counter,
        move || refusing.refused_peers() as f64,
    );
    spawner.spawn_service("health", Box::pin(follow_readiness(readiness.clone(), server.clone())));
}

async fn check_journal(journal: Arc<dyn TaskJournal>, condition: Condition) {
    loop {
        match journal.check().await {
            Ok(()) => condition.ready("writable"),
            Err(error) => condition.not_ready(error.to_string()),
        }
        tokio::time::sleep(JOURNAL_INTERVAL).await;
    }
}

async fn watch_performers(manager: Arc<LoopingManager>, metrics: Metrics, any: Condition, all: Condition) {
    let mut changes = manager.watch();
    loop {
        if let Ok(views) = manager.list().await {
            metrics.set_performers(&views);
            judge(&views, &any, &all);
        }
        let _either = tokio::time::timeout(INTERVAL, changes.next()).await;
        // A burst of changes is one look.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Ready while any performer serves: an executor that serves some AVSs must not be cut off because another one is
/// broken; which one that is says the informational condition.
fn judge(views: &[PerformerView], any: &Condition, all: &Condition) {
    let serving = |view: &&PerformerView| view.status.ready_replicas > 0 && view.status.routed.is_some();
    let wanted: Vec<_> = views.iter().filter(|view| view.status.phase != Phase::Terminating).collect();
    let missing: Vec<_> = wanted.iter().filter(|view| !serving(view)).map(|view| view.intent.name.as_str()).collect();
    if wanted.is_empty() {
        any.ready("no performer is configured");
    } else if missing.len() < wanted.len() {
        any.ready(format!("{} of {} serve", wanted.len() - missing.len(), wanted.len()));
    } else {
        any.not_ready(format!("none of {} serves yet", wanted.len()));
    }
    if missing.is_empty() {
        all.ready("every performer serves");
    } else {
        all.not_ready(format!("not serving: {}", missing.join(", ")));
    }
}

async fn follow_readiness(readiness: Readiness, server: ServerHandle) {
    let mut ready = readiness.watch();
    loop {
        server.set_ready(*ready.borrow_and_update());
        // It lives as long as `readiness`, which is ours.
        let _alive = ready.changed().await;
    }
}
