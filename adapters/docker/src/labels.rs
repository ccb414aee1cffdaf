//! How containers and networks of ours are recognised. Nothing secret is ever in a label.

use std::collections::HashMap;

use hourglass_core::performer::{InstanceName, PerformerName, PerformerSpec};

use crate::options::ExecutorId;

/// Whose it is: the whole [`ExecutorId`]. What bears another value, or none, is somebody else's.
pub(crate) const EXECUTOR: &str = "hourglass.eigenlayer.io/executor";
pub(crate) const PERFORMER: &str = "hourglass.eigenlayer.io/performer";
pub(crate) const REVISION: &str = "hourglass.eigenlayer.io/revision";
pub(crate) const INSTANCE: &str = "hourglass.eigenlayer.io/instance";
pub(crate) const AVS: &str = "hourglass.eigenlayer.io/avs";
/// The port inside the container.
pub(crate) const PORT: &str = "hourglass.eigenlayer.io/port";
/// The image as it was asked for; the container itself names what that was resolved to.
pub(crate) const IMAGE: &str = "hourglass.eigenlayer.io/image";
pub(crate) const MANAGED_BY: &str = "hourglass.eigenlayer.io/managed-by";

const MANAGER: &str = "hourglass-executor";

/// What the names of this executor's containers and networks begin with.
fn prefix(owner: &ExecutorId) -> String {
    format!("hourglass-{}", owner.short())
}

/// The name of an instance's container.
pub(crate) fn container_name(owner: &ExecutorId, name: &InstanceName) -> String {
    format!("{}-{name}", prefix(owner))
}

/// The instance that a container's name stands for, if it is one of this executor's names.
pub(crate) fn named_instance(owner: &ExecutorId, container: &str) -> Option<InstanceName> {
    let container = container.trim_start_matches('/');
    container.strip_prefix(&prefix(owner))?.strip_prefix('-')?.parse().ok()
}

/// The one network of an executor on the host.
pub(crate) fn network_name(owner: &ExecutorId) -> String {
    prefix(owner)
}

/// A performer's own network, where the executor is a container itself.
pub(crate) fn performer_network_name(owner: &ExecutorId, performer: &PerformerName) -> String {
    format!("{}-{performer}", prefix(owner))
}

/// Of the container of an instance.
pub(crate) fn of_container(
    owner: &ExecutorId,
    name: &InstanceName,
    spec: &PerformerSpec,
    port: u16,
) -> HashMap<String, String> {
    let mut labels = of_network(owner, Some(&name.performer));
    labels.extend(
        [
            (REVISION, name.revision.to_string()),
            (INSTANCE, name.to_string()),
            (AVS, spec.avs.to_string()),
            (IMAGE, spec.image.to_string()),
            (PORT, port.to_string()),
        ]
        .map(|(key, value)| (key.to_owned(), value)),
    );
    labels
}

/// Of a network: of one performer, or of all of this executor's.
pub(crate) fn of_network(owner: &ExecutorId, performer: Option<&PerformerName>) -> HashMap<String, String> {
    let mut labels =
        HashMap::from([(EXECUTOR.to_owned(), owner.to_string()), (MANAGED_BY.to_owned(), MANAGER.to_owned())]);
    labels.extend(performer.map(|performer| (PERFORMER.to_owned(), performer.to_string())));
    labels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        let owner = ExecutorId::new([0xab; 16]);
        let name: InstanceName = "my-avs-0123456789-7".parse().unwrap();
        let container = container_name(&owner, &name);
        assert_eq!(container, "hourglass-abababab-my-avs-0123456789-7");
        assert_eq!(named_instance(&owner, &format!("/{container}")), Some(name.clone()));
        assert_eq!(named_instance(&ExecutorId::new([1; 16]), &container), None);
        for stranger in
            ["hourglass-abababab", "hourglass-abababab-web", "hourglass-ababababx-my-avs-0123456789-7", "web"]
        {
            assert_eq!(named_instance(&owner, stranger), None, "{stranger}");
        }
    }
}
