//! A disk that loses what was not synced, fails on demand, and forgets what it failed to sync.

use std::fmt;
use std::io;
use std::sync::{Arc, Condvar, Mutex};

use redb::{Builder, Database, StorageBackend};

use crate::error::StoreError;
use crate::medium::Medium;
use crate::transaction::initialise;

/// What happens at one operation (a write, a change of length, a sync), counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The power goes: everything from here on fails, until [`SimDisk::power_on`].
    PowerCut,
    /// The process is killed: nothing more is done, and what was written is still seen, synced or not.
    Killed,
    /// So many operations fail with this kind of error; a write may have reached the disk in part.
    Errors(u32, io::ErrorKind),
}

#[derive(Clone)]
pub(super) struct SimDisk {
    inner: Arc<(Mutex<Disk>, Condvar)>,
}

struct Disk {
    /// What a power cut leaves.
    durable: Vec<u8>,
    /// What reads see.
    view: Vec<u8>,
    unsynced: Vec<Change>,
    operations: u64,
    syncs: u64,
    fault: Option<(u64, Fault)>,
    errors_left: u32,
    error: io::ErrorKind,
    dead: bool,
    killed: bool,
    hold_syncs: bool,
    held: u32,
    random: u64,
}

#[derive(Clone)]
enum Change {
    Write(usize, Vec<u8>),
    Length(usize),
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Write(at, data) => {
                let end = at + data.len();
                if bytes.len() < end {
                    bytes.resize(end, 0);
                }
                bytes[*at..end].copy_from_slice(data);
            }
            Self::Length(length) => bytes.resize(*length, 0),
        }
    }
}

impl Disk {
    fn random(&mut self) -> u64 {
        // splitmix64
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Some of what was not synced reaches the disk all the same, torn at sectors; the rest is lost.
    fn lose(&mut self) {
        for change in std::mem::take(&mut self.unsynced) {
            match (change, self.random() % 3) {
                (_, 0) => {}
                (Change::Write(at, data), 1) => {
                    for (index, sector) in data.chunks(512).enumerate() {
                        if self.random().is_multiple_of(2) {
                            Change::Write(at + index * 512, sector.to_vec()).apply(&mut self.durable);
                        }
                    }
                }
                (change, _) => change.apply(&mut self.durable),
            }
        }
    }

    /// Counts an operation; tells whether it fails.
    fn operation(&mut self) -> io::Result<()> {
        if self.dead {
            return Err(io::Error::other("no power"));
        }
        let number = self.operations;
        self.operations += 1;
        match self.fault {
            Some((at, Fault::PowerCut)) if at == number => {
                self.dead = true;
                return Err(io::Error::other("no power"));
            }
            Some((at, Fault::Killed)) if at == number => {
                (self.dead, self.killed) = (true, true);
                return Err(io::Error::other("killed"));
            }
            Some((at, Fault::Errors(count, kind))) if at == number => {
                self.errors_left = count;
                self.error = kind;
            }
            _ => {}
        }
        if self.errors_left > 0 {
            self.errors_left -= 1;
            return Err(self.error.into());
        }
        Ok(())
    }

    fn change(&mut self, change: Change) -> io::Result<()> {
        let result = self.operation();
        if let (Err(_), Change::Write(at, data)) = (&result, &change) {
            // A failed write may have been written in part.
            let part = data[..data.len() / 2].to_vec();
            if !self.dead && self.random().is_multiple_of(2) && at + part.len() <= self.view.len() {
                let torn = Change::Write(*at, part);
                torn.apply(&mut self.view);
                self.unsynced.push(torn);
            }
        }
        if self.dead {
            if !self.killed {
                self.unsynced.push(change);
            }
            return result;
        }
        result?;
        change.apply(&mut self.view);
        self.unsynced.push(change);
        Ok(())
    }
}

impl SimDisk {
    /// A disk that holds a new store.
    pub(super) fn new(seed: u64) -> Self {
        let disk = Disk {
            durable: Vec::new(),
            view: Vec::new(),
            unsynced: Vec::new(),
            operations: 0,
            syncs: 0,
            fault: None,
            errors_left: 0,
            error: io::ErrorKind::Other,
            dead: false,
            killed: false,
            hold_syncs: false,
            held: 0,
            random: seed,
        };
        let this = Self { inner: Arc::new((Mutex::new(disk), Condvar::new())) };
        let database = Database::builder().create_with_backend(this.clone()).unwrap();
        initialise(&database).unwrap();
        database.close().unwrap();
        this.with(|disk| disk.operations = 0);
        this
    }

    fn with<T>(&self, action: impl FnOnce(&mut Disk) -> T) -> T {
        action(&mut self.inner.0.lock().unwrap())
    }

    pub(super) fn at(&self, operation: u64, fault: Fault) {
        self.with(|disk| disk.fault = Some((operation, fault)));
    }

    /// Every operation fails from now on.
    pub(super) fn break_with(&self, kind: io::ErrorKind) {
        self.with(|disk| (disk.errors_left, disk.error) = (u32::MAX, kind));
    }

    pub(super) fn mend(&self) {
        self.with(|disk| disk.errors_left = 0);
    }

    pub(super) fn is_dead(&self) -> bool {
        self.with(|disk| disk.dead)
    }

    pub(super) fn operations(&self) -> u64 {
        self.with(|disk| disk.operations)
    }

    pub(super) fn syncs(&self) -> u64 {
        self.with(|disk| disk.syncs)
    }

    /// Power goes, if it has not gone, and comes back: what is durable is all there is.
    pub(super) fn power_on(&self) {
        self.with(|disk| {
            disk.lose();
            disk.view = disk.durable.clone();
            (disk.dead, disk.fault, disk.errors_left) = (false, None, 0);
        });
    }

    /// The next process after [`Fault::Killed`]: it sees everything that was written.
    pub(super) fn next_process(&self) {
        self.with(|disk| (disk.dead, disk.killed, disk.fault) = (false, false, None));
    }

    /// Syncs wait until [`Self::release_syncs`].
    pub(super) fn hold_syncs(&self) {
        self.with(|disk| disk.hold_syncs = true);
    }

    pub(super) fn release_syncs(&self) {
        self.with(|disk| disk.hold_syncs = false);
        self.inner.1.notify_all();
    }

    /// How many syncs wait.
    pub(super) fn held(&self) -> u32 {
        self.with(|disk| disk.held)
    }
}

impl fmt::Debug for SimDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SimDisk")
    }
}

impl StorageBackend for SimDisk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.with(|disk| disk.view.len() as u64))
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.with(|disk| {
            if disk.dead {
                return Err(io::Error::other("no power"));
            }
            let at = usize::try_from(offset).unwrap();
            let bytes = disk.view.get(at..at + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
            out.copy_from_slice(bytes);
            Ok(())
        })
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.with(|disk| disk.change(Change::Length(usize::try_from(len).unwrap())))
    }

    fn sync_data(&self) -> io::Result<()> {
        let (lock, changed) = &*self.inner;
        let mut disk = lock.lock().unwrap();
        disk.held += 1;
        while disk.hold_syncs {
            disk = changed.wait(disk).unwrap();
        }
        disk.held -= 1;
        let result = disk.operation();
        if result.is_err() {
            if !disk.dead {
                // The kernel reports a failed sync once; what it could not write counts as clean from then on, and is
                // seen by readers until the power goes.
                disk.lose();
            }
            return result;
        }
        disk.syncs += 1;
        for change in std::mem::take(&mut disk.unsynced) {
            change.apply(&mut disk.durable);
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.with(|disk| disk.change(Change::Write(usize::try_from(offset).unwrap(), data.to_vec())))
    }
}

impl Medium for SimDisk {
    fn open(&self, builder: &Builder) -> Result<Database, StoreError> {
        assert!(self.len().unwrap() > 0, "a store never becomes an empty file");
        builder.create_with_backend(self.clone()).map_err(|e| redb::Error::from(e).into())
    }

    fn name(&self) -> String {
        "simulated disk".into()
    }

    fn size(&self) -> Option<u64> {
        self.len().ok()
    }
}

impl SimDisk {
    pub(super) fn snapshot(&self) -> Vec<u8> {
        self.with(|disk| disk.durable.clone())
    }

    /// Puts back what [`Self::snapshot`] took.
    pub(super) fn restore(&self, bytes: Vec<u8>) {
        self.with(|disk| {
            disk.unsynced.clear();
            (disk.view, disk.durable) = (bytes.clone(), bytes);
        });
    }
}
