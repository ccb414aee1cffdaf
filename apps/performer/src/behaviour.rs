//! What the performer does besides squaring, by flag or environment.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::{Args, ValueEnum};

/// How the performer behaves. The default is well behaved; every switch is a flag and an environment variable.
///
/// A switch is on unless its variable is empty, `0`, `false`, `no` or `off`.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Behaviour (for tests)")]
pub struct Behaviour {
    /// Milliseconds that every task takes
    #[arg(long, env = "TASK_DELAY_MS", default_value_t = 0, value_name = "MS")]
    pub task_delay_ms: u64,
    /// Never answer a task; health still answers
    #[arg(long, env = "HANG_TASKS", value_parser = FalseyValueParser::new())]
    pub hang_tasks: bool,
    /// Never answer a health check
    #[arg(long, env = "HANG_HEALTH", value_parser = FalseyValueParser::new())]
    pub hang_health: bool,
    /// Exit while the N-th task runs, unanswered (1 is the first)
    #[arg(long, env = "CRASH_ON_TASK", value_name = "N")]
    pub crash_on_task: Option<u64>,
    /// Exit once N tasks were answered
    #[arg(long, env = "CRASH_AFTER_TASKS", value_name = "N")]
    pub crash_after_tasks: Option<u64>,
    /// Exit before serving anything
    #[arg(long, env = "CRASH_AT_START", value_parser = FalseyValueParser::new())]
    pub crash_at_start: bool,
    /// The exit code of every crash
    #[arg(long, env = "CRASH_EXIT_CODE", default_value_t = 1, value_name = "CODE")]
    pub crash_exit_code: i32,
    /// Answer every task with this many bytes
    #[arg(long, env = "FLOOD_ANSWER_BYTES", value_name = "BYTES")]
    pub flood_answer_bytes: Option<usize>,
    /// Write this many bytes to stdout, and as many to stderr, after the start and again at every task
    #[arg(long, env = "FLOOD_OUTPUT_BYTES", value_name = "BYTES")]
    pub flood_output_bytes: Option<u64>,
    /// Answer wrongly
    #[arg(long, env = "ANSWER_GARBAGE", value_name = "KIND")]
    pub answer_garbage: Option<Garbage>,
    /// Answer health checks with NOT_SERVING
    #[arg(long, env = "REFUSE_HEALTH", value_parser = FalseyValueParser::new())]
    pub refuse_health: bool,
    /// Answer health checks with NOT_SERVING for so long after the start
    #[arg(long, env = "READY_AFTER_MS", default_value_t = 0, value_name = "MS")]
    pub ready_after_ms: u64,
    /// Open the port only so long after the start
    #[arg(long, env = "LISTEN_AFTER_MS", default_value_t = 0, value_name = "MS")]
    pub listen_after_ms: u64,
    /// Allocate and touch this many MiB every second, and keep them
    #[arg(long, env = "GROW_MEMORY_MIB", value_name = "MIB")]
    pub grow_memory_mib: Option<usize>,
    /// Stop growing at this many MiB
    #[arg(long, env = "GROW_MEMORY_MAX_MIB", default_value_t = 65_536, value_name = "MIB")]
    pub grow_memory_max_mib: usize,
    /// Append `#` and a nonce to every result, so that no two answers are the same
    #[arg(long, env = "ANSWER_DIFFERENTLY", value_parser = FalseyValueParser::new())]
    pub answer_differently: bool,
    /// Do nothing on SIGTERM and SIGINT
    #[arg(long, env = "IGNORE_SIGTERM", value_parser = FalseyValueParser::new())]
    pub ignore_sigterm: bool,
    /// Append the task id and a line end to this file whenever a task begins to run; over restarts too
    #[arg(long, env = "COUNT_FILE", value_name = "FILE")]
    pub count_file: Option<PathBuf>,
    /// Append `#run` and how often this task has run (by the count file, if there is one) to every result
    #[arg(long, env = "COUNT_IN_ANSWER", value_parser = FalseyValueParser::new())]
    pub count_in_answer: bool,
    /// The largest message to accept and to send
    #[arg(long, env = "MAX_MESSAGE_BYTES", default_value_t = 16 << 20, value_name = "BYTES")]
    pub max_message_bytes: usize,
}

/// Ways to answer wrongly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Garbage {
    /// The right result under another task's id.
    TaskId,
    /// The right id with bytes that are no text.
    Bytes,
    /// No id and no result.
    Empty,
    /// A gRPC error.
    Status,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            task_delay_ms: 0,
            hang_tasks: false,
            hang_health: false,
            crash_on_task: None,
            crash_after_tasks: None,
            crash_at_start: false,
            crash_exit_code: 1,
            flood_answer_bytes: None,
            flood_output_bytes: None,
            answer_garbage: None,
            refuse_health: false,
            ready_after_ms: 0,
            listen_after_ms: 0,
            grow_memory_mib: None,
            grow_memory_max_mib: 65_536,
            answer_differently: false,
            ignore_sigterm: false,
            count_file: None,
            count_in_answer: false,
            max_message_bytes: 16 << 20,
        }
    }
}

impl Behaviour {
    pub(crate) const fn task_delay(&self) -> Duration {
        Duration::from_millis(self.task_delay_ms)
    }

    pub(crate) const fn ready_after(&self) -> Duration {
        Duration::from_millis(self.ready_after_ms)
    }
}
