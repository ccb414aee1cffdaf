use std::sync::Arc;

use hourglass_core::TraceContext;
use hourglass_core::service::{Origin, TaskApi};
use tonic::{Request, Response, Status};

use crate::proto::v1::executor_service_server::ExecutorService;
use crate::proto::v1::{TaskResult, TaskSubmission};
use crate::server::calls::Peer;
use crate::server::status::task_refusal;

/// `ExecutorService` over the task rules of the core.
pub(crate) struct TaskAdapter(pub(crate) Arc<dyn TaskApi>);

#[tonic::async_trait]
impl ExecutorService for TaskAdapter {
    async fn submit_task(&self, request: Request<TaskSubmission>) -> Result<Response<TaskResult>, Status> {
        let origin = Origin {
            peer: request.extensions().get::<Peer>().and_then(|peer| peer.0),
            traceparent: request
                .metadata()
                .get(TraceContext::KEY)
                .and_then(|value| value.to_str().ok())
                .and_then(|text| text.parse().ok()),
        };
        match self.0.submit(request.into_inner().into(), origin).await {
            Ok(result) => Ok(Response::new(result.into())),
            Err(error) => Err(task_refusal(&error)),
        }
    }
}
