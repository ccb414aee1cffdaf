//! Where the database lies: the seam at which tests put a disk that fails.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};

use redb::{Builder, Database};

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
        builder.open(&self.path).map_err(|e| redb::Error::from(e).into())
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
