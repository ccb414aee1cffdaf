use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt, Limited};
use kube::Client;
use kube::client::Body;

use super::failure::{ApiFailure, Refusal};

/// No answer that we ask for is longer: a page of 500 objects of the largest size that etcd takes.
const LONGEST_ANSWER: usize = 800 << 20;

/// What the body of a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// A whole object, or options.
    Json,
    /// RFC 7386.
    MergePatch,
    /// What a field manager wants an object to be. JSON is YAML.
    Apply,
}

impl Content {
    const fn mime(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::MergePatch => "application/merge-patch+json",
            Self::Apply => "application/apply-patch+yaml",
        }
    }
}

/// One request to the API server.
#[derive(Debug, Clone)]
pub struct Call {
    /// What to do.
    pub method: Method,
    /// With which object, and how: path and query.
    pub uri: String,
    /// What is sent along.
    pub body: Option<(Content, Bytes)>,
    /// How long the whole of it may take.
    pub timeout: Duration,
}

/// A good answer.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The HTTP status.
    pub code: u16,
    /// What it says.
    pub body: Bytes,
}

impl Call {
    /// Reads an object, or several.
    pub const fn get(uri: String, timeout: Duration) -> Self {
        Self { method: Method::GET, uri, body: None, timeout }
    }

    fn request(&self) -> Result<Request<Body>, ApiFailure> {
        let mut request = Request::builder().method(&self.method).uri(&self.uri).header(ACCEPT, "application/json");
        let body = match &self.body {
            Some((content, body)) => {
                request = request.header(CONTENT_TYPE, content.mime());
                Body::from(body.clone())
            }
            None => Body::empty(),
        };
        // A name that is no path, which the API server would not know either.
        request.body(body).map_err(|error| ApiFailure::Malformed { message: format!("{}: {error}", self.uri) })
    }

    /// Sends it and waits for the beginning of a good answer; what comes then has no deadline here.
    ///
    /// # Errors
    /// [`ApiFailure`], also where the answer does not begin in time.
    pub async fn open(&self, client: &Client) -> Result<Response<Body>, ApiFailure> {
        let request = self.request()?;
        let whole = async {
            let response = client.send(request).await.map_err(|error| no_answer(&error))?;
            let (code, retry_after) = (response.status(), retry_after(response.headers()));
            if code.is_success() {
                return Ok(response);
            }
            let body = Limited::new(response.into_body(), 1 << 20).collect().await;
            let body = body.map(http_body_util::Collected::to_bytes).unwrap_or_default();
            Err(ApiFailure::Refused(Box::new(Refusal::read(code.as_u16(), retry_after, &body))))
        };
        tokio::time::timeout(self.timeout, whole).await.unwrap_or_else(|_| Err(self.late()))
    }

    fn late(&self) -> ApiFailure {
        ApiFailure::Unanswered { message: format!("nothing within {:?}", self.timeout) }
    }
}

/// Sends a call and reads the whole answer.
///
/// # Errors
/// [`ApiFailure`].
pub async fn send(client: &Client, call: &Call) -> Result<Reply, ApiFailure> {
    let whole = async {
        let response = call.open(client).await?;
        let code = response.status().as_u16();
        let body = Limited::new(response.into_body(), LONGEST_ANSWER).collect().await;
        let body = body.map_err(|error| ApiFailure::Unanswered { message: format!("it broke off: {error}") })?;
        Ok(Reply { code, body: body.to_bytes() })
    };
    tokio::time::timeout(call.timeout, whole).await.unwrap_or_else(|_| Err(call.late()))
}

/// `Retry-After` in seconds; the form with a date is not used by API servers.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

fn no_answer(error: &kube::Error) -> ApiFailure {
    let mut message = error.to_string();
    let mut connecting = false;
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(cause) = source {
        if let Some(cause) = cause.downcast_ref::<hyper_util::client::legacy::Error>() {
            connecting |= cause.is_connect();
        }
        // The innermost says most: "connection refused", "certificate has expired".
        message = cause.to_string();
        source = match cause.downcast_ref::<kube::Error>() {
            // Their own sources are boxed, which hides what they are.
            Some(kube::Error::Service(inner)) => Some(&**inner),
            _ => cause.source(),
        };
    }
    if connecting { ApiFailure::Unreachable { message } } else { ApiFailure::Unanswered { message } }
}
