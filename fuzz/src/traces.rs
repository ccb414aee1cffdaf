use hourglass_telemetry::TraceContext;

pub(crate) const TRACEPARENTS: &[&str] = &[
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00-later",
];

/// A `traceparent`: whatever a stranger sends, what is passed on is well-formed.
pub fn traceparent(data: &[u8]) {
    let text = std::str::from_utf8(data).ok();
    let context = TraceContext::of_request(text);
    let passed_on = context.to_string();
    assert_eq!((passed_on.len(), passed_on.parse()), (55, Ok(context)));
    if let Some(parent) = text.and_then(|text| text.parse::<TraceContext>().ok()) {
        assert_eq!(parent.trace_id(), context.trace_id());
        assert_ne!(parent.span_id(), context.span_id());
    }
}
