use std::sync::Arc;

use hourglass_kubernetes::lease::Leadership;
use hourglass_kubernetes::reconcile::Stores;
use hourglass_telemetry::Readiness;

/// Says that the operator is ready when it knows what there is. It stays so while the API server is away: what is known
/// goes on being right, and no other replica could do better.
pub(crate) async fn caches(readiness: Readiness, stores: Arc<Stores>) {
    let condition = readiness.condition("caches");
    condition.not_ready(format!("lists are under way: {}", stores.unsynced().join(", ")));
    stores.synced().await;
    condition.ready(format!("{} performers, {} pods", stores.performers.len(), stores.pods.len()));
    std::future::pending().await
}

/// Shows whether this one leads; one that waits is as ready as one that works.
pub(crate) async fn leader(readiness: Readiness, leadership: Leadership) {
    let condition = readiness.informational("leader");
    condition.not_ready("another operator leads, or none does yet");
    loop {
        let term = leadership.leads().await;
        condition.ready("this operator is at work");
        leadership.ended(&term).await;
        condition.not_ready("this operator has lost the lease");
    }
}
