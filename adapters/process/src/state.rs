//! The state directory: what is on disk, and how it gets there whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use hourglass_core::performer::InstanceName;
use rustix::fs::{CWD, FlockOperation, Mode, flock, mkfifoat};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::process::ProcessIdentity;
use crate::records::{Exit, Intent, Stop};
use crate::tree::{MARKER, Tree};

/// One runtime's directory, locked as long as this lives.
#[derive(Debug)]
pub(crate) struct StateDir {
    root: PathBuf,
    _lock: File,
}

/// Where one instance keeps everything of its own.
#[derive(Debug, Clone)]
pub(crate) struct InstanceDir(PathBuf);

/// What an interrupted creation or removal leaves begins so.
const LEFTOVER: char = '.';

impl StateDir {
    /// Opens and locks it, and makes it where it is not there. `None` where another process holds it.
    pub(crate) fn open(path: &Path) -> io::Result<Option<Self>> {
        private_dir().recursive(true).create(path.join("instances"))?;
        let root = path.canonicalize()?;
        if root.to_str().is_none() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "its path is not UTF-8"));
        }
        let lock = lock(&root.join("lock"), true)?;
        Ok(lock.map(|lock| Self { root, _lock: lock }))
    }

    /// Who we are: written into what we make, and compared before we touch it.
    pub(crate) fn owner(&self) -> String {
        self.root.to_string_lossy().into_owned()
    }

    pub(crate) fn instance(&self, name: &InstanceName) -> InstanceDir {
        InstanceDir(self.root.join("instances").join(name.to_string()))
    }

    /// The instances that are there. What cannot be one is left alone.
    pub(crate) fn instances(&self) -> io::Result<Vec<InstanceName>> {
        let entries = fs::read_dir(self.root.join("instances"))?.collect::<io::Result<Vec<_>>>()?;
        Ok(entries.into_iter().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect())
    }

    /// Removes what interrupted creations and removals left.
    pub(crate) fn sweep(&self) -> io::Result<()> {
        for entry in fs::read_dir(self.root.join("instances"))? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(LEFTOVER) {
                remove_all(&entry.path())?;
            }
        }
        Ok(())
    }

    /// Makes an instance, whole or not at all. `false` where one of that name is there.
    pub(crate) fn create(&self, name: &InstanceName, intent: &Intent) -> io::Result<bool> {
        let place = self.instance(name);
        let fresh = InstanceDir(self.root.join("instances").join(format!("{LEFTOVER}new-{}", intent.launch)));
        private_dir().create(&fresh.0)?;
        for each in ["work", "tmp"] {
            private_dir().create(fresh.0.join(each))?;
        }
        mkfifoat(CWD, fresh.output_pipe(), Mode::RUSR | Mode::WUSR)?;
        File::create(fresh.0.join("supervisor.lock"))?;
        fresh.write("intent", intent)?;
        match fs::rename(&fresh.0, &place.0) {
            Ok(()) => {
                sync_dir(&self.root.join("instances"))?;
                Ok(true)
            }
            Err(error) => {
                fs::remove_dir_all(&fresh.0)?;
                // Directories that are not empty are not replaced.
                if place.0.exists() { Ok(false) } else { Err(error) }
            }
        }
    }
}

impl InstanceDir {
    pub(crate) const fn at(path: PathBuf) -> Self {
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn output_pipe(&self) -> PathBuf {
        self.0.join("output")
    }

    pub(crate) fn output_log(&self) -> PathBuf {
        self.0.join("output.log")
    }

    pub(crate) fn work(&self) -> PathBuf {
        self.0.join("work")
    }

    pub(crate) fn tmp(&self) -> PathBuf {
        self.0.join("tmp")
    }

    pub(crate) fn intent(&self) -> Option<Intent> {
        self.read("intent")
    }

    pub(crate) fn supervisor(&self) -> Option<ProcessIdentity> {
        self.read("supervisor")
    }

    pub(crate) fn leader(&self) -> Option<ProcessIdentity> {
        self.read("leader")
    }

    pub(crate) fn exit(&self) -> Option<Exit> {
        self.read("exit")
    }

    pub(crate) fn stop(&self) -> Option<Stop> {
        self.read("stop")
    }

    pub(crate) fn tree(&self, marker: &str) -> Tree {
        Tree { marker: format!("{MARKER}={marker}"), supervisor: self.supervisor(), leader: self.leader() }
    }

    /// Held by the supervisor as long as it lives. `None` where it is held.
    ///
    /// # Errors
    /// `NotFound` where the instance was removed.
    pub(crate) fn supervisor_lock(&self) -> io::Result<Option<File>> {
        lock(&self.0.join("supervisor.lock"), false)
    }

    /// Writes a record so that it is there whole, after a power cut too, or not at all.
    pub(crate) fn write(&self, record: &str, value: &impl Serialize) -> io::Result<()> {
        let draft = self.0.join(format!("{record}.draft"));
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        file.write_all(&serde_json::to_vec(value)?)?;
        file.sync_all()?;
        fs::rename(&draft, self.0.join(format!("{record}.json")))?;
        sync_dir(&self.0)
    }

    /// A record that is not there, or not one of ours, is `None`: records appear whole.
    fn read<T: DeserializeOwned>(&self, record: &str) -> Option<T> {
        serde_json::from_slice(&fs::read(self.0.join(format!("{record}.json"))).ok()?).ok()
    }

    /// Removes everything. The name is free at once, whatever happens meanwhile.
    pub(crate) fn remove(&self) -> io::Result<()> {
        let launch = self.intent().map_or_else(|| std::process::id().to_string(), |intent| intent.launch);
        let gone = self.0.with_file_name(format!("{LEFTOVER}gone-{launch}"));
        match fs::rename(&self.0, &gone) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
            Ok(()) => remove_all(&gone),
        }
    }
}

/// Takes an exclusive lock without waiting; it ends with the file, so also with a process that is killed.
fn lock(path: &Path, create: bool) -> io::Result<Option<File>> {
    let file = OpenOptions::new().read(true).write(true).create(create).truncate(false).mode(0o600).open(path)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(file)),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Removes a directory that somebody else may be removing too: a keeper whose runtime was just dropped.
fn remove_all(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn private_dir() -> fs::DirBuilder {
    let mut builder = fs::DirBuilder::new();
    builder.mode(0o700);
    builder
}

fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
