//! `performers list | deploy | promote | abort | remove`.

use hourglass_grpc::api::ExecutorApi;
use hourglass_grpc::proto::v1::{DeployArtifactRequest, Performer, PerformerEnv};
use serde::Serialize;

use crate::cli::{PerformersArgs, PerformersCommand};
use crate::commands::reach::{Listener, options};
use crate::keyring::Keyring;
use crate::{configuration, output};

pub(crate) async fn run(args: &PerformersArgs) -> anyhow::Result<()> {
    // Without a configuration there is no key: then only an executor without authentication can be managed.
    let configured = args.config.config.is_some() || !args.config.set.is_empty();
    let config = if configured { Some(configuration::load(&args.config)?.config) } else { None };
    let api = ExecutorApi::connect(options(&args.endpoint, config.as_ref(), Listener::Management)?).await?;
    let authenticated = !args.no_auth && config.as_ref().is_none_or(|config| config.authentication.enabled);
    let proof = match &config {
        Some(config) if authenticated => Some(Keyring::read(config)?.prove(&api).await?),
        None if authenticated => anyhow::bail!(
            "management calls are signed with the operator's key: name the executor's configuration with --config, \
             or give --no-auth for an executor without authentication"
        ),
        _ => None,
    };
    match &args.command {
        PerformersCommand::List { avs } => {
            let performers = api.list(avs.as_deref().unwrap_or_default(), proof).await?;
            let rows: Vec<Row> = performers.into_iter().map(Row::from).collect();
            let heading = ["ID", "AVS", "STATUS", "HEALTHY", "ARTIFACT", "INSTANCE", "CHECKED"];
            output::rows(args.output.output, &heading, &rows, Row::cells)
        }
        PerformersCommand::Deploy { avs, registry, digest, env, env_from } => {
            let literal = |(name, value): &(String, String)| PerformerEnv {
                name: name.clone(),
                value: value.clone(),
                ..PerformerEnv::default()
            };
            let inherited = |(name, variable): &(String, String)| PerformerEnv {
                name: name.clone(),
                value_from_env: variable.clone(),
                ..PerformerEnv::default()
            };
            let request = DeployArtifactRequest {
                avs_address: avs.clone(),
                digest: digest.clone(),
                registry_url: registry.clone(),
                env: env.iter().map(literal).chain(env_from.iter().map(inherited)).collect(),
                ..DeployArtifactRequest::default()
            };
            let deployed = api.deploy(request, proof).await?;
            println!("{}: {}", deployed.deployment_id, deployed.message);
            Ok(())
        }
        PerformersCommand::Promote { performer_id } => {
            println!("{}", api.promote(performer_id, proof).await?);
            Ok(())
        }
        PerformersCommand::Abort { performer_id } => {
            println!("{}", api.abort(performer_id, proof).await?);
            Ok(())
        }
        PerformersCommand::Remove { performer_id } => {
            println!("{}", api.remove(performer_id, proof).await?);
            Ok(())
        }
    }
}

#[derive(Serialize)]
struct Row {
    performer_id: String,
    avs_address: String,
    status: String,
    artifact_registry: String,
    artifact_tag: String,
    artifact_digest: String,
    resource_healthy: bool,
    application_healthy: bool,
    last_health_check: String,
    container_id: String,
}

impl From<Performer> for Row {
    fn from(performer: Performer) -> Self {
        Self {
            performer_id: performer.performer_id,
            avs_address: performer.avs_address,
            status: performer.status,
            artifact_registry: performer.artifact_registry,
            artifact_tag: performer.artifact_tag,
            artifact_digest: performer.artifact_digest,
            resource_healthy: performer.resource_healthy,
            application_healthy: performer.application_healthy,
            last_health_check: performer.last_health_check,
            container_id: performer.container_id,
        }
    }
}

impl Row {
    fn cells(&self) -> Vec<String> {
        let part = |mark: &str, text: &str| if text.is_empty() { String::new() } else { format!("{mark}{text}") };
        let artifact = [&self.artifact_registry, &part(":", &self.artifact_tag), &part("@", &self.artifact_digest)];
        vec![
            self.performer_id.clone(),
            self.avs_address.clone(),
            self.status.clone(),
            if self.resource_healthy && self.application_healthy { "yes" } else { "no" }.to_owned(),
            artifact.map(String::as_str).concat(),
            self.container_id.clone(),
            self.last_health_check.clone(),
        ]
    }
}
