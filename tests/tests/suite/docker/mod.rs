//! The executor over containers of a real engine.
//!
//! [`ground`] is what every suite stands on: an engine, the sample performer as an image on it, a registry that has it too.

mod campaign;
mod composed;
mod contained;
mod daemon;
mod deploying;
mod disk;
mod dying;
mod gate;
mod host;
mod images;
mod inside;
mod limits;
mod noise;
mod own;
mod pools;
mod reach;
mod registry;
mod remote;
mod restarts;
mod upgrading;

use std::time::Duration;

use hourglass_grpc::proto::v1::DeployArtifactRequest;
use hourglass_tests::running::caller::{self, answered, submission};
use hourglass_tests::running::ground::{Ground, Published, ground as stand};
use hourglass_tests::running::site::{Avs, Site};

/// How long a container may take for anything on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn ground() -> &'static Ground {
    stand().unwrap()
}

/// The sample performer in a registry.
pub(crate) fn published() -> &'static Published {
    ground().published().unwrap()
}

/// A site on the shared engine.
pub(crate) fn site(avs: impl IntoIterator<Item = Avs>) -> Site {
    ground().site(avs).unwrap()
}

/// A request to deploy the sample performer by its digest, from the registry.
pub(crate) fn artifact(avs: &Avs, env: &[(&str, &str)]) -> DeployArtifactRequest {
    caller::image(avs, &published().repository, &published().digest, env)
}

/// What the AVS's performer makes of 3; verified like every answer.
pub(crate) async fn answer(site: &Site, avs: &Avs, label: &str) -> String {
    // A task's id is for ever its AVS's alone.
    let task = submission(site, avs, &format!("{label}, {}", avs.name), b"3").await.unwrap();
    String::from_utf8(answered(site, avs, &task).await.unwrap().output).unwrap()
}
