//! Tasks and results, between the messages of the wire and what the core has. Every field goes over as it is.

use hourglass_core::service::SignedResult;
use hourglass_core::task::RawSubmission;

use crate::proto::v1::{TaskResult, TaskSubmission};

impl From<RawSubmission> for TaskSubmission {
    fn from(submission: RawSubmission) -> Self {
        Self {
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
}

impl From<TaskSubmission> for RawSubmission {
    fn from(message: TaskSubmission) -> Self {
        Self {
            task_id: message.task_id,
            aggregator_address: message.aggregator_address,
            avs_address: message.avs_address,
            payload: message.payload,
            signature: message.signature,
            operator_set_id: message.operator_set_id,
            reference_timestamp: message.reference_timestamp,
            executor_address: message.executor_address,
            task_block_number: message.task_block_number,
            version: message.version,
        }
    }
}

impl From<SignedResult> for TaskResult {
    fn from(result: SignedResult) -> Self {
        Self {
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
}

impl From<TaskResult> for SignedResult {
    fn from(message: TaskResult) -> Self {
        Self {
            task_id: message.task_id,
            operator_address: message.operator_address,
            output: message.output,
            result_signature: message.result_signature,
            avs_address: message.avs_address,
            operator_set_id: message.operator_set_id,
            auth_signature: message.auth_signature,
            version: message.version,
        }
    }
}
