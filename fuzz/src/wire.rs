use hourglass_grpc::proto::{performer, v1, wire};
use prost::Message;

pub(crate) const MESSAGES: &[&str] = &[
    "\n\u{42}0xabababababababababababababababababababababababababababababababab\u{22}\u{3}abc\u{30}\u{1}\u{50}\u{1}",
    "\u{12}\u{5}hello\u{8}\u{1}",
];

/// The messages of the wire: what decodes is encoded and decoded again as the same.
pub fn messages(data: &[u8]) {
    fn round_trip<M: Message + Default + PartialEq + std::fmt::Debug>(data: &[u8]) {
        let Ok(message) = M::decode(data) else { return };
        let written = message.encode_to_vec();
        assert_eq!(M::decode(&*written).expect("what was encoded decodes"), message);
    }
    round_trip::<v1::TaskSubmission>(data);
    round_trip::<v1::DeployArtifactRequest>(data);
    round_trip::<performer::TaskResponse>(data);
    round_trip::<wire::Task>(data);
}
