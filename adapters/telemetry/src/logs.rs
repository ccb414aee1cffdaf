//! Log lines: for machines or for people, at a level that can change while the process runs.

mod json;

use std::fmt;
use std::io::IsTerminal;
use std::str::FromStr;

use thiserror::Error;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, reload};

use self::json::JsonLines;

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum LogFormat {
    /// One JSON object on each line.
    #[default]
    Json,
    /// For people.
    Human,
}

impl FromStr for LogFormat {
    type Err = LogError;

    fn from_str(text: &str) -> Result<Self, LogError> {
        match text {
            "json" => Ok(Self::Json),
            "human" | "text" | "console" => Ok(Self::Human),
            _ => Err(LogError::Format(text.into())),
        }
    }
}

/// Why logging could not be set up as asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LogError {
    /// Not a level.
    #[error("'{0}' is not a log level: use trace, debug, info, warn or error, optionally followed by ,module=level")]
    Level(String),
    /// Not a format.
    #[error("'{0}' is not a log format: use json or human")]
    Format(String),
    /// Something in this process already logs.
    #[error("logging was set up twice in this process")]
    AlreadySet,
}

/// Changes the level of a running process. Clones change the same.
#[derive(Clone)]
pub struct LogLevel {
    handle: reload::Handle<EnvFilter, Registry>,
}

impl LogLevel {
    /// Logs at this level from now on.
    ///
    /// # Errors
    /// [`LogError::Level`]; the level is then what it was.
    pub fn set(&self, level: &str) -> Result<(), LogError> {
        let filter = filter(level)?;
        // It fails only when logging itself is gone, and then there is nothing left to change.
        let _ = self.handle.reload(filter);
        Ok(())
    }
}

impl fmt::Debug for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogLevel").finish_non_exhaustive()
    }
}

/// Begins to log to standard error, and makes panics log lines too.
///
/// # Errors
/// [`LogError`].
pub fn init(format: LogFormat, level: &str) -> Result<LogLevel, LogError> {
    let colours = std::io::stderr().is_terminal();
    let (subscriber, level) = build(format, level, colours, std::io::stderr)?;
    subscriber.try_init().map_err(|_| LogError::AlreadySet)?;
    std::panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string).unwrap_or_default();
        let message = panic.payload_as_str().unwrap_or("(no message)");
        tracing::error!(panic = message, location, "a thread panicked: this is a defect");
    }));
    Ok(level)
}

type Subscriber = tracing_subscriber::layer::Layered<
    Box<dyn Layer<tracing_subscriber::layer::Layered<reload::Layer<EnvFilter, Registry>, Registry>> + Send + Sync>,
    tracing_subscriber::layer::Layered<reload::Layer<EnvFilter, Registry>, Registry>,
>;

fn build<W>(format: LogFormat, level: &str, colours: bool, writer: W) -> Result<(Subscriber, LogLevel), LogError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let (filter, handle) = reload::Layer::new(filter(level)?);
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    let lines = match format {
        LogFormat::Json => lines.with_ansi(false).fmt_fields(json::Fields).event_format(JsonLines).boxed(),
        LogFormat::Human => lines.with_ansi(colours).boxed(),
    };
    Ok((tracing_subscriber::registry().with(filter).with(lines), LogLevel { handle }))
}

/// A filter from a level and optional directives. A misspelt level would otherwise be taken for the name of a module.
fn filter(level: &str) -> Result<EnvFilter, LogError> {
    let wrong = || LogError::Level(level.into());
    let (plain, _directives) = level.split_once(',').unwrap_or((level, ""));
    // The parser takes nothing for `error`, and numbers.
    if !plain.chars().all(|c| c.is_ascii_alphabetic()) || plain.is_empty() {
        return Err(wrong());
    }
    let plain: LevelFilter = plain.parse().map_err(|_| wrong())?;
    // Below `info`, the transport's own frames would drown everything else.
    let quiet =
        if plain > LevelFilter::INFO { "h2=info,hyper=info,hyper_util=info,tower=info,rustls=info," } else { "" };
    EnvFilter::try_new(format!("{quiet}{}", level.to_ascii_lowercase())).map_err(|_| wrong())
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Captured(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn captured(format: LogFormat, level: &str, act: impl FnOnce(&LogLevel)) -> String {
        let bytes = Captured::default();
        let writer = bytes.clone();
        let (subscriber, handle) = build(format, level, false, move || writer.clone()).unwrap();
        tracing::subscriber::with_default(subscriber, || act(&handle));
        let text = bytes.0.lock().unwrap().clone();
        String::from_utf8(text).unwrap()
    }

    pub(crate) fn captured_json(level: &str, act: impl FnOnce(&LogLevel)) -> Vec<serde_json::Value> {
        captured(LogFormat::Json, level, act).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn json_lines_carry_what_their_spans_say() {
        let lines = captured_json("info", |_| {
            let _task = tracing::error_span!("task", task_id = "0x01").entered();
            let _step = tracing::info_span!("sign", attempt = 2).entered();
            tracing::warn!(bytes = 7, quoted = "a \"b\"\n", "too \u{1b}[31mlarge");
        });
        assert_eq!(lines.len(), 1);
        let line = &lines[0];
        assert_eq!(line["level"], "WARN");
        assert_eq!(line["message"], "too \u{1b}[31mlarge");
        assert_eq!(line["bytes"], 7);
        assert_eq!(line["quoted"], "a \"b\"\n");
        assert_eq!(line["task_id"], "0x01");
        assert_eq!(line["attempt"], 2);
        assert_eq!(line["span"], "task:sign");
        assert!(line["timestamp"].as_str().unwrap().ends_with('Z'), "{line}");
        assert!(line["target"].as_str().unwrap().contains("telemetry"), "{line}");
    }

    #[test]
    fn human_lines_carry_the_same() {
        let text = captured(LogFormat::Human, "info", |_| {
            let _task = tracing::error_span!("task", task_id = "0x01").entered();
            tracing::warn!(bytes = 7, "too large");
        });
        assert!(text.contains("WARN") && text.contains("too large") && text.contains("bytes=7"), "{text}");
        assert!(text.contains("task_id=\"0x01\""), "{text}");
    }

    #[test]
    fn the_level_changes_while_it_runs() {
        let lines = captured_json("warn", |level| {
            tracing::info!("first");
            level.set("info").unwrap();
            tracing::info!("second");
            assert_eq!(level.set("inof"), Err(LogError::Level("inof".into())));
            level.set("error,hourglass_telemetry=debug").unwrap();
            tracing::debug!("third");
        });
        let messages: Vec<_> = lines.iter().map(|line| line["message"].as_str().unwrap()).collect();
        assert_eq!(messages, ["second", "third"]);
    }

    #[test]
    fn misspelt_settings_are_refused() {
        for level in ["", "inof", "hourglass_core=debug", "info,=", "verbose"] {
            assert!(filter(level).is_err(), "{level}");
        }
        for level in ["INFO", "trace", "debug,h2=debug", "off"] {
            assert!(filter(level).is_ok(), "{level}");
        }
        assert_eq!("xml".parse::<LogFormat>(), Err(LogError::Format("xml".into())));
    }
}
