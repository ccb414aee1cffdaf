//! Every parser that faces a stranger, as plain functions that must never panic.
//!
//! Each takes arbitrary bytes and holds what was parsed to what it promises: that it can be written and read again,
//! that its limits are kept. `fuzz_targets/` calls them from libFuzzer (`make fuzz`), [`brief`] calls them with mutated
//! seeds on the stable toolchain (`make test`).

// Not in the manifest: libFuzzer's entry points, in binaries of this package, cannot do without unsafe code.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod brief;
mod config;
mod journal;
mod keys;
mod tasks;
mod texts;
mod traces;
mod wire;

pub use config::config;
pub use journal::journal_import;
pub use keys::{key_file, signature};
pub use tasks::{identifiers, submission};
pub use texts::{image, names, performer_spec, quantity};
pub use traces::traceparent;
pub use wire::messages;

/// A parser under test.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Also the name of its libFuzzer binary and of its folder in `corpus/`.
    pub name: &'static str,
    /// Panics where a promise is broken.
    pub run: fn(&[u8]),
    /// Inputs to begin with: good ones, so that mutations of them get past the first check.
    pub seeds: &'static [&'static str],
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "submission", run: submission, seeds: tasks::SUBMISSIONS },
    Target { name: "identifiers", run: identifiers, seeds: tasks::IDENTIFIERS },
    Target { name: "names", run: names, seeds: texts::NAMES },
    Target { name: "image", run: image, seeds: texts::IMAGES },
    Target { name: "quantity", run: quantity, seeds: texts::QUANTITIES },
    Target { name: "performer_spec", run: performer_spec, seeds: texts::SPECS },
    Target { name: "traceparent", run: traceparent, seeds: traces::TRACEPARENTS },
    Target { name: "signature", run: signature, seeds: keys::SIGNATURES },
    Target { name: "key_file", run: key_file, seeds: keys::KEY_FILES },
    Target { name: "config", run: config, seeds: config::CONFIGS },
    Target { name: "messages", run: messages, seeds: wire::MESSAGES },
    Target { name: "journal_import", run: journal_import, seeds: journal::EXPORTS },
];
