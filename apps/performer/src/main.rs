//! `square-performer`: the sample performer as a process.

use std::io::IsTerminal;
use std::net::IpAddr;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use square_performer::{Behaviour, Outcome, serve};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// Squares hexadecimal numbers as a Hourglass performer; echoes any other payload.
///
/// The payload is an ASCII hexadecimal number of any length, with or without 0x; the result is its square, with 0x if
/// the payload had it. On SIGTERM or SIGINT it answers health checks with NOT_SERVING, finishes its tasks and exits 0.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The port to serve on
    #[arg(long, env = "GRPC_PORT", default_value_t = 9090)]
    port: u16,
    /// The address to listen on
    #[arg(long, env = "LISTEN_ADDRESS", default_value = "0.0.0.0")]
    listen: IpAddr,
    #[command(flatten)]
    behaviour: Behaviour,
}

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<ExitCode> {
    let colours = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(colours).init();
    let Arguments { port, listen, behaviour } = Arguments::parse();
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    if behaviour.crash_at_start {
        tracing::error!(code = behaviour.crash_exit_code, "crashing at start, as told");
        return Ok(exit_code(behaviour.crash_exit_code));
    }
    let ignore = behaviour.ignore_sigterm;
    let shutdown = async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if !ignore {
                break;
            }
            tracing::warn!("ignoring a request to stop, as told");
        }
        tracing::info!("stopping");
    };
    tokio::pin!(shutdown);
    tokio::select! {
        () = tokio::time::sleep(std::time::Duration::from_millis(behaviour.listen_after_ms)) => {}
        () = &mut shutdown => return Ok(ExitCode::SUCCESS),
    }
    let listener = TcpListener::bind((listen, port))
        .await
        .with_context(|| format!("cannot listen on {listen}:{port}; choose another with --port or GRPC_PORT"))?;
    tracing::info!(address = %listener.local_addr()?, "serving");
    match serve(listener, behaviour, shutdown).await? {
        Outcome::Stopped => Ok(ExitCode::SUCCESS),
        Outcome::Crashed(code) => {
            tracing::error!(code, "crashing, as told");
            // At once: the runtime's own shutdown would wait for what hangs.
            std::process::exit(code)
        }
    }
}

fn exit_code(code: i32) -> ExitCode {
    // What a parent sees of an exit code is its lowest byte.
    ExitCode::from((code & 0xff) as u8)
}
