//! The program of the test environment: runs a command beside an engine, installs what is missing.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use hourglass_environment::engine::{self, Engine, EngineOptions};
use hourglass_environment::go::{Go, Version};
use hourglass_environment::packages::{self, Component};
use hourglass_environment::{image, keep, statics};
use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Real components for tests and the demo, on any Debian machine.
#[derive(Debug, Parser)]
#[command(name = "hourglass-environment", version, disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Order,
}

#[derive(Debug, Subcommand)]
enum Order {
    /// Installs what is missing, as root, from Debian's packages. Services are neither started nor enabled
    Install {
        /// engine, registry, go, certificates, systemd, compose, node; all that the tests need where none is named
        components: Vec<Component>,
        /// Says what is missing and succeeds where it cannot be installed
        #[arg(long)]
        try_only: bool,
    },
    /// Runs a command with DOCKER_HOST set: to the engine of the machine if one answers, else to one of our own that lives as long
    #[command(name = "with-engine")]
    WithEngine {
        /// An engine of our own in any case
        #[arg(long)]
        own: bool,
        /// Images to load first: NAME=PROGRAM, a static program of this workspace that becomes the image's entrypoint
        #[arg(long = "image", value_name = "NAME=PROGRAM")]
        images: Vec<String>,
        /// The command and its arguments
        #[arg(trailing_var_arg = true, required = true)]
        command: Vec<OsString>,
    },
    /// Builds programs of this workspace statically and prints where they are, a line each
    Static {
        /// The profile to build with
        #[arg(long, default_value = "demo")]
        profile: String,
        /// Packages, each of which has a program of its name
        #[arg(required = true)]
        packages: Vec<String>,
    },
    /// Prints where a Go toolchain is that is new enough, fetching it where there is none
    Go {
        /// A go.mod, which says how new
        manifest: PathBuf,
        /// Fetches the very version that it names, whatever is installed
        #[arg(long)]
        fetch: bool,
    },
    /// Removes what engines left whose processes were all killed
    Sweep,
    /// Supervises an engine for the process at the other end of the standard input
    #[command(hide = true)]
    Engine {
        /// `EngineOptions` as JSON
        options: String,
    },
    /// Runs a command until the standard input ends
    #[command(hide = true)]
    Keep {
        #[arg(trailing_var_arg = true, required = true)]
        command: Vec<OsString>,
    },
}

fn main() -> Result<ExitCode> {
    match Arguments::parse().command {
        Order::Install { components, try_only } => install(&components, try_only),
        Order::WithEngine { own, images, command } => with_engine(own, &images, &command),
        Order::Static { profile, packages } => {
            let packages: Vec<&str> = packages.iter().map(String::as_str).collect();
            let built = statics::build(&packages, &profile)?;
            for package in packages {
                println!("{}", built.get(package).context("not built")?.display());
            }
            Ok(ExitCode::SUCCESS)
        }
        Order::Go { manifest, fetch } => {
            let go = if fetch { Go::fetch(Version::of_module(&manifest)?)? } else { Go::for_module(&manifest)? };
            println!("{}", go.program.display());
            Ok(ExitCode::SUCCESS)
        }
        Order::Sweep => {
            let removed = engine::sweep()?;
            println!("removed what {removed} engines left");
            Ok(ExitCode::SUCCESS)
        }
        Order::Engine { options } => {
            engine::supervise(&EngineOptions::from_json(&options)?)?;
            Ok(ExitCode::SUCCESS)
        }
        Order::Keep { command } => Ok(exit_code(keep::keep(&mut words(&command)?)?)),
    }
}

fn install(components: &[Component], try_only: bool) -> Result<ExitCode> {
    let components = if components.is_empty() { &Component::NEEDED } else { components };
    match packages::ensure(components) {
        Err(error) if try_only => eprintln!("{error:#}"),
        other => other?,
    }
    Ok(ExitCode::SUCCESS)
}

fn with_engine(own: bool, images: &[String], command: &[OsString]) -> Result<ExitCode> {
    // From now on they end the command and not us: the engine is removed after it.
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    let existing = if own { None } else { engine::existing() };
    let engine = if existing.is_none() { Some(Engine::start()?) } else { None };
    let host = existing.or_else(|| engine.as_ref().map(|engine| engine.host().to_owned())).context("no engine")?;
    for each in images {
        let (name, program) = each.split_once('=').with_context(|| format!("{each} is not NAME=PROGRAM"))?;
        load(&host, name, program)?;
    }

    let mut child = words(command)?.env("DOCKER_HOST", &host).spawn().context("running the command")?;
    let pid = Pid::from_raw(child.id().cast_signed()).context("a process has a number")?;
    std::thread::spawn(move || {
        for signal in signals.forever() {
            // The terminal sends its own to the command as well; what was sent to us alone is passed on.
            if signal != SIGINT {
                let _ended = kill_process(pid, Signal::TERM);
            }
        }
    });
    let status = child.wait()?;
    drop(engine);
    Ok(exit_code(status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1)))
}

fn load(host: &str, name: &str, program: &str) -> Result<()> {
    let built = statics::build(&[program], "demo")?;
    let file = built.get(program).context("not built")?;
    let path = format!("/{program}");
    let image = image::Image::new(name).file(&path, std::fs::read(file)?, 0o755).entrypoint([path.as_str()]);
    image.user("65532:65532").exposed(9090).load(host).map(drop)
}

fn words(command: &[OsString]) -> Result<Command> {
    let (program, arguments) = command.split_first().context("no command")?;
    let mut command = Command::new(program);
    command.args(arguments);
    Ok(command)
}

fn exit_code(code: i32) -> ExitCode {
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}
