//! Errors of others, as they are told: a library keeps in the causes of an error what somebody has to know.

use std::error::Error;

/// What an error says, and what each of its causes says behind a colon, unless it was said already.
///
/// ```
/// use hourglass_core::with_causes;
///
/// #[derive(Debug, thiserror::Error)]
/// #[error("the call failed")]
/// struct Failed(#[source] std::io::Error);
///
/// assert_eq!(with_causes(&Failed(std::io::Error::other("cut"))), "the call failed: cut");
/// ```
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use thiserror::Error;

    use super::*;

    #[derive(Debug, Error)]
    #[error("{said}")]
    struct Told {
        said: &'static str,
        source: Option<Box<Told>>,
    }

    #[test]
    fn nothing_is_said_twice() {
        let from_the_last = ["refused", "connect: refused", "the call failed"].into_iter();
        let error = from_the_last.fold(None, |source, said| Some(Box::new(Told { said, source }))).unwrap();
        assert_eq!(with_causes(&*error), "the call failed: connect: refused");
    }
}
