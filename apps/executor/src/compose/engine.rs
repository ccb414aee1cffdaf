//! What is known of the container engine, told in readiness, metrics and the log.

use std::time::Duration;

use hourglass_docker::EngineState;
use hourglass_telemetry::{Condition, Metrics};
use tokio::sync::watch;
use tracing::{info, warn};

/// How long a start waits for the engine to say what runs. Those that run are then taken up at once; without an answer,
/// whenever it comes.
const PATIENCE: Duration = Duration::from_secs(5);

/// Waits until it is known what runs, or that the engine does not answer.
pub(super) async fn known(mut states: watch::Receiver<EngineState>) {
    let answered = states.wait_for(|state| !matches!(state, EngineState::Connecting));
    if !matches!(tokio::time::timeout(PATIENCE, answered).await, Ok(Ok(_))) {
        warn!(after = ?PATIENCE, "the container engine has not answered yet: starting without knowing what runs");
    }
}

/// Follows the engine's state until the end. It gates nothing: containers serve without their engine.
pub(super) async fn watch(mut states: watch::Receiver<EngineState>, condition: Condition, metrics: Metrics) {
    loop {
        let state = states.borrow_and_update().clone();
        match &state {
            EngineState::Connecting => {
                metrics.set_engine(None);
                condition.not_ready("connecting");
            }
            EngineState::Connected { version, api_version } => {
                info!(version, api_version, "connected to the container engine");
                metrics.set_engine(Some((version, api_version)));
                condition.ready(format!("Docker Engine {version}, API {api_version}"));
            }
            EngineState::Unavailable { message, .. } => {
                warn!(%message, "the container engine does not answer: what runs keeps serving, nothing is started or stopped");
                metrics.set_engine(None);
                condition.not_ready(message.clone());
            }
        }
        if states.changed().await.is_err() {
            // The runtime is gone, and with it the process in a moment.
            return std::future::pending().await;
        }
    }
}
