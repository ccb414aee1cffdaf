use std::any::Any;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;

use crate::service::manager::pace::Backoff;
use crate::service::manager::shared::Shared;

/// Runs work that must be done to its end: a panic in it, which is a defect of ours, is told, and it begins anew after
/// a pause that grows. Nobody else is harmed, and nothing is left unattended.
pub(super) async fn until_done<F: Future<Output = ()>>(shared: &Shared, work: impl Fn() -> F, told: impl Fn(String)) {
    let mut backoff = Backoff::new(shared.options.first_backoff, shared.options.longest_backoff);
    while let Err(payload) = AssertUnwindSafe(work()).catch_unwind().await {
        told(format!("a defect of this software: {}; it begins anew", words(&*payload)));
        shared.sleep(backoff.failed()).await;
    }
}

fn words(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("a panic without a message")
}
