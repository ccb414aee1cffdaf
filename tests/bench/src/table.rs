//! The table, as Markdown.

use std::fmt::Write as _;

/// One line: what was measured, beside its baseline of the same run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Row {
    pub(crate) what: String,
    pub(crate) measured: String,
    pub(crate) baseline: String,
    /// What the issue aims for and whether it is met; empty where it aims for nothing.
    pub(crate) aim: String,
    pub(crate) sample: String,
}

/// A table with a heading, and a line below it that says how to read it.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    pub(crate) title: &'static str,
    pub(crate) note: String,
    pub(crate) rows: Vec<Row>,
}

/// `met` or `missed`, after the aim.
pub(crate) fn aim(text: &str, met: bool) -> String {
    format!("{text}: {}", if met { "met" } else { "**missed**" })
}

/// Every table, one after the other; the columns are the same in all.
pub(crate) fn markdown(tables: &[Table]) -> String {
    let mut text =
        String::from("| what | measured | baseline of the same run | aim | sample |\n|---|---|---|---|---|\n");
    for table in tables {
        // A title in the same table: one table, as it was asked for.
        let _ = writeln!(text, "| **{}** | | | | |", table.title);
        for Row { what, measured, baseline, aim, sample } in &table.rows {
            let _ = writeln!(text, "| {what} | {measured} | {baseline} | {aim} | {sample} |");
        }
    }
    for table in tables.iter().filter(|table| !table.note.is_empty()) {
        let _ = write!(text, "\n**{}.** {}\n", table.title, table.note);
    }
    text
}
