use serde::Serialize;

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at, in a word or two.
    pub check: String,
    /// How it is.
    pub outcome: Outcome,
    /// What was found.
    pub message: String,
    /// What to change, where something should be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// As it must be.
    Good,
    /// It works, but not as well as it should, or it could not be looked at.
    Doubtful,
    /// The executor, or one of its performers, would not work.
    Bad,
}

impl Finding {
    /// As it must be.
    pub fn good(check: impl Into<String>, message: impl Into<String>) -> Self {
        Self { check: check.into(), outcome: Outcome::Good, message: message.into(), remedy: None }
    }

    /// It works, but.
    pub fn doubtful(check: impl Into<String>, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        let (check, message) = (check.into(), message.into());
        Self { check, outcome: Outcome::Doubtful, message, remedy: Some(remedy.into()) }
    }

    /// It would not work.
    pub fn bad(check: impl Into<String>, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { outcome: Outcome::Bad, ..Self::doubtful(check, message, remedy) }
    }
}
