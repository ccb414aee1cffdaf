use std::process::Command;

use hourglass_environment::packages::{self, Component};
use hourglass_tests::repository;

/// The exposure that docs/docker-deployment.md tells of; lower is better.
const UNITS: [(&str, f64); 2] = [("hourglass-executor.service", 1.6), ("hourglass-socket-proxy.service", 0.4)];

fn text(name: &str) -> String {
    std::fs::read_to_string(repository::root().join("deploy/systemd").join(name)).unwrap()
}

fn setting<'a>(unit: &'a str, name: &str) -> Vec<&'a str> {
    unit.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('=')).collect()
}

#[test]
fn systemd_takes_the_services_and_judges_them_as_documented() {
    packages::ensure(&[Component::Systemd]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    // `verify` asks whether the program is there: any that is.
    let program = std::env::current_exe().unwrap();
    for (name, exposure) in UNITS {
        let unit = text(name).replace("/usr/bin/hourglass-executor", program.to_str().unwrap());
        let file = folder.path().join(name);
        std::fs::write(&file, unit).unwrap();
        let analyze = |arguments: &[&str]| Command::new("systemd-analyze").args(arguments).arg(&file).output().unwrap();
        let verified = analyze(&["verify", "--man=no", "--recursive-errors=no"]);
        let said = String::from_utf8_lossy(&verified.stderr);
        assert!(verified.status.success() && !said.contains(name), "{name}: {said}");
        // In tenths; it fails where the service is more exposed.
        let threshold = format!("--threshold={}", (exposure * 10.0).round());
        let judged = analyze(&["security", "--offline=true", "--no-pager", &threshold]);
        assert!(judged.status.success(), "{name}: {}", String::from_utf8_lossy(&judged.stdout));
        let shown = format!("exposure level for {name}: {exposure:.1} ");
        let judgement = String::from_utf8_lossy(&judged.stdout).into_owned();
        assert!(judgement.contains(&shown), "{name}: not {exposure}: {judgement}");
    }
}

#[test]
fn the_executor_restarts_drains_and_keeps_its_keys() {
    let unit = text("hourglass-executor.service");
    for (name, value) in [
        ("Restart", "always"),
        ("RestartPreventExitStatus", "2"),
        ("User", "hourglass"),
        ("SupplementaryGroups", "docker"),
        ("StateDirectory", "hourglass"),
        ("LoadCredential", "keys:/etc/hourglass/keys"),
        ("ProtectSystem", "strict"),
        ("NoNewPrivileges", "true"),
        ("MemoryDenyWriteExecute", "true"),
        ("CapabilityBoundingSet", ""),
    ] {
        assert_eq!(setting(&unit, name), [value], "{name}");
    }
    let seconds: u64 = setting(&unit, "TimeoutStopSec")[0].strip_suffix('s').unwrap().parse().unwrap();
    assert!(seconds >= 5 + 30 + 15, "{seconds}");
}

#[test]
fn only_the_gate_is_in_the_sockets_group_and_it_has_no_network() {
    let unit = text("hourglass-socket-proxy.service");
    assert_eq!(setting(&unit, "SupplementaryGroups"), ["docker"]);
    assert_eq!(setting(&unit, "PrivateNetwork"), ["true"]);
    assert_eq!(setting(&unit, "User"), ["hourglass-proxy"]);
    // The users of both exist before they start.
    let users = text("hourglass.sysusers");
    for user in ["u hourglass ", "u hourglass-proxy "] {
        assert!(users.lines().any(|line| line.starts_with(user)), "{user}");
    }
}
