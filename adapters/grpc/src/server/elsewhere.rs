use std::net::SocketAddr;

use tonic::{Code, Request, Response, Status};

use crate::proto::admin::performer_upgrade_service_server::PerformerUpgradeService;
use crate::proto::admin::{
    AbortUpgradeRequest, AbortUpgradeResponse, PromotePerformerRequest, PromotePerformerResponse,
};
use crate::proto::v1::executor_management_service_server::ExecutorManagementService;
use crate::proto::v1::{
    DeployArtifactRequest, DeployArtifactResponse, GetChallengeTokenRequest, GetChallengeTokenResponse,
    ListPerformersRequest, ListPerformersResponse, RemovePerformerRequest, RemovePerformerResponse,
};
use crate::server::status::refusal;

/// Tells clients that come with management to the port of the tasks where they find it.
///
/// Known clients know one address for both. "Unimplemented" alone would send their users to look for another version.
pub(crate) struct ManagementElsewhere {
    /// Where it is served; said only if it is on loopback, since strangers come here.
    pub(crate) address: SocketAddr,
}

impl ManagementElsewhere {
    fn refuse<T>(&self) -> Result<Response<T>, Status> {
        let known = self.address.ip().is_loopback() && self.address.port() != 0;
        let place = if known { format!("on {}, ", self.address) } else { String::new() };
        let message = format!(
            "management is not served at this address: on this executor it is served {place}where management.listen \
             says. On the address for tasks it is served with authentication.enabled and without management.listen"
        );
        Err(refusal(Code::Unimplemented, "ManagementElsewhere", message))
    }
}

#[tonic::async_trait]
impl ExecutorManagementService for ManagementElsewhere {
    async fn deploy_artifact(
        &self,
        _: Request<DeployArtifactRequest>,
    ) -> Result<Response<DeployArtifactResponse>, Status> {
        self.refuse()
    }

    async fn list_performers(
        &self,
        _: Request<ListPerformersRequest>,
    ) -> Result<Response<ListPerformersResponse>, Status> {
        self.refuse()
    }

    async fn remove_performer(
        &self,
        _: Request<RemovePerformerRequest>,
    ) -> Result<Response<RemovePerformerResponse>, Status> {
        self.refuse()
    }

    async fn get_challenge_token(
        &self,
        _: Request<GetChallengeTokenRequest>,
    ) -> Result<Response<GetChallengeTokenResponse>, Status> {
        self.refuse()
    }
}

#[tonic::async_trait]
impl PerformerUpgradeService for ManagementElsewhere {
    async fn promote_performer(
        &self,
        _: Request<PromotePerformerRequest>,
    ) -> Result<Response<PromotePerformerResponse>, Status> {
        self.refuse()
    }

    async fn abort_upgrade(&self, _: Request<AbortUpgradeRequest>) -> Result<Response<AbortUpgradeResponse>, Status> {
        self.refuse()
    }
}
