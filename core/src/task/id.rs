use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::digest::parse_32;

/// The identity of a task: 32 bytes. Two texts that differ only in the case of their digits name the same task.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskId([u8; 32]);

/// A text that is not a task id.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("expected 0x and 64 hexadecimal digits")]
pub struct TaskIdError;

impl TaskId {
    /// The id with these bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl FromStr for TaskId {
    type Err = TaskIdError;

    fn from_str(text: &str) -> Result<Self, TaskIdError> {
        parse_32(text).map(Self).ok_or(TaskIdError)
    }
}

impl fmt::Display for TaskId {
    /// `0x` and 64 lower-case digits: what performers are sent.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{}", const_hex::encode(self.0))
    }
}

impl fmt::Debug for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for TaskId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TaskId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letter_case_does_not_matter() {
        let lower = format!("0x{}", "ab".repeat(32));
        let upper = format!("0x{}", "AB".repeat(32));
        assert_eq!(lower.parse::<TaskId>(), upper.parse::<TaskId>());
        assert_eq!(upper.parse::<TaskId>().unwrap().to_string(), lower);
    }

    #[test]
    fn malformed() {
        let digits = "ab".repeat(32);
        for text in [
            String::new(),
            "0x".into(),
            digits.clone(),
            format!("0X{digits}"),
            format!("0x{digits}0"),
            format!("0x0x{}", &digits[2..]),
            format!("0x{}", &digits[1..]),
            format!("0x{}zz", &digits[2..]),
        ] {
            assert_eq!(text.parse::<TaskId>(), Err(TaskIdError), "{text}");
        }
    }
}
