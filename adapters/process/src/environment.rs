//! The environment of a performer: what the specification gives it, and nothing of the executor's that it need not have.

use std::collections::BTreeMap;

use hourglass_core::performer::PerformerSpec;

use crate::state::InstanceDir;
use crate::tree::MARKER;

const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Everything that the performer gets: a clean base, the user's variables, and what is ours (`contract.md` §6).
pub(crate) fn complete(
    requested: BTreeMap<String, String>,
    executor: impl Fn(&str) -> Option<String>,
    spec: &PerformerSpec,
    dir: &InstanceDir,
    port: u16,
    owned_name: &str,
) -> Vec<(String, String)> {
    let text = |path: std::path::PathBuf| path.to_string_lossy().into_owned();
    let mut all = BTreeMap::from([
        ("PATH".into(), executor("PATH").unwrap_or_else(|| DEFAULT_PATH.into())),
        ("HOME".into(), text(dir.work())),
        ("TMPDIR".into(), text(dir.tmp())),
    ]);
    if let Some(language) = executor("LANG") {
        all.insert("LANG".into(), language);
    }
    all.extend(requested);
    all.insert("GRPC_PORT".into(), port.to_string());
    all.insert("AVS_ADDRESS".into(), spec.avs.to_string());
    all.insert(MARKER.into(), owned_name.into());
    all.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn executor(name: &str) -> Option<String> {
        [("PATH", "/p"), ("SECRET", "s")].into_iter().find(|(each, _)| *each == name).map(|(_, value)| value.into())
    }

    #[test]
    fn ours_wins_nothing_else_leaks() {
        let avs = "0x1111111111111111111111111111111111111111".parse().unwrap();
        let spec = PerformerSpec::new(avs, "/bin/true".parse().unwrap());
        let requested = [("A", "2"), ("HOME", "/h"), ("GRPC_PORT", "1")];
        let requested = requested.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let dir = InstanceDir::at("/state".into());
        let all = complete(requested, executor, &spec, &dir, 7, "o/n");
        let shown: Vec<String> = all.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(
            shown,
            [
                "A=2",
                "AVS_ADDRESS=0x1111111111111111111111111111111111111111",
                "GRPC_PORT=7",
                "HOME=/h",
                "HOURGLASS_INSTANCE=o/n",
                "PATH=/p",
                "TMPDIR=/state/tmp",
            ]
        );
    }
}
