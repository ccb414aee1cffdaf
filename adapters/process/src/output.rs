//! What performers write: into bounded files, and line by line into our own log at debug level.

use std::collections::VecDeque;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};
use std::time::Duration;

use hourglass_core::lifecycle::last_words;
use tokio::fs::{File, OpenOptions};
use tokio::io::AsyncWriteExt;
use tokio::net::unix::pipe;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// The longest line that is logged; a longer one is cut into several.
const LINE_BYTES: usize = 4096;
/// Lines of one instance that reach our log in a second.
const LINES_PER_SECOND: u32 = 200;
/// So much of the end of a log is looked at for last words.
const WORDS_BYTES: usize = 16 << 10;
/// Bytes of one instance that are read at a stretch. A performer that floods waits for us, rather than we for it.
const BURST: usize = 1 << 20;
const BREATH: Duration = Duration::from_millis(10);

/// Reads the pipe of an instance until `ended` says that no process of it is left, and what is in the pipe is read.
///
/// The file and its predecessor together never hold more than twice `log_bytes`.
pub(crate) async fn capture(
    instance: String,
    pipe: PathBuf,
    log: PathBuf,
    log_bytes: u64,
    mut ended: oneshot::Receiver<()>,
) -> io::Result<()> {
    // Open for writing as well: the pipe has no end while there is nobody else yet, or any more.
    let receiver = pipe::OpenOptions::new().read_write(true).open_receiver(pipe)?;
    let mut log = BoundedLog::open(log, log_bytes).await?;
    let mut lines = Lines::new(instance);
    let mut buffer = vec![0; 64 << 10];
    let (mut over, mut burst) = (false, 0);
    loop {
        if !over {
            tokio::select! {
                ready = receiver.readable() => ready?,
                _ = &mut ended => over = true,
            }
        }
        match receiver.try_read(&mut buffer) {
            Ok(read) => {
                let chunk = buffer.get(..read).unwrap_or_default();
                lines.feed(chunk);
                log.write(chunk).await;
                burst += read;
                if burst >= BURST {
                    burst = 0;
                    tokio::time::sleep(BREATH).await;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                burst = 0;
                if over {
                    lines.finish();
                    return Ok(());
                }
            }
            Err(error) => return Err(error),
        }
    }
}

/// The last lines that an instance wrote, oldest first.
pub(crate) fn tail(log: &Path, count: usize) -> Vec<String> {
    let mut bytes = std::fs::read(previous(log)).unwrap_or_default();
    bytes.extend(std::fs::read(log).unwrap_or_default());
    let text = String::from_utf8_lossy(&bytes);
    let mut last: VecDeque<&str> = VecDeque::with_capacity(count + 1);
    for line in text.lines() {
        last.push_back(line);
        if last.len() > count {
            last.pop_front();
        }
    }
    last.into_iter().map(|line| line.chars().take(LINE_BYTES).collect()).collect()
}

/// What an instance wrote last, as it is told of one that has ended.
pub(crate) fn words(log: &Path) -> Option<String> {
    let mut bytes = end_of(log);
    if bytes.len() < WORDS_BYTES {
        let mut all = end_of(&previous(log));
        all.append(&mut bytes);
        bytes = all;
    }
    last_words(&String::from_utf8_lossy(&bytes))
}

fn end_of(log: &Path) -> Vec<u8> {
    let read = || {
        let mut file = std::fs::File::open(log)?;
        let len = file.metadata()?.len();
        file.seek(io::SeekFrom::Start(len.saturating_sub(WORDS_BYTES as u64)))?;
        let mut bytes = Vec::new();
        file.take(WORDS_BYTES as u64).read_to_end(&mut bytes)?;
        io::Result::Ok(bytes)
    };
    read().unwrap_or_default()
}

fn previous(log: &Path) -> PathBuf {
    log.with_extension("log.1")
}

/// A file that gives way to a new one before it grows too long.
struct BoundedLog {
    path: PathBuf,
    limit: u64,
    file: File,
    len: u64,
    broken: bool,
}

impl BoundedLog {
    async fn open(path: PathBuf, limit: u64) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(&path).await?;
        let len = file.metadata().await?.len();
        Ok(Self { path, limit: limit.max(64 << 10), file, len, broken: false })
    }

    /// A log that cannot be written, on a full disk for one, must not stop the performer: it says so once and loses it.
    async fn write(&mut self, chunk: &[u8]) {
        match self.try_write(chunk).await {
            Ok(()) => self.broken = false,
            Err(error) if !self.broken => {
                self.broken = true;
                tracing::warn!(path = %self.path.display(), %error, "a performer's output is lost: free space");
            }
            Err(_) => {}
        }
    }

    async fn try_write(&mut self, chunk: &[u8]) -> io::Result<()> {
        if self.len + chunk.len() as u64 > self.limit {
            tokio::fs::rename(&self.path, previous(&self.path)).await?;
            self.file = OpenOptions::new().create(true).append(true).open(&self.path).await?;
            self.len = 0;
        }
        self.file.write_all(chunk).await?;
        self.file.flush().await?;
        self.len += chunk.len() as u64;
        Ok(())
    }
}

/// Cuts bytes into lines and logs so many of them.
struct Lines {
    instance: String,
    partial: Vec<u8>,
    second: Instant,
    logged: u32,
    dropped: u64,
}

impl Lines {
    fn new(instance: String) -> Self {
        Self { instance, partial: Vec::new(), second: Instant::now(), logged: 0, dropped: 0 }
    }

    fn feed(&mut self, chunk: &[u8]) {
        for piece in chunk.split_inclusive(|&b| b == b'\n') {
            let room = LINE_BYTES.saturating_sub(self.partial.len());
            self.partial.extend(piece.iter().take(room));
            if piece.ends_with(b"\n") || self.partial.len() >= LINE_BYTES {
                self.emit();
            }
        }
    }

    fn finish(&mut self) {
        if !self.partial.is_empty() {
            self.emit();
        }
        self.report_dropped();
    }

    fn emit(&mut self) {
        let bytes = std::mem::take(&mut self.partial);
        if self.second.elapsed() >= Duration::from_secs(1) {
            self.report_dropped();
            (self.second, self.logged) = (Instant::now(), 0);
        }
        if self.logged >= LINES_PER_SECOND {
            self.dropped += 1;
            return;
        }
        self.logged += 1;
        let line = String::from_utf8_lossy(&bytes);
        tracing::debug!(target: "performer_output", instance = %self.instance, "{}", line.trim_end());
    }

    fn report_dropped(&mut self) {
        if self.dropped > 0 {
            let instance = &self.instance;
            tracing::debug!(target: "performer_output", %instance, lines = self.dropped, "more than is logged");
            self.dropped = 0;
        }
    }
}
