//! What the core needs from the world, and what the world may ask of the core.
//!
//! Every port has an in-memory fake and a conformance suite in `testing`; an adapter is right when the suite passes.

mod authority;
mod clock;
mod events;
mod instance_runtime;
mod journal;
mod metrics;
mod notices;
mod performer_client;
mod performer_manager;
mod performer_store;
mod signing;

pub use authority::{AuthorityError, Mandate, TaskAuthority, TaskClaim};
pub use clock::{Clock, Spawner};
pub use events::{Event, EventSink, Severity};
pub use instance_runtime::{InstanceRuntime, RuntimeCapabilities, RuntimeError};
pub use journal::{JournalError, TaskJournal};
pub use metrics::{TaskMetrics, TaskOutcome};
pub use notices::Notices;
pub use performer_client::{CallError, PerformerClient, Target, TargetState, TaskCall};
pub use performer_manager::{ManagerError, PerformerManager, PerformerView};
pub use performer_store::{PerformerStore, StoreError};
pub use signing::{Bn254PublicKey, PublicKey, ResultSigner, SignatureError, SignatureVerifier, SignerError};

use futures_core::stream::BoxStream;

/// A stream of notices that something may have changed. Notices may be merged, repeated or spurious: the receiver
/// looks again. The stream ends only with its source; [`Notices`] is one.
pub type Changes<T> = BoxStream<'static, T>;
