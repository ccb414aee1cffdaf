//! Which keys are to be looked after, each by one worker at a time.
//!
//! A key is in the queue once however often it is added; one that is added while a worker has it is run again after. A
//! key that fails waits longer each time, up to five minutes; other keys notice nothing of it.

mod run;
mod state;

pub use run::{Outcome, Queue, QueueOptions};
