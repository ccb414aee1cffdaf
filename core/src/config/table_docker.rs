//! The keys of the engine.

use super::key::{Key, Kind};

/// As many as a kernel numbers at most.
pub(crate) const PIDS: Kind = Kind::Count(1, 4_194_304);
pub(crate) const LOG_FILES: Kind = Kind::Count(1, 1000);

pub(crate) const DOCKER: &[Key] = &[
    Key::new("host", Kind::Text, "Where the engine is: `unix:///path` or `tcp://host:port`.")
        .or("unix:///var/run/docker.sock"),
    Key::new("tls", Kind::Section(TLS), "Certificates for an engine at `tcp://`."),
    Key::new(
        "client_config_path",
        Kind::Path,
        "The directory of Docker's own client configuration, for the credentials of registries. Without it, `$HOME/.docker`.",
    )
    .like("/root/.docker"),
    Key::new("network", Kind::Text, "An existing network that performers join. Without it, the executor makes its own.")
        .like("performers"),
    Key::new(
        "executor_container",
        Kind::Text,
        "Name or id of the container in which the executor itself runs. Without it, that is detected.",
    )
    .like("hourglass-executor"),
    Key::new(
        "host_root",
        Kind::Path,
        "Where the file system of the engine's host is mounted, for looking at devices and control groups.",
    )
    .or("/"),
    Key::new("concurrent_pulls", Kind::Count(1, 64), "How many images are pulled at once.").or("3"),
    Key::new("pull_stall_timeout", Kind::Duration, "A pull that makes no progress for so long is given up.").or("120s"),
    Key::new("call_timeout", Kind::Duration, "How long the engine may take to answer.").or("20s"),
    Key::new("performers_may_connect", Kind::Bool, "Whether performers may connect to each other.").or("false"),
    Key::new("pids_limit", PIDS, "Processes and threads of a container at most, where its AVS says nothing.").or("1024"),
    Key::new(
        "tmpfs_size",
        Kind::Size,
        "Size of a container's file system at `/tmp`, where its AVS says nothing; it counts as memory.",
    )
    .or("64Mi"),
    Key::new("log_max_size", Kind::Size, "Size of one log file of a container, where its AVS says nothing.").or("10Mi"),
    Key::new("log_max_files", LOG_FILES, "Log files of a container that are kept, where its AVS says nothing.").or("3"),
    Key::new(
        "run_as_user",
        Kind::Count(1, 2_147_483_647),
        "The user of a container, where its AVS says nothing and its image names no user but root.",
    )
    .or("65532"),
];

const TLS: &[Key] = &[
    Key::new("ca_path", Kind::Path, "The authority that signed the engine's certificate, PEM.").like("/docker/ca.pem"),
    Key::new("cert_path", Kind::Path, "Our certificate, PEM.").like("/docker/cert.pem"),
    Key::new("key_path", Kind::Path, "Its private key, PEM.").like("/docker/key.pem"),
];
