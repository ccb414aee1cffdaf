use hourglass_core::task::{MAX_OUTPUT_BYTES, RawSubmission, TaskId, TaskSubmission, message_hash, submission_message};
use hourglass_core::{Address, Digest};

pub(crate) const SUBMISSIONS: &[&str] = &[
    "0xabababababababababababababababababababababababababababababababab\n\
     0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed\n0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359\n\
     0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB\n1\n1700000000\n12345678\n1\nff",
    "0x0000000000000000000000000000000000000000000000000000000000000000\n\
     0x0000000000000000000000000000000000000001\n0x0000000000000000000000000000000000000002\n\
     0x0000000000000000000000000000000000000003\n4294967295\n0\n18446744073709551615\n1\n",
];

pub(crate) const IDENTIFIERS: &[&str] = &[
    "0xabababababababababababababababababababababababababababababababab",
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "0x",
];

/// A submission, its fields one on each line: parsed, its digest taken, its messages built.
pub fn submission(data: &[u8]) {
    let mut lines = data.splitn(9, |byte| *byte == b'\n');
    let mut text = || String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
    let (task_id, aggregator_address, avs_address, executor_address) = (text(), text(), text(), text());
    let (set, timestamp, block, version) = (text(), text(), text(), text());
    let raw = RawSubmission {
        task_id,
        aggregator_address,
        avs_address,
        executor_address,
        operator_set_id: set.parse().unwrap_or_default(),
        reference_timestamp: timestamp.parse().unwrap_or_default(),
        task_block_number: block.parse().unwrap_or_default(),
        version: version.parse().unwrap_or_default(),
        payload: lines.next().unwrap_or_default().to_vec(),
        signature: Vec::new(),
    };
    let parsed = match TaskSubmission::parse(raw.clone()) {
        Ok(parsed) => parsed,
        Err(error) => {
            assert!(!error.field.is_empty() && !error.problem.is_empty());
            return;
        }
    };
    assert_eq!(raw.version, 1, "a version that nobody knows was believed");
    assert_eq!(parsed.task_id_text, raw.task_id, "the answer must repeat the text");
    assert!(![parsed.avs, parsed.aggregator, parsed.executor].iter().any(Address::is_zero));
    let message = submission_message(&parsed, &parsed.executor);
    assert_eq!(&message[..32], parsed.task_id.as_bytes());

    // One task has one identity, whatever the case of its digits; another payload is another request.
    let shouted = format!("0x{}", parsed.task_id_text[2..].to_uppercase());
    let same = TaskSubmission::parse(RawSubmission { task_id: shouted, ..raw.clone() }).expect("the same in capitals");
    assert_eq!(same.request_digest(), parsed.request_digest());
    let mut payload = raw.payload.clone();
    payload.push(0);
    let other = TaskSubmission::parse(RawSubmission { payload, ..raw }).expect("the same with more payload");
    assert_ne!(other.request_digest(), parsed.request_digest());
    message_hash(&parsed.task_id, &parsed.payload[..parsed.payload.len().min(MAX_OUTPUT_BYTES)]);
}

/// A task id, an address, a digest: what parses is written and read again as the same.
pub fn identifiers(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(id) = text.parse::<TaskId>() {
        assert_eq!((text.len(), id.to_string().parse()), (66, Ok(id)));
    }
    if let Ok(digest) = text.parse::<Digest>() {
        assert_eq!((text.len(), digest.to_string().parse()), (66, Ok(digest)));
    }
    if let Ok(address) = text.parse::<Address>() {
        assert_eq!(text.len(), 42);
        assert_eq!(address.to_string().parse(), Ok(address));
        assert_eq!(Address::parse_checked(&address.checksummed()), Ok(address));
    }
    if let Ok(address) = Address::parse_checked(text) {
        assert_eq!(text.parse(), Ok(address), "people may not write what the wire refuses");
    }
}
