use std::sync::Arc;

use hourglass_core::service::{AuthProof, DeployRequest, PerformerListing, PerformerManagement};
use tonic::{Request, Response, Status};

use crate::proto::common::AuthSignature;
use crate::proto::v1::executor_management_service_server::ExecutorManagementService;
use crate::proto::v1::{
    DeployArtifactRequest, DeployArtifactResponse, GetChallengeTokenRequest, GetChallengeTokenResponse,
    ListPerformersRequest, ListPerformersResponse, Performer, RemovePerformerRequest, RemovePerformerResponse,
};
use crate::server::calls::Peer;
use crate::server::env;
use crate::server::status::management_refusal;

/// `ExecutorManagementService` over the management of the core.
pub(crate) struct ManagementAdapter(pub(crate) Arc<dyn PerformerManagement>);

#[tonic::async_trait]
impl ExecutorManagementService for ManagementAdapter {
    async fn deploy_artifact(
        &self,
        request: Request<DeployArtifactRequest>,
    ) -> Result<Response<DeployArtifactResponse>, Status> {
        let message = request.into_inner();
        let deploy = DeployRequest {
            avs_address: message.avs_address,
            digest: message.digest,
            registry_url: message.registry_url,
            env: env::parse(message.env)?,
            service_account: message.kubernetes.map(|k| k.service_account_name).filter(|name| !name.is_empty()),
        };
        match self.0.deploy(deploy, proof(message.auth)).await {
            Ok(deployment) => Ok(Response::new(DeployArtifactResponse {
                success: true,
                message: "Deployment completed successfully".into(),
                deployment_id: deployment.id,
            })),
            Err(error) => Err(management_refusal(&error)),
        }
    }

    async fn list_performers(
        &self,
        request: Request<ListPerformersRequest>,
    ) -> Result<Response<ListPerformersResponse>, Status> {
        let message = request.into_inner();
        match self.0.list(&message.avs_address, proof(message.auth)).await {
            Ok(found) => {
                let performers = found.into_iter().map(performer).collect();
                Ok(Response::new(ListPerformersResponse { performers }))
            }
            Err(error) => Err(management_refusal(&error)),
        }
    }

    async fn remove_performer(
        &self,
        request: Request<RemovePerformerRequest>,
    ) -> Result<Response<RemovePerformerResponse>, Status> {
        let RemovePerformerRequest { performer_id: id, auth } = request.into_inner();
        match self.0.remove(&id, proof(auth)).await {
            Ok(()) => {
                let message = format!("Performer {id} removed successfully");
                Ok(Response::new(RemovePerformerResponse { success: true, message }))
            }
            Err(error) => Err(management_refusal(&error)),
        }
    }

    async fn get_challenge_token(
        &self,
        request: Request<GetChallengeTokenRequest>,
    ) -> Result<Response<GetChallengeTokenResponse>, Status> {
        let peer = request.extensions().get::<Peer>().and_then(|peer| peer.0);
        match self.0.challenge(&request.into_inner().operator_address, peer).await {
            Ok(challenge) => Ok(Response::new(GetChallengeTokenResponse {
                challenge_token: challenge.token,
                expires_at: challenge.expires_at,
            })),
            Err(error) => Err(management_refusal(&error)),
        }
    }
}

pub(crate) fn proof(auth: Option<AuthSignature>) -> Option<AuthProof> {
    auth.map(|auth| AuthProof { challenge_token: auth.challenge_token, signature: auth.signature })
}

fn performer(listing: PerformerListing) -> Performer {
    Performer {
        performer_id: listing.performer_id,
        avs_address: listing.avs_address,
        status: listing.status,
        artifact_registry: listing.artifact_registry,
        artifact_digest: listing.artifact_digest,
        resource_healthy: listing.resource_healthy,
        application_healthy: listing.application_healthy,
        last_health_check: listing.last_health_check,
        container_id: listing.container_id,
        artifact_tag: listing.artifact_tag,
    }
}
