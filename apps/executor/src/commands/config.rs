//! `validate`, `config print`, `schema`.

use hourglass_core::config;
use serde::Serialize;

use crate::cli::{ConfigArgs, ConfigCommand};
use crate::{configuration, output};

pub(crate) fn validate(args: &ConfigArgs) -> anyhow::Result<()> {
    let loaded = configuration::load(args)?;
    for note in &loaded.notes {
        eprintln!("note: {note}");
    }
    println!(
        "the configuration is valid: {} AVS, {} mode",
        loaded.config.avs.len(),
        loaded.config.deployment_mode.as_str()
    );
    Ok(())
}

#[derive(Serialize)]
struct Row {
    key: String,
    value: String,
    source: String,
}

pub(crate) fn print(command: &ConfigCommand) -> anyhow::Result<()> {
    let ConfigCommand::Print { config, output } = command;
    let loaded = configuration::load(config)?;
    let rows: Vec<Row> = loaded
        .effective()
        .into_iter()
        .map(|value| Row { key: value.path, value: value.value, source: value.source.to_string() })
        .collect();
    output::rows(output.output, &["KEY", "VALUE", "SOURCE"], &rows, |row| {
        vec![row.key.clone(), row.value.clone(), row.source.clone()]
    })
}

pub(crate) fn schema() -> anyhow::Result<()> {
    println!("{}", serde_json::to_string_pretty(&config::json_schema())?);
    Ok(())
}
