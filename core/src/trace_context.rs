//! W3C Trace Context: what links an aggregator's trace with a performer's.

use std::fmt;
use std::num::{NonZeroU64, NonZeroU128};
use std::str::FromStr;

use thiserror::Error;

/// The position of a call in a distributed trace: the `traceparent` of W3C Trace Context, level 1.
///
/// Parsing takes what the recommendation tells a receiver to take, a later version's longer text included;
/// [`fmt::Display`] writes version `00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceContext {
    trace_id: NonZeroU128,
    span_id: NonZeroU64,
    flags: u8,
}

/// A text that is no `traceparent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not a traceparent: expected 00-<32 hexadecimal digits>-<16 digits>-<2 digits>, lower case, ids not zero")]
pub struct TraceContextError;

impl TraceContext {
    /// Name of the header, and of the key in gRPC metadata.
    pub const KEY: &str = "traceparent";

    /// The flag of a trace that somebody records.
    const SAMPLED: u8 = 1;

    /// The beginning of a new trace that somebody records.
    pub const fn root(trace_id: NonZeroU128, span_id: NonZeroU64) -> Self {
        Self { trace_id, span_id, flags: Self::SAMPLED }
    }

    /// A call that this one makes: the same trace, a position of its own.
    #[must_use]
    pub const fn child(&self, span_id: NonZeroU64) -> Self {
        Self { span_id, ..*self }
    }

    /// 32 lower-case hexadecimal digits.
    pub fn trace_id(&self) -> String {
        format!("{:032x}", self.trace_id)
    }

    /// 16 lower-case hexadecimal digits.
    pub fn span_id(&self) -> String {
        format!("{:016x}", self.span_id)
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
    let version = number(&known[..2])?;
    // `ff` is forbidden; `00` ends here; a later version may go on, after a dash.
    let ends_well = match version {
        0xff => false,
        0 => rest.is_empty(),
        _ => rest.first().is_none_or(|next| *next == b'-'),
    };
    if !ends_well || [known[2], known[35], known[52]] != [b'-'; 3] {
        return None;
    }
    let trace_id = NonZeroU128::new(number(&known[3..35])?)?;
    let span_id = NonZeroU64::new(u64::try_from(number(&known[36..52])?).ok()?)?;
    // Version 00 knows one flag; what the others mean later is not for us to pass on.
    let flags = u8::try_from(number(&known[53..55])?).ok()? & TraceContext::SAMPLED;
    Some(TraceContext { trace_id, span_id, flags })
}

/// At most 32 lower-case hexadecimal digits.
fn number(digits: &[u8]) -> Option<u128> {
    let nibble = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    digits.iter().try_fold(0, |number, digit| Some(number << 4 | u128::from(nibble(*digit)?)))
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace_id, self.span_id, self.flags)
    }
}

#[cfg(test)]
mod tests {
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
        let child = parent.child(NonZeroU64::MIN);
        assert_eq!(child.to_string(), EXAMPLE.replace("00f067aa0ba902b7", "0000000000000001"));
    }
}
