use std::sync::Arc;
use std::time::Duration;

use crate::lease::{ApiLease, Elector};
use crate::writer::Writer;

/// What is under way may take so long to be answered before the lease is given back.
const ANSWERED_WITHIN: Duration = Duration::from_secs(5);

/// Tries to lead, and gives the lease back in the end.
pub struct Lead {
    pub(super) elector: Option<Elector<ApiLease>>,
    pub(super) writer: Arc<Writer>,
}

impl Lead {
    /// Tries until `stop` is there; then writes nothing more, waits for what is under way, and gives the lease back so
    /// that another operator need not wait for its duration.
    pub async fn run(self, stop: impl Future<Output = ()> + Send) {
        let Some(mut elector) = self.elector else { return stop.await };
        tokio::select! {
            never = elector.run() => match never {},
            () = stop => {}
        }
        elector.resign();
        if tokio::time::timeout(ANSWERED_WITHIN, self.writer.idle()).await.is_err() {
            tracing::warn!("writes are still under way: the lease is left to run out");
            return;
        }
        match elector.release().await {
            Ok(()) => tracing::info!("the lease is given back"),
            Err(error) => tracing::warn!(%error, "the lease could not be given back and runs out"),
        }
    }
}
