//! Checks an executor's configuration in a program of your own.
//!
//! ```text
//! cargo run -p hourglass-core --example check_config -- executor.yaml
//! ```
//!
//! The core reads neither files nor the environment: both are passed in, so that a test, a web form or an admission hook
//! can check a text that is nowhere on disk.

use std::process::ExitCode;

use hourglass_core::config::{self, ConfigFile, Source, Sources};

fn main() -> ExitCode {
    let Some(name) = std::env::args().nth(1) else {
        eprintln!("usage: check_config FILE");
        return ExitCode::from(2);
    };
    let text = match std::fs::read_to_string(&name) {
        Ok(text) => text,
        Err(error) => {
            eprintln!("cannot read {name}: {error}");
            return ExitCode::from(2);
        }
    };
    // No environment and no flags: what is judged is the file alone.
    match config::load(&Sources { file: Some(ConfigFile { name, text }), ..Sources::default() }) {
        Ok(loaded) => {
            for avs in &loaded.config.avs {
                let spec = avs.performer_spec(&loaded.config);
                println!("{} runs {} as revision {}", avs.name, spec.image, spec.revision());
            }
            let written = loaded.effective().into_iter().filter(|value| value.source != Source::Default);
            println!("{} values are not defaults", written.count());
            ExitCode::SUCCESS
        }
        Err(problems) => {
            for problem in problems.as_slice() {
                println!("{} at {}: {} ({})", problem.path, problem.source, problem.message, problem.remedy);
            }
            ExitCode::FAILURE
        }
    }
}
