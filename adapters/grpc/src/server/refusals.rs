use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Whether connections from an address are closed before anything is read from them. IPv4 addresses come as such, also
/// where the listener sees them mapped into IPv6. Asked for every connection: it must answer at once.
pub type RefusePeers = Arc<dyn Fn(IpAddr) -> bool + Send + Sync>;

/// So often at most a refused connection is logged; the line says how many there were in between.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// Peers that have no business here.
pub(crate) struct Refusals {
    refuses: Option<RefusePeers>,
    count: AtomicU64,
    /// When a line was logged last, and the count then.
    logged: Mutex<Option<(Instant, u64)>>,
}

impl Refusals {
    pub(crate) fn new(refuses: Option<RefusePeers>) -> Arc<Self> {
        Arc::new(Self { refuses, count: AtomicU64::new(0), logged: Mutex::new(None) })
    }

    /// Whether a new connection of this peer is to be closed; counted if so.
    pub(crate) fn refuses(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        if !self.refuses.as_ref().is_some_and(|refuses| refuses(peer)) {
            return false;
        }
        let count = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        if let Some(connections) = self.to_log(count, Instant::now()) {
            tracing::debug!(%peer, connections, "a peer that may not connect was refused");
        }
        true
    }

    /// How many connections were refused so far.
    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// How many to tell of now, if a line is due.
    fn to_log(&self, count: u64, now: Instant) -> Option<u64> {
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        let told = match *logged {
            Some((at, _)) if now.saturating_duration_since(at) < LOG_EVERY => return None,
            Some((_, told)) => told,
            None => 0,
        };
        *logged = Some((now, count));
        Some(count.saturating_sub(told))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_compared_as_ipv4_where_they_are() {
        let only: IpAddr = "10.1.2.3".parse().unwrap();
        let refusals = Refusals::new(Some(Arc::new(move |peer| peer == only)));
        for (text, refused) in [
            ("10.1.2.3", true),
            ("::ffff:10.1.2.3", true),
            ("10.1.2.4", false),
            ("::ffff:10.1.2.4", false),
            ("::1", false),
        ] {
            assert_eq!(refusals.refuses(text.parse().unwrap()), refused, "{text}");
        }
        assert_eq!(refusals.count(), 2);
        assert!(!Refusals::new(None).refuses(only));
    }

    #[test]
    fn a_flood_is_logged_now_and_then() {
        let refusals = Refusals::new(None);
        let began = Instant::now();
        assert_eq!(refusals.to_log(1, began), Some(1));
        for count in 2..1000 {
            assert_eq!(refusals.to_log(count, began + LOG_EVERY / 2), None);
        }
        assert_eq!(refusals.to_log(1000, began + LOG_EVERY), Some(999));
        assert_eq!(refusals.to_log(1001, began + LOG_EVERY), None);
    }
}
