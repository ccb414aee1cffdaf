use std::io;

use hourglass_core::Address;
use hourglass_core::task::TaskId;
use thiserror::Error;

use crate::error::StoreError;

/// Why a journal could not be exported or imported. A failed import has changed nothing.
#[derive(Debug, Error)]
pub enum TransferError {
    /// The file cannot be read or written.
    #[error("the file of the export cannot be read or written")]
    Io(#[from] io::Error),
    /// The store does not answer, or is damaged.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A line is not what an export has there.
    #[error("line {line}: {problem}; nothing was imported, export again")]
    Malformed {
        /// Counted from 1.
        line: u64,
        /// What is wrong.
        problem: String,
    },
    /// It ends too early.
    #[error("the file ends at line {line} without its last line, it is cut short; nothing was imported, copy it again")]
    Truncated {
        /// The last line that is there.
        line: u64,
    },
    /// Count or checksum differ.
    #[error("the file was changed after it was written ({problem}); nothing was imported, copy it again")]
    Tampered {
        /// What differs.
        problem: String,
    },
    /// Written by a newer version, or not by us.
    #[error("the file has the format {format} {version}, expected hourglass-journal 1; nothing was imported")]
    Format {
        /// Its name.
        format: String,
        /// Its version.
        version: u32,
    },
    /// The journal of somebody else.
    #[error("the file is the journal of operator {theirs}, this one is of {ours}; nothing was imported")]
    OtherOperator {
        /// Whose journal the file is.
        theirs: Address,
        /// Whose journal this is.
        ours: Address,
    },
    /// The same task has another record here.
    #[error(
        "task {task} has one answer here and another in the file: both may have been signed; nothing was imported, \
         find out which executor answered it"
    )]
    Conflict {
        /// Which task.
        task: TaskId,
    },
}

impl TransferError {
    /// Stable reason.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Io(_) => "ExportFileUnreadable",
            Self::Store(error) => error.reason(),
            Self::Malformed { .. } => "ExportMalformed",
            Self::Truncated { .. } => "ExportTruncated",
            Self::Tampered { .. } => "ExportTampered",
            Self::Format { .. } => "ExportFormatUnknown",
            Self::OtherOperator { .. } => "ExportOfOtherOperator",
            Self::Conflict { .. } => "ImportConflict",
        }
    }

    /// Whether trying the same again may help.
    pub const fn retryable(&self) -> bool {
        match self {
            Self::Io(_) => true,
            Self::Store(error) => error.retryable(),
            _ => false,
        }
    }
}

impl From<redb::Error> for TransferError {
    fn from(error: redb::Error) -> Self {
        Self::Store(error.into())
    }
}
