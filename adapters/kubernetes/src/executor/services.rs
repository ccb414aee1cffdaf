//! How replicas are reached: by anybody at one address, and each by a name of its own.

use hourglass_core::config::Config;
use k8s_openapi::api::core::v1::{ContainerPort, Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::site::{Site, headless_service_name};
use crate::build::PORT_NAME;

/// What probes ask at.
pub(super) const HEALTH: &str = "health";

/// A port of a replica.
struct Port {
    name: &'static str,
    number: u16,
    /// What is spoken on it.
    protocol: &'static str,
}

/// What can be reached from outside of a replica, as it is configured.
fn ports(config: &Config) -> Vec<Port> {
    let mut ports = vec![Port { name: PORT_NAME, number: config.server.listen.port(), protocol: "grpc" }];
    if let Some(listen) = config.management.listen.filter(|at| config.management.enabled && !at.ip().is_loopback()) {
        ports.push(Port { name: "management", number: listen.port(), protocol: "grpc" });
    }
    if config.metrics.enabled && !config.metrics.listen.ip().is_loopback() {
        ports.push(Port { name: "metrics", number: config.metrics.listen.port(), protocol: "http" });
    }
    if config.health.enabled && !config.health.listen.ip().is_loopback() {
        ports.push(Port { name: HEALTH, number: config.health.listen.port(), protocol: "http" });
    }
    ports
}

/// Whether probes can ask.
pub(super) fn tells_health(config: &Config) -> bool {
    ports(config).iter().any(|port| port.name == HEALTH)
}

pub(super) fn container_ports(config: &Config) -> Vec<ContainerPort> {
    let port = |port: Port| ContainerPort {
        name: Some(port.name.into()),
        container_port: port.number.into(),
        protocol: Some("TCP".into()),
        ..ContainerPort::default()
    };
    ports(config).into_iter().map(port).collect()
}

/// For aggregators, management clients and Prometheus. Health is asked by the kubelet, of each replica by itself.
pub(super) fn service(site: &Site<'_>, config: &Config) -> Service {
    made(site, site.name.to_owned(), config, ServiceSpec { type_: Some("ClusterIP".into()), ..ServiceSpec::default() })
}

/// Replicas have their names from the beginning, ready or not.
pub(super) fn headless(site: &Site<'_>, config: &Config) -> Service {
    let spec = ServiceSpec {
        type_: Some("ClusterIP".into()),
        cluster_ip: Some("None".into()),
        publish_not_ready_addresses: Some(true),
        ..ServiceSpec::default()
    };
    made(site, headless_service_name(site.name), config, spec)
}

fn made(site: &Site<'_>, name: String, config: &Config, spec: ServiceSpec) -> Service {
    let port = |port: Port| ServicePort {
        name: Some(port.name.into()),
        app_protocol: Some(port.protocol.into()),
        port: port.number.into(),
        target_port: Some(IntOrString::String(port.name.into())),
        protocol: Some("TCP".into()),
        ..ServicePort::default()
    };
    let ports = ports(config).into_iter().filter(|port| port.name != HEALTH).map(port).collect();
    Service {
        metadata: site.metadata(name),
        spec: Some(ServiceSpec { ports: Some(ports), selector: Some(site.selecting()), ..spec }),
        status: None,
    }
}
