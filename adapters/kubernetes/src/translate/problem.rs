use std::fmt;

/// What is wrong with a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Which field, as in `spec.config.environmentFrom[0].name`.
    pub path: String,
    /// What is wrong with it.
    pub message: String,
    /// What to write instead.
    pub remedy: String,
    /// Stable, in CamelCase: the reason of conditions and events.
    pub reason: &'static str,
}

/// The reason of what no other reason tells better.
pub(crate) const INVALID: &str = "InvalidSpec";

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.path, self.message, self.remedy)
    }
}

/// Everything that was found.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) problems: Vec<Problem>,
    pub(super) notes: Vec<Problem>,
}

impl Report {
    pub(super) fn problem(&mut self, path: impl Into<String>, message: impl Into<String>, remedy: impl Into<String>) {
        self.problems.push(Problem {
            path: path.into(),
            message: message.into(),
            remedy: remedy.into(),
            reason: INVALID,
        });
    }

    /// What is allowed and most likely not what was meant.
    pub(super) fn note(&mut self, path: impl Into<String>, message: impl Into<String>, remedy: impl Into<String>) {
        let (path, message, remedy) = (path.into(), message.into(), remedy.into());
        self.notes.push(Problem { path, message, remedy, reason: INVALID });
    }
}
