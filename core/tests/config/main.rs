//! The configuration as users meet it: the specification's own blocks, every problem at once, layers, hostile input,
//! generated documents; and the mapping of hardware to placement.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod docker;
mod generated;
mod hardware;
mod hostile;
mod layers;
mod problems;
mod reload;
mod rules;
mod spec;

use std::collections::BTreeMap;

use hourglass_core::config::{self, ConfigFile, Loaded, Problems, Sources};

/// A variable without which no configuration is complete.
pub(crate) const KEY: (&str, &str) = ("ECDSA_PRIVATE_KEY", "LS0tLS1CRUdJTi");

pub(crate) fn sources(text: &str) -> Sources {
    let file = ConfigFile { name: "executor.yaml".into(), text: text.into() };
    Sources { file: Some(file), env: env(&[KEY]), flags: Vec::new() }
}

pub(crate) fn env(variables: &[(&str, &str)]) -> BTreeMap<String, String> {
    variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

pub(crate) fn load(text: &str) -> Result<Loaded, Problems> {
    config::load(&sources(text))
}

pub(crate) fn valid(text: &str) -> Loaded {
    load(text).unwrap_or_else(|problems| panic!("{problems}\n\n{text}"))
}

/// The only problem of a text, as path, place and message.
pub(crate) fn problem(text: &str) -> (String, String, String) {
    let problems = load(text).expect_err(text);
    let [problem] = problems.as_slice() else { panic!("not one problem but:\n{problems}") };
    (problem.path.clone(), problem.source.to_string(), format!("{} / {}", problem.message, problem.remedy))
}

/// One AVS with further lines, each indented as a key of it.
pub(crate) fn with_avs(lines: &str) -> String {
    let mut text = String::from(
        "avs_config:\n  supported_avs:\n    - address: '0x1234567890abcdef1234567890abcdef12345678'\n      performer_image: org/p:v1\n",
    );
    for line in lines.lines() {
        text.push_str(&format!("      {line}\n"));
    }
    text
}
