use std::collections::BTreeMap;

use hourglass_core::config::{ConfigFile, Sources, format_duration, load, parse_duration};

pub(crate) const CONFIGS: &[&str] = &[
    "deployment_mode: docker\nlog_levle: debug\n",
    "a: &a [*a]\n",
    "deployment_mode: docker\noperator_keys:\n  ecdsa_private_key_path: operator.key\navs_config:\n  supported_avs:\n    \
     - address: \"0x1234567890abcdef1234567890abcdef12345678\"\n      name: my-avs\n      performer_image: my-org/p\n      \
     performer_version: v1.0.0\n      deployment_mode: kubernetes\n      default_resources: {requests: {cpu: 2, memory: 1Gi}}\n",
    "performer_config: {connection_timeout: 30s, health_check_interval: 1h30m, max_performers: 10}\nchains: [{chain_id: 1}]\n\0\
     HOURGLASS_SERVER__LISTEN=127.0.0.1:1\nDEPLOYMENT_MODE=kubernetes",
];

/// A configuration file and, after a zero byte, variables: read or refused whole, and every refusal says where and what.
pub fn config(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (file, variables) = text.split_once('\0').unwrap_or((&text, ""));
    let env: BTreeMap<_, _> = variables
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.into(), value.into()))
        .collect();
    let file = Some(ConfigFile { name: "fuzz.yaml".into(), text: file.into() });
    match load(&Sources { file, env, flags: Vec::new() }) {
        Ok(loaded) => drop(loaded.effective()),
        Err(problems) => {
            assert!(!problems.is_empty(), "refused without a reason");
            assert!(!problems.to_string().trim().is_empty());
        }
    }
    if let Some(duration) = parse_duration(&text) {
        assert_eq!(parse_duration(&format_duration(duration)), Some(duration), "{duration:?}");
    }
}
