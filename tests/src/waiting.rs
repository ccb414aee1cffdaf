//! Waiting for a condition, always with a deadline.

use std::net::{Ipv4Addr, TcpListener};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Between two looks at a condition that nothing announces.
const PAUSE: Duration = Duration::from_millis(20);

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
            Err(_) => std::thread::sleep(PAUSE),
        }
    }
}

/// The same, for a condition that takes await points to look at.
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

/// Ports on loopback that were free a moment ago, each another.
///
/// Somebody else may take one before it is used: whoever can should bind port 0 and ask instead.
///
/// # Errors
/// Where the system has none left.
pub fn free_ports<const N: usize>() -> Result<[u16; N]> {
    let mut ports = [0; N];
    // All are held until the last is found, so that none is found twice.
    let mut held = Vec::with_capacity(N);
    for port in &mut ports {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        *port = listener.local_addr()?.port();
        held.push(listener);
    }
    Ok(ports)
}
