//! What performers need, in each mode.

use hourglass_core::config::{Config, DeploymentMode, PerformerRuntime};
use hourglass_docker::Finding;

use crate::compose::{docker_options, performer_specs};

pub(super) async fn performers(config: &Config) -> Vec<Finding> {
    let specs = performer_specs(config);
    match (config.deployment_mode, config.development.performers) {
        (DeploymentMode::Docker, PerformerRuntime::Docker) => {
            hourglass_docker::diagnose(&docker_options(config), &specs).await
        }
        (DeploymentMode::Docker, PerformerRuntime::Process) => {
            let finding = |(name, spec): &(_, _)| {
                let check = format!("performer {name}");
                match hourglass_process::executable(spec) {
                    Ok(path) => Finding::good(check, format!("{} can be run", path.display())),
                    Err(error) => Finding::bad(check, error.to_string(), "correct the image of the AVS"),
                }
            };
            specs.iter().map(finding).collect()
        }
        (DeploymentMode::Kubernetes, _) => {
            let message = "this release does not create Performer resources yet";
            vec![Finding::bad("deployment mode", message, "set deployment_mode to docker")]
        }
    }
}
