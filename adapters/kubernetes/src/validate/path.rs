use std::fmt;

/// One step from a value to one inside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// A field, or a key of a map.
    Key(String),
    /// An item of a list.
    Index(usize),
}

/// Where in a document.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Path(pub(super) Vec<Step>);

impl Path {
    pub(super) fn key(&self, name: &str) -> Self {
        self.with(Step::Key(name.to_owned()))
    }

    pub(super) fn index(&self, at: usize) -> Self {
        self.with(Step::Index(at))
    }

    fn with(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }

    /// The path that a text means, as [`fmt::Display`] writes it; keys with dots in them are not found again.
    pub(super) fn parse(text: &str) -> Self {
        let mut steps = Vec::new();
        for part in text.split('.').filter(|part| !part.is_empty()) {
            let (name, rest) = part.split_once('[').map_or((part, None), |(name, rest)| (name, Some(rest)));
            if !name.is_empty() {
                steps.push(Step::Key(name.to_owned()));
            }
            for index in rest.into_iter().flat_map(|rest| rest.split('[')) {
                let index = index.trim_end_matches(']');
                steps.push(index.parse().map_or_else(|_| Step::Key(index.to_owned()), Step::Index));
            }
        }
        Self(steps)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.0.iter().enumerate() {
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Key(name) if is_plain(name) => write!(f, "{}{name}", if at == 0 { "" } else { "." })?,
                Step::Key(name) => write!(f, "[{}]", name.escape_debug())?,
            }
        }
        Ok(())
    }
}

/// Whether a key can be told from what is around it.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_and_read() {
        let path = Path::default().key("spec").key("tolerations").index(3).key("key");
        assert_eq!(path.to_string(), "spec.tolerations[3].key");
        assert_eq!(Path::parse(&path.to_string()), path);
        let key = Path::default().key("limits").key("nvidia.com/gpu");
        assert_eq!(key.to_string(), "limits[nvidia.com/gpu]");
    }
}
