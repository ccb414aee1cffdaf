//! Images: there or not, pulled where the policy says so.
//!
//! ```text
//! ensure ──► there? ──► pull (one for all who want the same, few at once) ──► facts of what is there
//! ```

mod errors;
mod progress;
mod pull;
mod reference;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bollard::errors::Error;
use bollard::models::ImageInspect;
use bollard::{BollardRequest, Docker};
use hourglass_core::performer::{Image, PullPolicy};
use tokio::sync::Semaphore;

use crate::credentials::Credentials;
use crate::failure::StartFailure;
use crate::options::Options;

pub(crate) use errors::Sent;
use pull::{Pull, Shared};
pub(crate) use reference::Reference;

/// The images of one engine.
#[derive(Debug, Clone)]
pub(crate) struct Images {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    docker: Docker,
    credentials: Credentials,
    call_timeout: Duration,
    stall_timeout: Duration,
    /// Pulls that go on; those that nobody waits for any longer have ended.
    pulls: Mutex<HashMap<Reference, Shared>>,
    permits: Arc<Semaphore>,
}

/// What an image says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ImageFacts {
    /// `sha256:…`: what a container made from it runs, whatever its tag comes to mean.
    pub(crate) id: String,
    /// TCP ports that it exposes, in order.
    pub(crate) exposed_tcp: Vec<u16>,
    /// The user as it names it; empty is root.
    pub(crate) user: String,
    /// The signal that asks it to end, where it names one.
    pub(crate) stop_signal: Option<String>,
}

/// Where lines about the progress of a pull go.
pub(crate) type Report<'a> = &'a (dyn Fn(String) + Send + Sync);

impl Images {
    /// `docker` is used with limits in time of our own.
    pub(crate) fn new(docker: Docker, options: &Options) -> Self {
        // A pull answers only when the registry has; our own limit ends it before this one does.
        let patient = options.pull_stall_timeout + Duration::from_secs(30);
        let inner = Inner {
            docker: docker.with_timeout(patient).with_request_modifier(safe_for_urls),
            credentials: Credentials::new(options.client_config.as_deref()),
            call_timeout: options.call_timeout,
            stall_timeout: options.pull_stall_timeout,
            pulls: Mutex::default(),
            permits: Arc::new(Semaphore::new(options.concurrent_pulls.max(1))),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Sees that an image is there as the policy wants it, and says what it is.
    ///
    /// `Always` asks the registry before every start, and a registry that does not answer is an error even where the
    /// image is there. `IfNotPresent` asks only where the image is not there. `Never` asks nobody. Two that want the same
    /// image while it is pulled share one pull. Dropping this ends a pull that nobody else waits for.
    ///
    /// `progress` gets a line such as `pulling: 3 of 7 layers, 12 of 80 MiB`, at most two in a second.
    ///
    /// # Errors
    /// Refused where another try cannot help: no such image, another platform. Credentials that the registry does not
    /// take are tried again, since they are renewed by others.
    pub(crate) async fn ensure(
        &self,
        image: &Image,
        policy: PullPolicy,
        progress: Report<'_>,
    ) -> Result<ImageFacts, StartFailure> {
        let reference = Reference::parse(image.as_str())
            .map_err(|error| StartFailure::refused("ImageReferenceInvalid", format!("{error}; correct the image")))?;
        if policy != PullPolicy::Always
            && let Some(facts) = self.local(&reference).await?
        {
            return Ok(facts);
        }
        if policy == PullPolicy::Never {
            let message = format!(
                "{reference} is not on this host and must not be pulled; load it (`docker load`), or set the pull policy \
                 to IfNotPresent"
            );
            return Err(StartFailure::refused("ImageNotPresent", message));
        }
        self.shared(&reference).wait(progress).await?;
        let removed =
            || format!("{reference} was pulled and is not there: somebody removes images; it is pulled again");
        self.local(&reference).await?.ok_or_else(|| StartFailure::failed("ImagePullFailed", removed()))
    }

    /// What is known of an image without asking a registry; `None` where it is not there.
    pub(crate) async fn local(&self, reference: &Reference) -> Result<Option<ImageFacts>, StartFailure> {
        let name = reference.to_string();
        let call = tokio::time::timeout(self.inner.call_timeout, self.inner.docker.inspect_image(&name)).await;
        match call {
            Err(_) => Err(errors::engine_silent(&format!("no answer within {:?}", self.inner.call_timeout))),
            Ok(Ok(found)) => Ok(Some(facts(found))),
            // Not the 404 of something between us and the engine that refuses the call.
            Ok(Err(Error::DockerResponseServerError { status_code: 404, message }))
                if message.to_lowercase().contains("no such image") =>
            {
                Ok(None)
            }
            Ok(Err(error)) => Err(self.inspection(&error, reference)),
        }
    }

    /// Asks the registry whether it would give this image, without pulling it.
    ///
    /// # Errors
    /// As a pull would end.
    pub(crate) async fn resolvable(&self, reference: &Reference) -> Result<(), StartFailure> {
        let (credentials, sent) = pull::credentials(&self.inner.credentials, reference).await;
        let name = reference.to_string();
        let asked = self.inner.docker.inspect_registry_image(&name, credentials);
        match tokio::time::timeout(self.inner.call_timeout, asked).await {
            Err(_) => Err(errors::stalled(reference, self.inner.call_timeout.as_secs(), "asking the registry")),
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(errors::of(&error, reference, &sent)),
        }
    }

    /// The engine's error about what it has itself: no registry has a part in it.
    fn inspection(&self, error: &Error, reference: &Reference) -> StartFailure {
        match error {
            Error::DockerResponseServerError { status_code, message } => {
                let words = errors::words(message);
                let message = format!("the container engine does not tell about {reference}: {status_code} {words}");
                StartFailure::failed("EngineFailed", message)
            }
            other => errors::of(other, reference, &Sent::Nothing),
        }
    }

    /// The pull of this image that goes on, or a new one.
    fn shared(&self, reference: &Reference) -> Pull {
        let mut pulls = self.inner.pulls.lock().unwrap_or_else(PoisonError::into_inner);
        pulls.retain(|_, shared| shared.goes_on());
        if let Some(pull) = pulls.get(reference).and_then(Shared::join) {
            return pull;
        }
        let inner = &self.inner;
        let work = pull::Work {
            docker: inner.docker.clone(),
            credentials: inner.credentials.clone(),
            reference: reference.clone(),
            stall_timeout: inner.stall_timeout,
            permits: inner.permits.clone(),
        };
        let (pull, shared) = Pull::begin(work);
        pulls.insert(reference.clone(), shared);
        pull
    }
}

fn facts(found: ImageInspect) -> ImageFacts {
    let config = found.config.unwrap_or_default();
    let mut exposed_tcp: Vec<u16> =
        config.exposed_ports.unwrap_or_default().iter().flat_map(|text| ports(text)).collect();
    exposed_tcp.sort_unstable();
    exposed_tcp.dedup();
    ImageFacts {
        id: found.id.unwrap_or_default(),
        exposed_tcp,
        user: config.user.unwrap_or_default(),
        stop_signal: config.stop_signal.filter(|signal| !signal.is_empty()),
    }
}

/// `9090/tcp`, `9090`, `9090-9092/tcp`; a range is none that could be meant.
fn ports(text: &str) -> Option<u16> {
    let (port, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    (protocol == "tcp").then(|| port.parse().ok()).flatten().filter(|port| *port != 0)
}

/// Engines read the credentials' header in the alphabet for URLs and take what is not in it for no credentials at all; the
/// client library writes the other one, which differs where a password has a `?`, `>`, `~` or a letter beyond ASCII.
fn safe_for_urls(mut request: BollardRequest) -> BollardRequest {
    if let Some(value) = request.headers_mut().get_mut("x-registry-auth") {
        let text: String = value.as_bytes().iter().map(|byte| char::from(*byte)).collect();
        if let Ok(safe) = text.replace('+', "-").replace('/', "_").try_into() {
            *value = safe;
        }
        value.set_sensitive(true);
    }
    request
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
