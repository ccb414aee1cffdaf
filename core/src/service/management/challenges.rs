use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::service::management::api::{Challenge, ManagementError, ManagementErrorKind};
use crate::time::Timestamp;

/// Where unpredictable bytes come from.
pub type RandomBytes = Box<dyn Fn() -> [u8; 32] + Send + Sync>;

/// How many challenges there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChallengeLimits {
    /// How long one can be answered; the contract says five minutes.
    pub lifetime: Duration,
    /// How many may wait for their answer at once.
    pub outstanding: usize,
    /// How many a peer gets at once after it asked for none in a while.
    pub burst: u32,
    /// After which time a peer gets one more.
    pub refill: Duration,
    /// How many peers are told apart; those that asked longest ago are forgotten first.
    pub peers: usize,
}

impl Default for ChallengeLimits {
    fn default() -> Self {
        Self {
            lifetime: Duration::from_secs(300),
            outstanding: 1024,
            burst: 20,
            refill: Duration::from_secs(3),
            peers: 1024,
        }
    }
}

/// Challenges that wait for their answer. Each is answered at most once, rightly or not.
pub(super) struct Challenges {
    random: RandomBytes,
    limits: ChallengeLimits,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: Vec<Waiting>,
    peers: BTreeMap<Option<IpAddr>, Allowance>,
}

struct Waiting {
    token: [u8; 64],
    issued: Timestamp,
    expires: Timestamp,
}

/// What a peer may still ask for: a bucket that fills up with time.
struct Allowance {
    left: u32,
    counted: Timestamp,
}

impl Challenges {
    pub(super) fn new(random: RandomBytes, limits: ChallengeLimits) -> Self {
        Self { random, limits, state: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new one.
    ///
    /// # Errors
    /// `ResourceExhausted` where the peer has asked too often, or too many wait.
    pub(super) fn issue(&self, peer: Option<IpAddr>, now: Timestamp) -> Result<Challenge, ManagementError> {
        let exhausted = |message: String| Err(ManagementError::new(ManagementErrorKind::ResourceExhausted, message));
        let mut state = self.lock();
        state.waiting.retain(|waiting| waiting.is_valid(now));
        if !state.allow(peer.map(network), &self.limits, now) {
            return exhausted(format!("too many challenges for this peer: ask again in {:?}", self.limits.refill));
        }
        if state.waiting.len() >= self.limits.outstanding {
            return exhausted(format!("{} challenges wait for an answer: ask again later", self.limits.outstanding));
        }
        let mut token = [0; 64];
        if const_hex::encode_to_slice((self.random)(), &mut token).is_err() {
            return exhausted("no token could be made".to_owned());
        }
        let expires = now + self.limits.lifetime;
        state.waiting.push(Waiting { token, issued: now, expires });
        let text = String::from_utf8_lossy(&token).into_owned();
        Ok(Challenge { token: text, expires_at: i64::try_from(expires.as_secs()).unwrap_or(i64::MAX) })
    }

    /// Uses a token up. `false` where it is not one that waits for its answer.
    pub(super) fn consume(&self, token: &str, now: Timestamp) -> bool {
        let Ok(token) = <&[u8; 64]>::try_from(token.as_bytes()) else { return false };
        let mut state = self.lock();
        // Every one is compared, whole: the time it takes tells nothing about the tokens.
        let mut found = None;
        for (at, waiting) in state.waiting.iter().enumerate() {
            if same(&waiting.token, token) {
                found = Some(at);
            }
        }
        found.is_some_and(|at| state.waiting.swap_remove(at).is_valid(now))
    }
}

/// Calls at the same time look at the clock in one order and come here in another, and clocks are set back a little now and
/// then: neither may take a token from somebody who was just given it.
const SKEW: Duration = Duration::from_secs(10);

impl Waiting {
    fn is_valid(&self, now: Timestamp) -> bool {
        // A clock that was set back does not make a token live longer, beyond this.
        self.issued <= now + SKEW && now < self.expires
    }
}

impl State {
    fn allow(&mut self, peer: Option<IpAddr>, limits: &ChallengeLimits, now: Timestamp) -> bool {
        if !self.peers.contains_key(&peer) && self.peers.len() >= limits.peers.max(1) {
            let oldest = self.peers.iter().min_by_key(|(_, allowance)| allowance.counted).map(|(peer, _)| *peer);
            oldest.and_then(|peer| self.peers.remove(&peer));
        }
        let allowance = self.peers.entry(peer).or_insert(Allowance { left: limits.burst, counted: now });
        let refill = limits.refill.as_millis().max(1);
        let earned = now.since(allowance.counted).as_millis() / refill;
        if earned > 0 || now < allowance.counted {
            let earned = u32::try_from(earned).unwrap_or(u32::MAX);
            allowance.left = allowance.left.saturating_add(earned).min(limits.burst);
            allowance.counted = now;
        }
        let allowed = allowance.left > 0;
        allowance.left = allowance.left.saturating_sub(1);
        allowed
    }
}

/// Whose allowance an address uses: of IPv6 the /64, since one host has all of it.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 => v4,
    }
}

fn same(a: &[u8; 64], b: &[u8; 64]) -> bool {
    let differences = a.iter().zip(b).fold(0, |differences, (a, b)| std::hint::black_box(differences | (a ^ b)));
    std::hint::black_box(differences) == 0
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU8, Ordering};

    use super::*;

    fn challenges(limits: ChallengeLimits) -> Challenges {
        let count = AtomicU8::new(0);
        Challenges::new(Box::new(move || [count.fetch_add(1, Ordering::Relaxed); 32]), limits)
    }

    const START: Timestamp = Timestamp::from_secs(1000);

    #[test]
    fn a_token_is_used_once_and_within_its_lifetime() {
        let challenges = challenges(ChallengeLimits::default());
        let first = challenges.issue(None, START).unwrap();
        assert_eq!(first.token, "00".repeat(32));
        assert_eq!(first.expires_at, 1300);
        assert!(!challenges.consume(&"11".repeat(32), START));
        assert!(!challenges.consume("", START));
        assert!(challenges.consume(&first.token, START));
        assert!(!challenges.consume(&first.token, START), "used twice");

        let late = challenges.issue(None, START).unwrap();
        assert!(!challenges.consume(&late.token, Timestamp::from_secs(1300)), "used too late");
        let early = challenges.issue(None, START).unwrap();
        assert!(!challenges.consume(&early.token, Timestamp::from_secs(989)), "used before it was issued");
    }

    #[test]
    fn calls_that_overtake_each_other_take_no_token_away() {
        let challenges = challenges(ChallengeLimits::default());
        let first = challenges.issue(None, Timestamp::from_millis(1_000_003)).unwrap();
        let second = challenges.issue(None, Timestamp::from_millis(1_000_001)).unwrap();
        assert!(challenges.consume(&first.token, Timestamp::from_millis(1_000_002)));
        assert!(challenges.consume(&second.token, Timestamp::from_millis(1_000_000)));
    }

    #[test]
    fn a_peer_is_rationed_and_others_are_not() {
        let challenges = challenges(ChallengeLimits { burst: 2, ..ChallengeLimits::default() });
        let peer = |text: &str| Some(text.parse::<IpAddr>().unwrap());
        let asks = |text: &str, secs| challenges.issue(peer(text), Timestamp::from_secs(secs)).is_ok();
        assert!(asks("2001:db8::1", 1000) && asks("2001:db8::2", 1000));
        assert!(!asks("2001:db8::3", 1002), "the same network");
        assert!(asks("2001:db8:0:1::3", 1002));
        assert!(asks("2001:db8::3", 1004));
        assert!(asks("10.0.0.1", 1000) && asks("::ffff:10.0.0.1", 1000));
        assert!(!asks("10.0.0.1", 1000), "one address in two spellings");
    }

    #[test]
    fn their_number_is_bounded_and_expired_ones_make_room() {
        let limits = ChallengeLimits { outstanding: 3, peers: 2, ..ChallengeLimits::default() };
        let challenges = challenges(limits);
        for _ in 0..3 {
            assert!(challenges.issue(None, START).is_ok());
        }
        let refused = challenges.issue(None, START).unwrap_err();
        assert_eq!(refused.kind, ManagementErrorKind::ResourceExhausted);
        assert!(challenges.issue(None, Timestamp::from_secs(1300)).is_ok());
        for host in 0..50 {
            let _ = challenges.issue(Some(IpAddr::from([10, 0, 0, host])), START);
        }
        assert_eq!(challenges.lock().peers.len(), 2);
    }
}
