use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use thiserror::Error;

/// Where a value was written.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// Nowhere: the documented default.
    Default,
    /// In the file.
    File {
        /// The name that the caller gave the file.
        name: Arc<str>,
        /// From 1.
        line: usize,
        /// From 1, in characters.
        column: usize,
    },
    /// In this environment variable.
    Variable(String),
    /// In this flag, by the path it sets.
    Flag(String),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { name, line, column } => write!(f, "{name}:{line}:{column}"),
            Self::Variable(name) => write!(f, "variable {name}"),
            Self::Flag(path) => write!(f, "flag {path}"),
        }
    }
}

/// One thing that must be changed before the configuration can be used. Never shows a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The key, as in `avs_config.supported_avs[0].address`; empty where the whole file is meant.
    pub path: String,
    /// Where the wrong value stands, or, for a missing one, what it is missing from.
    pub source: Source,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub remedy: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("error: ")?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)?;
        if self.source != Source::Default {
            write!(f, "\n  --> {}", self.source)?;
        }
        if !self.remedy.is_empty() {
            write!(f, "\n  = help: {}", self.remedy)?;
        }
        Ok(())
    }
}

/// Every problem of a configuration, in the order of the file; never empty as an error.
#[derive(Debug, Clone, PartialEq, Eq, Default, Error)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// The problems.
    pub fn as_slice(&self) -> &[Problem] {
        &self.0
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Stable reason.
    pub const fn reason(&self) -> &'static str {
        "InvalidConfiguration"
    }

    /// Whether trying the same again may help: it does not.
    pub const fn retryable(&self) -> bool {
        false
    }

    pub(crate) fn push(
        &mut self,
        path: impl Into<String>,
        source: &Source,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let (path, message, remedy) = (path.into(), message.into(), remedy.into());
        self.0.push(Problem { path, source: source.clone(), message, remedy });
    }

    /// Puts them in reading order and drops what is said twice.
    pub(crate) fn sorted(mut self) -> Self {
        self.0.sort_by(|a, b| a.source.cmp(&b.source));
        let mut seen = BTreeSet::new();
        self.0.retain(|p| seen.insert((p.path.clone(), p.source.clone(), p.message.clone())));
        self
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.0 {
            write!(f, "{problem}\n\n")?;
        }
        match self.len() {
            1 => f.write_str("error: the configuration has 1 problem"),
            n => write!(f, "error: the configuration has {n} problems"),
        }
    }
}

/// Something that works but that the user should know, said once at start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The key.
    pub path: String,
    /// Where it stands.
    pub source: Source,
    /// What to know.
    pub message: String,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "note: {}: {}\n  --> {}", self.path, self.message, self.source)
    }
}
