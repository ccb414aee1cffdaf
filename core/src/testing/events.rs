use std::sync::{Mutex, PoisonError};

use crate::ports::{Event, EventSink};

/// Keeps every event.
#[derive(Debug, Default)]
pub struct RecordingEvents {
    events: Mutex<Vec<Event>>,
}

impl RecordingEvents {
    /// What was emitted so far, in order.
    pub fn all(&self) -> Vec<Event> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The reasons of what was emitted so far, in order.
    pub fn reasons(&self) -> Vec<&'static str> {
        self.all().iter().map(|event| event.reason).collect()
    }
}

impl EventSink for RecordingEvents {
    fn emit(&self, event: Event) {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).push(event);
    }
}
