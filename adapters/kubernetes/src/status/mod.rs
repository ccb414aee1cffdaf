//! What users and other programs see of a Performer. Pure.
//!
//! ```text
//! plan + instances + problems + old status ──► status() ──► patch(old, new)   None where nothing changed
//! ```
//!
//! Conditions say what *is*, not what was decided: a revision serves once its pods are seen ready behind the Service.
//!
//! | | Ready | Available | Progressing | Degraded | Reconciling | Stalled |
//! |---|---|---|---|---|---|---|
//! | first pods on their way | False | False | True | if something failed | True | |
//! | upgrade under way | False | True | True | if something failed | True | |
//! | serving with all replicas | True | True | False | False | while old pods drain | |
//! | serving with fewer | False | True | True | True, unless it grows for the first time | True | |
//! | a revision was withdrawn, the old one serves | False | True | False | True | | True |
//! | a revision was withdrawn, nothing serves | False | False | False | True | | True |
//! | the specification cannot be run | False | if something serves | False | True | | True |
//! | an upgrade was called off | False | if something serves | False | False | | True |
//! | scaled to none | True | False | False | False | while pods drain | |
//! | being deleted | False | while pods serve | True | False | True | |
//!
//! `Reconciling` and `Stalled` are there only while they are True, as kstatus expects. With the `observedGeneration` of
//! status and conditions, `kubectl wait` and kstatus are also right in the moment between a change and our next write.

mod causes;
mod compose;
mod conditions;
mod history;
mod patch;
mod progress;
mod view;

pub(crate) use causes::Cause;
pub use compose::status;
pub(crate) use compose::time;
pub use history::{history, unreadable};
pub use patch::patch;
pub use progress::can_wait;
pub use view::View;

#[cfg(test)]
mod tests;
