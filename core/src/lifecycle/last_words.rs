use std::collections::VecDeque;

/// Lines that are kept.
const MAX_LINES: usize = 10;
/// Characters that are kept.
const MAX_CHARS: usize = 600;
/// Between lines that stand in one.
const SEPARATOR: &str = " | ";

/// The end of what an instance printed, fit for a message: in one line, at most 600 characters from its last ten lines,
/// without anything that could steer a terminal or hide text. `None` where nothing of it can be read.
///
/// What is cut is cut at the beginning: the last words tell most. Applied to its own result it changes nothing.
pub fn last_words(output: &str) -> Option<String> {
    let mut lines: VecDeque<String> = VecDeque::with_capacity(MAX_LINES + 1);
    for line in output.lines().map(printable).filter(|line| !line.is_empty()) {
        lines.push_back(line);
        if lines.len() > MAX_LINES {
            lines.pop_front();
        }
    }
    let text = Vec::from(lines).join(SEPARATOR);
    let surplus = text.chars().count().saturating_sub(MAX_CHARS);
    let text = match surplus {
        0 => text,
        surplus => std::iter::once('…').chain(text.chars().skip(surplus + 1)).collect(),
    };
    (!text.is_empty()).then_some(text)
}

/// One line without control sequences: white space of every sort is one space, and none stands at the ends.
pub(super) fn printable(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            // Colours and cursor movements: ESC [ … up to a letter.
            '\u{1b}' if chars.peek() == Some(&'[') => {
                chars.next();
                while chars.next_if(|c| matches!(c, ' '..='?')).is_some() {}
                chars.next_if(|c| matches!(c, '@'..='~'));
            }
            c if is_invisible(c) => {}
            c if c.is_whitespace() || c.is_control() => plain.push(' '),
            c => plain.push(c),
        }
    }
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Characters that show nothing, or turn the direction of those that follow.
const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_end_of_it_in_one_line() {
        assert_eq!(last_words(""), None);
        assert_eq!(last_words("\n \r\n\t\u{202e}\n"), None);
        assert_eq!(
            last_words("starting\n\n  panicked:\tno key \r\nat main.rs\n").unwrap(),
            "starting | panicked: no key | at main.rs"
        );
        assert_eq!(last_words("\u{1b}[1;31merror\u{1b}[0m: \u{1b}]0;title\u{7}x\0y").unwrap(), "error: ]0;title x y");
        let many: String = (1..=12).map(|n| format!("{n}\n")).collect();
        assert_eq!(last_words(&many).unwrap(), "3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 | 12");
        let long = last_words(&format!("{}the end", "ä".repeat(1000))).unwrap();
        assert!(long.starts_with('…') && long.ends_with("ääthe end") && long.chars().count() == MAX_CHARS);
    }

    proptest! {
        #[test]
        fn whatever_was_printed(output in "(\\PC|[\\x00-\\x1f]|\u{1b}\\[|\u{202e}| ){0,900}") {
            if let Some(words) = last_words(&output) {
                prop_assert!(words.chars().count() <= MAX_CHARS);
                prop_assert!(!words.chars().any(|c| c.is_control() || is_invisible(c)), "{words:?}");
                prop_assert_eq!(last_words(&words), Some(words.clone()));
            }
        }
    }
}
