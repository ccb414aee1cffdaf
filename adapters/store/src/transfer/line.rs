use hourglass_core::task::TaskRecord;
use hourglass_core::{Address, Timestamp};
use serde::{Deserialize, Serialize};

use crate::statistics::SetFloor;

/// The name of the format of an export.
pub const FORMAT: &str = "hourglass-journal";
/// The only version of it.
pub const VERSION: u32 = 1;
/// No line is longer: twice the largest output, and its fields.
pub(crate) const LONGEST: u64 = 8 << 20;

/// One line of an export.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Line {
    Journal(Header),
    Task(Box<TaskRecord>),
    End(End),
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Header {
    pub(crate) format: String,
    pub(crate) version: u32,
    pub(crate) operator: Address,
    pub(crate) exported_at: Timestamp,
    pub(crate) floors: Vec<SetFloor>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct End {
    pub(crate) tasks: u64,
    pub(crate) sha256: String,
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
