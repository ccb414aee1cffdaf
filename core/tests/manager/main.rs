//! The manager and the management service over fakes, in a world whose time is virtual: nothing here sleeps, opens a
//! socket or depends on the machine.
#![expect(clippy::unwrap_used, reason = "tests")]

mod campaign;
mod configuration;
mod conformance;
mod failures;
mod lifecycle;
mod management;
mod restart;
mod upgrades;
mod world;
