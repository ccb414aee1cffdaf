//! Whether this host keeps its clock in time.

use std::process::Stdio;
use std::time::Duration;

use hourglass_docker::Finding;
use tokio::process::Command;

/// How long the question may take.
const LIMIT: Duration = Duration::from_secs(3);

/// What the kernel says of its synchronisation, through systemd; nothing where that cannot be asked, as in a container:
/// there the engine's clock is what there is to compare with.
pub(super) async fn clock() -> Option<Finding> {
    let mut command = Command::new("timedatectl");
    command.args(["show", "--property=NTPSynchronized", "--value"]);
    command.stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(LIMIT, command.output()).await.ok()?.ok()?;
    judge(String::from_utf8_lossy(&output.stdout).trim())
}

fn judge(answer: &str) -> Option<Finding> {
    match answer {
        "yes" => Some(Finding::good("clock", "synchronised")),
        "no" => {
            let remedy = "run chrony or systemd-timesyncd: signatures carry times, and aggregators compare them";
            Some(Finding::doubtful("clock", "the kernel says that it is not synchronised", remedy))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use hourglass_docker::Outcome;

    use super::*;

    #[test]
    fn answers() {
        assert_eq!(judge("yes").map(|finding| finding.outcome), Some(Outcome::Good));
        assert_eq!(judge("no").map(|finding| finding.outcome), Some(Outcome::Doubtful));
        assert_eq!(judge(""), None);
    }
}
