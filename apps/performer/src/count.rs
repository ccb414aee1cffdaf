//! How often each task ran: the proof that an executor runs a task once.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

#[derive(Debug)]
pub(crate) struct RunCount {
    file: Option<PathBuf>,
    runs: Mutex<HashMap<Vec<u8>, u64>>,
}

impl RunCount {
    pub(crate) fn new(file: Option<PathBuf>) -> Self {
        Self { file, runs: Mutex::default() }
    }

    /// Notes that a task runs and returns how often it has, this time included.
    pub(crate) fn note(&self, task_id: &[u8]) -> io::Result<u64> {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(path) = &self.file else {
            let count = runs.entry(task_id.to_vec()).or_default();
            *count += 1;
            return Ok(*count);
        };
        // One write of one line in append mode: whole also beside other performers that share the file.
        let line = [task_id, b"\n"].concat();
        OpenOptions::new().create(true).append(true).open(path)?.write_all(&line)?;
        let lines = std::fs::read(path)?;
        Ok(lines.split_inclusive(|&b| b == b'\n').filter(|each| *each == line).count() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_counts_over_restarts() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("runs");
        assert_eq!(RunCount::new(Some(file.clone())).note(b"0x1").unwrap(), 1);
        let again = RunCount::new(Some(file.clone()));
        assert_eq!(again.note(b"0x2").unwrap(), 1);
        assert_eq!(again.note(b"0x1").unwrap(), 2);
        assert_eq!(std::fs::read_to_string(file).unwrap(), "0x1\n0x2\n0x1\n");
    }

    #[test]
    fn without_a_file_it_counts_in_memory() {
        let count = RunCount::new(None);
        assert_eq!((count.note(b"a").unwrap(), count.note(b"b").unwrap(), count.note(b"a").unwrap()), (1, 1, 2));
    }
}
