//! Waiting for a condition, always with a deadline.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Looks until `found` gives something, at most until the deadline.
///
/// # Errors
/// At the deadline, saying what was awaited and what `found` said last.
pub fn until<T>(what: &str, deadline: Duration, mut found: impl FnMut() -> Result<T>) -> Result<T> {
    let began = Instant::now();
    loop {
        match found() {
            Ok(value) => return Ok(value),
            Err(error) if began.elapsed() >= deadline => {
                bail!("{what}: not within {deadline:?}, last seen: {error:#}");
            }
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}
