//! Every key of the configuration.

use super::key::{Key, Kind};

use super::table_avs::{AVS, SCHEDULING, TASK};
use super::table_docker::DOCKER;

const HTTP: &[&str] = &["http", "https"];
const WS: &[&str] = &["ws", "wss"];
const MODES: &[&str] = &["docker", "kubernetes"];

/// The top level.
pub(crate) const ROOT: &[Key] = &[
    Key::new("aggregator_endpoint", Kind::Endpoint, "The aggregator whose tasks are executed.")
        .like("aggregator.example.com:9090"),
    Key::new(
        "aggregator_tls_enabled",
        Kind::Bool,
        "Whether connections that the executor opens to the aggregator use TLS.",
    )
    .or("false"),
    Key::new("aggregator_timeout", Kind::Duration, "How long a call to the aggregator may take.").or("30s"),
    Key::new(
        "deployment_mode",
        Kind::Choice(MODES),
        "How performers are run. Every AVS inherits it; all must use the same.",
    )
    .or("docker")
    .formerly("performer_mode"),
    Key::new(
        "log_level",
        Kind::Choice(&["trace", "debug", "info", "warn", "error"]),
        "The least important messages that are logged.",
    )
    .or("info"),
    Key::new("log_format", Kind::Choice(&["json", "text"]), "How log lines are written.").or("text"),
    Key::new("operator", Kind::Section(OPERATOR), "Who executes."),
    Key::new(
        "operator_keys",
        Kind::Section(OPERATOR_KEYS),
        "The operator's signing keys: exactly one source for each curve, at least one curve.",
    ),
    Key::new("server", Kind::Section(SERVER), "The gRPC server to which aggregators submit tasks."),
    Key::new("management", Kind::Section(MANAGEMENT), "The gRPC management service."),
    Key::new("authentication", Kind::Section(AUTHENTICATION), "Who may manage performers."),
    Key::new("storage", Kind::Section(STORAGE), "Where tasks and performers are remembered."),
    Key::new("performer_config", Kind::Section(PERFORMER_CONFIG), "How the executor deals with every performer."),
    Key::new("docker", Kind::Section(DOCKER), "The engine of Docker mode, unused in Kubernetes mode."),
    Key::new("kubernetes", Kind::Section(KUBERNETES), "Required in Kubernetes mode, unused in Docker mode."),
    Key::new("chains", Kind::Entries(CHAIN), "The chains on which tasks are created."),
    Key::new("avs_config", Kind::Section(AVS_CONFIG), "The AVSs that are served."),
    Key::new("tasks", Kind::Section(TASK), "Defaults for the `task` section of every AVS."),
    Key::new("development", Kind::Section(DEVELOPMENT), "What is never right in production."),
    Key::new("metrics", Kind::Section(METRICS), "Prometheus metrics over HTTP."),
    Key::new("health", Kind::Section(HEALTH), "`/health`, `/ready` and `/startup` over HTTP."),
];

const OPERATOR: &[Key] = &[
    Key::new("address", Kind::Address, "The operator's address. Without it, the address of the ECDSA key.")
        .like("0x1234567890abcdef1234567890abcdef12345678"),
    Key::new("name", Kind::Text, "What the executor calls itself in logs, and in the labels of what it creates.")
        .or("hourglass-executor"),
];

const OPERATOR_KEYS: &[Key] = &[
    Key::new(
        "ecdsa_private_key_path",
        Kind::Path,
        "A file with the ECDSA key: hex, PEM, or a version 3 keystore; base64 of these too.",
    )
    .like("/keys/ecdsa.pem"),
    Key::new(
        "ecdsa_private_key",
        Kind::Secret,
        "The ECDSA key itself, as in the variable `ECDSA_PRIVATE_KEY`. Prefer a file.",
    ),
    Key::new("ecdsa_keystore_path", Kind::Path, "A version 3 keystore with the ECDSA key.").like("/keys/ecdsa.json"),
    Key::new("ecdsa_fd", Kind::Count(3, 1023), "An inherited file descriptor from which the ECDSA key is read once.")
        .like("3"),
    Key::new("ecdsa_password", Kind::Secret, "The password of the ECDSA keystore."),
    Key::new("ecdsa_password_path", Kind::Path, "A file with that password.").like("/keys/ecdsa.password"),
    Key::new(
        "bls_private_key_path",
        Kind::Path,
        "A file with the BN254 key: hex, or a version 4 keystore; base64 of these too.",
    )
    .like("/keys/bls.json"),
    Key::new(
        "bls_private_key",
        Kind::Secret,
        "The BN254 key itself, as in the variable `BLS_PRIVATE_KEY`. Prefer a file.",
    ),
    Key::new("bls_keystore_path", Kind::Path, "A version 4 keystore with the BN254 key.").like("/keys/bls.json"),
    Key::new("bls_fd", Kind::Count(3, 1023), "An inherited file descriptor from which the BN254 key is read once.")
        .like("4"),
    Key::new("bls_password", Kind::Secret, "The password of the BN254 keystore."),
    Key::new("bls_password_path", Kind::Path, "A file with that password.").like("/keys/bls.password"),
];

const SERVER: &[Key] = &[
    Key::new("listen", Kind::Listen, "Where tasks are accepted.").or("0.0.0.0:9095"),
    Key::new("reflection", Kind::Bool, "Whether clients such as grpcurl may list the services.").or("true"),
    Key::new("tls", Kind::Section(TLS), "TLS; without it the server is plaintext, as known aggregators expect."),
    Key::new("max_payload_bytes", Kind::Size, "The greatest payload of a task.").or("4Mi"),
    Key::new(
        "max_concurrent_tasks",
        Kind::Count(1, 1_000_000),
        "How many tasks are in progress at most, over all AVSs.",
    )
    .or("1024"),
    Key::new("max_connections", Kind::Count(1, 1_000_000), "How many connections are open at most.").or("1024"),
    Key::new("max_connections_per_peer", Kind::Count(1, 1_000_000), "How many of them from one IP address.").or("256"),
    Key::new(
        "max_streams_per_connection",
        Kind::Count(1, 65_535),
        "How many calls are open at most on one connection.",
    )
    .or("256"),
    Key::new(
        "task_timeout",
        Kind::Duration,
        "How long a call that brought a task waits. The task itself goes on and is found again by a retry.",
    )
    .or("60s"),
    Key::new("idle_timeout", Kind::Duration, "A connection that carried no call for so long is closed.").or("60s"),
    Key::new(
        "drain_delay",
        Kind::Duration,
        "How long new tasks are still accepted after the executor said that it is not ready any more.",
    )
    .or("5s"),
    Key::new("drain_timeout", Kind::Duration, "How long tasks in progress may take when the executor stops.").or("30s"),
    Key::new(
        "failures_per_minute_per_peer",
        Kind::Count(1, 1_000_000),
        "How many wrong signatures one IP address may send in a minute before it is refused unread.",
    )
    .or("60"),
];

const TLS: &[Key] = &[
    Key::new("cert_path", Kind::Path, "The certificate chain, PEM.").like("/tls/tls.crt"),
    Key::new("key_path", Kind::Path, "Its private key, PEM.").like("/tls/tls.key"),
    Key::new(
        "client_ca_path",
        Kind::Path,
        "Where given, clients must show a certificate that this authority signed, PEM.",
    )
    .like("/tls/ca.crt"),
];

const MANAGEMENT: &[Key] = &[
    Key::new("enabled", Kind::Bool, "Whether performers can be listed, deployed and removed over gRPC.").or("true"),
    Key::new(
        "listen",
        Kind::Listen,
        "A port of its own. Without it, the port of `server` with authentication, and 127.0.0.1:9096 without.",
    )
    .like("127.0.0.1:9096"),
];

const AUTHENTICATION: &[Key] = &[
    Key::new(
        "enabled",
        Kind::Bool,
        "Whether management calls must be signed by the operator. Without it, management is served on loopback only.",
    )
    .or("true"),
    Key::new("challenge_ttl", Kind::Duration, "How long a challenge can be answered.").or("5m"),
    Key::new("max_challenges", Kind::Count(1, 1_000_000), "How many challenges are open at most.").or("1024"),
];

const STORAGE: &[Key] = &[
    Key::new(
        "path",
        Kind::Path,
        "The directory of the task journal and the performer store. One process at a time may use it.",
    )
    .or("./hourglass-data"),
    Key::new(
        "retention",
        Kind::Duration,
        "How long answered tasks are remembered, so that they are answered the same again. At least 1h.",
    )
    .or("30d"),
];

const PERFORMER_CONFIG: &[Key] = &[
    Key::new("service_pattern", Kind::Text, "Where a performer is reached in Kubernetes: `{name}`, `{namespace}` and `{port}` are filled in. Must name `{name}` or `{avs}`.")
        .or("performer-{name}.{namespace}.svc.cluster.local:{port}"),
    Key::new("default_port", Kind::Port, "The port that performers serve on where their AVS does not say so. Without it, the only port that the image exposes, else 9090.").like("9090"),
    Key::new("connection_timeout", Kind::Duration, "How long connecting to a performer may take.").or("30s"),
    Key::new("startup_timeout", Kind::Duration, "How long a performer may take until it is ready. The default of `upgrade.ready_deadline`.").or("5m"),
    Key::new("retry_attempts", Kind::Count(0, 100), "How often connecting is tried again; a task that may have run never is.").or("3"),
    Key::new("max_performers", Kind::Count(1, 10_000), "How many performers this executor runs at most.").or("64"),
    Key::new("health_check_interval", Kind::Duration, "How often a performer's health is asked.").or("10s"),
    Key::new("health_check_timeout", Kind::Duration, "How long the answer may take.").or("2s"),
    Key::new("resource_monitoring_enabled", Kind::Bool, "Whether the usage of each performer is sampled into metrics.").or("true"),
    Key::new("resource_monitoring_interval", Kind::Duration, "How often.").or("30s"),
];

const KUBERNETES: &[Key] = &[
    Key::new("namespace", Kind::Text, "Where performers are created. Required in Kubernetes mode.").like("my-avs-project"),
    Key::new("operator_namespace", Kind::Text, "Where checks look for the operator.").or("hourglass-system"),
    Key::new("performer_crd_group", Kind::Text, "Must be the only value.").or("hourglass.eigenlayer.io"),
    Key::new("performer_crd_version", Kind::Text, "Must be the only value.").or("v1alpha1"),
    Key::new("performer_crd_kind", Kind::Text, "Must be the only value.").or("Performer"),
    Key::new("service_account", Kind::Text, "The service account that performers run as, where the AVS names none.").like("my-performers"),
    Key::new("cleanup_on_shutdown", Kind::Bool, "Whether performers are removed when the executor's own workload is deleted or scaled to zero; a restart never removes them.").or("false"),
    Key::new("cleanup_timeout", Kind::Duration, "How long that may take.").or("60s"),
    Key::new("scheduling", Kind::Section(SCHEDULING), "Where performers may run, for every AVS that has no `scheduling` of its own.").formerly("default_scheduling"),
];

const CHAIN: &[Key] = &[
    Key::new("name", Kind::Text, "A name for logs.").required().like("ethereum"),
    Key::new("chain_id", Kind::Count(1, u64::MAX), "The chain's id.").required().like("1"),
    Key::new("rpc_url", Kind::Url(HTTP), "Its JSON-RPC endpoint; only scheme and host are ever shown.")
        .required()
        .like("https://eth.example.com/v2/KEY"),
    Key::new("ws_url", Kind::Url(WS), "Its WebSocket endpoint; likewise.").like("wss://eth.example.com/v2/KEY"),
    Key::new("task_mailbox_address", Kind::Address, "The TaskMailbox contract. Known chains have a built-in one.")
        .like("0x132b466d9d5723531F68797519DfED701aC2C749"),
    Key::new("allocation_manager_address", Kind::Address, "The AllocationManager contract; likewise.")
        .like("0x948a420b8CC1d6BFd0B6087C2E7c344a2CD0bc39"),
    Key::new("key_registrar_address", Kind::Address, "The KeyRegistrar contract; likewise.")
        .like("0x54f4bC6bDEbe479173a2bbDc31dD7178408A57A4"),
    Key::new("ecdsa_verifier_address", Kind::Address, "The ECDSACertificateVerifier contract; likewise.")
        .like("0xd0930ee96D07de4F9d493c259232222e46B6EC25"),
    Key::new("bn254_verifier_address", Kind::Address, "The BN254CertificateVerifier contract; likewise.")
        .like("0x3F55654b2b2b86bB11bE2f72657f9C33bf88120A"),
    Key::new(
        "block_confirmations",
        Kind::Count(0, 10_000),
        "How many blocks deep an event must be before it is believed.",
    )
    .or("12"),
    Key::new("gas_limit", Kind::Count(0, u64::MAX), "Accepted and unused: an executor sends no transactions.")
        .like("1000000"),
    Key::new("gas_price_multiplier", Kind::Decimal, "Accepted and unused: an executor sends no transactions.")
        .like("1.2"),
    Key::new(
        "from_block",
        Kind::Count(0, u64::MAX),
        "The first block of interest; without it, the latest at the start.",
    )
    .like("18000000"),
    Key::new("retry_attempts", Kind::Count(0, 100), "How often a failed read is tried again.").or("3"),
    Key::new("retry_backoff", Kind::Duration, "How long before the first of these; doubled each time.").or("1s"),
];

const AVS_CONFIG: &[Key] = &[Key::new("supported_avs", Kind::Entries(AVS), "One entry for each AVS.")];

const DEVELOPMENT: &[Key] = &[
    Key::new("enabled", Kind::Bool, "Permits unsigned tasks and performers as plain processes. Never in production.").or("false"),
    Key::new("performers", Kind::Choice(&["docker", "process"]), "`process` runs performers as child processes: `performer_image` is then the absolute path of an executable. Needs `enabled`.").or("docker"),
    Key::new("mock_services", Kind::Bool, "Accepted and unused.").or("false"),
];

const METRICS: &[Key] = &[
    Key::new("enabled", Kind::Bool, "Whether metrics are served.").or("true"),
    Key::new("address", Kind::Text, "The IP address to listen on.").or("0.0.0.0"),
    Key::new("port", Kind::Port, "The port to listen on.").or("8080"),
    Key::new("path", Kind::Path, "The path of the metrics.").or("/metrics"),
];

const HEALTH: &[Key] = &[
    Key::new("enabled", Kind::Bool, "Whether health is served.").or("true"),
    Key::new("address", Kind::Text, "The IP address to listen on.").or("0.0.0.0"),
    Key::new("port", Kind::Port, "The port to listen on.").or("8090"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::config::key::camel_case;

    fn walk(keys: &'static [Key], path: &str, visit: &mut dyn FnMut(&str, &'static Key)) {
        for key in keys {
            let path = format!("{path}.{}", key.name);
            visit(&path, key);
            if let Kind::Section(keys) | Kind::Entries(keys) = key.kind {
                walk(keys, &path, visit);
            }
        }
    }

    #[test]
    fn defaults_and_examples_are_valid_and_every_key_is_described() {
        walk(ROOT, "", &mut |path, key| {
            assert!(key.doc.ends_with('.'), "{path}");
            for text in [key.default, key.example].into_iter().flatten().filter(|_| key.kind.is_scalar()) {
                assert_eq!(key.kind.check(text.trim_matches('"')), Ok(()), "{path}");
            }
        });
    }

    #[test]
    fn no_spelling_means_two_keys() {
        let spelled = |keys: &[Key], path: &str| {
            let mut seen = BTreeSet::new();
            for key in keys {
                let all = [Some(key.name), key.alias, key.former].into_iter().flatten();
                let all: BTreeSet<String> = all
                    .flat_map(|name| [name.to_owned(), camel_case(name)])
                    .filter(|name| key.is_named(name))
                    .collect();
                for name in all {
                    assert!(seen.insert(name.clone()), "{path}.{name}");
                }
            }
        };
        spelled(ROOT, "");
        walk(ROOT, "", &mut |path, key| {
            if let Kind::Section(keys) | Kind::Entries(keys) = key.kind {
                spelled(keys, path);
            }
        });
    }

    /// A key that nothing reads would be accepted and do nothing.
    #[test]
    fn every_key_is_read() {
        let readers = [
            include_str!("read.rs"),
            include_str!("read_avs.rs"),
            include_str!("read_docker.rs"),
            include_str!("placement.rs"),
            include_str!("rules.rs"),
        ];
        // Accepted, and said to be unused; of operator_keys, the names are put together.
        let composed = |name: &str| name.starts_with("ecdsa_") || name.starts_with("bls_");
        walk(ROOT, "", &mut |path, key| {
            let literal = format!("\"{}\"", key.name);
            assert!(composed(key.name) || readers.iter().any(|text| text.contains(&literal)), "{path} is read nowhere");
        });
    }
}
