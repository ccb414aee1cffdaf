//! What the runtime, its jobs and the follower of events share.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bollard::models::ContainerInspectResponse;
use bollard::query_parameters::InspectContainerOptions;
use hourglass_core::Timestamp;
use hourglass_core::lifecycle::Owner;
use hourglass_core::performer::InstanceName;
use tokio_util::sync::CancellationToken;

use crate::engine::{Engine, EngineError};
use crate::images::Images;
use crate::labels;
use crate::logs::last_lines;
use crate::networks::Networks;
use crate::observe::{self, Container, Phase};
use crate::options::{ExecutorId, Options};
use crate::refusal;
use crate::runtime::OpenError;
use crate::table::Table;

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) owner: ExecutorId,
    pub(crate) options: Options,
    pub(crate) engine: Engine,
    pub(crate) table: Table,
    pub(crate) networks: Networks,
    pub(crate) images: Images,
    /// The runtime was dropped: jobs end what they are at and try nothing again; the next one takes up what they leave.
    pub(crate) closed: CancellationToken,
}

/// Between tries of what has to be done in the end.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

impl Shared {
    pub(crate) fn new(owner: ExecutorId, options: Options) -> Result<Arc<Self>, OpenError> {
        let engine = Engine::new(&options)?;
        Ok(Arc::new(Self {
            images: Images::new(engine.docker().clone(), &options),
            networks: Networks::new(owner.clone(), &options),
            table: Table::new(),
            closed: CancellationToken::new(),
            engine,
            owner,
            options,
        }))
    }

    pub(crate) fn container_name(&self, name: &InstanceName) -> String {
        labels::container_name(&self.owner, name)
    }

    /// Asks what a container is, by id or name, and takes it over; `None` where there is none of that name, or it has
    /// nothing to do with us.
    pub(crate) async fn look(&self, container: &str) -> Result<Option<Container>, EngineError> {
        let ticket = self.table.ticket();
        let inspect = self.engine.docker().inspect_container(container, None::<InspectContainerOptions>);
        let inspected: ContainerInspectResponse = match self.engine.call(inspect).await {
            Ok(inspected) => inspected,
            Err(error) if error.is_missing() => {
                self.table.gone(ticket, container);
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let direct = |network: &str| self.networks.is_direct(network);
        let Some(mut found) = observe::container(&self.owner, &inspected, &direct) else { return Ok(None) };
        let ended = found.owner == Owner::Ours && matches!(found.phase, Phase::Ended { .. });
        let output = match self.table.output(&found.name, &found.id) {
            None if ended => last_lines(&self.engine, &found.id).await,
            known => known,
        };
        if let (Phase::Ended { cause, .. }, Some(words)) = (&mut found.phase, &output)
            && let Some(failure) = refusal::of_only_words(cause, words)
        {
            *cause = failure.cause();
        }
        self.table.apply(ticket, found.clone(), output);
        Ok(Some(found))
    }
}

/// Growing pauses between tries.
#[derive(Debug)]
pub(crate) struct Pause(Duration);

impl Pause {
    pub(crate) fn new() -> Self {
        Self(FIRST_PAUSE)
    }

    /// Waits as long as is due; `false` where that is pointless, since one of these was cancelled.
    pub(crate) async fn wait(&mut self, closed: &CancellationToken, cancelled: Option<&CancellationToken>) -> bool {
        let cancelled = async {
            match cancelled {
                Some(token) => token.cancelled().await,
                None => std::future::pending().await,
            }
        };
        let pause = self.0;
        self.0 = (pause * 2).min(LONGEST_PAUSE);
        tokio::select! {
            () = tokio::time::sleep(pause) => true,
            () = closed.cancelled() => false,
            () = cancelled => false,
        }
    }
}

/// The wall clock.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
