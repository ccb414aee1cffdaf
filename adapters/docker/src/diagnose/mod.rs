//! Whether containers could be run here: what `doctor` asks before anything is started.
//!
//! Nothing is changed, neither in the engine nor on the host.

mod disk;
mod engine;
mod finding;
mod images;

use std::time::SystemTime;

use hourglass_core::performer::{PerformerName, PerformerSpec};

use crate::engine::Engine;
use crate::options::Options;

pub use finding::{Finding, Outcome};

/// Looks at everything that Docker mode needs: the engine, its limits, its disk and clock, and for each performer its
/// image and its devices.
///
/// Takes a few calls of the engine, and for images that are not there a question to their registry, with the
/// credentials that a pull would have. Each has its limit in time.
pub async fn diagnose(options: &Options, performers: &[(PerformerName, PerformerSpec)]) -> Vec<Finding> {
    let engine = match Engine::new(options) {
        Ok(engine) => engine,
        Err(error) => {
            let remedy = "correct docker.host and docker.tls";
            return vec![Finding::bad("engine", error.to_string(), remedy)];
        }
    };
    let version = match engine.version().await {
        Ok((version, api)) => Finding::good("engine", format!("{version}, API {api}, at {}", engine.transport())),
        Err(error) => {
            let remedy = match options.tls {
                None => {
                    "start the engine (Docker 20.10 or later), or correct docker.host or DOCKER_HOST; the executor's user \
                     needs access to its socket"
                }
                Some(_) => {
                    "start the engine (Docker 20.10 or later), or correct docker.host and docker.tls, or DOCKER_HOST and \
                     DOCKER_CERT_PATH"
                }
            };
            return vec![Finding::bad("engine", error.to_string(), remedy)];
        }
    };
    let mut found = vec![version];
    let before = SystemTime::now();
    match engine.call(engine.docker().info()).await {
        Err(error) => {
            found.push(Finding::bad("engine", error.to_string(), "look at the engine's own log"));
            return found;
        }
        Ok(info) => {
            found.extend(engine::limits(&info));
            found.extend(engine::setup(&info));
            found.extend(engine::clock(&info, before, SystemTime::now()));
            found.extend(disk::free(options, &info));
            found.extend(images::devices(options, &info, performers));
        }
    }
    found.extend(network(options, &engine).await);
    found.extend(images::images(options, &engine, performers).await);
    found
}

/// The network that the configuration names must be there.
async fn network(options: &Options, engine: &Engine) -> Option<Finding> {
    let name = options.network.as_deref()?;
    let asked = engine
        .call(engine.docker().inspect_network(name, None::<bollard::query_parameters::InspectNetworkOptions>))
        .await;
    Some(match asked {
        Ok(_) => Finding::good("network", format!("{name} is there")),
        Err(error) => Finding::bad(
            "network",
            format!("{name}: {error}"),
            "create it, or leave docker.network out for one of ours",
        ),
    })
}
