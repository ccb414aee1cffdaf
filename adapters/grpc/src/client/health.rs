use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};
use tonic::Code;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use crate::client::connection;
use crate::client::target::TargetConnections;
use crate::client::unary::{CallHeaders, UnaryError, unary};

const CHECK: &str = "/grpc.health.v1.Health/Check";

/// Between two checks at least, however many calls ask for one.
const SHORTEST_PAUSE: Duration = Duration::from_millis(20);
/// A target that has just been started is looked at so often at least…
const STARTING_RETRY: Duration = Duration::from_millis(250);
/// …for so long.
const STARTING: Duration = Duration::from_secs(120);
/// A health answer is a few bytes.
const MAX_HEALTH_ANSWER: usize = 4096;

/// Checks a target until it is replaced: at its interval while it is healthy, with growing pauses while it is not, and
/// at once whenever a call gives cause.
pub(crate) async fn watch(target: Arc<TargetConnections>) {
    let replaced = target.replaced.clone();
    let _ = replaced.run_until_cancelled(check_for_ever(&target)).await;
}

async fn check_for_ever(target: &Arc<TargetConnections>) {
    let options = &target.context.options;
    let started = Instant::now();
    let mut ever_ready = false;
    let mut retry = options.first_retry;
    loop {
        let outcome = check_in_time(target, ever_ready).await;
        let ready = outcome.is_ok();
        target.observed(outcome);
        let pause = if ready {
            ever_ready = true;
            retry = options.first_retry;
            options.health_interval
        } else {
            let starting = !ever_ready && started.elapsed() < STARTING;
            let pause = retry;
            retry = (retry * 3 / 2).min(if starting { STARTING_RETRY } else { options.longest_retry });
            pause
        };
        sleep(pause.min(SHORTEST_PAUSE)).await;
        tokio::select! {
            () = sleep(pause.saturating_sub(SHORTEST_PAUSE)) => {}
            () = target.kick.notified() => {}
        }
    }
}

/// One check within its time, which a kick shortens: a performer that hangs under traffic must be found out at once,
/// however patient the ordinary checks are.
async fn check_in_time(target: &Arc<TargetConnections>, ever_ready: bool) -> Result<(), String> {
    let options = &target.context.options;
    let patience = options.health_timeout;
    let mut check = std::pin::pin!(check(target, patience, ever_ready));
    let mut due = Instant::now() + patience;
    loop {
        tokio::select! {
            biased;
            outcome = check.as_mut() => return outcome,
            () = sleep_until(due) => {
                return Err(format!("{} did not answer a health check in time", target.endpoint));
            }
            () = target.kick.notified() => due = due.min(Instant::now() + options.urgent_health_timeout),
        }
    }
}

async fn check(target: &Arc<TargetConnections>, patience: Duration, ever_ready: bool) -> Result<(), String> {
    let uri = target.uri(CHECK)?;
    let mut again = true;
    loop {
        let lease = target.lease(true).await?;
        // A check that is given up, too, says that this connection is not to be trusted with more calls.
        let suspect = RetireUnlessTrusted { lease, trusted: false };
        let headers = CallHeaders { timeout: patience, traceparent: None };
        let request = HealthCheckRequest { service: String::new() };
        let mut sender = suspect.lease.0.sender();
        let answer = unary(&mut sender, uri.clone(), &request, headers, MAX_HEALTH_ANSWER).await;
        match answer {
            // An idle connection that the performer closed meanwhile says nothing about its health.
            Err(UnaryError::NotProcessed(_)) if again => again = false,
            Err(UnaryError::NotProcessed(text) | UnaryError::Broken(text)) => {
                // A container's published port is answered by Docker's proxy, which hangs up where nobody listens within.
                let hint = if ever_ready { "" } else { connection::hint(&target.endpoint) };
                return Err(format!("the connection to {} broke during a health check: {text}{hint}", target.endpoint));
            }
            answered => {
                suspect.trust();
                return judge(answered);
            }
        }
    }
}

fn judge(answer: Result<HealthCheckResponse, UnaryError>) -> Result<(), String> {
    match answer {
        Ok(response) => match ServingStatus::try_from(response.status) {
            Ok(ServingStatus::Serving) => Ok(()),
            Ok(status) => Err(format!("it answers {}", status.as_str_name())),
            Err(_) => Err(format!("it answers the unknown health status {}", response.status)),
        },
        Err(UnaryError::Status { code: Code::Unimplemented, .. }) => {
            Err("it does not serve grpc.health.v1.Health (UNIMPLEMENTED)".into())
        }
        Err(error) => Err(format!("its health check failed: {error}")),
    }
}

struct RetireUnlessTrusted {
    lease: crate::client::target::Lease,
    trusted: bool,
}

impl RetireUnlessTrusted {
    fn trust(mut self) {
        self.trusted = true;
    }
}

impl Drop for RetireUnlessTrusted {
    fn drop(&mut self) {
        if !self.trusted {
            self.lease.0.retire();
        }
    }
}
