use std::io::{self, Read, Write};

use super::{Checked, Finding, Severity, Validator, check};

/// How a run of `validate` ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing is wrong.
    Valid,
    /// Something would be refused, or could not run.
    Problems,
    /// A file could not be read, or held nothing of ours.
    Unreadable,
}

impl Outcome {
    /// The process's exit code: 0, 1, 2.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Valid => 0,
            Self::Problems => 1,
            Self::Unreadable => 2,
        }
    }
}

/// `validate -f FILE…`: reads files, `-` being `stdin`, writes a line for each finding, and at last one that sums up.
///
/// # Errors
/// Only what writing to `out` gives; a file that cannot be read is said in `out`.
pub fn run(validator: &Validator, files: &[String], stdin: &mut dyn Read, out: &mut dyn Write) -> io::Result<Outcome> {
    let mut all = Checked::default();
    let mut unreadable = false;
    for file in files {
        let mut text = String::new();
        let (name, result) = if file == "-" {
            ("stdin", stdin.read_to_string(&mut text).map(|_| ()))
        } else {
            (file.as_str(), std::fs::read_to_string(file).map(|read| text = read))
        };
        if let Err(error) = result {
            writeln!(out, "{name}: this cannot be read: {error}")?;
            unreadable = true;
            continue;
        }
        let checked = check(validator, name, &text);
        checked.findings.iter().try_for_each(|finding| writeln!(out, "{finding}"))?;
        all.resources += checked.resources;
        all.others += checked.others;
        all.findings.extend(checked.findings);
    }
    let of = |wanted: Severity| all.findings.iter().filter(|finding: &&Finding| finding.severity == wanted).count();
    let problems = of(Severity::Refused) + of(Severity::Failed);
    let others = if all.others > 0 { format!(", {} of other kinds passed over", all.others) } else { String::new() };
    writeln!(
        out,
        "{} checked{others}: {}, {}",
        counted(all.resources, "resource"),
        counted(problems, "problem"),
        counted(of(Severity::Note), "note")
    )?;
    Ok(match (unreadable, problems) {
        (true, _) => Outcome::Unreadable,
        (false, 0) if all.resources == 0 => {
            writeln!(out, "no file holds a Performer or a HourglassExecutor")?;
            Outcome::Unreadable
        }
        (false, 0) => Outcome::Valid,
        _ => Outcome::Problems,
    })
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
