use std::pin::Pin;

use futures_util::StreamExt as _;
use tokio::sync::watch;
use tokio_stream::Stream;
use tokio_stream::wrappers::WatchStream;
use tonic::{Code, Request, Response, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::Health;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use crate::server::status::refusal;

/// `grpc.health.v1.Health`: the empty name and the name of every service say whether the executor is ready.
pub(crate) struct HealthAdapter {
    pub(crate) ready: watch::Receiver<bool>,
    pub(crate) services: Vec<&'static str>,
}

fn response(ready: bool) -> HealthCheckResponse {
    let status = if ready { ServingStatus::Serving } else { ServingStatus::NotServing };
    HealthCheckResponse { status: status.into() }
}

#[tonic::async_trait]
impl Health for HealthAdapter {
    async fn check(&self, request: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        let name = request.into_inner().service;
        if !name.is_empty() && !self.services.contains(&name.as_str()) {
            let message = format!("service '{name}' is not served here; there are {}", self.services.join(", "));
            return Err(refusal(Code::NotFound, "UnknownService", message));
        }
        Ok(Response::new(response(*self.ready.borrow())))
    }

    type WatchStream = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

    async fn watch(&self, request: Request<HealthCheckRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let name = request.into_inner().service;
        let known = name.is_empty() || self.services.contains(&name.as_str());
        let stream = WatchStream::new(self.ready.clone()).map(move |ready| {
            // The protocol: an unknown name is watched too, as SERVICE_UNKNOWN.
            Ok(if known {
                response(ready)
            } else {
                HealthCheckResponse { status: ServingStatus::ServiceUnknown.into() }
            })
        });
        Ok(Response::new(Box::pin(stream)))
    }
}
