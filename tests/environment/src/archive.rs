//! Archives that are the same bytes for the same content, so that what is made of them has the same digest.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Result;
use sha2::{Digest, Sha256};
use tar::{Builder, EntryType, Header};

/// An uncompressed tar archive that belongs to root and was made at the beginning of time.
pub(crate) struct Archive {
    builder: Builder<Vec<u8>>,
    folders: BTreeSet<String>,
}

impl Archive {
    pub(crate) fn new() -> Self {
        Self { builder: Builder::new(Vec::new()), folders: BTreeSet::new() }
    }

    /// Adds a file, and the folders above it where they are not there yet. A leading `/` counts for nothing.
    pub(crate) fn file(&mut self, path: &str, content: &[u8], mode: u32) -> Result<()> {
        let path = path.trim_start_matches('/');
        self.folders_above(path)?;
        let mut header = header(EntryType::Regular, mode);
        header.set_size(content.len().try_into()?);
        self.builder.append_data(&mut header, path, content)?;
        Ok(())
    }

    /// Adds an empty folder.
    pub(crate) fn folder(&mut self, path: &str, mode: u32) -> Result<()> {
        let path = path.trim_matches('/');
        self.folders_above(path)?;
        if self.folders.insert(path.to_owned()) {
            self.builder.append_data(&mut header(EntryType::Directory, mode), format!("{path}/"), &[][..])?;
        }
        Ok(())
    }

    pub(crate) fn finish(self) -> Result<Vec<u8>> {
        Ok(self.builder.into_inner()?)
    }

    fn folders_above(&mut self, path: &str) -> Result<()> {
        let above: Vec<_> = Path::new(path).ancestors().skip(1).filter_map(Path::to_str).collect();
        for folder in above.into_iter().rev().filter(|folder| !folder.is_empty()) {
            if self.folders.insert(folder.to_owned()) {
                self.builder.append_data(&mut header(EntryType::Directory, 0o755), format!("{folder}/"), &[][..])?;
            }
        }
        Ok(())
    }
}

fn header(kind: EntryType, mode: u32) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(0);
    header
}

/// Its SHA-256, in hexadecimal digits.
pub(crate) fn sha256(content: &[u8]) -> String {
    const_hex::encode(Sha256::digest(content))
}
