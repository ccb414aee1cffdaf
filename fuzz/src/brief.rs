//! A short run on the stable toolchain: the corpus, then mutations of it, from a seed that repeats them.

mod mutation;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{fmt, fs, io};

pub use mutation::Mutator;

use crate::Target;

/// One input may not take longer: a parser that can be made slow can be made to stop.
pub const SLOWEST: Duration = Duration::from_secs(5);

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// With which target.
    pub target: &'static str,
    /// Inputs of the corpus and seeds.
    pub known: usize,
    /// Mutated inputs.
    pub mutated: usize,
}

/// An input on which a promise is broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// By which target.
    pub target: &'static str,
    /// What happened.
    pub problem: String,
    /// Where the input was written.
    pub file: PathBuf,
    /// Repeats the run.
    pub seed: u64,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { target, problem, file, seed } = self;
        let file = file.display();
        write!(f, "fuzz target {target}: {problem}\ninput: {file}\nrepeat the run with HOURGLASS_FUZZ_SEED={seed}")
    }
}

impl std::error::Error for Finding {}

/// Runs a target on its corpus under `corpus` and its seeds, then on mutations of them for `time`.
///
/// # Errors
/// The first [`Finding`]; its input is written to `artifacts`.
pub fn run(target: &Target, corpus: &Path, artifacts: &Path, time: Duration, seed: u64) -> Result<Report, Finding> {
    let mut inputs: Vec<Vec<u8>> = target.seeds.iter().map(|seed| seed.as_bytes().to_vec()).collect();
    inputs.extend(read_corpus(&corpus.join(target.name)));
    inputs.push(Vec::new());
    let check = |input: &[u8]| {
        let began = Instant::now();
        let problem = match catch_unwind(AssertUnwindSafe(|| (target.run)(input))) {
            Ok(()) if began.elapsed() <= SLOWEST => return Ok(()),
            Ok(()) => format!("took {:?}", began.elapsed()),
            Err(panic) => format!("panicked: {}", message(&*panic)),
        };
        let file = write(artifacts, target.name, input)
            .unwrap_or_else(|error| PathBuf::from(format!("(not written: {error}) {}", input.escape_ascii())));
        Err(Finding { target: target.name, problem, file, seed })
    };
    for input in &inputs {
        check(input)?;
    }
    let mut mutator = Mutator::new(seed);
    let began = Instant::now();
    let mut mutated = 0;
    while began.elapsed() < time {
        check(&mutator.mutate(&inputs))?;
        mutated += 1;
    }
    Ok(Report { target: target.name, known: inputs.len(), mutated })
}

fn read_corpus(folder: &Path) -> Vec<Vec<u8>> {
    let mut files: Vec<_> = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    // The order of a folder is nobody's promise, and the seed is to repeat the run.
    files.sort();
    files.iter().filter_map(|file| fs::read(file).ok()).collect()
}

fn write(folder: &Path, target: &str, input: &[u8]) -> io::Result<PathBuf> {
    fs::create_dir_all(folder)?;
    // FNV-1a: the same input gets the same name.
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = input.iter().fold(0xcbf2_9ce4_8422_2325, step);
    let file = folder.join(format!("{target}-{hash:016x}"));
    fs::write(&file, input)?;
    Ok(file)
}

fn message(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("(no message)")
}
