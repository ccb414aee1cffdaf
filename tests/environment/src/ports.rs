//! Ports on loopback.

use std::net::{Ipv4Addr, TcpListener};

use anyhow::Result;

/// Those that were free a moment ago, each another.
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
