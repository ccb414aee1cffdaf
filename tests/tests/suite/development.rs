//! Tasks typed by hand: the specification's own example of a call, and the form of the answer.

use hourglass_core::task::RawSubmission;
use hourglass_tests::running::caller::{self, answered, connect, submission, task_id};
use hourglass_tests::running::executor::Executor;
use hourglass_tests::running::site::{Avs, Site};
use tonic::Code;

/// `getting-started.md`, step 5: address, id and payload, nothing else. grpcurl sends `payload` as base64 of bytes;
/// "test-payload" is base64 of these (with `-`, as protobuf's JSON mapping accepts it).
fn by_hand(avs: &Avs, label: &str) -> RawSubmission {
    RawSubmission {
        avs_address: avs.address.to_string(),
        task_id: task_id(label).to_string(),
        payload: b"\xb5\xeb-\xfa\x96\xb2\x96\x8a\x1d".to_vec(),
        ..RawSubmission::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_typed_by_hand_is_answered_and_signed() {
    let site = Site::new([Avs::ecdsa(), Avs::bn254()]).unwrap();
    let executor = Executor::start(&site).await.unwrap();
    let api = connect(&site).await.unwrap();
    for avs in &site.avs {
        let sent = by_hand(avs, &avs.name);
        let result = api.submit(sent.clone()).await.unwrap();
        assert_eq!(result.output, sent.payload, "what is no number is echoed");
        assert_eq!(result.operator_set_id, avs.set, "the AVS's own set was filled in");
        let completed = RawSubmission { operator_set_id: avs.set, ..sent };
        caller::verified(&site, avs, &completed, &result).unwrap();
    }
    // Loudly.
    let log = executor.log();
    assert!(log.contains("development is enabled") && log.contains("nobody has signed"), "{log}");
    // A wrong signature is still a wrong signature.
    let forged =
        RawSubmission { signature: vec![1; 65], ..submission(&site, &site.avs[0], "forged", b"3").await.unwrap() };
    assert_eq!(caller::refused(&api, forged).await.unwrap().code, Code::Unauthenticated);
}

/// `contract.md` §2, on both curves and with an id in capitals.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_form_of_an_answer() {
    let site = Site::new([Avs::ecdsa(), Avs::bn254()]).unwrap();
    let _executor = Executor::start(&site).await.unwrap();
    for avs in &site.avs {
        let task = submission(&site, avs, &avs.name, b"0xff").await.unwrap();
        let shouted = format!("0x{}", task.task_id[2..].to_uppercase());
        let task = RawSubmission {
            task_id: shouted.clone(),
            avs_address: avs.address.checksummed(),
            executor_address: site.operator().to_string(),
            ..task
        };
        let result = answered(&site, avs, &task).await.unwrap();
        assert_eq!(result.task_id, shouted);
        assert_eq!(result.operator_address, site.operator().checksummed());
        assert_eq!(result.avs_address, avs.address.to_string());
        assert_eq!(result.avs_address, result.avs_address.to_lowercase());
        assert_eq!((result.operator_set_id, result.version), (avs.set, 1));
        assert_eq!(result.output, b"0xfe01");
        let lengths = (result.result_signature.len(), result.auth_signature.len());
        match avs.set {
            0 => {
                assert_eq!(lengths, (65, 65));
                assert!(
                    [27, 28].contains(&result.result_signature[64]) && [27, 28].contains(&result.auth_signature[64])
                );
            }
            _ => assert_eq!(lengths, (64, 64)),
        }
    }
}
