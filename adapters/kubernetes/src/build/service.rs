use hourglass_core::Address;
use hourglass_core::performer::Revision;
use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{Owner, Site, labels, owner_reference, routed_by};
use crate::names;

/// The name of the port, on Services and on pods, and of the protocol spoken there.
pub const PORT_NAME: &str = "grpc";

/// The Service of a performer, which routes to the serving pods of one revision; to be applied whole.
///
/// Its port leads to the port of that name on each pod, so that pods of a revision with another port are reached all
/// the same.
pub fn service(site: &Site<'_>, avs: &Address, revision: &Revision, port: u16) -> Service {
    let port = ServicePort {
        name: Some(PORT_NAME.into()),
        app_protocol: Some(PORT_NAME.into()),
        port: port.into(),
        target_port: Some(IntOrString::String(PORT_NAME.into())),
        protocol: Some("TCP".into()),
        ..ServicePort::default()
    };
    Service {
        metadata: ObjectMeta {
            name: Some(names::service(site.performer)),
            namespace: Some(site.namespace.into()),
            labels: Some(labels::common(site.performer, avs)),
            owner_references: Some(vec![owner_reference(Owner::Performer { name: site.performer, uid: site.uid })]),
            ..ObjectMeta::default()
        },
        spec: Some(ServiceSpec {
            type_: Some("ClusterIP".into()),
            cluster_ip: site.headless.then(|| "None".into()),
            ports: Some(vec![port]),
            selector: Some(routed_by(site.performer, revision)),
            ..ServiceSpec::default()
        }),
        status: None,
    }
}
