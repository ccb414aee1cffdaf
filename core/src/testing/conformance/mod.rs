//! One suite per port. Each takes a harness that says how to bring about, with the real thing, what the suite looks at.
//!
//! The suites need no async runtime: they wait by the harness's [`Clock`], each time with a deadline.

#[expect(clippy::expect_used, reason = "a suite panics at the first promise that does not hold")]
mod instance_runtime;
#[expect(clippy::expect_used, reason = "a suite panics at the first promise that does not hold")]
mod performer_client;
#[expect(clippy::expect_used, reason = "a suite panics at the first promise that does not hold")]
mod signing;
mod task_authority;

pub use instance_runtime::{Conduct, RuntimeHarness, instance_runtime};
pub use performer_client::{ClientHarness, Service, performer_client};
pub use signing::result_signer;
pub use task_authority::task_authority;

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};

use crate::ports::Clock;

/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// What `work` resolves to.
///
/// # Panics
/// Where that takes longer than `limit`, saying what was waited for.
#[expect(clippy::panic, reason = "a suite panics at the first promise that does not hold")]
async fn in_time<T>(clock: &dyn Clock, limit: Duration, what: &str, work: impl Future<Output = T>) -> T {
    match select(pin!(work), clock.sleep(limit)).await {
        Either::Left((value, _)) => value,
        Either::Right(_) => panic!("{what}: has not happened within {limit:?}"),
    }
}
