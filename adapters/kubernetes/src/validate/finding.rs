use std::fmt;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The API server refuses the object.
    Refused,
    /// The API server accepts it, and the operator cannot run it.
    Failed,
    /// It is allowed, and most likely not what was meant.
    Note,
}

/// Something about a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The file, as it was named.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// From 1.
    pub column: usize,
    /// Which object, as `Performer/my-avs`; empty where it is about the file.
    pub object: String,
    /// Which field, as `spec.config.environmentFrom[0].name`; empty where it is about the whole.
    pub path: String,
    /// What is wrong with it.
    pub message: String,
    /// What to write instead; empty where the message says it.
    pub remedy: String,
}

impl fmt::Display for Finding {
    /// One line: `file:line:column: word: object: field: message: remedy`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.severity {
            Severity::Refused => "refused",
            Severity::Failed => "fails",
            Severity::Note => "note",
        };
        write!(f, "{}:{}:{}: {word}", self.file, self.line, self.column)?;
        for part in [&self.object, &self.path, &self.message, &self.remedy] {
            if !part.is_empty() {
                write!(f, ": {part}")?;
            }
        }
        Ok(())
    }
}
