use crate::performer::PerformerName;
use crate::time::Timestamp;

/// Something that happened to a performer and that a person may want to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// To which performer.
    pub performer: PerformerName,
    /// When.
    pub at: Timestamp,
    /// How much it matters.
    pub severity: Severity,
    /// Stable, in CamelCase; also a condition's reason and a metric's label.
    pub reason: &'static str,
    /// One sentence for people.
    pub message: String,
}

/// How much an event matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Severity {
    /// As it should be.
    Normal,
    /// Somebody should look.
    Warning,
}

/// Takes events. Never blocks and never fails: losing an event loses no work.
pub trait EventSink: Send + Sync + 'static {
    /// Takes one.
    fn emit(&self, event: Event);
}
