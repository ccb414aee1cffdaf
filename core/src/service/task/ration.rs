use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::time::Timestamp;

/// Peers that are remembered at once; beyond that the one that failed longest ago is forgotten.
const MAX_PEERS: usize = 4096;
const WINDOW: Duration = Duration::from_secs(60);

/// Rations the refused signatures of each peer, since checking one costs us more than sending it costs a stranger.
///
/// A token bucket: `per_minute` failures at once, refilled over a minute. Peers that never fail are not in it.
#[derive(Debug, Default)]
pub(super) struct FailureRation {
    peers: Mutex<HashMap<IpAddr, Bucket>>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    /// Failures in the window, leaking away over time, in thousandths.
    level: u64,
    at: Timestamp,
}

impl Bucket {
    fn leaked(self, now: Timestamp, per_minute: u32) -> u64 {
        let millis = u64::try_from(now.since(self.at).as_millis()).unwrap_or(u64::MAX);
        let leak = millis.saturating_mul(u64::from(per_minute)) / (WINDOW.as_secs());
        self.level.saturating_sub(leak)
    }
}

impl FailureRation {
    /// Seconds to wait, where the peer has used up its ration.
    pub(super) fn exhausted(&self, peer: Option<IpAddr>, per_minute: u32, now: Timestamp) -> Option<u64> {
        let peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = peers.get(&network(peer?))?;
        let room = u64::from(per_minute).saturating_mul(1000);
        let excess = (bucket.leaked(now, per_minute) + 1000).checked_sub(room).filter(|excess| *excess > 0)?;
        Some((excess * WINDOW.as_secs()).div_ceil(1000 * u64::from(per_minute.max(1))).max(1))
    }

    /// Counts a failure.
    pub(super) fn failed(&self, peer: Option<IpAddr>, per_minute: u32, now: Timestamp) {
        let Some(peer) = peer.map(network) else { return };
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        if peers.len() >= MAX_PEERS && !peers.contains_key(&peer) {
            peers.retain(|_, bucket| bucket.leaked(now, per_minute) > 0);
            if peers.len() >= MAX_PEERS {
                let oldest = peers.iter().min_by_key(|(_, bucket)| bucket.at).map(|(peer, _)| *peer);
                oldest.and_then(|oldest| peers.remove(&oldest));
            }
        }
        let level = peers.get(&peer).map_or(0, |bucket| bucket.leaked(now, per_minute));
        peers.insert(peer, Bucket { level: level + 1000, at: now });
    }
}

/// One customer of a provider commands a whole /64 of IPv6 addresses: they share one ration.
fn network(peer: IpAddr) -> IpAddr {
    match peer {
        IpAddr::V4(_) => peer,
        IpAddr::V6(v6) => v6
            .to_ipv4_mapped()
            .map_or_else(|| IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))), IpAddr::V4),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ration_is_used_up_and_comes_back() {
        let ration = FailureRation::default();
        let (peer, start) = (Some("192.0.2.1".parse().unwrap()), Timestamp::from_secs(1000));
        for _ in 0..10 {
            assert_eq!(ration.exhausted(peer, 10, start), None);
            ration.failed(peer, 10, start);
        }
        assert_eq!(ration.exhausted(peer, 10, start), Some(6));
        assert_eq!(ration.exhausted(peer, 10, start + Duration::from_secs(6)), None);
        assert_eq!(ration.exhausted(Some("192.0.2.2".parse().unwrap()), 10, start), None);
        assert_eq!(ration.exhausted(None, 10, start), None);
    }

    #[test]
    fn one_ipv6_network_is_one_peer() {
        let ration = FailureRation::default();
        let now = Timestamp::from_secs(1);
        for host in 0..3u16 {
            ration.failed(Some(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, host).into()), 3, now);
        }
        assert!(ration.exhausted(Some("2001:db8::ffff".parse().unwrap()), 3, now).is_some());
        assert!(ration.exhausted(Some("2001:db8:0:1::1".parse().unwrap()), 3, now).is_none());
    }

    #[test]
    fn the_table_is_bounded() {
        let ration = FailureRation::default();
        for n in 0..10_000u32 {
            ration.failed(Some(IpAddr::V4(n.into())), 10, Timestamp::from_millis(u64::from(n)));
        }
        assert!(ration.peers.lock().unwrap().len() <= MAX_PEERS);
    }
}
