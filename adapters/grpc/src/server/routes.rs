use std::sync::Arc;

use hourglass_core::service::{PerformerManagement, TaskApi};
use tokio::sync::watch;
use tonic::server::NamedService;
use tonic::service::Routes;
use tonic_health::pb::health_server::HealthServer;

use crate::proto;
use crate::proto::admin::performer_upgrade_service_server::PerformerUpgradeServiceServer;
use crate::proto::v1::executor_management_service_server::ExecutorManagementServiceServer;
use crate::proto::v1::executor_service_server::ExecutorServiceServer;
use crate::server::elsewhere::ManagementElsewhere;
use crate::server::health::HealthAdapter;
use crate::server::management_service::ManagementAdapter;
use crate::server::task_service::TaskAdapter;
use crate::server::upgrade_service::UpgradeAdapter;
use crate::server::{ServerError, ServerOptions};

type TaskServer = ExecutorServiceServer<TaskAdapter>;
type UpgradeServer = PerformerUpgradeServiceServer<UpgradeAdapter>;
type ManagementServer = ExecutorManagementServiceServer<ManagementAdapter>;

const REFLECTION: &str = "grpc.reflection.v1.ServerReflection";
const REFLECTION_ALPHA: &str = "grpc.reflection.v1alpha.ServerReflection";

/// The services of one listener, with health and reflection of exactly those.
pub(crate) fn build(
    options: &ServerOptions,
    ready: watch::Receiver<bool>,
    tasks: Option<Arc<dyn TaskApi>>,
    management: Option<Arc<dyn PerformerManagement>>,
) -> Result<Routes, ServerError> {
    let limit = options.max_message_bytes;
    let mut routes = Routes::default();
    let mut services = Vec::new();
    if let Some(tasks) = tasks {
        routes = routes.add_service(TaskServer::new(TaskAdapter(tasks)).max_decoding_message_size(limit));
        services.push(TaskServer::NAME);
    }
    if let (None, Some(address)) = (&management, options.management_listen) {
        // It is no service of this listener, so neither health nor reflection know it.
        let server = ExecutorManagementServiceServer::new(ManagementElsewhere { address });
        routes = routes.add_service(server.max_decoding_message_size(limit));
    }
    if let Some(management) = management {
        let upgrades = UpgradeAdapter(Arc::clone(&management));
        let server = ManagementServer::new(ManagementAdapter(management)).max_decoding_message_size(limit);
        routes = routes.add_service(server);
        services.push(ManagementServer::NAME);
        routes = routes.add_service(UpgradeServer::new(upgrades).max_decoding_message_size(limit));
        services.push(UpgradeServer::NAME);
    }
    let health = HealthAdapter { ready, services: services.clone() };
    // A service name is short; these two are open to everybody.
    routes = routes.add_service(HealthServer::new(health).max_decoding_message_size(4096));
    services.push(<HealthServer<HealthAdapter> as NamedService>::NAME);
    if options.reflection {
        services.extend([REFLECTION, REFLECTION_ALPHA]);
        let describe = || {
            services.iter().fold(
                tonic_reflection::server::Builder::configure()
                    .register_encoded_file_descriptor_set(proto::FILE_DESCRIPTOR_SET)
                    .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
                    .register_encoded_file_descriptor_set(tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET)
                    .register_encoded_file_descriptor_set(tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET)
                    .include_reflection_service(false),
                |builder, name| builder.with_service_name(*name),
            )
        };
        let v1 = describe().build_v1().map_err(ServerError::Reflection)?;
        let v1alpha = describe().build_v1alpha().map_err(ServerError::Reflection)?;
        routes =
            routes.add_service(v1.max_decoding_message_size(4096)).add_service(v1alpha.max_decoding_message_size(4096));
    }
    Ok(routes.prepare())
}
