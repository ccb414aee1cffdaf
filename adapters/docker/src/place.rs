//! Where the executor itself runs: on the engine's host, or in one of the engine's containers.

use std::path::Path;

use bollard::models::NetworkSettings;
use bollard::query_parameters::InspectContainerOptions;

use crate::engine::{Engine, EngineError};

/// What the names of performers' networks begin with.
const NETWORKS: &str = "hourglass-";
/// The value of `docker.executor_container` that says: in none.
pub(crate) const NONE: &str = "none";

/// Where the executor runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// On the host: it dials ports that are published on the loopback interface.
    Host,
    /// In the container of this id: it dials performers by name, in networks that it joins.
    Container(String),
}

/// Asks the engine which of the likely containers it has. One that it does not have belongs to another engine, and then
/// this engine's host is this machine, as far as the executor can see.
///
/// # Errors
/// No answer, or [`EngineError::Said`] with status 404 where the configuration names a container that is not there.
pub(crate) async fn find(engine: &Engine, configured: Option<&str>) -> Result<Place, EngineError> {
    let candidates = match configured {
        Some(NONE) => return Ok(Place::Host),
        Some(name) => vec![name.to_owned()],
        None => tokio::task::spawn_blocking(|| likely(Path::new("/"))).await.unwrap_or_default(),
    };
    for candidate in candidates {
        let inspect = engine.docker().inspect_container(&candidate, None::<InspectContainerOptions>);
        match engine.call(inspect).await {
            Ok(found) => {
                if let Some(network) = found.network_settings.as_ref().and_then(unsettled) {
                    tracing::warn!(
                        network,
                        "on engines before 28, the published ports of this container move, and their connections break, \
                         whenever it joins the network of a performer: give it a network whose name comes before 'hourglass-'"
                    );
                }
                return Ok(found.id.map_or(Place::Host, Place::Container));
            }
            Err(error) if error.is_missing() && configured.is_none() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Place::Host)
}

/// The network through which a container's ports are published, where one of a performer's would take its place: the
/// engine takes the first by name.
fn unsettled(settings: &NetworkSettings) -> Option<String> {
    let published = settings.ports.iter().flatten().any(|(_, bindings)| bindings.iter().flatten().next().is_some());
    let own = settings.networks.iter().flatten().map(|(name, _)| name).filter(|name| !name.starts_with(NETWORKS));
    own.min().filter(|name| published && name.as_str() > NETWORKS).cloned()
}

/// Ids that this process may have as a container, the surest first; none where nothing hints at a container.
fn likely(root: &Path) -> Vec<String> {
    let read = |path: &str| std::fs::read_to_string(root.join(path)).unwrap_or_default();
    let hints = root.join(".dockerenv").exists() || root.join("run/.containerenv").exists();
    let mut found: Vec<String> = Vec::new();
    // `/etc/hostname` and others are mounted from the container's directory; the cgroup is named so where it is not hidden.
    let mounts = read("proc/self/mountinfo");
    let mounted = mounts.lines().filter(|line| line.contains("/containers/")).flat_map(ids);
    let cgroup = read("proc/self/cgroup");
    found.extend(mounted.chain(cgroup.lines().flat_map(ids)));
    let hostname = read("etc/hostname").trim().to_owned();
    if hints && !hostname.is_empty() {
        found.push(hostname);
    }
    let mut seen = std::collections::BTreeSet::new();
    found.retain(|id| seen.insert(id.clone()));
    found.truncate(4);
    found
}

/// What looks like the id of a container in a path.
fn ids(line: &str) -> impl Iterator<Item = String> {
    let hex = |part: &&str| part.len() == 64 && part.bytes().all(|b| b.is_ascii_hexdigit());
    line.split(['/', '-', '.', ':', ' ']).filter(hex).map(str::to_owned).collect::<Vec<_>>().into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_network_by_name_has_the_ports() {
        let of = |networks: &[&str], ports: &str| {
            let networks: serde_json::Map<_, _> =
                networks.iter().map(|name| ((*name).into(), serde_json::json!({}))).collect();
            let ports: serde_json::Value = serde_json::from_str(ports).unwrap();
            unsettled(&serde_json::from_value(serde_json::json!({ "Networks": networks, "Ports": ports })).unwrap())
        };
        let published = r#"{"9095/tcp":[{"HostIp":"0.0.0.0","HostPort":"9095"}]}"#;
        assert_eq!(of(&["hourglass_default"], published).as_deref(), Some("hourglass_default"));
        assert_eq!(of(&["hourglass-0a0b0c0d-x", "web"], published).as_deref(), Some("web"));
        assert_eq!(of(&["executor", "web"], published), None);
        assert_eq!(of(&["bridge"], published), None);
        for none in [r#"{"9095/tcp":null}"#, r#"{"9095/tcp":[]}"#, "{}"] {
            assert_eq!(of(&["hourglass_default"], none), None, "{none}");
        }
    }

    #[test]
    fn hints() {
        let id = "0123456789abcdef".repeat(4);
        let with = |files: &[(&str, &str)]| {
            let root = tempfile::tempdir().unwrap();
            for (path, text) in files {
                let path = root.path().join(path);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, text).unwrap();
            }
            likely(root.path())
        };
        let none: [String; 0] = [];
        assert_eq!(with(&[("etc/hostname", "myhost\n")]), none, "a plain host");
        assert_eq!(with(&[("etc/hostname", "c1\n"), (".dockerenv", "")]), ["c1"]);
        let mountinfo = format!("1 2 8:1 /var/lib/docker/containers/{id}/hostname /etc/hostname rw - ext4 x rw\n");
        let files = [("proc/self/mountinfo", mountinfo.as_str()), ("etc/hostname", "c1"), (".dockerenv", "")];
        assert_eq!(with(&files), [id.as_str(), "c1"]);
        for cgroup in [format!("1:cpu:/docker/{id}\n"), format!("0::/system.slice/docker-{id}.scope\n")] {
            assert_eq!(with(&[("proc/self/cgroup", &cgroup)]), [id.as_str()], "{cgroup}");
        }
    }
}
