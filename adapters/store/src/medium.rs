//! Where the database lies: the seam at which tests put a disk that fails.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::time::Instant;

use redb::{Builder, Database, DatabaseError};

use crate::directory::{LOCK_PATIENCE, LOCK_PAUSE};
use crate::error::StoreError;

/// Something that holds one database and can be opened again and again.
pub(crate) trait Medium: Send + Sync + 'static {
    /// Opens the database that is there. Never makes one.
    fn open(&self, builder: &Builder) -> Result<Database, StoreError>;

    /// For messages.
    fn name(&self) -> String;

    /// Its size in bytes, where that is known.
    fn size(&self) -> Option<u64>;
}

/// A file.
pub(crate) struct FileMedium {
    pub(crate) path: PathBuf,
}

impl Medium for FileMedium {
    fn open(&self, builder: &Builder) -> Result<Database, StoreError> {
        // First by ourselves: the database reports a lost, forbidden or read-only file in its own words.
        OpenOptions::new()
            .read(true)
            .write(true)
            .open(&self.path)
            .map_err(|e| StoreError::io("open", &self.path, &e))?;
        // The database locks its file too, and we hold the directory: whoever seems to have it is about to end.
        let patience = Instant::now() + LOCK_PATIENCE;
        loop {
            match builder.open(&self.path) {
                Err(DatabaseError::DatabaseAlreadyOpen) if Instant::now() < patience => std::thread::sleep(LOCK_PAUSE),
                opened => return opened.map_err(|e| redb::Error::from(e).into()),
            }
        }
    }

    fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn size(&self) -> Option<u64> {
        size(&self.path)
    }
}

fn size(path: &Path) -> Option<u64> {
    std::fs::metadata(path).ok().map(|metadata| metadata.len())
}
