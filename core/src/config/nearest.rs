//! The key that somebody most likely meant.

use super::key::{Key, camel_case};

/// The nearest key to a name that is none, if any is near enough to be a typing mistake.
pub(crate) fn nearest<'k>(name: &str, keys: &'k [Key]) -> Option<&'k Key> {
    if name.len() > 80 {
        return None;
    }
    let folded = name.to_lowercase().replace(['-', ' '], "_");
    let near = 1 + folded.chars().count() / 4;
    keys.iter()
        .map(|key| {
            let distance = [Some(key.name), key.alias, key.former]
                .into_iter()
                .flatten()
                .flat_map(|spelling| [spelling.to_owned(), camel_case(spelling).to_lowercase()])
                // Texts whose lengths differ by more cannot be near: most need no comparison.
                .filter(|spelling| spelling.len().abs_diff(folded.len()) <= near)
                .map(|spelling| distance(&folded, &spelling))
                .min()
                .unwrap_or(usize::MAX);
            (distance, key)
        })
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, _)| *distance <= near)
        .map(|(_, key)| key)
}

/// How many letters must be inserted, removed or changed to make one text of the other (Levenshtein).
pub fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (a, b, d) in [("", "abc", 3), ("abc", "abc", 0), ("kitten", "sitting", 3), ("flaw", "lawn", 2)] {
            assert_eq!(distance(a, b), d, "{a} {b}");
        }
    }
}
