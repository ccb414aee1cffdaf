use std::sync::Arc;

use hourglass_core::service::PerformerManagement;
use tonic::{Request, Response, Status};

use crate::proto::admin::performer_upgrade_service_server::PerformerUpgradeService;
use crate::proto::admin::{
    AbortUpgradeRequest, AbortUpgradeResponse, PromotePerformerRequest, PromotePerformerResponse,
};
use crate::server::management_service::proof;
use crate::server::status::management_refusal;

/// `PerformerUpgradeService` over the management of the core.
pub(crate) struct UpgradeAdapter(pub(crate) Arc<dyn PerformerManagement>);

#[tonic::async_trait]
impl PerformerUpgradeService for UpgradeAdapter {
    async fn promote_performer(
        &self,
        request: Request<PromotePerformerRequest>,
    ) -> Result<Response<PromotePerformerResponse>, Status> {
        let PromotePerformerRequest { performer_id: id, auth } = request.into_inner();
        match self.0.promote(&id, proof(auth)).await {
            Ok(()) => {
                let message = format!("Performer {id} promoted successfully");
                Ok(Response::new(PromotePerformerResponse { success: true, message }))
            }
            Err(error) => Err(management_refusal(&error)),
        }
    }

    async fn abort_upgrade(
        &self,
        request: Request<AbortUpgradeRequest>,
    ) -> Result<Response<AbortUpgradeResponse>, Status> {
        let AbortUpgradeRequest { performer_id: id, auth } = request.into_inner();
        match self.0.abort(&id, proof(auth)).await {
            Ok(()) => {
                let message = format!("Upgrade of performer {id} aborted successfully");
                Ok(Response::new(AbortUpgradeResponse { success: true, message }))
            }
            Err(error) => Err(management_refusal(&error)),
        }
    }
}
