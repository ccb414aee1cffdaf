//! Prints results for people and for programs.

use serde::Serialize;

use crate::cli::Output;

/// Prints rows as columns with a heading, or as a JSON array.
pub(crate) fn rows<T: Serialize>(
    output: Output,
    heading: &[&str],
    rows: &[T],
    cells: impl Fn(&T) -> Vec<String>,
) -> anyhow::Result<()> {
    match output {
        Output::Json => println!("{}", serde_json::to_string_pretty(rows)?),
        Output::Table => print!("{}", table(heading, &rows.iter().map(cells).collect::<Vec<_>>())),
    }
    Ok(())
}

/// Prints one thing as lines of name and value, or as a JSON object.
pub(crate) fn fields<T: Serialize>(output: Output, thing: &T, fields: &[(&str, String)]) -> anyhow::Result<()> {
    match output {
        Output::Json => println!("{}", serde_json::to_string_pretty(thing)?),
        Output::Table => {
            let width = fields.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
            for (name, value) in fields {
                println!("{name:width$}  {value}");
            }
        }
    }
    Ok(())
}

/// Columns as wide as their widest cell.
pub(crate) fn table(heading: &[&str], rows: &[Vec<String>]) -> String {
    let heading: Vec<String> = heading.iter().map(|cell| (*cell).to_owned()).collect();
    let width = |column: usize| {
        let cells = std::iter::once(&heading).chain(rows).filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..heading.len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    std::iter::once(&heading).chain(rows).map(line).collect()
}
