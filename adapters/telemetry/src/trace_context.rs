use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::str::FromStr;

use thiserror::Error;

/// The position of a call in a distributed trace: the `traceparent` of W3C Trace Context, level 1.
///
/// Parsing takes what the recommendation tells a receiver to take, a later version's longer text included;
/// [`fmt::Display`] writes version `00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceContext {
    trace_id: [u8; 16],
    span_id: [u8; 8],
    flags: u8,
}

/// A text that is no `traceparent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not a traceparent: expected 00-<32 hexadecimal digits>-<16 digits>-<2 digits>, lower case, ids not zero")]
pub struct TraceContextError;

impl TraceContext {
    /// The flag of a trace that somebody records.
    const SAMPLED: u8 = 1;

    /// The beginning of a new trace.
    pub fn new_root() -> Self {
        let mut trace_id = [0; 16];
        trace_id[..8].copy_from_slice(&random_id());
        trace_id[8..].copy_from_slice(&random_id());
        Self { trace_id, span_id: random_id(), flags: Self::SAMPLED }
    }

    /// A call that this one makes: the same trace, a position of its own.
    #[must_use]
    pub fn child(&self) -> Self {
        Self { span_id: random_id(), ..*self }
    }

    /// The context of a request: a child of what it brought; a trace of its own where it brought nothing, or nothing
    /// that can be read, as the recommendation says.
    pub fn of_request(traceparent: Option<&str>) -> Self {
        traceparent.and_then(|text| text.parse::<Self>().ok()).map_or_else(Self::new_root, |parent| parent.child())
    }

    /// 32 lower-case hexadecimal digits.
    pub fn trace_id(&self) -> String {
        hex(&self.trace_id)
    }

    /// 16 lower-case hexadecimal digits.
    pub fn span_id(&self) -> String {
        hex(&self.span_id)
    }

    /// Whether somebody records this trace.
    pub const fn sampled(&self) -> bool {
        self.flags & Self::SAMPLED != 0
    }
}

impl FromStr for TraceContext {
    type Err = TraceContextError;

    fn from_str(text: &str) -> Result<Self, TraceContextError> {
        parse(text.as_bytes()).ok_or(TraceContextError)
    }
}

fn parse(text: &[u8]) -> Option<TraceContext> {
    let (known, rest) = text.split_at_checked(55)?;
    let version = digits::<1>(&known[..2])?[0];
    // `ff` is forbidden; `00` ends here; a later version may go on, after a dash.
    let ends_well = match version {
        0xff => false,
        0 => rest.is_empty(),
        _ => rest.first().is_none_or(|next| *next == b'-'),
    };
    if !ends_well || [known[2], known[35], known[52]] != [b'-'; 3] {
        return None;
    }
    let (trace_id, span_id) = (digits::<16>(&known[3..35])?, digits::<8>(&known[36..52])?);
    let flags = digits::<1>(&known[53..55])?[0];
    // Version 00 knows one flag; what the others mean later is not for us to pass on.
    let flags = flags & TraceContext::SAMPLED;
    (trace_id != [0; 16] && span_id != [0; 8]).then_some(TraceContext { trace_id, span_id, flags })
}

fn digits<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let nibble = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
    }
    Some(bytes)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Eight bytes that nobody else is likely to have, never all zero.
///
/// Ids of traces need to differ, not to be secret: the randomly keyed hasher of the standard library does, and unlike
/// the system's random source it cannot fail.
fn random_id() -> [u8; 8] {
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u8(0);
    hasher.finish().max(1).to_be_bytes()
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-{:02x}", hex(&self.trace_id), hex(&self.span_id), self.flags)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const EXAMPLE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn the_example_of_the_recommendation() {
        let context: TraceContext = EXAMPLE.parse().unwrap();
        assert_eq!(context.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(context.span_id(), "00f067aa0ba902b7");
        assert!(context.sampled());
        assert_eq!(context.to_string(), EXAMPLE);
    }

    #[test]
    fn later_versions_are_read_as_the_first() {
        for text in [EXAMPLE.replacen("00", "cc", 1), format!("{}-what-will-be", EXAMPLE.replacen("00", "cc", 1))] {
            assert_eq!(text.parse::<TraceContext>().unwrap().to_string(), EXAMPLE, "{text}");
        }
    }

    #[test]
    fn malformed() {
        for text in [
            String::new(),
            "00".into(),
            EXAMPLE.to_uppercase(),
            EXAMPLE.replacen("00", "ff", 1),
            EXAMPLE.replace('-', "_"),
            format!("{EXAMPLE}-00"),
            format!("{}x", EXAMPLE.replacen("00", "cc", 1)),
            EXAMPLE[..54].into(),
            EXAMPLE.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
            EXAMPLE.replace("00f067aa0ba902b7", &"0".repeat(16)),
            EXAMPLE.replace("4bf9", "é9"),
        ] {
            assert_eq!(text.parse::<TraceContext>(), Err(TraceContextError), "{text}");
        }
    }

    #[test]
    fn a_child_stays_in_its_trace() {
        let parent: TraceContext = EXAMPLE.parse().unwrap();
        let child = TraceContext::of_request(Some(EXAMPLE));
        assert_eq!(child.trace_id(), parent.trace_id());
        assert_ne!(child.span_id(), parent.span_id());
        assert!(child.sampled());
    }

    #[test]
    fn ids_differ() {
        let roots: HashSet<_> = (0..1000).map(|_| TraceContext::of_request(Some("nonsense")).trace_id()).collect();
        assert_eq!(roots.len(), 1000);
    }
}
