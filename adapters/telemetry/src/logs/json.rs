use std::fmt;

use hourglass_core::Timestamp;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

/// One flat JSON object for each event: the fields of its spans stand beside its own, the inner ones winning.
///
/// The library's own JSON nests spans in an array; a log that is searched by `task_id` wants it at the top.
pub(super) struct JsonLines;

/// Keeps the fields of a span as JSON text until an event in it is written.
#[derive(Debug, Default)]
pub(super) struct Fields;

impl<'w> FormatFields<'w> for Fields {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'w>, fields: R) -> fmt::Result {
        let mut object = Object::default();
        fields.record(&mut object);
        write!(writer, "{}", Value::Object(object.0))
    }

    fn add_fields(&self, current: &'w mut FormattedFields<Self>, fields: &tracing::span::Record<'_>) -> fmt::Result {
        let mut object = Object(serde_json::from_str(&current.fields).unwrap_or_default());
        fields.record(&mut object);
        current.fields = Value::Object(object.0).to_string();
        Ok(())
    }
}

impl<S> FormatEvent<S, Fields> for JsonLines
where
    S: Subscriber + for<'s> LookupSpan<'s>,
{
    fn format_event(&self, ctx: &FmtContext<'_, S, Fields>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut object = Object::default();
        let mut path = Vec::new();
        for span in ctx.event_scope().into_iter().flat_map(|scope| scope.from_root()) {
            path.push(span.name());
            if let Some(fields) = span.extensions().get::<FormattedFields<Fields>>() {
                let fields: Map<String, Value> = serde_json::from_str(&fields.fields).unwrap_or_default();
                object.0.extend(fields);
            }
        }
        event.record(&mut object);
        let metadata = event.metadata();
        let since_epoch = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        let now = Timestamp::EPOCH + since_epoch;
        object.0.insert("timestamp".into(), now.to_rfc3339().into());
        object.0.insert("level".into(), metadata.level().as_str().into());
        object.0.insert("target".into(), metadata.target().into());
        if !path.is_empty() {
            object.0.insert("span".into(), path.join(":").into());
        }
        writeln!(writer, "{}", Value::Object(object.0))
    }
}

#[derive(Default)]
struct Object(Map<String, Value>);

impl Object {
    fn insert(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().into(), value.into());
    }
}

impl Visit for Object {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.insert(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.insert(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.insert(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.insert(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.insert(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.insert(field, value);
    }
}
