use std::io;
use std::path::{Path, PathBuf};

use hourglass_core::ports::JournalError;
use thiserror::Error;

/// Why a store could not be opened, read or closed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StoreError {
    /// Another process has it open.
    #[error(
        "the store in {directory} is in use by {holder}: stop that process first, or give each its own storage.path"
    )]
    Locked {
        /// The directory.
        directory: PathBuf,
        /// Who has it, as far as that is known.
        holder: String,
    },
    /// It cannot be read or written now: permissions, a full disk, a lost device.
    #[error("the store is not available: {message}")]
    Unavailable {
        /// What was seen and what to change.
        message: String,
    },
    /// It is damaged, not ours, or newer than this program; nothing was changed.
    #[error("the store cannot be used: {message}")]
    Unusable {
        /// What was seen and what to do.
        message: String,
    },
}

impl StoreError {
    /// Stable reason.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Locked { .. } => "StoreLocked",
            Self::Unavailable { .. } => "StoreUnavailable",
            Self::Unusable { .. } => "StoreUnusable",
        }
    }

    /// Whether trying the same again may help.
    pub const fn retryable(&self) -> bool {
        !matches!(self, Self::Unusable { .. })
    }

    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self::Unavailable { message: message.into() }
    }

    pub(crate) fn unusable(message: impl Into<String>) -> Self {
        Self::Unusable { message: message.into() }
    }

    pub(crate) fn io(what: &str, path: &Path, error: &io::Error) -> Self {
        Self::unavailable(format!("cannot {what} {}: {}", path.display(), advice(error)))
    }
}

impl From<StoreError> for JournalError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unusable { message } => Self::Unusable { message },
            StoreError::Unavailable { message } => Self::Unavailable { message },
            StoreError::Locked { .. } => Self::Unavailable { message: error.to_string() },
        }
    }
}

impl From<StoreError> for hourglass_core::ports::StoreError {
    fn from(error: StoreError) -> Self {
        Self {
            message: match error {
                StoreError::Unusable { message } | StoreError::Unavailable { message } => message,
                StoreError::Locked { .. } => error.to_string(),
            },
        }
    }
}

/// An IO error with what to change, where that is known.
fn advice(error: &io::Error) -> String {
    let advice = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "free space or enlarge the volume",
        io::ErrorKind::FileTooLarge => "raise the limit on the size of files",
        io::ErrorKind::ReadOnlyFilesystem => "mount the file system for writing",
        io::ErrorKind::PermissionDenied => "let this user read and write it",
        io::ErrorKind::NotFound => "is the volume mounted?",
        _ => return error.to_string(),
    };
    format!("{error} ({advice})")
}

const RESTORE: &str = "restore it from a copy or an export; without one, move the directory away, start a new store \
                       and import a floor, or tasks may be signed twice";

/// What an error of the database means for us. It names no path: callers do.
impl From<redb::Error> for StoreError {
    fn from(error: redb::Error) -> Self {
        use redb::Error as E;
        match error {
            E::Io(e) if matches!(e.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof) => {
                Self::unusable(format!("the file is damaged or not a database of ours ({e}): {RESTORE}"))
            }
            E::Io(e) => Self::unavailable(advice(&e)),
            E::Corrupted(what) => Self::unusable(format!("the file is damaged ({what}): {RESTORE}")),
            E::RepairAborted => Self::unusable(format!(
                "the file does not end with a commit of ours, and a repair could lose commits: {RESTORE}"
            )),
            E::UpgradeRequired(version) => Self::unusable(format!(
                "the file has the database format {version}, which this version cannot read: use a matching version"
            )),
            E::TableDoesNotExist(table) => Self::unusable(format!(
                "the file is a database, but not one of ours (it has no table {table}): set storage.path to a \
                 directory of its own"
            )),
            E::TableTypeMismatch { .. }
            | E::TypeDefinitionChanged { .. }
            | E::TableIsMultimap(_)
            | E::TableIsNotMultimap(_) => Self::unusable(
                "the file is a database, but not one of ours: set storage.path to a directory of its own",
            ),
            other => Self::unavailable(other.to_string()),
        }
    }
}
