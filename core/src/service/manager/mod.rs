//! The manager: keeps performers as they are wanted over any [`InstanceRuntime`](crate::ports::InstanceRuntime).

mod notices;

pub use notices::Notices;
