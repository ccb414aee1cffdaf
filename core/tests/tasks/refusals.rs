//! Every refusal: the right kind and reason, and nothing touched.

use std::time::Duration;

use hourglass_core::ports::{AuthorityError, CallError, JournalError, SignerError};
use hourglass_core::service::{ErrorKind, TaskError};
use hourglass_core::task::{MAX_OUTPUT_BYTES, RawSubmission};

use crate::world::{AVS, OPERATOR, SET, World, performer};

/// Refuses, and proves that no journal, performer or key was touched.
fn refused(world: &World, raw: RawSubmission, kind: ErrorKind, reason: &str) -> TaskError {
    let life = world.start();
    // An outage would show if the journal were asked.
    world.journal.break_with(JournalError::Unavailable { message: "asked".into() });
    let error = world.submit(&life, raw).unwrap_err();
    world.journal.mend();
    assert_eq!((error.kind(), error.reason()), (kind, reason), "{error}");
    assert_eq!((world.runs(), world.signer.uses(), world.journal.records().len()), (0, 0, 0), "{error}");
    error
}

#[test]
fn malformed_fields_are_named() {
    type Change = fn(&mut RawSubmission);
    let changes: [(&str, Change); 14] = [
        ("version", |raw| raw.version = 0),
        ("version", |raw| raw.version = 2),
        ("task_id", |raw| raw.task_id = String::new()),
        ("task_id", |raw| raw.task_id.truncate(10)),
        ("task_id", |raw| raw.task_id.push('0')),
        ("task_id", |raw| raw.task_id = raw.task_id.replace("0x", "")),
        ("task_id", |raw| raw.task_id = format!("0x{}", "zz".repeat(32))),
        ("aggregator_address", |raw| raw.aggregator_address = String::new()),
        ("aggregator_address", |raw| raw.aggregator_address = format!("0x{}", "0".repeat(40))),
        ("avs_address", |raw| raw.avs_address = "my-avs".into()),
        ("avs_address", |raw| raw.avs_address.push_str("00")),
        ("executor_address", |raw| raw.executor_address = String::new()),
        ("executor_address", |raw| raw.executor_address = format!("0x{}", "é".repeat(20))),
        ("executor_address", |raw| raw.executor_address = raw.executor_address.to_uppercase()),
    ];
    for (field, change) in changes {
        let world = World::new(0);
        let mut raw = world.submission(1, b"x");
        change(&mut raw);
        let error = refused(&world, raw, ErrorKind::InvalidArgument, "MalformedField");
        assert!(error.to_string().starts_with(field), "{error} should begin with {field}");
        assert_eq!(world.verifier.calls(), 0);
    }
}

#[test]
fn the_version_is_refused_before_anything_else_is_believed() {
    let world = World::new(0);
    let raw = RawSubmission { version: 9, ..RawSubmission::default() };
    let error = refused(&world, raw, ErrorKind::InvalidArgument, "MalformedField");
    assert!(error.to_string().starts_with("version"), "{error}");
}

#[test]
fn another_operators_task() {
    let world = World::new(0);
    let mut raw = world.submission(1, b"x");
    raw.executor_address = AVS.to_string();
    refused(&world, world.sign(raw), ErrorKind::PermissionDenied, "WrongExecutor");
    assert_eq!(world.verifier.calls(), 0, "a signature is dearer than a comparison");
}

#[test]
fn a_signature_for_another_operator_replayed_to_us() {
    let world = World::new(0);
    let mut raw = world.submission(1, b"x");
    let other = hourglass_core::Address::new([9; 20]);
    let parsed = hourglass_core::task::TaskSubmission::parse(raw.clone()).unwrap();
    raw.signature = world.aggregator.signature_over(&hourglass_core::task::submission_message(&parsed, &other));
    refused(&world, raw, ErrorKind::Unauthenticated, "SignatureMismatch");
}

#[test]
fn unknown_avs_set_and_aggregator() {
    let world = World::new(0);
    let mut raw = world.submission(1, b"x");
    raw.avs_address = OPERATOR.to_string();
    refused(&world, world.sign(raw), ErrorKind::NotFound, "UnknownAvs");

    let mut raw = world.submission(1, b"x");
    raw.operator_set_id = SET + 1;
    refused(&world, world.sign(raw), ErrorKind::NotFound, "UnknownOperatorSet");

    let mut raw = world.submission(1, b"x");
    raw.aggregator_address = OPERATOR.to_string();
    refused(&world, world.sign(raw), ErrorKind::PermissionDenied, "NotAnAggregator");
    assert_eq!(world.verifier.calls(), 0);
}

#[test]
fn signatures_that_do_not_hold() {
    let world = World::new(0);
    let good = world.submission(1, b"x");
    let mut flipped = good.clone();
    flipped.signature[3] ^= 1;
    refused(&world, flipped, ErrorKind::Unauthenticated, "SignatureMismatch");
    for length in [0, 1, 64, 66, 10_000] {
        let mut raw = good.clone();
        raw.signature = vec![1; length];
        refused(&world, raw, ErrorKind::Unauthenticated, "SignatureMalformed");
    }
    // Every field that is signed.
    type Change = fn(&mut RawSubmission);
    let changes: [Change; 4] = [
        |raw| raw.payload.push(0),
        |raw| raw.reference_timestamp += 1,
        |raw| raw.task_block_number += 1,
        |raw| raw.task_id = format!("0x{}", "77".repeat(32)),
    ];
    for change in changes {
        let mut raw = good.clone();
        change(&mut raw);
        refused(&world, raw, ErrorKind::Unauthenticated, "SignatureMismatch");
    }
}

#[test]
fn a_forger_is_rationed_before_his_signatures_are_checked() {
    let mut world = World::new(0);
    world.settings.failures_per_minute = 5;
    let life = world.start();
    let mut forged = world.submission(1, b"x");
    forged.signature[0] ^= 1;
    let reasons: Vec<_> = (0..8).map(|_| world.submit(&life, forged.clone()).unwrap_err()).collect();
    assert_eq!(reasons.iter().filter(|e| e.reason() == "SignatureMismatch").count(), 5);
    let last = reasons.last().unwrap();
    assert_eq!((last.reason(), last.kind()), ("PeerRationed", ErrorKind::ResourceExhausted));
    assert_eq!(world.verifier.calls(), 5);
    world.sim.run_for(Duration::from_secs(61));
    assert!(world.submit(&life, world.submission(1, b"x")).is_ok(), "an honest task is taken again later");
}

#[test]
fn no_mandate_no_key_no_run() {
    let world = World::new(0);
    let life = world.start();
    world.authority.fail_mandates(Some(AuthorityError::NotAMember { avs: AVS, set: SET }));
    let error = world.submit(&life, world.submission(1, b"x")).unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::PermissionDenied, "NotAMember"));
    world.authority.fail_mandates(Some(AuthorityError::Unavailable("chain is down".into())));
    let error = world.submit(&life, world.submission(1, b"x")).unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::Unavailable, "AuthorityUnavailable"));
    world.authority.fail_mandates(None);
    world.authority.join_set(AVS, SET, hourglass_core::ports::Mandate::Bn254);
    let error = world.submit(&life, world.submission(1, b"x")).unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::FailedPrecondition, "NoKeyForCurve"));
    assert_eq!(world.runs(), 0);
}

#[test]
fn a_journal_that_fails_closes_the_way_and_opens_it_again() {
    let world = World::new(0);
    let life = world.start();
    world.journal.break_with(JournalError::Unavailable { message: "disk full".into() });
    let error = world.submit(&life, world.submission(1, b"x")).unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::Unavailable, "JournalUnavailable"));
    assert_eq!((world.runs(), world.signer.uses()), (0, 0));
    world.journal.mend();
    assert!(world.submit(&life, world.submission(1, b"x")).is_ok());
}

#[test]
fn below_the_floor_nothing_unknown_is_run_and_what_is_known_is_answered() {
    let world = World::new(0);
    let life = world.start();
    let known = world.submit(&life, world.submission(1, b"x")).unwrap();
    world.journal.raise_floor(AVS, SET, 1001);
    let error = world.submit(&life, world.submission(2, b"x")).unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::FailedPrecondition, "BelowJournalFloor"));
    assert_eq!(world.runs(), 1);
    assert_eq!(world.submit(&life, world.submission(1, b"x")), Ok(known));
}

#[test]
fn performers_that_fail() {
    let cases: [(CallError, ErrorKind); 6] = [
        (CallError::Deadline(Duration::from_secs(1)), ErrorKind::DeadlineExceeded),
        (CallError::Broken("reset".into()), ErrorKind::Unavailable),
        (CallError::Invalid("another task's".into()), ErrorKind::Internal),
        (CallError::Performer { code: "INTERNAL", message: "oops".into() }, ErrorKind::Internal),
        (CallError::Performer { code: "INVALID_ARGUMENT", message: "no".into() }, ErrorKind::FailedPrecondition),
        (CallError::NotReady { performer: performer(), detail: "down".into() }, ErrorKind::Unavailable),
    ];
    for (failure, kind) in cases {
        let world = World::new(0);
        let life = world.start();
        let answer = failure.clone();
        life.client.answer_with(move |_, _| {
            let answer = answer.clone();
            Box::pin(async move { Err(answer) })
        });
        let error = world.submit(&life, world.submission(1, b"x")).unwrap_err();
        assert_eq!(error.kind(), kind, "{failure}");
        assert_eq!((world.signer.uses(), world.journal.records().len()), (0, 0));
        assert_eq!(life.service.in_flight(), 0);
    }
}

#[test]
fn an_output_that_aggregators_refuse_is_neither_recorded_nor_signed() {
    for (size, fits) in [(MAX_OUTPUT_BYTES - 1, true), (MAX_OUTPUT_BYTES, false)] {
        let world = World::new(0);
        let life = world.start();
        life.client.answer_with(move |_, _| Box::pin(async move { Ok(vec![7; size]) }));
        let result = world.submit(&life, world.submission(1, b"x"));
        assert_eq!(result.is_ok(), fits);
        if let Err(error) = result {
            assert_eq!((error.kind(), error.reason()), (ErrorKind::FailedPrecondition, "OutputTooLarge"));
            assert_eq!((world.signer.uses(), world.journal.records().len()), (0, 0));
        }
    }
}

#[test]
fn a_signer_that_fails_leaves_a_record_that_is_signed_later() {
    let world = World::new(0);
    let life = world.start();
    world.signer.fail_with(Some(SignerError::Unavailable("remote signer".into())));
    let error = world.submit(&life, world.submission(1, b"x")).unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::Unavailable, "SignerUnavailable"));
    world.signer.fail_with(None);
    let result = world.submit(&life, world.submission(1, b"x")).unwrap();
    assert_eq!((world.runs(), result.output), (1, b"x run 0".to_vec()));
}

#[test]
fn unsigned_tasks_only_in_development() {
    let bare = |world: &World| RawSubmission {
        task_id: format!("0x{}", "12".repeat(32)),
        avs_address: AVS.to_string(),
        payload: world.submission(1, b"test").payload,
        ..RawSubmission::default()
    };
    let world = World::new(0);
    let raw = bare(&world);
    refused(&world, raw, ErrorKind::InvalidArgument, "MalformedField");

    let mut world = World::new(0);
    world.settings.permit_unsigned = true;
    for avs in world.settings.avs.values_mut() {
        avs.default_operator_set = Some(SET);
    }
    let life = world.start();
    let result = world.submit(&life, bare(&world)).unwrap();
    assert_eq!((result.operator_set_id, result.version), (SET, 1));
    let mut forged = world.submission(3, b"x");
    forged.signature[0] ^= 1;
    let error = world.submit(&life, forged).unwrap_err();
    assert_eq!(error.reason(), "SignatureMismatch", "a signature that is there must hold, in development too");
}
