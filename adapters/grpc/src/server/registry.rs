use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};

use crate::server::activity::Activity;

/// Every open connection, and how many there may be.
pub(crate) struct Registry {
    max: usize,
    max_per_peer: usize,
    state: Mutex<State>,
    open: watch::Sender<usize>,
}

#[derive(Default)]
struct State {
    next: u64,
    connections: HashMap<u64, Place>,
    total: Count,
    of_peer: HashMap<IpAddr, Count>,
}

struct Place {
    group: IpAddr,
    activity: Arc<Activity>,
    close: Arc<Notify>,
    /// Asked to give way to another.
    closing: bool,
}

/// Connections that are there, and those among them that were asked to close.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    all: usize,
    closing: usize,
}

enum Room {
    Yes,
    /// Somebody has to give way first.
    Full,
    /// Those who were asked to give way are all still here.
    Never,
}

impl Count {
    fn room(self, max: usize) -> Room {
        if self.all >= max.saturating_mul(2) {
            Room::Never
        } else if self.all - self.closing < max {
            Room::Yes
        } else {
            Room::Full
        }
    }
}

/// Whom a limit is for. Whoever has an IPv6 address has a /64 of them.
fn group_of(peer: IpAddr) -> IpAddr {
    match peer {
        IpAddr::V4(_) => peer,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
    }
}

/// A connection's place; given up when dropped.
pub(crate) struct Registration {
    registry: Arc<Registry>,
    id: u64,
    pub(crate) peer: IpAddr,
    pub(crate) activity: Arc<Activity>,
    /// Notified when the connection shall give way to another.
    pub(crate) close: Arc<Notify>,
}

impl Registry {
    pub(crate) fn new(max: usize, max_per_peer: usize) -> Arc<Self> {
        Arc::new(Self { max, max_per_peer, state: Mutex::default(), open: watch::Sender::new(0) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics half-way, so a poisoned lock protects nothing.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a new connection a place, closing the one that has been idle longest where there is none left.
    ///
    /// `None` where every connection is busy, or too many that were asked to close have not done so yet.
    pub(crate) fn admit(self: &Arc<Self>, peer: IpAddr) -> Option<Registration> {
        let mut state = self.state();
        let group = group_of(peer);
        let count = state.of_peer.get(&group).copied().unwrap_or_default();
        state.make_room(count.room(self.max_per_peer), |entry| entry.group == group)?;
        let room = state.total.room(self.max);
        state.make_room(room, |_| true)?;
        let (activity, close) = (Activity::new(), Arc::new(Notify::new()));
        state.next += 1;
        let id = state.next;
        let place = Place { group, activity: Arc::clone(&activity), close: Arc::clone(&close), closing: false };
        state.connections.insert(id, place);
        state.total.all += 1;
        state.of_peer.entry(group).or_default().all += 1;
        self.open.send_replace(state.connections.len());
        Some(Registration { registry: Arc::clone(self), id, peer, activity, close })
    }

    /// Open connections and the calls that run on them.
    pub(crate) fn load(&self) -> (usize, usize) {
        let state = self.state();
        (state.connections.len(), state.connections.values().map(|entry| entry.activity.running()).sum())
    }

    /// Resolves when no connection is left.
    pub(crate) async fn empty(&self) {
        // The sender lives in `self`, so waiting cannot fail.
        let _ = self.open.subscribe().wait_for(|open| *open == 0).await;
    }
}

impl State {
    fn make_room(&mut self, room: Room, counts: impl Fn(&Place) -> bool) -> Option<()> {
        match room {
            Room::Yes => return Some(()),
            Room::Never => return None,
            Room::Full => {}
        }
        let idle = self.connections.values_mut().filter(|e| counts(e) && !e.closing && e.activity.running() == 0);
        let longest = idle.min_by_key(|entry| entry.activity.idle_since())?;
        longest.closing = true;
        longest.close.notify_one();
        self.total.closing += 1;
        self.of_peer.entry(longest.group).or_default().closing += 1;
        Some(())
    }

    fn remove(&mut self, id: u64) {
        let Some(gone) = self.connections.remove(&id) else { return };
        let closing = usize::from(gone.closing);
        self.total.all -= 1;
        self.total.closing -= closing;
        if let Entry::Occupied(mut count) = self.of_peer.entry(gone.group) {
            count.get_mut().all -= 1;
            count.get_mut().closing -= closing;
            if count.get().all == 0 {
                count.remove();
            }
        }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let mut state = self.registry.state();
        state.remove(self.id);
        self.registry.open.send_replace(state.connections.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
    const B: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));

    #[tokio::test]
    async fn a_busy_peer_is_refused_and_an_idle_connection_gives_way() {
        let registry = Registry::new(3, 2);
        let (first, second) = (registry.admit(A).unwrap(), registry.admit(A).unwrap());
        let (busy_first, busy_second) = (first.activity.begin(), second.activity.begin());
        assert!(registry.admit(A).is_none(), "both are busy");
        drop(busy_second);
        let third = registry.admit(A).unwrap();
        second.close.notified().await;
        assert_eq!(registry.load(), (3, 1));
        drop((second, third, busy_first, first));
        registry.empty().await;
    }

    #[test]
    fn peers_share_the_whole() {
        let registry = Registry::new(2, 2);
        let held = [registry.admit(A).unwrap(), registry.admit(B).unwrap()];
        let busy = held.each_ref().map(|r| r.activity.begin());
        assert!(registry.admit(B).is_none());
        drop(busy);
        let more = [registry.admit(B).unwrap(), registry.admit(B).unwrap()];
        assert!(registry.admit(B).is_none(), "those that were asked to close are still there");
        drop((more, held));
        let state = registry.state();
        assert_eq!((state.total.all, state.total.closing, state.of_peer.len()), (0, 0, 0));
    }

    #[test]
    fn an_ipv6_network_is_one_peer() {
        let registry = Registry::new(10, 1);
        let of = |text: &str| text.parse::<IpAddr>().unwrap();
        let first = registry.admit(of("2001:db8::1")).unwrap();
        let busy = first.activity.begin();
        assert!(registry.admit(of("2001:db8::ffff:2")).is_none());
        assert!(registry.admit(of("2001:db8:0:1::1")).is_some());
        drop(busy);
    }
}
