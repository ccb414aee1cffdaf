//! `journal export | import | show`.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Write as _};
use std::path::Path;

use anyhow::Context as _;
use hourglass_core::config::Config;
use hourglass_core::ports::Clock as _;
use hourglass_core::task::TaskId;
use hourglass_runtime::TokioClock;
use hourglass_store::{Options, Statistics, Store};

use crate::cli::{ConfigArgs, JournalCommand, OutputArgs};
use crate::keyring::Keyring;
use crate::{configuration, output};

pub(crate) fn run(command: &JournalCommand) -> anyhow::Result<()> {
    match command {
        JournalCommand::Export { config, backup, out } => export(config, *backup, out),
        JournalCommand::Import { config, file } => import(config, file),
        JournalCommand::Show { config, task_id, output } => show(config, task_id.as_deref(), *output),
    }
}

/// What an export means that is imported elsewhere.
const MOVE: &str = "Do not sign with this key on this host again";
/// What an export means of a journal that goes on.
const BACKUP: &str = "A backup: it does not know what is signed from now on, and the floor that it sets when it is imported is as \
                      old. Where the journal itself is lost, import the newest backup and wait, before anything is signed again, until \
                      no task from after it can be sent any more";

fn existing(config: &Config) -> anyhow::Result<Store> {
    let path = &config.storage.path;
    anyhow::ensure!(path.is_dir(), "storage.path: there is no journal at {}", path.display());
    open(config)
}

fn open(config: &Config) -> anyhow::Result<Store> {
    let options = Options { retention: config.storage.retention, ..Options::default() };
    let context = || format!("storage.path: cannot open {}", config.storage.path.display());
    Store::open(&config.storage.path, options).with_context(context)
}

fn export(config: &ConfigArgs, backup: bool, out: &Path) -> anyhow::Result<()> {
    let config = configuration::load(config)?.config;
    let operator = Keyring::read(&config)?.operator;
    let store = existing(&config)?;
    let now = TokioClock.now();
    let summary = if out == Path::new("-") {
        store.export(&operator, now, BufWriter::new(io::stdout().lock()))?
    } else {
        let context = || format!("cannot make {}: it must be a new file", out.display());
        let file = OpenOptions::new().write(true).create_new(true).open(out).with_context(context)?;
        let mut writer = BufWriter::new(file);
        let summary = store.export(&operator, now, &mut writer)?;
        writer.flush().and_then(|()| writer.get_ref().sync_all()).context("cannot write the export")?;
        summary
    };
    store.close()?;
    let advice = if backup { BACKUP } else { MOVE };
    eprintln!("exported {} tasks, {} bytes. {advice}", summary.tasks, summary.bytes);
    Ok(())
}

fn import(config: &ConfigArgs, file: &Path) -> anyhow::Result<()> {
    let config = configuration::load(config)?.config;
    let operator = Keyring::read(&config)?.operator;
    let store = open(&config)?;
    let summary = if file == Path::new("-") {
        store.import(&operator, BufReader::new(io::stdin()))?
    } else {
        let opened = File::open(file).with_context(|| format!("cannot read {}", file.display()))?;
        store.import(&operator, BufReader::new(opened))?
    };
    store.close()?;
    let hourglass_store::ImportSummary { added, known, floors_raised } = summary;
    eprintln!("imported {added} tasks, {known} were here already, {floors_raised} floors raised");
    Ok(())
}

fn show(config: &ConfigArgs, task: Option<&str>, format: OutputArgs) -> anyhow::Result<()> {
    let config = configuration::load(config)?.config;
    let store = existing(&config)?;
    let Some(task) = task else {
        let statistics = store.statistics()?;
        return output::fields(format.output, &statistics, &summary(&statistics));
    };
    let id: TaskId = task.parse().with_context(|| format!("'{task}' is not a task id"))?;
    let record = store.show(&id)?.with_context(|| format!("task {id} is not in the journal"))?;
    let fields = [
        ("task", record.task_id.to_string()),
        ("avs", record.avs.to_string()),
        ("operator set", record.operator_set_id.to_string()),
        ("reference timestamp", record.reference_timestamp.to_string()),
        ("recorded at", record.recorded_at.to_string()),
        ("request digest", record.request_digest.to_string()),
        ("curve", record.certificate.curve().to_string()),
        ("certificate digest", record.certificate.digest().to_string()),
        ("output", const_hex::encode_prefixed(&record.output)),
    ];
    output::fields(format.output, &record, &fields)
}

fn summary(statistics: &Statistics) -> Vec<(&'static str, String)> {
    let time = |at: Option<hourglass_core::Timestamp>| at.map_or_else(|| "-".to_owned(), |at| at.to_string());
    let mut fields = vec![
        ("tasks", statistics.tasks.to_string()),
        ("oldest", time(statistics.oldest)),
        ("newest", time(statistics.newest)),
        ("bytes on disk", statistics.size_bytes.map_or_else(|| "-".to_owned(), |bytes| bytes.to_string())),
    ];
    let floor = |set: &hourglass_store::SetFloor| {
        ("floor", format!("{} for operator set {} of {}", set.floor, set.operator_set_id, set.avs))
    };
    fields.extend(statistics.floors.iter().map(floor));
    fields
}
