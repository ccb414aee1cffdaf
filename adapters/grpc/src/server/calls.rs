use std::convert::Infallible;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderValue, Request, Response};
use hyper::body::{Frame, Incoming, SizeHint};
use tokio::sync::Semaphore;
use tokio::time::Sleep;
use tonic::body::Body;
use tonic::service::Routes;
use tonic::{Code, Status};
use tower::Service as _;

use crate::server::activity::Activity;
use crate::server::status::{REASON_KEY, refusal};

/// Who sent a request; an extension of each.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) Option<IpAddr>);

/// How long calls may take, and how many may run at once over every connection.
pub(crate) struct CallPolicy {
    pub(crate) permits: Arc<Semaphore>,
    pub(crate) max_calls: usize,
    pub(crate) call_timeout: Duration,
    pub(crate) request_timeout: Duration,
}

/// The calls of one connection.
pub(crate) struct CallService {
    pub(crate) routes: Routes,
    pub(crate) peer: IpAddr,
    pub(crate) activity: Arc<Activity>,
    pub(crate) policy: Arc<CallPolicy>,
}

impl hyper::service::Service<Request<Incoming>> for CallService {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let running = self.activity.begin();
        let Ok(permit) = Arc::clone(&self.policy.permits).try_acquire_owned() else {
            let message = format!("{} calls are running already: try again later", self.policy.max_calls);
            let status = refusal(Code::ResourceExhausted, "TooManyCalls", message);
            return Box::pin(std::future::ready(Ok(status.into_http())));
        };
        let limit = match timeout_of(request.headers()) {
            Some(asked) => asked.min(self.policy.call_timeout),
            None => self.policy.call_timeout,
        };
        let request_timeout = self.policy.request_timeout;
        let mut request = request.map(|body| Body::new(Arriving { body, limit: request_timeout, expiry: None }));
        request.extensions_mut().insert(Peer(Some(self.peer)));
        let call = self.routes.clone().call(request);
        Box::pin(async move {
            let response = match tokio::time::timeout(limit, call).await {
                Ok(Ok(mut response)) => {
                    explain_framing(response.headers_mut());
                    response
                }
                Ok(Err(never)) => match never {},
                Err(_) => {
                    let message = format!("the call was not finished within {limit:?}");
                    refusal(Code::DeadlineExceeded, "CallDeadline", message).into_http()
                }
            };
            drop((running, permit));
            Ok(response)
        })
    }
}

/// Gives statuses that tonic made by itself a reason, and those about a bad message a permanent code.
///
/// Every refusal of ours carries a reason, so one without it comes from the framing. tonic calls bytes that are not
/// the message INTERNAL, which the known aggregator retries five times.
fn explain_framing(headers: &mut HeaderMap) {
    if headers.contains_key(REASON_KEY) {
        return;
    }
    let Some(status) = headers.get(Status::GRPC_STATUS) else { return };
    let reason = match Code::from_bytes(status.as_bytes()) {
        Code::Internal => {
            let code = Code::InvalidArgument as i32;
            headers.insert(Status::GRPC_STATUS, HeaderValue::from(code));
            "MalformedMessage"
        }
        Code::OutOfRange => "MessageTooLarge",
        Code::Unimplemented => "UnknownMethod",
        _ => return,
    };
    headers.insert(REASON_KEY, HeaderValue::from_static(reason));
}

/// The client's `grpc-timeout`: up to eight digits and a unit.
fn timeout_of(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.len() > 8 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let amount: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(amount * 3600)),
        "M" => Some(Duration::from_secs(amount * 60)),
        "S" => Some(Duration::from_secs(amount)),
        "m" => Some(Duration::from_millis(amount)),
        "u" => Some(Duration::from_micros(amount)),
        "n" => Some(Duration::from_nanos(amount)),
        _ => None,
    }
}

/// A request message on its way, which must be here in time: a call that trickles in holds a permit.
struct Arriving {
    body: Incoming,
    limit: Duration,
    /// Made when there is something to wait for; most messages are here already.
    expiry: Option<Pin<Box<Sleep>>>,
}

impl hyper::body::Body for Arriving {
    type Data = Bytes;
    type Error = tonic::codegen::StdError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = &mut *self;
        if let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(cx) {
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let limit = this.limit;
        let expiry = this.expiry.get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        if expiry.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        let message = format!("the request did not arrive within {limit:?}");
        Poll::Ready(Some(Err(refusal(Code::DeadlineExceeded, "RequestTooSlow", message).into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts() {
        let of = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("grpc-timeout", text.parse().unwrap());
            timeout_of(&headers)
        };
        assert_eq!(of("10S"), Some(Duration::from_secs(10)));
        assert_eq!(of("99999999H"), Some(Duration::from_secs(99_999_999 * 3600)));
        assert_eq!(of("250m"), Some(Duration::from_millis(250)));
        assert_eq!(of("0n"), Some(Duration::ZERO));
        for wrong in ["", "S", "10", "-1S", "123456789S", "10s", "1.5S"] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
    }
}
