//! What container runtimes say of a container that they could not make or start, and what to change.

use hourglass_core::lifecycle::ExitCause;

/// Signs in lower case, all of which must be there, the reason, whether trying again is pointless, and what to change.
type Row = (&'static [&'static str], &'static str, bool, &'static str);

const CONFIGURATION: &[Row] = &[
    (
        &["image will run as root"],
        "ImageRunsAsRoot",
        true,
        "set security.runAsUser to a user other than 0, or to 0 if it must be root and the namespace allows it",
    ),
    (
        &["cannot verify user is non-root"],
        "ImageRunsAsRoot",
        true,
        "the image names its user by a word: set security.runAsUser to its number",
    ),
    (&["secret", "not found"], "SecretNotFound", false, "create the Secret in this namespace, or correct its name"),
    (
        &["configmap", "not found"],
        "ConfigMapNotFound",
        false,
        "create the ConfigMap in this namespace, or correct its name",
    ),
    (&["couldn't find key", "secret"], "SecretKeyNotFound", false, "add the key to the Secret, or correct it"),
    (&["couldn't find key", "configmap"], "ConfigMapKeyNotFound", false, "add the key to the ConfigMap, or correct it"),
];

const START: &[Row] = &[
    (&["no space left on device"], "EngineDiskFull", false, "make room on the node"),
    (
        &["unable to find user"],
        "UserNotFound",
        true,
        "the image names a user that it does not have: set security.runAsUser",
    ),
    (&["no users found"], "UserNotFound", true, "the image names a user that it does not have: set security.runAsUser"),
    (&["no matching entries in passwd"], "UserNotFound", true, "set security.runAsUser to a number"),
    (&["unable to find group"], "UserNotFound", true, "set security.runAsUser to a number"),
    (&["exec format error"], "ImagePlatformMismatch", true, "use an image that was built for this kind of processor"),
    (
        &["exec", "permission denied"],
        "CommandNotExecutable",
        true,
        "the file must be executable for the user that it runs as: correct the image, the command, or \
         security.runAsUser",
    ),
    (&["exec", "is a directory"], "CommandNotExecutable", true, "correct the command or the image's entrypoint"),
    (&["executable file not found"], "CommandNotFound", true, "correct the command or the image's entrypoint"),
    (
        &["exec", "no such file or directory"],
        "CommandNotFound",
        true,
        "correct the command or the image's entrypoint; a program that is not static needs its loader in the image",
    ),
    (&["no command specified"], "CommandNotFound", true, "the image has no entrypoint: give a command"),
    (&["container init", "oom"], "LimitsRefused", true, "the memory limit is too small to start anything"),
    (&["container init", "out of memory"], "LimitsRefused", true, "the memory limit is too small to start anything"),
    (&["minimum memory"], "LimitsRefused", true, "raise the memory limit"),
    (&["capabilit"], "CapabilityUnknown", true, "correct security.addCapabilities"),
    (&["no runtime for"], "RuntimeClassNotFound", true, "the node does not have the runtime of this runtime class"),
];

/// Of `CreateContainerConfigError`: what the container needs and does not have.
pub(super) fn of_configuration(message: &str) -> ExitCause {
    cause(CONFIGURATION, message)
}

/// Of `CreateContainerError`, `RunContainerError` and containers that never ran.
pub(super) fn of_start(message: &str) -> ExitCause {
    cause(START, message)
}

fn cause(rows: &[Row], message: &str) -> ExitCause {
    let lower = message.to_lowercase();
    let row = rows.iter().find(|(signs, ..)| signs.iter().all(|sign| lower.contains(sign)));
    match row {
        Some((_, reason, true, remedy)) => refused(reason, &format!("{message}: {remedy}")),
        Some((_, reason, false, remedy)) => failed(reason, &format!("{message}: {remedy}")),
        None => failed("EngineFailed", message),
    }
}

pub(super) fn refused(reason: &str, message: &str) -> ExitCause {
    ExitCause::Refused { reason: reason.into(), message: message.into() }
}

pub(super) fn failed(reason: &str, message: &str) -> ExitCause {
    ExitCause::StartFailed { reason: reason.into(), message: message.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_runtimes() {
        let of = |cause: ExitCause| (cause.reason().to_owned(), matches!(cause, ExitCause::Refused { .. }));
        for (message, reason, is_refused) in [
            (
                "container has runAsNonRoot and image will run as root (pod: \"p_ns(uid)\", container: performer)",
                "ImageRunsAsRoot",
                true,
            ),
            (
                "container has runAsNonRoot and image has non-numeric user (nobody), cannot verify user is non-root \
                 (pod: \"p_ns(uid)\", container: performer)",
                "ImageRunsAsRoot",
                true,
            ),
            ("secret \"keys\" not found", "SecretNotFound", false),
            ("configmap \"settings\" not found", "ConfigMapNotFound", false),
            ("couldn't find key token in Secret ns/keys", "SecretKeyNotFound", false),
            ("couldn't find key token in ConfigMap ns/settings", "ConfigMapKeyNotFound", false),
            ("something else", "EngineFailed", false),
        ] {
            assert_eq!(of(of_configuration(message)), (reason.to_owned(), is_refused), "{message}");
        }
        for (message, reason, is_refused) in [
            (
                "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create \
                 failed: unable to start container process: exec: \"/nope\": stat /nope: no such file or directory: \
                 unknown",
                "CommandNotFound",
                true,
            ),
            (
                "failed to generate container spec: unable to find user nobody2: no matching entries",
                "UserNotFound",
                true,
            ),
            ("exec: \"/data\": permission denied: unknown", "CommandNotExecutable", true),
            ("exec /performer: exec format error", "ImagePlatformMismatch", true),
            ("container init was OOM-killed (memory limit too low?)", "LimitsRefused", true),
            ("context deadline exceeded", "EngineFailed", false),
        ] {
            assert_eq!(of(of_start(message)), (reason.to_owned(), is_refused), "{message}");
        }
    }
}
