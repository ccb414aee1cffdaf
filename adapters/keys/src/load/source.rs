use std::fmt;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use hourglass_core::Secret;
use zeroize::Zeroizing;

use crate::KeyError;

/// Many times what any key format needs.
const MAX_BYTES: usize = 64 * 1024;

/// Where a key or a password is.
#[derive(Debug, Clone)]
pub enum KeySource {
    /// In a file.
    File(PathBuf),
    /// In a text that somebody else holds, such as an environment variable.
    Text {
        /// What errors call it: the variable's name.
        origin: String,
        /// The text.
        text: Secret<String>,
    },
    /// Behind a descriptor that this process inherited: a pipe that a parent fills leaves no copy on a disk.
    Descriptor(u32),
}

/// What is doubtful about the place of a key that was read all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyWarning {
    /// Others than the file's owner may read it.
    ReadableByOthers {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
}

impl fmt::Display for KeyWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReadableByOthers { path, mode } => {
                let path = path.display();
                write!(f, "{path} can be read by others (mode {mode:04o}): `chmod 600 {path}` keeps the key private")
            }
        }
    }
}

impl KeySource {
    /// Everything that is there, at most 64 KiB.
    pub(super) fn read(&self) -> Result<(Secret<Vec<u8>>, Vec<KeyWarning>), KeyError> {
        match self {
            Self::File(path) => {
                let file = self.open(path)?;
                let warnings = self.permissions(path, &file)?;
                Ok((self.read_bounded(file)?, warnings))
            }
            Self::Text { text, .. } => Ok((self.read_bounded(text.expose().as_bytes())?, Vec::new())),
            // On Linux this opens the pipe or file behind the descriptor again, without unsafe code.
            Self::Descriptor(number) => {
                let file = self.open(Path::new(&format!("/dev/fd/{number}")))?;
                Ok((self.read_bounded(file)?, Vec::new()))
            }
        }
    }

    fn open(&self, path: &Path) -> Result<File, KeyError> {
        File::open(path).map_err(|error| self.unreadable(&error))
    }

    fn permissions(&self, path: &Path, file: &File) -> Result<Vec<KeyWarning>, KeyError> {
        let metadata = file.metadata().map_err(|error| self.unreadable(&error))?;
        let mode = metadata.mode() & 0o7777;
        let open = metadata.is_file() && mode & 0o044 != 0;
        Ok(open.then(|| KeyWarning::ReadableByOthers { path: path.to_owned(), mode }).into_iter().collect())
    }

    fn read_bounded(&self, mut reader: impl Read) -> Result<Secret<Vec<u8>>, KeyError> {
        // One buffer of the full size: a growing one would leave copies of the key in freed memory.
        let mut buffer = Zeroizing::new(vec![0; MAX_BYTES + 1]);
        let mut length = 0;
        loop {
            match reader.read(&mut buffer[length..]) {
                Ok(0) if length > MAX_BYTES => {
                    return Err(KeyError::TooLarge { place: self.to_string(), limit: MAX_BYTES });
                }
                Ok(0) => return Ok(Secret::new(buffer[..length].to_vec())),
                Ok(count) => length += count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.unreadable(&error)),
            }
        }
    }

    fn unreadable(&self, error: &std::io::Error) -> KeyError {
        KeyError::Unreadable { place: self.to_string(), why: error.to_string() }
    }
}

impl fmt::Display for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Text { origin, .. } => f.write_str(origin),
            Self::Descriptor(number) => write!(f, "descriptor {number}"),
        }
    }
}
