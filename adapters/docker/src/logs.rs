//! The last lines that a container printed.

use std::time::Duration;

use bollard::query_parameters::LogsOptionsBuilder;
use futures_util::StreamExt;

use crate::engine::Engine;

/// Lines that are told.
const LINES: usize = 10;
/// Characters that are told.
const CHARACTERS: usize = 600;
/// The end of a container is not told later than this because of its last words.
const LIMIT: Duration = Duration::from_millis(800);

/// The last lines of what a container wrote to stdout and stderr; `None` where there are none, or they are not to be had
/// at once.
pub(crate) async fn last_lines(engine: &Engine, id: &str) -> Option<String> {
    let options = LogsOptionsBuilder::default().stdout(true).stderr(true).tail(&LINES.to_string()).build();
    let read = async {
        let mut all = Vec::new();
        let mut stream = std::pin::pin!(engine.docker().logs(id, Some(options)));
        while let Some(Ok(piece)) = stream.next().await {
            all.extend_from_slice(piece.as_ref());
            // A line may be of any length: only its end is of interest.
            if all.len() > 64 * CHARACTERS {
                all.drain(..all.len() - 16 * CHARACTERS);
            }
        }
        all
    };
    let bytes = tokio::time::timeout(LIMIT, read).await.ok()?;
    let text = shortened(&String::from_utf8_lossy(&bytes));
    (!text.is_empty()).then_some(text)
}

/// The last lines, without control characters, within bounds.
fn shortened(text: &str) -> String {
    let clean = |line: &str| line.chars().filter(|c| !c.is_control()).collect::<String>().trim_end().to_owned();
    let lines: Vec<String> = text.lines().map(clean).filter(|line| !line.is_empty()).collect();
    let last = lines.get(lines.len().saturating_sub(LINES)..).unwrap_or_default().join("\n");
    let characters = last.chars().count();
    if characters <= CHARACTERS {
        return last;
    }
    let rest: String = last.chars().skip(characters - (CHARACTERS - 1)).collect();
    format!("…{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn within_bounds() {
        assert_eq!(shortened(""), "");
        assert_eq!(shortened("a\u{1b}[31mb\r\n\n\tc  \n"), "a[31mb\nc");
        let many: String = (0..100).map(|n| format!("line {n}\n")).collect();
        let kept = shortened(&many);
        assert_eq!((kept.lines().count(), kept.lines().next()), (LINES, Some("line 90")));
        let long = shortened(&"é".repeat(5000));
        assert_eq!(long.chars().count(), CHARACTERS);
        assert!(long.starts_with('…'));
    }
}
