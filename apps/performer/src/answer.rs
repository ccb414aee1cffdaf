//! What is answered, as a pure function of the task and the behaviour.

use tonic::Status;

use crate::behaviour::{Behaviour, Garbage};
use crate::proto::{TaskRequest, TaskResponse};
use crate::square::square;

/// The answer to a task that has run `runs` times, where `nonce` is different for every call.
pub(crate) fn answer(
    behaviour: &Behaviour,
    request: TaskRequest,
    runs: u64,
    nonce: u128,
) -> Result<TaskResponse, Status> {
    let TaskRequest { task_id, payload } = request;
    let mut result = match behaviour.flood_answer_bytes {
        Some(bytes) => vec![b'f'; bytes],
        None => square(&payload),
    };
    if behaviour.count_in_answer {
        result.extend_from_slice(format!("#run{runs}").as_bytes());
    }
    if behaviour.answer_differently {
        result.extend_from_slice(format!("#{nonce:032x}").as_bytes());
    }
    match behaviour.answer_garbage {
        None => Ok(TaskResponse { task_id, result }),
        Some(Garbage::TaskId) => {
            let other = format!("0x{}", "ee".repeat(32)).into_bytes();
            Ok(TaskResponse { task_id: other, result })
        }
        Some(Garbage::Bytes) => Ok(TaskResponse { task_id, result: vec![0xff, 0x00, 0xfe, 0x80] }),
        Some(Garbage::Empty) => Ok(TaskResponse::default()),
        Some(Garbage::Status) => Err(Status::internal("this performer answers garbage")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(behaviour: Behaviour) -> Result<TaskResponse, Status> {
        answer(&behaviour, TaskRequest { task_id: b"0x01".to_vec(), payload: b"3".to_vec() }, 2, 0xab)
    }

    #[test]
    fn every_kind() {
        let plain = with(Behaviour::default()).unwrap();
        assert_eq!((plain.task_id.as_slice(), plain.result.as_slice()), (&b"0x01"[..], &b"9"[..]));

        let counted = with(Behaviour { count_in_answer: true, ..Behaviour::default() }).unwrap();
        assert_eq!(counted.result, b"9#run2");
        let nonce = with(Behaviour { answer_differently: true, ..Behaviour::default() }).unwrap();
        assert_eq!(nonce.result, b"9#000000000000000000000000000000ab");
        let flood = with(Behaviour { flood_answer_bytes: Some(5000), ..Behaviour::default() }).unwrap();
        assert_eq!(flood.result.len(), 5000);

        let garbage = |kind| with(Behaviour { answer_garbage: Some(kind), ..Behaviour::default() });
        assert_ne!(garbage(Garbage::TaskId).unwrap().task_id, b"0x01");
        assert!(String::from_utf8(garbage(Garbage::Bytes).unwrap().result).is_err());
        assert_eq!(garbage(Garbage::Empty).unwrap(), TaskResponse::default());
        assert!(garbage(Garbage::Status).is_err());
    }
}
