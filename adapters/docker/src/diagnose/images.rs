//! Images and devices of the performers.

use std::collections::BTreeMap;

use bollard::models::SystemInfo;
use futures_util::stream::{self, StreamExt as _};
use hourglass_core::hardware::HardwareRequirements;
use hourglass_core::performer::{PerformerName, PerformerSpec, PullPolicy};

use super::Finding;
use crate::devices::{self, EngineFacts};
use crate::engine::Engine;
use crate::failure::StartFailure;
use crate::images::{Images, Reference};
use crate::options::Options;

/// Questions to registries at once.
const AT_ONCE: usize = 4;

/// Whether each image is there, or could be had, as its policy wants it.
pub(super) async fn images(
    options: &Options,
    engine: &Engine,
    performers: &[(PerformerName, PerformerSpec)],
) -> Vec<Finding> {
    let images = Images::new(engine.docker().clone(), options);
    let mut wanted: BTreeMap<(&str, &'static str), PullPolicy> = BTreeMap::new();
    for (_, spec) in performers {
        let rank = match spec.pull_policy {
            PullPolicy::Always => "a",
            PullPolicy::IfNotPresent => "i",
            PullPolicy::Never => "n",
        };
        wanted.insert((spec.image.as_str(), rank), spec.pull_policy);
    }
    let asked = wanted.into_iter().map(|((image, _), policy)| image_finding(&images, image, policy));
    stream::iter(asked).buffered(AT_ONCE).collect().await
}

async fn image_finding(images: &Images, image: &str, policy: PullPolicy) -> Finding {
    let check = format!("image {image}");
    let reference = match Reference::parse(image) {
        Ok(reference) => reference,
        Err(error) => return Finding::bad(check, error.to_string(), "correct the image of the AVS"),
    };
    let local = match images.local(&reference).await {
        Ok(local) => local.is_some(),
        Err(failure) => return of(check, &failure),
    };
    match (policy, local) {
        (PullPolicy::Never | PullPolicy::IfNotPresent, true) => Finding::good(check, "is on this host"),
        (PullPolicy::Never, false) => {
            Finding::bad(check, "is not on this host and must not be pulled", "load it, or change its pull policy")
        }
        (PullPolicy::Always | PullPolicy::IfNotPresent, _) => match images.resolvable(&reference).await {
            Ok(()) if local => Finding::good(check, "is on this host, and its registry has it"),
            Ok(()) => Finding::good(check, "is not on this host yet, and its registry has it"),
            Err(failure) => of(check, &failure),
        },
    }
}

/// What hardware the performers ask for and this host does not have.
pub(super) fn devices(
    options: &Options,
    info: &SystemInfo,
    performers: &[(PerformerName, PerformerSpec)],
) -> Vec<Finding> {
    let runtimes = info.runtimes.iter().flatten().map(|(name, _)| name.clone()).collect();
    let facts = EngineFacts { runtimes };
    let asks = |spec: &PerformerSpec| {
        let mut resources = spec.resources.requests.keys().chain(spec.resources.limits.keys());
        spec.hardware != HardwareRequirements::default() || resources.any(|name| name.contains('/'))
    };
    let needy = performers.iter().filter(|(_, spec)| asks(spec));
    let found = needy.map(|(name, spec)| {
        let check = format!("devices of {name}");
        match devices::check(&spec.hardware, &spec.resources, options, &facts) {
            Ok(_) => Finding::good(check, "this host has them"),
            Err(failure) => of(check, &failure),
        }
    });
    found.collect()
}

/// The message has what to change behind its last semicolon, or its last colon.
fn of(check: String, failure: &StartFailure) -> Finding {
    let split = failure.message.rsplit_once("; ").or_else(|| failure.message.rsplit_once(": "));
    let (message, remedy) = split.unwrap_or((&failure.message, ""));
    Finding::bad(check, format!("{message} ({})", failure.reason), remedy)
}
