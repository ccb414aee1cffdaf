//! Waiting for a condition, always with a deadline.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
pub use hourglass_environment::ports::free_ports;
pub use hourglass_environment::waiting::until;

/// Between two looks at a condition that nothing announces.
const PAUSE: Duration = Duration::from_millis(20);

/// As [`until`], for a condition that takes await points to look at.
///
/// # Errors
/// As [`until`].
pub async fn until_async<T>(what: &str, deadline: Duration, mut found: impl AsyncFnMut() -> Result<T>) -> Result<T> {
    let began = Instant::now();
    loop {
        match found().await {
            Ok(value) => return Ok(value),
            Err(error) if began.elapsed() >= deadline => {
                bail!("{what}: not within {deadline:?}, last seen: {error:#}");
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}
