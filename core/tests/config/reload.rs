use crate::{valid, with_avs};

#[test]
fn avs_and_log_level_apply_and_the_rest_waits() {
    let old = valid(&with_avs("replicas: 1")).config;
    assert!(old.reload_diff(&old.clone()).is_empty());
    let new = format!(
        "log_level: debug\nserver: {{listen: '0.0.0.0:1'}}\n{}    - {{address: '0x2222222222222222222222222222222222222222', performer_image: q}}\n",
        with_avs("replicas: 2\ntask: {deadline: 1s}")
    );
    let diff = old.reload_diff(&valid(&new).config);
    let avs = "avs_config.supported_avs[0x1234567890abcdef1234567890abcdef12345678]";
    let added = "avs_config.supported_avs[0x2222222222222222222222222222222222222222]";
    assert_eq!(diff.applied, ["log_level", &format!("{avs}.replicas"), &format!("{avs}.task"), added]);
    assert_eq!(diff.needs_restart, ["server"]);
}

#[test]
fn a_changed_secret_is_a_change() {
    for name in ["ecdsa_password", "bls_private_key", "bls_private_key_path"] {
        let load = |value: &str| valid(&format!("operator_keys: {{{name}: {value}}}\n")).config;
        assert!(load("a").reload_diff(&load("a")).is_empty());
        assert_eq!(load("a").reload_diff(&load("b")).needs_restart, ["operator_keys"], "{name}");
    }
    let chain =
        |key: &str| valid(&format!("chains: [{{name: a, chain_id: 1, rpc_url: 'https://e.example/{key}'}}]\n")).config;
    assert_eq!(chain("a").reload_diff(&chain("b")).needs_restart, ["chains"]);
}
