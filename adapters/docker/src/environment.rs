//! The environment of a performer: what the specification gives it, and what is ours (`contract.md` §6).

use std::collections::BTreeMap;

use hourglass_core::performer::{EnvironmentError, PerformerSpec};

use crate::failure::StartFailure;

/// What the performer runs as, in the words of a message.
pub(crate) const READER: &str = "a container of Docker";

impl From<EnvironmentError> for StartFailure {
    fn from(error: EnvironmentError) -> Self {
        Self::refused(error.reason(), error.to_string())
    }
}

/// As the engine takes it, in a stable order. What is ours wins.
pub(crate) fn complete(mut variables: BTreeMap<String, String>, spec: &PerformerSpec, port: u16) -> Vec<String> {
    variables.insert("GRPC_PORT".to_owned(), port.to_string());
    variables.insert("AVS_ADDRESS".to_owned(), spec.avs.to_string());
    variables.into_iter().map(|(name, value)| format!("{name}={value}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_wins() {
        let avs = "0x1111111111111111111111111111111111111111".parse().unwrap();
        let spec = PerformerSpec::new(avs, "p:v1".parse().unwrap());
        let requested = BTreeMap::from([("GRPC_PORT".into(), "1".into()), ("B".into(), "s".into())]);
        let expected = ["AVS_ADDRESS=0x1111111111111111111111111111111111111111", "B=s", "GRPC_PORT=7"];
        assert_eq!(complete(requested, &spec, 7), expected);
    }

    #[test]
    fn what_cannot_be_given_is_refused() {
        let failure = StartFailure::from(EnvironmentError::Malformed { name: "A=B".into() });
        assert_eq!((failure.reason, failure.refused), ("EnvMalformed", true));
    }
}
