use thiserror::Error;

/// An output that is not what a document says.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("expected (… stands for anything):\n{expected}\nprinted:\n{printed}")]
pub struct Mismatch {
    expected: String,
    printed: String,
}

/// Whether an output is what a document shows.
///
/// `…` or `...` alone on a line stands for any number of lines, also none; within a line for any text. White space at the
/// ends of lines, and empty lines at the end, do not matter.
///
/// # Errors
/// [`Mismatch`], with both texts.
pub fn matches(expected: &str, printed: &str) -> Result<(), Mismatch> {
    let clean = |text: &str| -> Vec<String> {
        let text = text.replace("...", "…");
        text.trim_end().lines().map(|line| line.trim_end().to_owned()).collect()
    };
    let (wanted, found) = (clean(expected), clean(printed));
    let whole = |line: &String| line.trim() == "…";
    if sequence(&wanted, &found, &whole, &|wanted, found| line(wanted, found)) {
        return Ok(());
    }
    Err(Mismatch { expected: expected.into(), printed: printed.into() })
}

fn line(wanted: &str, found: &str) -> bool {
    let (wanted, found): (Vec<_>, Vec<_>) = (wanted.chars().collect(), found.chars().collect());
    sequence(&wanted, &found, &|c| *c == '…', &|a, b| a == b)
}

/// Matching with wildcards that stand for any number of items, in time linear in the product of the lengths.
fn sequence<T>(wanted: &[T], found: &[T], wildcard: &dyn Fn(&T) -> bool, equal: &dyn Fn(&T, &T) -> bool) -> bool {
    // possible[i]: whether the pattern so far matches the first i items found.
    let mut possible = vec![false; found.len() + 1];
    possible[0] = true;
    for pattern in wanted {
        let mut next = vec![false; found.len() + 1];
        if wildcard(pattern) {
            let mut reached = false;
            for (slot, before) in next.iter_mut().zip(&possible) {
                reached |= before;
                *slot = reached;
            }
        } else {
            for (index, item) in found.iter().enumerate() {
                next[index + 1] = possible[index] && equal(pattern, item);
            }
        }
        possible = next;
    }
    possible[found.len()]
}
