//! What a performer is: its specification, its names, where it is reached.

mod endpoint;
mod env;
mod environment;
mod image;
mod name;
mod revision;
mod spec;

pub use endpoint::{DEFAULT_PERFORMER_PORT, Endpoint};
pub use env::{EnvSource, EnvValue, EnvVar};
pub use environment::EnvironmentError;
pub use image::{Image, ImageError, PullPolicy};
pub use name::{InstanceName, NameError, PerformerName, Revision};
pub use spec::{PerformerSpec, Security, UpgradePolicy, UpgradeStrategy};
