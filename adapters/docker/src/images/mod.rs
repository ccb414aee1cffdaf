//! Images.

use bollard::Docker;
use hourglass_core::performer::{Image, PullPolicy};

use crate::failure::StartFailure;
use crate::options::Options;

/// What of an image matters to its containers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ImageFacts {
    pub(crate) id: String,
    pub(crate) exposed_tcp: Vec<u16>,
    pub(crate) user: String,
    pub(crate) stop_signal: Option<String>,
}

#[derive(Debug)]
pub(crate) struct Images(Docker);

impl Images {
    pub(crate) fn new(docker: Docker, _options: &Options) -> Self {
        Self(docker)
    }

    pub(crate) async fn ensure(
        &self,
        image: &Image,
        _policy: PullPolicy,
        _progress: &(dyn Fn(String) + Send + Sync),
    ) -> Result<ImageFacts, StartFailure> {
        let found = self.0.inspect_image(image.as_str()).await;
        let found = found.map_err(|error| StartFailure::refused("ImageNotFound", error.to_string()))?;
        let config = found.config.unwrap_or_default();
        let port = |text: &String| text.strip_suffix("/tcp")?.parse().ok();
        Ok(ImageFacts {
            id: found.id.unwrap_or_default(),
            exposed_tcp: config.exposed_ports.unwrap_or_default().iter().filter_map(port).collect(),
            user: config.user.unwrap_or_default(),
            stop_signal: config.stop_signal,
        })
    }
}
