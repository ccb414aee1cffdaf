//! Every refusal over the wire, with its exact code, before a journal, performer or key is touched.

use hourglass_core::task::{RawSubmission, TaskSubmission, submission_message};
use hourglass_core::{Address, CurveType};
use hourglass_grpc::api::ExecutorApi;
use hourglass_keys::{Bn254Key, EcdsaKey};
use hourglass_tests::running::caller::{self, submission};
use hourglass_tests::running::command;
use hourglass_tests::running::executor::Executor;
use hourglass_tests::running::site::{Avs, Site};
use hourglass_tests::running::web;
use tonic::Code;

/// Of secp256k1.
const ORDER: [u8; 32] = hex("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141");
/// Of the coordinates of BN254.
const MODULUS: [u8; 32] = hex("30644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd47");

const fn hex(text: &str) -> [u8; 32] {
    match const_hex::const_decode_to_array(text.as_bytes()) {
        Ok(bytes) => bytes,
        Err(_) => panic!("not 64 hexadecimal digits"),
    }
}

/// `a - b`, big-endian.
fn minus(a: &[u8; 32], b: &[u8]) -> [u8; 32] {
    let mut borrow = 0;
    let mut difference = [0; 32];
    for i in (0..32).rev() {
        let digit = i16::from(a[i]) - i16::from(b[i]) - borrow;
        borrow = i16::from(digit < 0);
        difference[i] = u8::try_from(digit.rem_euclid(256)).unwrap();
    }
    assert_eq!(borrow, 0);
    difference
}

/// `a + b`, big-endian.
fn plus(a: &[u8], b: &[u8; 32]) -> [u8; 32] {
    let mut carry = 0;
    let mut sum = [0; 32];
    for i in (0..32).rev() {
        let digit = u16::from(a[i]) + u16::from(b[i]) + carry;
        carry = digit >> 8;
        sum[i] = u8::try_from(digit & 0xff).unwrap();
    }
    assert_eq!(carry, 0);
    sum
}

/// A submission and how it must be refused.
struct Case {
    what: String,
    submission: RawSubmission,
    code: Code,
    reason: &'static str,
    message: &'static str,
}

#[derive(Default)]
struct Cases(Vec<Case>);

impl Cases {
    fn add(&mut self, what: impl ToString, s: RawSubmission, code: Code, reason: &'static str, message: &'static str) {
        self.0.push(Case { what: what.to_string(), submission: s, code, reason, message });
    }

    /// Sends every case and compares.
    async fn check(self, api: &ExecutorApi) {
        let mut wrong = Vec::new();
        let count = self.0.len();
        for Case { what, submission, code, reason, message } in self.0 {
            let refusal = caller::refused(api, submission).await.unwrap();
            if refusal.code != code || refusal.reason != reason || !refusal.message.contains(message) {
                wrong.push(format!("{what}: expected {code:?} {reason} '{message}', got {refusal:?}"));
            }
            // Aggregators send these four again; none of these refusals can be cured by that.
            let retried = [Code::Unavailable, Code::DeadlineExceeded, Code::ResourceExhausted, Code::Internal];
            assert!(!retried.contains(&code), "{what}");
        }
        assert!(wrong.is_empty(), "{} of {count} cases:\n{}", wrong.len(), wrong.join("\n"));
        println!("{count} refusals");
    }
}

/// A site on which a stranger may fail often, so that every case gets its own answer.
fn site() -> Site {
    let avss = [Avs::ecdsa(), Avs::bn254()];
    Site::new(avss).unwrap().set("server.failures_per_minute_per_peer=1000").set("server.max_payload_bytes=64Ki")
}

/// What no refusal may leave behind: a run, a record, a signature.
async fn nothing_was_touched(site: &Site, executor: Executor) {
    for avs in &site.avs {
        assert_eq!(site.runs(avs), [""; 0], "{}", avs.name);
    }
    let metrics = web::get(site.ports.metrics, "/metrics").unwrap().body;
    assert!(metrics.contains("\nhourglass_journal_records_total 0\n"), "{metrics}");
    for outcome in ["executed", "replayed", "joined"] {
        assert!(!metrics.contains(&format!("outcome=\"{outcome}\"")), "{metrics}");
    }
    executor.stop().await.unwrap();
    let arguments = ["journal", "show", "--config", "executor.yaml", "-o", "json"];
    let shown = command::run(site.directory(), &arguments, "").await.unwrap();
    let summary: serde_json::Value = serde_json::from_str(&shown.stdout).unwrap();
    assert_eq!(summary["tasks"], 0, "{shown:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fields_and_addressees() {
    let site = site();
    let executor = Executor::start(&site).await.unwrap();
    let api = caller::connect(&site).await.unwrap();
    let avs = &site.avs[0];
    let good = submission(&site, avs, "fields", b"3").await.unwrap();
    let mut cases = Cases::default();
    let digits = "ab".repeat(32);

    // The version comes first: nothing else about such a task is believed, not even that it is for us.
    for version in [2, u32::MAX] {
        cases.add(
            version,
            RawSubmission { version, ..good.clone() },
            Code::InvalidArgument,
            "MalformedField",
            "version",
        );
        let nothing_right = RawSubmission { task_id: "?".into(), version, ..RawSubmission::default() };
        cases.add("garbage", nothing_right, Code::InvalidArgument, "MalformedField", "version: ");
    }
    for task_id in [
        String::new(),
        "0x".into(),
        digits.clone(),
        format!("0X{digits}"),
        format!("0x{}", &digits[1..]),
        format!("0x{digits}a"),
        format!("0x{}zz", &digits[2..]),
        format!(" 0x{digits}"),
    ] {
        let what = format!("task_id '{task_id}'");
        cases.add(
            what,
            RawSubmission { task_id, ..good.clone() },
            Code::InvalidArgument,
            "MalformedField",
            "task_id: ",
        );
    }
    let zero = Address::new([0; 20]).to_string();
    for address in
        ["0x12", "1234567890abcdef1234567890abcdef12345678", "0xzz34567890abcdef1234567890abcdef12345678", &zero]
    {
        for field in ["aggregator_address", "avs_address", "executor_address"] {
            let mut bad = good.clone();
            let slot = match field {
                "aggregator_address" => &mut bad.aggregator_address,
                "avs_address" => &mut bad.avs_address,
                _ => &mut bad.executor_address,
            };
            *slot = address.to_owned();
            cases.add(format!("{field} '{address}'"), bad, Code::InvalidArgument, "MalformedField", field);
        }
    }
    let nobody = RawSubmission { avs_address: String::new(), ..good.clone() };
    cases.add("no AVS", nobody, Code::InvalidArgument, "MalformedField", "avs_address: ");

    let stranger = Address::new([0x77; 20]).to_string();
    let other = RawSubmission { executor_address: stranger.clone(), ..good.clone() };
    cases.add("another executor", other, Code::PermissionDenied, "WrongExecutor", "executor_address: ");
    let other = RawSubmission { avs_address: stranger.clone(), ..good.clone() };
    cases.add("unknown AVS", other, Code::NotFound, "UnknownAvs", "is not served");
    let other = RawSubmission { operator_set_id: 9, ..good.clone() };
    cases.add("unknown set", other, Code::NotFound, "UnknownOperatorSet", "operator set 9");
    let other = RawSubmission { aggregator_address: stranger, ..good.clone() };
    cases.add("foreign aggregator", other, Code::PermissionDenied, "NotAnAggregator", "is not an aggregator");
    let of_the_other_avs = site.aggregator(&site.avs[1]).address.to_string();
    let other = RawSubmission { aggregator_address: of_the_other_avs, ..good.clone() };
    cases.add("another AVS's aggregator", other, Code::PermissionDenied, "NotAnAggregator", "is not an aggregator");
    let other = RawSubmission { payload: vec![0; 256 << 10], ..good.clone() };
    cases.add("far oversized", other, Code::OutOfRange, "MessageTooLarge", "too large");

    let other = RawSubmission { payload: vec![0; (64 << 10) + 1], ..good.clone() };
    let message = "payload: it has 65537 bytes, and server.max_payload_bytes permits 65536";
    cases.add("oversized by one byte", other, Code::InvalidArgument, "MalformedField", message);

    cases.check(&api).await;
    nothing_was_touched(&site, executor).await;
}

/// The same submission with what a forger could change while he keeps the signature.
fn tampered(good: &RawSubmission) -> Vec<(&'static str, RawSubmission)> {
    vec![
        ("another id", RawSubmission { task_id: caller::task_id("other").to_string(), ..good.clone() }),
        ("another payload", RawSubmission { payload: b"4".to_vec(), ..good.clone() }),
        ("no payload", RawSubmission { payload: Vec::new(), ..good.clone() }),
        ("another time", RawSubmission { reference_timestamp: good.reference_timestamp + 1, ..good.clone() }),
        ("another block", RawSubmission { task_block_number: 7, ..good.clone() }),
    ]
}

/// What the aggregator signed for another operator, addressed to us.
async fn replayed(site: &Site, avs: &Avs) -> RawSubmission {
    let mut elsewhere = site.aggregator(avs);
    elsewhere.operator = Address::new([0x77; 20]);
    let task = elsewhere.submission(caller::task_id("replay"), b"3".to_vec(), caller::now(), 0).await.unwrap();
    RawSubmission { executor_address: site.operator().to_string(), ..task }
}

fn signed_by(good: &RawSubmission, site: &Site, sign: impl Fn(&[u8]) -> Vec<u8>) -> RawSubmission {
    let parsed = TaskSubmission::parse(good.clone()).unwrap();
    RawSubmission { signature: sign(&submission_message(&parsed, &site.operator())), ..good.clone() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signatures_on_secp256k1() {
    let site = site();
    let executor = Executor::start(&site).await.unwrap();
    let api = caller::connect(&site).await.unwrap();
    let avs = &site.avs[0];
    assert_eq!(avs.curve, CurveType::Ecdsa);
    let good = submission(&site, avs, "ecdsa", b"3").await.unwrap();
    let mut cases = Cases::default();
    let with = |signature: Vec<u8>| RawSubmission { signature, ..good.clone() };
    let (r, s, v) = (&good.signature[..32], &good.signature[32..64], good.signature[64]);

    for (what, forged) in tampered(&good) {
        cases.add(what, forged, Code::Unauthenticated, "SignatureMismatch", "signature: ");
    }
    let replay = replayed(&site, avs).await;
    cases.add("for another operator", replay, Code::Unauthenticated, "SignatureMismatch", "signature: ");
    let stranger = EcdsaKey::generate().unwrap();
    let forged = signed_by(&good, &site, |message| stranger.sign_message(message).to_vec());
    cases.add("another key", forged, Code::Unauthenticated, "SignatureMismatch", "signature: ");
    let operators = signed_by(&good, &site, |message| site.operator_ecdsa.sign_message(message).to_vec());
    cases.add("our own key", operators, Code::Unauthenticated, "SignatureMismatch", "signature: ");
    let flipped = [r, s, &[27 + (28 - v)]].concat();
    cases.add("the other parity", with(flipped), Code::Unauthenticated, "SignatureMismatch", "signature: ");

    let high_s = [r, &minus(&ORDER, s), &[27 + (28 - v)]].concat();
    let (zero, malformed) = ([0; 32], "SignatureMalformed");
    for (what, signature, message) in [
        ("high s", high_s, "above half"),
        ("r zero", [&zero, s, &[v]].concat(), "zero"),
        ("s zero", [r, &zero, &[v]].concat(), "zero"),
        ("r is the order", [&ORDER, s, &[v]].concat(), "order"),
        ("v 2", [r, s, &[2]].concat(), "v must be"),
        ("v 26", [r, s, &[26]].concat(), "v must be"),
        ("v 29", [r, s, &[29]].concat(), "v must be"),
        ("v 255", [r, s, &[255]].concat(), "v must be"),
        ("without v", [r, s].concat(), "65 bytes"),
        ("one byte more", [r, s, &[v, 0]].concat(), "65 bytes"),
        ("one byte", vec![27], "65 bytes"),
        ("twice", good.signature.repeat(2), "65 bytes"),
    ] {
        cases.add(what, with(signature), Code::Unauthenticated, malformed, message);
    }
    cases.check(&api).await;
    nothing_was_touched(&site, executor).await;

    // And the very same bytes, unforged, with v in either convention, are answered.
    let _executor = Executor::start(&site).await.unwrap();
    let result = caller::answered(&site, avs, &good).await.unwrap();
    let low_v = with([r, s, &[v - 27]].concat());
    assert_eq!(caller::answered(&site, avs, &low_v).await.unwrap(), result);
    assert_eq!(result.output, b"9");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signatures_on_bn254() {
    let site = site();
    let executor = Executor::start(&site).await.unwrap();
    let api = caller::connect(&site).await.unwrap();
    let avs = &site.avs[1];
    assert_eq!(avs.curve, CurveType::Bn254);
    let good = submission(&site, avs, "bn254", b"3").await.unwrap();
    let mut cases = Cases::default();
    let with = |signature: Vec<u8>| RawSubmission { signature, ..good.clone() };
    let (x, y) = good.signature.split_at(32);

    for (what, forged) in tampered(&good) {
        cases.add(what, forged, Code::Unauthenticated, "SignatureMismatch", "signature: ");
    }
    let replay = replayed(&site, avs).await;
    cases.add("for another operator", replay, Code::Unauthenticated, "SignatureMismatch", "signature: ");
    let stranger = Bn254Key::generate().unwrap();
    let forged = signed_by(&good, &site, |message| stranger.sign_message(message).unwrap().to_vec());
    cases.add("another key", forged, Code::Unauthenticated, "SignatureMismatch", "signature: ");
    let negated = [x, &minus(&MODULUS, y)].concat();
    cases.add("the negated point", with(negated), Code::Unauthenticated, "SignatureMismatch", "signature: ");
    let (zero, malformed) = ([0; 32], "SignatureMalformed");
    for (what, signature, message) in [
        ("the identity", vec![0; 64], "identity"),
        ("off the curve", [x, x].concat(), "not on the curve"),
        ("off the curve, x zero", [&zero, y].concat(), "not on the curve"),
        ("off the curve, y zero", [x, &zero].concat(), "not on the curve"),
        ("x not canonical", [&plus(x, &MODULUS), y].concat(), "not below the modulus"),
        ("y not canonical", [x, &plus(y, &MODULUS)].concat(), "not below the modulus"),
        ("x the modulus", [&MODULUS, y].concat(), "not below the modulus"),
        ("the identity, not canonical", [MODULUS, MODULUS].concat(), "not below the modulus"),
        ("63 bytes", good.signature[..63].to_vec(), "64 bytes"),
        ("65 bytes, as ECDSA has", [x, y, &[27]].concat(), "64 bytes"),
        ("one byte", vec![1], "64 bytes"),
    ] {
        cases.add(what, with(signature), Code::Unauthenticated, malformed, message);
    }
    cases.check(&api).await;
    nothing_was_touched(&site, executor).await;

    let _executor = Executor::start(&site).await.unwrap();
    assert_eq!(caller::answered(&site, avs, &good).await.unwrap().output, b"9");
}

/// A forged BN254 signature costs a stranger nothing and us a pairing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forgeries_are_rationed() {
    let site = Site::new([Avs::bn254()]).unwrap().set("server.failures_per_minute_per_peer=3");
    let executor = Executor::start(&site).await.unwrap();
    let api = caller::connect(&site).await.unwrap();
    let good = submission(&site, &site.avs[0], "rationed", b"3").await.unwrap();
    let forged = RawSubmission { payload: b"4".to_vec(), ..good.clone() };
    let mut codes = Vec::new();
    for _ in 0..5 {
        codes.push(caller::refused(&api, forged.clone()).await.unwrap());
    }
    let reasons: Vec<_> = codes.iter().map(|refusal| (refusal.code, refusal.reason.as_str())).collect();
    let mismatch = (Code::Unauthenticated, "SignatureMismatch");
    let rationed = (Code::ResourceExhausted, "PeerRationed");
    assert_eq!(reasons, [mismatch, mismatch, mismatch, rationed, rationed]);
    nothing_was_touched(&site, executor).await;
}
