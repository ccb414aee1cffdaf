//! The directory of a store: what is in it, who may open it, and when it is new.
//!
//! ```text
//! LOCK             locked by the process that has the store open; its process id
//! hourglass.redb   the database
//! FORMAT           which layout this is; written last when a store is made
//! ```
//!
//! Only a directory that has neither database nor FORMAT is new. The database is made under another name, synced, and
//! renamed: a crash while a store is made leaves either nothing or all of it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::error::StoreError;

const LOCK: &str = "LOCK";
const FORMAT: &str = "FORMAT";
const DATABASE: &str = "hourglass.redb";
const FORMAT_NAME: &str = "hourglass-store";
const FORMAT_VERSION: u32 = 1;

/// A directory that no other process has open while this lives.
#[derive(Debug)]
pub(crate) struct Directory {
    path: PathBuf,
    _lock: File,
}

/// How long a holder that is gone may still seem to be there: a process that it was just beginning shares its locks until
/// it has become another program.
pub(crate) const LOCK_PATIENCE: Duration = Duration::from_secs(1);
/// Between two looks.
pub(crate) const LOCK_PAUSE: Duration = Duration::from_millis(5);

impl Directory {
    /// Locks the directory, and makes it where it is missing.
    pub(crate) fn lock(path: &Path) -> Result<Self, StoreError> {
        fs::create_dir_all(path).map_err(|e| StoreError::io("create", path, &e))?;
        let lock_path = path.join(LOCK);
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&lock_path)
            .map_err(|e| StoreError::io("open", &lock_path, &e))?;
        let patience = Instant::now() + LOCK_PATIENCE;
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if Instant::now() < patience => std::thread::sleep(LOCK_PAUSE),
                Err(TryLockError::WouldBlock) => {
                    return Err(StoreError::Locked { directory: path.into(), holder: holder(&mut lock) });
                }
                Err(TryLockError::Error(e)) => return Err(StoreError::io("lock", &lock_path, &e)),
            }
        }
        // Only for the message of whoever comes second: a full disk must not keep a store from being opened.
        let _ = lock.set_len(0).and_then(|()| write!(lock, "{}", std::process::id()));
        Ok(Self { path: path.into(), _lock: lock })
    }

    /// The path of the database.
    pub(crate) fn database(&self) -> PathBuf {
        self.path.join(DATABASE)
    }

    /// Makes sure that there is a database, which `make` makes where the directory is new. Tells whether it was.
    pub(crate) fn prepare(&self, make: impl FnOnce(&Path) -> Result<(), StoreError>) -> Result<bool, StoreError> {
        let (format, database) = (self.path.join(FORMAT), self.database());
        let marked = self.read_format(&format)?;
        let exists = database.try_exists().map_err(|e| StoreError::io("look for", &database, &e))?;
        match (marked, exists) {
            (true, true) => Ok(false),
            (true, false) => Err(StoreError::unusable(format!(
                "{} is missing although {} says that a store was made here: restore it from a copy, or import an \
                 export into a new directory; starting anew could sign tasks twice",
                database.display(),
                format.display()
            ))),
            (false, true) => {
                // A crash just before the marker was written, or somebody else's file: opening it tells.
                if fs::metadata(&database).map_err(|e| StoreError::io("look at", &database, &e))?.len() == 0 {
                    return Err(StoreError::unusable(format!(
                        "{} is empty; we never leave it so: restore it from a copy, or remove it if it never held a \
                         journal",
                        database.display()
                    )));
                }
                Ok(false)
            }
            (false, false) => {
                self.make(&database, make)?;
                Ok(true)
            }
        }
    }

    /// Writes the marker, once the database has been opened.
    pub(crate) fn mark(&self) -> Result<(), StoreError> {
        let format = self.path.join(FORMAT);
        if self.read_format(&format)? {
            return Ok(());
        }
        let new = self.path.join("FORMAT.new");
        File::create(&new)
            .and_then(|mut file| {
                writeln!(file, "{FORMAT_NAME} {FORMAT_VERSION}")?;
                file.sync_all()
            })
            .map_err(|e| StoreError::io("write", &new, &e))?;
        self.rename(&new, &format)
    }

    fn make(&self, database: &Path, make: impl FnOnce(&Path) -> Result<(), StoreError>) -> Result<(), StoreError> {
        let new = self.path.join(format!("{DATABASE}.new"));
        match fs::remove_file(&new) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(StoreError::io("remove", &new, &e)),
            _ => {}
        }
        make(&new)?;
        File::open(&new).and_then(|file| file.sync_all()).map_err(|e| StoreError::io("sync", &new, &e))?;
        self.rename(&new, database)
    }

    /// Durably: the directory is synced.
    fn rename(&self, from: &Path, to: &Path) -> Result<(), StoreError> {
        fs::rename(from, to)
            .and_then(|()| File::open(&self.path)?.sync_all())
            .map_err(|e| StoreError::io("write", to, &e))
    }

    /// Whether there is a marker; one that is not ours is an error.
    fn read_format(&self, path: &Path) -> Result<bool, StoreError> {
        let mut text = Vec::new();
        match File::open(path).and_then(|file| file.take(256).read_to_end(&mut text)) {
            Ok(_) => {}
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(e) => return Err(StoreError::io("read", path, &e)),
        }
        let text = String::from_utf8_lossy(&text);
        let version = text.trim_end().strip_prefix(FORMAT_NAME).and_then(|rest| rest.trim_start().parse::<u32>().ok());
        match version {
            Some(FORMAT_VERSION) => Ok(true),
            Some(version) => Err(StoreError::unusable(format!(
                "{} has the store format {version}, this version knows {FORMAT_VERSION}: use the version that wrote \
                 it, or export there and import here",
                self.path.display()
            ))),
            None => Err(StoreError::unusable(format!(
                "{} is not what we write there: set storage.path to a directory of its own",
                path.display()
            ))),
        }
    }
}

fn holder(lock: &mut File) -> String {
    let mut text = String::new();
    let read = lock.seek(SeekFrom::Start(0)).and_then(|_| lock.take(32).read_to_string(&mut text));
    match (read, text.trim().parse::<u32>()) {
        (Ok(_), Ok(pid)) => format!("process {pid}"),
        _ => "another process".into(),
    }
}
