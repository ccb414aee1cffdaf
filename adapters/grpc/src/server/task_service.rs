use std::sync::Arc;

use hourglass_core::TraceContext;
use hourglass_core::service::{Origin, SignedResult, TaskApi};
use hourglass_core::task::RawSubmission;
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
        match self.0.submit(raw(request.into_inner()), origin).await {
            Ok(result) => Ok(Response::new(answer(result))),
            Err(error) => Err(task_refusal(&error)),
        }
    }
}

fn raw(submission: TaskSubmission) -> RawSubmission {
    RawSubmission {
        task_id: submission.task_id,
        aggregator_address: submission.aggregator_address,
        avs_address: submission.avs_address,
        payload: submission.payload,
        signature: submission.signature,
        operator_set_id: submission.operator_set_id,
        reference_timestamp: submission.reference_timestamp,
        executor_address: submission.executor_address,
        task_block_number: submission.task_block_number,
        version: submission.version,
    }
}

fn answer(result: SignedResult) -> TaskResult {
    TaskResult {
        task_id: result.task_id,
        operator_address: result.operator_address,
        output: result.output,
        result_signature: result.result_signature,
        avs_address: result.avs_address,
        operator_set_id: result.operator_set_id,
        auth_signature: result.auth_signature,
        version: result.version,
    }
}
