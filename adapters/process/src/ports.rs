//! Loopback ports for performers.

use std::collections::HashSet;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;

/// A port that nobody listens on and no other instance of ours has: `wanted`, where it is such, else one of our choice.
///
/// Ours lie below those that the kernel gives to outgoing connections, so that none is taken between this look and the
/// performer's own bind. Another program may still take it; the performer then exits and is started again elsewhere.
pub(crate) fn free_port(wanted: Option<u16>, taken: &HashSet<u16>, seed: u64) -> Option<u16> {
    let usable = |port: &u16| !taken.contains(port) && TcpListener::bind((Ipv4Addr::UNSPECIFIED, *port)).is_ok();
    if let Some(port) = wanted.filter(usable) {
        return Some(port);
    }
    let ephemeral = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let range = below(ephemeral.split_ascii_whitespace().next().and_then(|first| first.parse().ok()));
    let count = u64::from(range.end - range.start);
    // Different instances begin at different places: a port is not used again at once.
    let offset = seed % count;
    (0..count).filter_map(|step| u16::try_from(u64::from(range.start) + (offset + step) % count).ok()).find(usable)
}

fn below(ephemeral: Option<u16>) -> Range<u16> {
    match ephemeral {
        Some(first) if first >= 12_000 => 10_000.max(first.saturating_sub(12_000))..first,
        // Nothing useful lies below: take what registered services rarely use.
        _ => 20_000..32_000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn avoids_what_is_taken() {
        let first = free_port(None, &HashSet::new(), 5).unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, first)).unwrap();
        let second = free_port(Some(first), &HashSet::new(), 5).unwrap();
        assert_ne!(second, first);
        let third = free_port(Some(second), &HashSet::from([second]), 5).unwrap();
        assert!(third != first && third != second);
        drop(listener);
        assert_eq!(free_port(Some(first), &HashSet::new(), 99), Some(first));
    }

    #[test]
    fn ranges() {
        assert_eq!(below(Some(32_768)), 20_768..32_768);
        assert_eq!(below(Some(15_000)), 10_000..15_000);
        assert_eq!(below(Some(1024)), 20_000..32_000);
        assert_eq!(below(None), 20_000..32_000);
    }
}
