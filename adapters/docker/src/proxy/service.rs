use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Body as _, Incoming};

use super::call::Call;
use super::engine::{CREDENTIALS, Engine, Found, Outgoing};
use super::events::{Cut, filtered};
use super::owner::Known;
use super::permits::Permits;
use super::refusal::Refusal;
use super::routes::Guard;
use super::rules::{Body, FoundContainer, FoundNetwork, Identity, Pending, Whose, judge};

/// What a request may carry: the longest environment that a process can be given is about as long.
const BODY_BYTES: usize = 2 << 20;
const BODY_TIME: Duration = Duration::from_secs(10);
const CREDENTIALS_BYTES: usize = 16 << 10;
/// How long the engine may take to begin an answer; longer where it waits for a registry.
const PATIENCE: Duration = Duration::from_secs(60);
const REGISTRY_PATIENCE: Duration = Duration::from_secs(300);

/// Of the engine's answers; whatever else it says is of the connection and not of the answer.
const ANSWERED: &[&str] = &["content-type", "api-version", "ostype", "docker-experimental", "server", "cache-control"];

pub(super) type Answer = Response<BoxBody<Bytes, Cut>>;

/// Takes requests, and forwards those that may pass.
#[derive(Debug)]
pub(super) struct Gate {
    pub(super) engine: Engine,
    pub(super) known: Known,
    pub(super) permits: Permits,
}

/// What a judged request comes to.
enum Outcome {
    /// To the engine, about `subject` where that is known better than the caller named it.
    Forward { subject: Option<String>, body: Body },
    /// Answered without it.
    Answered(Response<Full<Bytes>>),
}

impl Gate {
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Answer {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        match self.pass(request).await {
            Ok(answer) => answer,
            Err(refusal) => {
                let (status, rule) = (refusal.status.as_u16(), refusal.rule);
                tracing::warn!(%method, path = ?path, status, rule, "refused: {}", refusal.message);
                whole(json(refusal.status, refusal.body()))
            }
        }
    }

    async fn pass(&self, request: Request<Incoming>) -> Result<Answer, Refusal> {
        let (head, body) = request.into_parts();
        // First of all: a client whose body is not taken sees a broken connection and never the refusal.
        let body = read(body).await?;
        plain(&head.headers)?;
        let identity = self.known.identity().await?;
        let (call, pending) = judge(&head.method, &head.uri, &body, identity, &self.permits)?;
        let (subject, body) = match self.resolve(&call, pending, identity).await? {
            Outcome::Forward { subject, body } => (subject, body),
            Outcome::Answered(response) => return Ok(whole(response)),
        };
        let (json, credentials) = match body {
            Body::None => (None, None),
            Body::Credentials => (None, credentials(&head.headers)?),
            Body::Json(json) => (Some(json), None),
        };
        let target = call.target(subject.as_deref());
        tracing::debug!(method = %head.method, target, "forwarding");
        let outgoing = Outgoing { method: head.method, target, json, credentials, patience: patience(&call) };
        let (head, body) = self.engine.send(outgoing).await?.into_parts();
        let body = match call.route.guard {
            Guard::OwnEvents if head.status.is_success() => filtered(body, identity.clone()),
            _ => body.map_err(Cut::Engine).boxed(),
        };
        let mut answer = Response::new(body);
        *answer.status_mut() = head.status;
        for name in ANSWERED {
            if let Some(value) = head.headers.get(*name) {
                answer.headers_mut().insert(*name, value.clone());
            }
        }
        Ok(answer)
    }

    async fn resolve(&self, call: &Call, pending: Pending, identity: &Identity) -> Result<Outcome, Refusal> {
        let subject = call.subject.as_deref().unwrap_or_default();
        match pending {
            Pending::Ready(body) => Ok(Outcome::Forward { subject: None, body }),
            Pending::Container | Pending::Inspection => {
                let found = match self.container(call, subject).await? {
                    Found::It(found) => found,
                    Found::Otherwise(response) => return Ok(Outcome::Answered(response)),
                };
                let inspected = matches!(pending, Pending::Inspection);
                match found.whose(identity, &self.permits) {
                    Whose::Ours => {}
                    Whose::Executor if inspected => {}
                    _ if inspected => return Ok(Outcome::Answered(json(StatusCode::OK, found.blank()))),
                    _ => return Err(foreign()),
                }
                // By its id: a name may be somebody else's a moment later.
                Ok(Outcome::Forward { subject: Some(found.id()?.to_owned()), body: Body::None })
            }
            Pending::Network { permitted } => {
                self.network(call, subject, permitted, identity).await.map(|found| match found {
                    Found::It(id) => Outcome::Forward { subject: Some(id), body: Body::None },
                    Found::Otherwise(response) => Outcome::Answered(response),
                })
            }
            Pending::Joined { networks, body } => {
                for network in networks {
                    if let Found::Otherwise(response) = self.network(call, &network, true, identity).await? {
                        return Ok(Outcome::Answered(response));
                    }
                }
                Ok(Outcome::Forward { subject: None, body: Body::Json(body) })
            }
            Pending::Joining(joining) => {
                let container = match self.container(call, joining.container()).await? {
                    Found::It(found) => found,
                    Found::Otherwise(response) => return Ok(Outcome::Answered(response)),
                };
                if container.whose(identity, &self.permits) == Whose::Foreign {
                    return Err(foreign());
                }
                match self.network(call, subject, true, identity).await? {
                    Found::It(id) => {
                        let body = Body::Json(joining.written(container.id()?.to_owned())?);
                        Ok(Outcome::Forward { subject: Some(id), body })
                    }
                    Found::Otherwise(response) => Ok(Outcome::Answered(response)),
                }
            }
        }
    }

    async fn container(&self, call: &Call, name: &str) -> Result<Found<FoundContainer>, Refusal> {
        self.engine.look_up(call.at(&format!("containers/{name}/json"))).await
    }

    /// Its id.
    async fn network(
        &self,
        call: &Call,
        name: &str,
        permitted: bool,
        identity: &Identity,
    ) -> Result<Found<String>, Refusal> {
        Ok(match self.engine.look_up::<FoundNetwork>(call.at(&format!("networks/{name}"))).await? {
            Found::It(found) => Found::It(found.usable(permitted, identity, &self.permits)?.to_owned()),
            Found::Otherwise(response) => Found::Otherwise(response),
        })
    }
}

fn foreign() -> Refusal {
    let message = "that container is not this executor's; the one that the executor runs in is --executor-container";
    Refusal::forbidden("foreign-container", message)
}

/// HTTP and nothing else: a connection that changes its protocol would pass the gate for good.
fn plain(headers: &HeaderMap) -> Result<(), Refusal> {
    let asks = |value: &HeaderValue| value.to_str().is_ok_and(|text| text.to_ascii_lowercase().contains("upgrade"));
    if headers.contains_key(header::UPGRADE) || headers.get_all(header::CONNECTION).iter().any(asks) {
        return Err(Refusal::forbidden("upgrade", "no call of the executor changes the protocol"));
    }
    Ok(())
}

async fn read(body: Incoming) -> Result<Bytes, Refusal> {
    // A length that is too great is believed at once.
    if body.size_hint().lower() > BODY_BYTES as u64 {
        return Err(Refusal::forbidden("body", format!("the body is longer than {BODY_BYTES} bytes")));
    }
    match tokio::time::timeout(BODY_TIME, Limited::new(body, BODY_BYTES).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) => Err(Refusal::forbidden("body", format!("the body cannot be read: {error}"))),
        Err(_) => Err(Refusal::forbidden("body", format!("the body was not there within {BODY_TIME:?}"))),
    }
}

fn credentials(headers: &HeaderMap) -> Result<Option<HeaderValue>, Refusal> {
    let mut values = headers.get_all(CREDENTIALS).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/-_=".contains(&byte);
    if values.next().is_some() || value.len() > CREDENTIALS_BYTES || !value.as_bytes().iter().copied().all(base64) {
        return Err(Refusal::forbidden("credentials", "registry credentials are one header of base64"));
    }
    let mut value = value.clone();
    value.set_sensitive(true);
    Ok(Some(value))
}

fn patience(call: &Call) -> Duration {
    match call.route.guard {
        Guard::Pull | Guard::Registry => REGISTRY_PATIENCE,
        _ => {
            let grace = call.parameter("t").and_then(|seconds| seconds.parse().ok()).unwrap_or(0);
            PATIENCE + Duration::from_secs(grace)
        }
    }
}

fn whole(response: Response<Full<Bytes>>) -> Answer {
    response.map(|body| body.map_err(|never| match never {}).boxed())
}

fn json(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
