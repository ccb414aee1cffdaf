//! One unary gRPC call on one HTTP/2 connection, told apart by what is certain about it.
//!
//! tonic's client turns everything into a `Status`, in which "never sent", "may have run" and "the performer said so"
//! look alike. Whether a task may be sent again hangs on that difference, so the call is made here.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use hourglass_core::{TraceContext, with_causes};
use http::header::{CONTENT_TYPE, TE};
use http::{HeaderMap, HeaderValue, Method, Request, Uri};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::http2::SendRequest;
use prost::Message;
use thiserror::Error;
use tonic::{Code, Status};

/// Length of what precedes a message: a flag and its length.
const PREFIX: usize = 5;

/// Why a call gave no message.
#[derive(Debug, Error)]
pub(crate) enum UnaryError {
    /// The request was not sent, or the connection went away before the peer looked at it.
    #[error("{0}")]
    NotProcessed(String),
    /// The peer says that it did not look at it, and may another time.
    #[error("{0}")]
    Refused(String),
    /// The connection or the stream broke; the call may have run.
    #[error("{0}")]
    Broken(String),
    /// The peer answered with a status of its own.
    #[error("{code:?}: {message}")]
    Status { code: Code, message: String },
    /// What it answered is not usable.
    #[error("{0}")]
    Invalid(String),
    /// The answer is larger than is read.
    #[error("the answer is too large")]
    TooLarge,
}

/// What goes with a request.
#[derive(Clone, Copy)]
pub(crate) struct CallHeaders {
    pub(crate) timeout: Duration,
    pub(crate) traceparent: Option<TraceContext>,
}

/// A request body of one piece.
pub(crate) struct Whole(Option<Bytes>);

impl Body for Whole {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Poll::Ready(self.0.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}

/// Makes the call. The caller bounds it in time; dropping the future resets the stream.
pub(crate) async fn unary<Q: Message, A: Message + Default>(
    sender: &mut SendRequest<Whole>,
    uri: Uri,
    message: &Q,
    headers: CallHeaders,
    max_answer: usize,
) -> Result<A, UnaryError> {
    let request = request(uri, message, headers);
    sender.ready().await.map_err(|error| UnaryError::NotProcessed(with_causes(&error)))?;
    let response = sender.send_request(request).await.map_err(classify)?;
    let (parts, mut body) = response.into_parts();
    // A status in the headers means that nothing else follows.
    if let Some(status) = status_of(&parts.headers) {
        return Err(status);
    }
    if parts.status != http::StatusCode::OK {
        return Err(UnaryError::Invalid(format!("HTTP status {} instead of a gRPC answer", parts.status.as_u16())));
    }
    let (bytes, trailers) = read(&mut body, max_answer).await?;
    match trailers.as_ref().and_then(|trailers| trailers.get(Status::GRPC_STATUS)) {
        Some(code) if Code::from_bytes(code.as_bytes()) == Code::Ok => {}
        Some(_) => {
            return Err(trailers.as_ref().and_then(status_of).unwrap_or(UnaryError::Invalid("no status".into())));
        }
        None => return Err(UnaryError::Broken("the answer ended without a status".into())),
    }
    decode(&bytes)
}

fn request<Q: Message>(uri: Uri, message: &Q, headers: CallHeaders) -> Request<Whole> {
    let len = message.encoded_len();
    let mut framed = BytesMut::with_capacity(PREFIX + len);
    framed.put_u8(0);
    framed.put_u32(u32::try_from(len).unwrap_or(u32::MAX));
    // A BytesMut grows as needed, which is the only thing that encoding can fail for.
    let _ = message.encode(&mut framed);
    let mut request = Request::new(Whole(Some(framed.freeze())));
    *request.method_mut() = Method::POST;
    *request.version_mut() = http::Version::HTTP_2;
    *request.uri_mut() = uri;
    let map = request.headers_mut();
    map.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    map.insert(TE, HeaderValue::from_static("trailers"));
    if let Ok(value) = HeaderValue::try_from(timeout_text(headers.timeout)) {
        map.insert("grpc-timeout", value);
    }
    if let Some(value) = headers.traceparent.and_then(|trace| HeaderValue::try_from(trace.to_string()).ok()) {
        map.insert(TraceContext::KEY, value);
    }
    request
}

/// At most eight digits and a unit, never zero.
fn timeout_text(timeout: Duration) -> String {
    let millis = timeout.as_millis().max(1);
    if millis < 100_000_000 { format!("{millis}m") } else { format!("{}S", timeout.as_secs().min(99_999_999)) }
}

async fn read(body: &mut Incoming, max_answer: usize) -> Result<(BytesMut, Option<HeaderMap>), UnaryError> {
    let mut bytes = BytesMut::new();
    let mut trailers = None;
    while let Some(frame) = std::future::poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await {
        // The headers of an answer have come, so whoever is there has taken the call up.
        match frame.map_err(|error| UnaryError::Broken(with_causes(&error)))?.into_data() {
            Ok(data) => {
                if bytes.len() + data.len() > PREFIX + max_answer {
                    return Err(UnaryError::TooLarge);
                }
                bytes.extend_from_slice(&data);
                if declared_len(&bytes).is_some_and(|len| len > max_answer) {
                    return Err(UnaryError::TooLarge);
                }
            }
            Err(frame) => trailers = frame.into_trailers().ok(),
        }
    }
    Ok((bytes, trailers))
}

fn declared_len(bytes: &[u8]) -> Option<usize> {
    let len: [u8; 4] = bytes.get(1..PREFIX)?.try_into().ok()?;
    usize::try_from(u32::from_be_bytes(len)).ok()
}

fn decode<A: Message + Default>(bytes: &[u8]) -> Result<A, UnaryError> {
    let invalid = |problem: &str| UnaryError::Invalid(problem.to_owned());
    match (bytes.first(), declared_len(bytes)) {
        (None, _) => Err(invalid("it holds no message")),
        (Some(0), Some(len)) if len == bytes.len() - PREFIX => {
            A::decode(&bytes[PREFIX..]).map_err(|error| UnaryError::Invalid(error.to_string()))
        }
        (Some(0), _) => Err(invalid("its length is not what it says")),
        (Some(_), _) => Err(invalid("it is compressed, which was not offered")),
    }
}

/// A status other than OK, if there is one.
fn status_of(headers: &HeaderMap) -> Option<UnaryError> {
    let code = Code::from_bytes(headers.get(Status::GRPC_STATUS)?.as_bytes());
    let message = headers.get(Status::GRPC_MESSAGE).map_or_else(String::new, |text| percent_decoded(text.as_bytes()));
    match code {
        Code::Ok => Some(UnaryError::Invalid("it is OK and holds no message".into())),
        code => Some(UnaryError::Status { code, message }),
    }
}

fn percent_decoded(text: &[u8]) -> String {
    let hex = |digit: Option<&u8>| digit.and_then(|d| char::from(*d).to_digit(16)).and_then(|d| u8::try_from(d).ok());
    let mut bytes = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        match (byte, hex(text.get(at + 1)), hex(text.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                bytes.push(high << 4 | low);
                at += 3;
            }
            _ => {
                bytes.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What a failure before the answer's headers says about the request.
///
/// hyper cancels what it never wrote. A stream above the last one that a GOAWAY names, and a stream reset with
/// REFUSED_STREAM, were not processed (RFC 9113 §6.8, §8.7). Everything else may have run.
fn classify(error: hyper::Error) -> UnaryError {
    let h2 = std::error::Error::source(&error).and_then(|source| source.downcast_ref::<h2::Error>());
    let remote = h2.filter(|h2| h2.is_remote());
    let text = with_causes(&error);
    if remote.is_some_and(|h2| h2.is_reset() && h2.reason() == Some(h2::Reason::REFUSED_STREAM)) {
        UnaryError::Refused(text)
    } else if error.is_canceled() || remote.is_some_and(h2::Error::is_go_away) {
        UnaryError::NotProcessed(text)
    } else {
        UnaryError::Broken(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_fit_eight_digits() {
        assert_eq!(timeout_text(Duration::ZERO), "1m");
        assert_eq!(timeout_text(Duration::from_micros(2_500)), "2m");
        assert_eq!(timeout_text(Duration::from_secs(10)), "10000m");
        assert_eq!(timeout_text(Duration::from_millis(100_000_000)), "100000S");
        assert_eq!(timeout_text(Duration::MAX), "99999999S");
    }

    #[test]
    fn messages_of_others_are_decoded_without_trust() {
        assert_eq!(percent_decoded(b"a%20b%e2%82%ac"), "a b\u{20ac}");
        assert_eq!(percent_decoded(b"100%"), "100%");
        assert_eq!(percent_decoded(b"%zz%4"), "%zz%4");
    }
}
