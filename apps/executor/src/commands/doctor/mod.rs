//! `doctor`: every precondition of the mode, each with what was found and what to change.

mod aggregator;
mod certificates;
mod clock;
mod host;
mod keys;
mod performers;

use hourglass_docker::{Finding, Outcome};
use serde::Serialize;

use crate::cli::{DoctorArgs, Output};
use crate::configuration::{self, Invalid};

/// What there is to say.
#[derive(Serialize)]
struct Report {
    /// Whether nothing is bad.
    ready: bool,
    findings: Vec<Finding>,
}

/// Looks at everything and changes nothing.
///
/// # Errors
/// Where something is bad, after the report is printed.
pub(crate) async fn doctor(args: &DoctorArgs) -> anyhow::Result<()> {
    let findings = examine(args).await;
    let bad = findings.iter().filter(|finding| finding.outcome == Outcome::Bad).count();
    let report = Report { ready: bad == 0, findings };
    match args.output.output {
        Output::Json => println!("{}", serde_json::to_string_pretty(&report)?),
        Output::Table => print!("{}", text(&report.findings)),
    }
    anyhow::ensure!(report.ready, "{bad} of {} checks found something bad", report.findings.len());
    Ok(())
}

async fn examine(args: &DoctorArgs) -> Vec<Finding> {
    let loaded = match configuration::load(&args.config) {
        Ok(loaded) => loaded,
        Err(error) => return unusable(&error),
    };
    let config = loaded.config;
    let mut found = vec![Finding::good("configuration", format!("valid: {} AVS", config.avs.len()))];
    found.extend(loaded.notes.iter().map(|note| {
        Finding::doubtful("configuration", format!("{}: {}", note.path, note.message), format!("see {}", note.source))
    }));
    // Keystores take their time to unlock, and locks block.
    let (theirs, in_use) = (config.clone(), host::storage(&config.storage.path));
    let unlocked = tokio::task::spawn_blocking(move || keys::keys(&theirs));
    let (aggregator, clock, performers) =
        tokio::join!(aggregator::aggregator(&config.aggregator), clock::clock(), performers::performers(&config));
    found.extend(unlocked.await.unwrap_or_else(|_| vec![Finding::bad("keys", "could not be looked at", "report it")]));
    found.extend(in_use.findings);
    found.extend(host::ports(&config, in_use.running));
    found.extend(certificates::server(&config));
    found.extend(clock);
    found.extend(aggregator);
    found.extend(performers);
    found
}

/// Without a configuration there is nothing else to look at.
fn unusable(error: &anyhow::Error) -> Vec<Finding> {
    match error.downcast_ref::<Invalid>() {
        None => vec![Finding::bad("configuration", format!("{error:#}"), "give a file that can be read with --config")],
        Some(Invalid(problems)) => {
            let finding = |problem: &hourglass_core::config::Problem| {
                let place = if problem.path.is_empty() { String::new() } else { format!("{}: ", problem.path) };
                let message = format!("{place}{} ({})", problem.message, problem.source);
                Finding::bad("configuration", message, problem.remedy.clone())
            };
            problems.as_slice().iter().map(finding).collect()
        }
    }
}

/// One line for each finding, and one below it for what to change.
fn text(findings: &[Finding]) -> String {
    let width = findings.iter().map(|finding| finding.check.chars().count()).filter(|width| *width <= 24).max();
    let width = width.unwrap_or(0);
    let line = |finding: &Finding| {
        let sign = match finding.outcome {
            Outcome::Good => '✓',
            Outcome::Doubtful => '!',
            Outcome::Bad => '✗',
        };
        let remedy = finding.remedy.as_deref().filter(|remedy| !remedy.is_empty());
        let remedy = remedy.map_or_else(String::new, |remedy| format!("    → {remedy}\n"));
        format!("{sign} {:width$}  {}\n{remedy}", finding.check, finding.message)
    };
    findings.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let findings = [
            Finding::good("engine", "20.10"),
            Finding::doubtful("live-restore", "off", "turn it on"),
            Finding::bad("image x", "missing", ""),
        ];
        let shown = text(&findings);
        assert_eq!(shown, "✓ engine        20.10\n! live-restore  off\n    → turn it on\n✗ image x       missing\n");
    }
}
