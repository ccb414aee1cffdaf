//! Calls of the engine, each with a limit in time, and what an error of them means.

use std::time::Duration;

use bollard::errors::Error;
use bollard::{API_DEFAULT_VERSION, BollardRequest, Docker};
use hourglass_core::ports::RuntimeError;
use hourglass_core::{Timestamp, with_causes};
use tokio::sync::watch;

use crate::options::Options;
use crate::runtime::OpenError;
use crate::transport::Transport;

/// The oldest API that is enough: that of Engine 20.10.
const OLDEST: (u32, u32) = (1, 41);

/// What is known of the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EngineState {
    /// It was not reached yet since this runtime was opened.
    Connecting,
    /// It is followed, and everything of ours in it is known.
    Connected {
        /// Of the engine, such as `20.10.24`.
        version: String,
        /// The newest API that it speaks, such as `1.41`.
        api_version: String,
    },
    /// It cannot be reached, does not answer, or is too old.
    Unavailable {
        /// What was seen and what to change.
        message: String,
        /// Since when.
        since: Timestamp,
    },
}

/// A call that did not do as asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EngineError {
    /// No answer, or one that says nothing about the request: nobody knows whether it was carried out.
    #[error("{0}")]
    Silent(String),
    /// The engine answered with an error.
    #[error("{message}")]
    Said {
        /// The status of HTTP.
        status: u16,
        /// In the engine's words.
        message: String,
    },
}

impl EngineError {
    /// What was asked about is not there.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(self, Self::Said { status: 404, .. })
    }

    /// Something that is there contradicts the request.
    pub(crate) fn is_conflict(&self) -> bool {
        matches!(self, Self::Said { status: 409, .. })
    }

    fn of(error: Error, transport: &Transport) -> Self {
        match error {
            Error::DockerResponseServerError { status_code, message } => {
                if says_nothing(status_code, &message) {
                    Self::Silent(format!("it answers with status {status_code}: {}", one_line(&message)))
                } else {
                    Self::Said { status: status_code, message: one_line(&message) }
                }
            }
            Error::IOError { err } => Self::Silent(unreachable(transport, &err)),
            other => {
                let text = one_line(&with_causes(&other));
                Self::Silent(format!("{transport}: {text}{}", about_certificates(&text)))
            }
        }
    }
}

impl From<EngineError> for RuntimeError {
    fn from(error: EngineError) -> Self {
        Self::Unavailable { platform: PLATFORM, message: error.to_string() }
    }
}

/// What a runtime error calls the platform.
pub(crate) const PLATFORM: &str = "the container engine";

/// Too many requests, a proxy without an engine behind it, an engine that is shutting down or has lost its containerd.
fn says_nothing(status: u16, message: &str) -> bool {
    let fading = ["context canceled", "shutting down", "ttrpc: closed", "transport is closing", "containerd.sock"];
    let fades = || fading.iter().any(|sign| message.contains(sign));
    matches!(status, 429 | 502..=504) || (status == 500 && fades())
}

/// What to change where one side does not take the other's certificate; the engine says so in an alert.
fn about_certificates(text: &str) -> &'static str {
    let is = text.to_lowercase().contains("certificate");
    if is { ": correct docker.tls, or the files in DOCKER_CERT_PATH" } else { "" }
}

fn unreachable(transport: &Transport, error: &std::io::Error) -> String {
    use std::io::ErrorKind::{ConnectionRefused, NotFound, PermissionDenied};
    let remedy = match error.kind() {
        NotFound | ConnectionRefused => ": start the engine, or correct docker.host",
        PermissionDenied => ": let the executor's user into the group that owns the socket (usually docker)",
        _ => about_certificates(&error.to_string()),
    };
    format!("{transport}: {error}{remedy}")
}

/// Whatever the engine says, as one printable line of bounded length.
pub(crate) fn one_line(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(1000).collect();
    clean.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The engine, whether it is there or not.
#[derive(Debug)]
pub(crate) struct Engine {
    docker: Docker,
    transport: Transport,
    limit: Duration,
    state: watch::Sender<EngineState>,
}

impl Engine {
    /// Connects to nothing.
    pub(crate) fn new(options: &Options) -> Result<Self, OpenError> {
        let transport = Transport::new(options)?;
        let way = transport.clone();
        let send = move |request: BollardRequest| {
            let way = way.clone();
            async move { way.send(request).await }
        };
        let seconds = options.call_timeout.as_secs().max(1) + 1;
        let docker = Docker::connect_with_custom_transport(send, Some("http://docker"), seconds, API_DEFAULT_VERSION)
            .map_err(|error| OpenError::Client(error.to_string()))?;
        let state = watch::Sender::new(EngineState::Connecting);
        Ok(Self { docker, transport, limit: options.call_timeout, state })
    }

    /// For calls that have limits of their own, such as pulls.
    pub(crate) fn docker(&self) -> &Docker {
        &self.docker
    }

    pub(crate) fn transport(&self) -> &Transport {
        &self.transport
    }

    pub(crate) fn state(&self) -> &watch::Sender<EngineState> {
        &self.state
    }

    /// One call within the usual limit.
    pub(crate) async fn call<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, EngineError> {
        self.within(self.limit, work).await
    }

    /// One call within this limit.
    pub(crate) async fn within<T>(
        &self,
        limit: Duration,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, EngineError> {
        match tokio::time::timeout(limit, work).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(EngineError::of(error, &self.transport)),
            Err(_) => Err(EngineError::Silent(format!("{}: no answer within {limit:?}", self.transport))),
        }
    }

    /// A call that may rightly take longer than others, such as a stop with a grace period.
    pub(crate) fn patient(&self, more: Duration) -> (Docker, Duration) {
        let limit = self.limit + more;
        (self.docker.clone().with_timeout(limit + Duration::from_secs(1)), limit)
    }

    /// Version and API version of an engine that is recent enough.
    pub(crate) async fn version(&self) -> Result<(String, String), EngineError> {
        let version = self.call(self.docker.version()).await?;
        let api = version.api_version.unwrap_or_default();
        let version = version.version.unwrap_or_else(|| "of unknown version".to_owned());
        match parsed(&api) {
            Some(parsed) if parsed >= OLDEST => Ok((version, api)),
            _ => Err(EngineError::Silent(format!(
                "the engine at {} is {version} and speaks API '{api}', and at least {}.{} is needed: upgrade it to \
                 Docker Engine 20.10 or later",
                self.transport, OLDEST.0, OLDEST.1
            ))),
        }
    }
}

fn parsed(api: &str) -> Option<(u32, u32)> {
    let (major, minor) = api.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_errors_mean() {
        let transport = Transport::new(&Options::default()).unwrap();
        let said = |status_code, message: &str| {
            EngineError::of(Error::DockerResponseServerError { status_code, message: message.into() }, &transport)
        };
        assert!(said(404, "No such container: x").is_missing());
        assert!(said(409, "in use").is_conflict());
        assert_eq!(said(400, "a\nb"), EngineError::Said { status: 400, message: "a b".into() });
        assert!(matches!(said(500, "no space left on device"), EngineError::Said { .. }));
        for (status, message) in [(429, ""), (503, "no server"), (500, "context canceled"), (500, "ttrpc: closed")] {
            assert!(matches!(said(status, message), EngineError::Silent(_)), "{status} {message}");
        }
        let io =
            |kind: std::io::ErrorKind| EngineError::of(Error::IOError { err: kind.into() }, &transport).to_string();
        assert!(io(std::io::ErrorKind::NotFound).contains("docker.host"));
        assert!(io(std::io::ErrorKind::PermissionDenied).contains("group"));
        let alert = std::io::Error::other("received fatal alert: BadCertificate");
        assert!(EngineError::of(Error::IOError { err: alert }, &transport).to_string().contains("DOCKER_CERT_PATH"));
    }

    #[test]
    fn versions() {
        assert!(parsed("1.41") >= Some(OLDEST) && parsed("2.0") > Some(OLDEST) && parsed("1.9") < Some(OLDEST));
        assert_eq!(parsed(""), None);
    }
}
