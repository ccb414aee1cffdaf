use std::num::NonZeroU64;

use hourglass_core::TraceContext;

pub(crate) const TRACEPARENTS: &[&str] = &[
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00-later",
];

/// A `traceparent`: whatever a stranger sends, what is passed on is well-formed.
pub fn traceparent(data: &[u8]) {
    let Some(parent) = std::str::from_utf8(data).ok().and_then(|text| text.parse::<TraceContext>().ok()) else {
        return;
    };
    for context in [parent, parent.child(NonZeroU64::MAX)] {
        let passed_on = context.to_string();
        assert_eq!((passed_on.len(), passed_on.parse()), (55, Ok(context)));
        assert_eq!(parent.trace_id(), context.trace_id());
    }
}
