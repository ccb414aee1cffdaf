//! The keys of one AVS.

use super::key::{Key, Kind};
use super::table_docker::{LOG_FILES, PIDS};

const MODES: &[&str] = &["docker", "kubernetes"];
const PULL: &[&str] = &["Always", "Never", "IfNotPresent"];
const STRATEGIES: &[&str] = &["RollingUpdate", "BlueGreen", "Recreate"];

pub(crate) const AVS: &[Key] = &[
    Key::new("address", Kind::Address, "The AVS's address; mixed case must be its EIP-55 checksum.").required().like("0x1234567890abcdef1234567890abcdef12345678"),
    Key::new("name", Kind::Text, "A name for its performer and for logs. Without it, `avs-` and the first 8 digits of the address.").like("my-avs"),
    Key::new("deployment_mode", Kind::Choice(MODES), "Inherited from the top level; all must be the same."),
    Key::new("performer_image", Kind::Image, "The performer's image. A tag or digest in it is used as it is.").required().like("my-org/my-avs-performer"),
    Key::new("performer_version", Kind::Text, "The image's tag, where the image carries none.").like("v1.0.0"),
    Key::new("default_resources", Kind::Section(RESOURCES), "What the performer needs and may use.").or_named("resources"),
    Key::new("hardware", Kind::Section(HARDWARE), "What the performer cannot run without; it never runs without it.").or_named("hardware_requirements").camel(),
    Key::new("scheduling", Kind::Section(SCHEDULING), "Where the performer may run."),
    Key::new("aggregators", Kind::Entries(AGGREGATOR), "Who may submit tasks of this AVS, where no chain is asked."),
    Key::new("operator_sets", Kind::Entries(OPERATOR_SET), "The operator sets for which this executor answers, where no chain is asked."),
    Key::new("replicas", Kind::Count(1, 100), "How many instances serve at once.").or("1"),
    Key::new("upgrade", Kind::Section(UPGRADE), "How one version replaces another."),
    Key::new("task", Kind::Section(TASK), "How its tasks are run; defaults are in `tasks`."),
    Key::new("env", Kind::Entries(ENV), "The performer's environment; `GRPC_PORT` and `AVS_ADDRESS` are set in any case."),
    Key::new("command", Kind::Texts, "Replaces the image's entrypoint.").like("[\"/bin/performer\"]"),
    Key::new("args", Kind::Texts, "Arguments.").like("[\"--verbose\"]"),
    Key::new("port", Kind::Port, "The port that the performer serves on. Without it, `performer_config.default_port`, else the only port that the image exposes, else 9090.").like("9090"),
    Key::new("image_pull_policy", Kind::Choice(PULL), "When the image is pulled.").or("IfNotPresent"),
    Key::new("image_pull_secrets", Kind::Texts, "Kubernetes Secrets for pulling.").like("[registry-credentials]"),
    Key::new("service_account", Kind::Text, "The Kubernetes service account of the performer.").like("my-performers"),
    Key::new("security", Kind::Section(SECURITY), "Overrides of the hardened defaults."),
];

const RESOURCES: &[Key] = &[
    Key::new("requests", Kind::Quantities, "What must be free for it to be placed.").like("{cpu: 500m, memory: 1Gi}"),
    Key::new("limits", Kind::Quantities, "What it may use at most.").like("{cpu: 2, memory: 4Gi}"),
];

const HARDWARE: &[Key] = &[
    Key::new("gpu_type", Kind::Text, "A type of GPU: `nvidia-a100`, or vendor-qualified as `amd.com/mi300x`.")
        .camel()
        .like("nvidia-a100"),
    Key::new("gpu_count", Kind::Count(0, 64), "How many GPUs; 1 where only a type is given.").camel().like("1"),
    Key::new("tee_required", Kind::Bool, "Whether it must run in a trusted execution environment.")
        .camel()
        .like("true"),
    Key::new("tee_type", Kind::Text, "Of which type: `sgx`, `sev` or `tdx`.").camel().like("sgx"),
    Key::new("custom_labels", Kind::Labels, "Labels that its node must carry.")
        .camel()
        .like("{example.com/disk: fast}"),
    Key::new("gpu", Kind::Section(GPU), "The same as `gpu_type` and `gpu_count`, in the chart's spelling."),
    Key::new("tee", Kind::Section(TEE), "The same as `tee_required` and `tee_type`, in the chart's spelling."),
];

const GPU: &[Key] = &[
    Key::new("required", Kind::Bool, "Whether GPUs are needed; `false` means none.").like("true"),
    Key::new("type", Kind::Text, "The type.").like("nvidia-a100"),
    Key::new("count", Kind::Count(0, 64), "How many; 1 where `required`.").like("1"),
];

const TEE: &[Key] = &[
    Key::new("required", Kind::Bool, "Whether one is needed.").like("true"),
    Key::new("type", Kind::Text, "The type.").like("sgx"),
];

pub(crate) const SCHEDULING: &[Key] = &[
    Key::new("node_selector", Kind::Labels, "Labels that the node must carry.")
        .camel()
        .like("{node.kubernetes.io/instance-type: m5.xlarge}"),
    Key::new("tolerations", Kind::Entries(TOLERATION), "Taints that are tolerated."),
    Key::new("node_affinity", Kind::Section(NODE_AFFINITY), "As in Kubernetes.").camel(),
    Key::new("runtime_class", Kind::Text, "How it is isolated.")
        .camel()
        .or_named("runtime_class_name")
        .like("kata-containers"),
    Key::new("priority_class_name", Kind::Text, "What it may displace.")
        .camel()
        .or_named("priority_class")
        .like("high"),
];

const TOLERATION: &[Key] = &[
    Key::new("key", Kind::Text, "The taint's key; without it, with `Exists`, every key.").like("dedicated"),
    Key::new("operator", Kind::Choice(&["Equal", "Exists"]), "How it compares.").or("Equal"),
    Key::new("value", Kind::Text, "For `Equal`.").like("avs-workloads"),
    Key::new("effect", Kind::Choice(&["NoSchedule", "PreferNoSchedule", "NoExecute"]), "Without it, every effect.")
        .like("NoSchedule"),
    Key::new(
        "toleration_seconds",
        Kind::Integer(i64::MIN, i64::MAX),
        "How long a `NoExecute` taint is tolerated; without it, for ever.",
    )
    .camel()
    .like("300"),
];

const NODE_AFFINITY: &[Key] = &[
    Key::new(
        "required_during_scheduling_ignored_during_execution",
        Kind::Section(REQUIRED),
        "What the node must meet.",
    )
    .camel()
    .or_named("required"),
    Key::new("preferred_during_scheduling_ignored_during_execution", Kind::Entries(PREFERRED), "What it should meet.")
        .camel()
        .or_named("preferred"),
];

const REQUIRED: &[Key] =
    &[Key::new("node_selector_terms", Kind::Entries(TERM), "Alternatives, any one of which must hold.")
        .camel()
        .required()];

const PREFERRED: &[Key] = &[
    Key::new("weight", Kind::Count(1, 100), "How much it counts.").required().like("50"),
    Key::new("preference", Kind::Section(TERM), "What is preferred.").required(),
];

const TERM: &[Key] = &[
    Key::new("match_expressions", Kind::Entries(EXPRESSION), "About the node's labels; all must hold.").camel(),
    Key::new("match_fields", Kind::Entries(EXPRESSION), "About the node's fields; all must hold.").camel(),
];

const EXPRESSION: &[Key] = &[
    Key::new("key", Kind::Text, "Which label or field.").required().like("topology.kubernetes.io/zone"),
    Key::new("operator", Kind::Choice(&["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"]), "How it compares.")
        .required()
        .like("In"),
    Key::new("values", Kind::Texts, "With what.").like("[eu-west-1a]"),
];

const AGGREGATOR: &[Key] = &[
    Key::new("address", Kind::Address, "The aggregator's operator address, as submissions name it.")
        .required()
        .like("0x1234567890abcdef1234567890abcdef12345678"),
    Key::new("ecdsa_address", Kind::Address, "The address of its ECDSA key. Without a BN254 key, `address` itself.")
        .like("0x1234567890abcdef1234567890abcdef12345678"),
    Key::new(
        "bn254_public_key",
        Kind::PublicKey,
        "Its BN254 key on G2, where it signs on that curve: X.c1, X.c0, Y.c1, Y.c0.",
    ),
];

const OPERATOR_SET: &[Key] = &[
    Key::new("id", Kind::Count(0, 4_294_967_295), "The set's id.").required().like("1"),
    Key::new("curve", Kind::Choice(&["ecdsa", "bn254"]), "The curve on which its operators sign.")
        .required()
        .like("ecdsa"),
    Key::new("verifier_address", Kind::Address, "The certificate verifier; required for `ecdsa`.")
        .like("0xd0930ee96D07de4F9d493c259232222e46B6EC25"),
    Key::new(
        "domain_version",
        Kind::Text,
        "The version text in the verifier's EIP-712 domain, used to the letter; required for `ecdsa`.",
    )
    .like("\"1\""),
];

const UPGRADE: &[Key] = &[
    Key::new("strategy", Kind::Choice(STRATEGIES), "`RollingUpdate` starts the new version and routes to it once it is ready, `BlueGreen` waits for a promotion, `Recreate` stops the old one first.").or("RollingUpdate"),
    Key::new("ready_deadline", Kind::Duration, "A version that is not ready by then is withdrawn. Without it, `performer_config.startup_timeout`.").like("5m"),
    Key::new("drain_deadline", Kind::Duration, "How long the old version may finish its tasks.").or("60s"),
    Key::new("stop_grace", Kind::Duration, "Between the request to stop and the kill.").or("10s"),
];

pub(crate) const TASK: &[Key] = &[
    Key::new("deadline", Kind::Duration, "How long the performer may work on one task.").or("60s"),
    Key::new("max_concurrent", Kind::Count(1, 100_000), "How many tasks the performer works on at once.").or("32"),
    Key::new("max_queued", Kind::Count(0, 1_000_000), "How many wait for that; more are refused at once.").or("256"),
    Key::new("idempotent", Kind::Bool, "Whether a task that may have run may be run again.").or("false"),
];

const ENV: &[Key] = &[
    Key::new("name", Kind::Text, "The variable.").required().like("LOG_LEVEL"),
    Key::new("value", Kind::Secret, "Its value, never shown."),
    Key::new("value_from_env", Kind::Text, "The executor's own variable from which the value is taken.")
        .like("RPC_URL"),
];

const SECURITY: &[Key] = &[
    Key::new("run_as_user", Kind::Count(0, 4_294_967_295), "The user to run as.").like("1000"),
    Key::new("read_only_root", Kind::Bool, "Whether the root file system is read-only.").like("false"),
    Key::new("add_capabilities", Kind::Texts, "Capabilities to keep.").like("[NET_BIND_SERVICE]"),
    Key::new(
        "allow_privilege_escalation",
        Kind::Bool,
        "Whether a process may gain privileges that its parent has not.",
    )
    .like("true"),
    Key::new("pids_limit", PIDS, "Processes and threads at most.").like("4096"),
    Key::new("tmpfs_size", Kind::Size, "Size of the file system at `/tmp`; it counts as memory.").like("256Mi"),
    Key::new("log_max_size", Kind::Size, "Size of one log file of the container.").like("50Mi"),
    Key::new("log_max_files", LOG_FILES, "Log files of the container that are kept.").like("5"),
];
