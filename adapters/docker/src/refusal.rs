//! What the engine's words on a start that failed mean, and what to change.

use hourglass_core::lifecycle::ExitCause;

use crate::engine::EngineError;
use crate::failure::StartFailure;

/// Signs in the engine's message, all of which must be there (in lower case), the reason, whether trying again is
/// pointless, and what to change.
type Row = (&'static [&'static str], &'static str, bool, &'static str);

const ROWS: &[Row] = &[
    (
        &["no space left on device"],
        "EngineDiskFull",
        false,
        "make room where the engine keeps its data, for instance with `docker system prune`",
    ),
    (&["disk quota exceeded"], "EngineDiskFull", false, "make room where the engine keeps its data"),
    (
        &["address pool"],
        "AddressPoolsExhausted",
        false,
        "remove networks that nobody uses (`docker network prune`), or give the engine more in default-address-pools",
    ),
    (
        &["could not select device driver"],
        "DeviceDriverMissing",
        true,
        "install the NVIDIA Container Toolkit and restart the engine",
    ),
    (&["error gathering device information"], "DeviceMissing", true, "this host does not have the device"),
    (
        &["unknown runtime"],
        "RuntimeClassNotFound",
        true,
        "configure the runtime in the engine, or another runtime class",
    ),
    (
        &["unknown or invalid runtime name"],
        "RuntimeClassNotFound",
        true,
        "configure the runtime in the engine, or another runtime class",
    ),
    (
        &["unable to find user"],
        "UserNotFound",
        true,
        "the image names a user that it does not have: set security.run_as_user to a number",
    ),
    (&["no matching entries in passwd"], "UserNotFound", true, "set security.run_as_user to a number"),
    (&["unable to find group"], "UserNotFound", true, "set security.run_as_user to a number"),
    (
        &["exec format error"],
        "ImagePlatformMismatch",
        true,
        "the image is for another kind of processor: use one that was built for this host",
    ),
    (
        &["exec", "permission denied"],
        "CommandNotExecutable",
        true,
        "the file must be executable for the user that it runs as: correct the image, the command, or \
         security.run_as_user",
    ),
    (&["executable file not found"], "CommandNotFound", true, "correct the command or the image's entrypoint"),
    (
        &["exec", "no such file or directory"],
        "CommandNotFound",
        true,
        "correct the command or the image's entrypoint; a program that is not static needs its loader in the image",
    ),
    (&["no command specified"], "CommandNotFound", true, "the image has no entrypoint: give a command"),
    (&["exec", "is a directory"], "CommandNotExecutable", true, "correct the command or the image's entrypoint"),
    (&["minimum memory"], "LimitsRefused", true, "raise the memory limit"),
    (&["memory reservation"], "LimitsRefused", true, "correct the requested memory"),
    (&["container init", "out of memory"], "LimitsRefused", true, "the memory limit is too small to start anything"),
    (&["container init", "oom"], "LimitsRefused", true, "the memory limit is too small to start anything"),
    (&["cpu"], "LimitsRefused", true, "correct the request or limit of cpu"),
    (&["capabilit"], "CapabilityUnknown", true, "correct security.add_capabilities"),
    (&["port is already allocated"], "PortUnavailable", false, "another port is taken at the next try"),
    (&["address already in use"], "PortUnavailable", false, "another port is taken at the next try"),
    (&["no such image"], "ImageRemoved", false, "somebody removed the image since it was found or pulled"),
    (&["network", "not found"], "NetworkNotFound", false, "somebody removed the network"),
];

/// What the words of a start's error mean, wherever they were found.
pub(crate) fn of_start(message: &str) -> StartFailure {
    row(message).unwrap_or_else(|| StartFailure::failed("EngineFailed", message))
}

/// What the only words of a container that ended at once mean, where they are those of what was to run its program: it
/// counts as started before the kernel has looked at the file.
pub(crate) fn of_only_words(cause: &ExitCause, output: &str) -> Option<StartFailure> {
    let of_runtime = output.starts_with("exec /") || output.starts_with("standard_init_linux.go:");
    let at_once = matches!(cause, ExitCause::Code(1 | 255)) && !output.trim_end().contains('\n');
    row(output).filter(|failure| of_runtime && at_once && failure.refused)
}

/// What an answer to the creation or the start of a container means; `None` for one that says nothing.
pub(crate) fn of_answer(error: &EngineError) -> Option<StartFailure> {
    let EngineError::Said { status, message } = error else { return None };
    Some(row(message).unwrap_or_else(|| match status {
        400 => StartFailure::refused("EngineRefused", message),
        _ => StartFailure::failed("EngineFailed", message),
    }))
}

fn row(message: &str) -> Option<StartFailure> {
    let lower = message.to_lowercase();
    let (_, reason, refused, remedy) = ROWS.iter().find(|(signs, ..)| signs.iter().all(|sign| lower.contains(sign)))?;
    Some(StartFailure { reason, message: format!("{message}: {remedy}"), refused: *refused })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_engines() {
        for (message, reason, refused) in [
            (
                "OCI runtime create failed: container_linux.go:380: starting container process caused: exec: \"/nope\": \
                 stat /nope: no such file or directory: unknown",
                "CommandNotFound",
                true,
            ),
            (
                "failed to create task for container: failed to create shim task: OCI runtime create failed: runc create \
                 failed: unable to start container process: exec: \"nope\": executable file not found in $PATH: unknown",
                "CommandNotFound",
                true,
            ),
            (
                "OCI runtime create failed: container_linux.go:380: starting container process caused: exec: \"/data\": \
                 permission denied: unknown",
                "CommandNotExecutable",
                true,
            ),
            ("standard_init_linux.go:228: exec user process caused: exec format error", "ImagePlatformMismatch", true),
            ("linux spec user: unable to find user nobody2: no matching entries in passwd file", "UserNotFound", true),
            ("write /var/lib/docker/x: no space left on device", "EngineDiskFull", false),
            (
                "could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the \
                 network",
                "AddressPoolsExhausted",
                false,
            ),
            ("could not select device driver \"nvidia\" with capabilities: [[gpu]]", "DeviceDriverMissing", true),
            ("Minimum memory limit allowed is 6MB", "LimitsRefused", true),
            ("Unknown runtime specified kata", "RuntimeClassNotFound", true),
            ("Unknown runtime specified cpu-kata", "RuntimeClassNotFound", true),
            ("invalid CapAdd: unknown capability: \"CAP_X\"", "CapabilityUnknown", true),
            (
                "driver failed programming external connectivity: Bind for 127.0.0.1:1 failed: port is already allocated",
                "PortUnavailable",
                false,
            ),
            ("something else", "EngineFailed", false),
        ] {
            let failure = of_start(message);
            assert_eq!((failure.reason, failure.refused), (reason, refused), "{message}");
            assert!(failure.message.starts_with(message));
        }
        for (code, output, reason) in [
            (1, "exec /performer: exec format error", Some("ImagePlatformMismatch")),
            (
                1,
                "standard_init_linux.go:228: exec user process caused: exec format error",
                Some("ImagePlatformMismatch"),
            ),
            (255, "exec /performer: no such file or directory", Some("CommandNotFound")),
            (1, "exec /performer: permission denied\n", Some("CommandNotExecutable")),
            (1, "exec /a helper: no such file or directory\nso I gave up", None),
            (2, "exec /performer: exec format error", None),
            (1, "cannot exec /helper: no such file or directory", None),
        ] {
            let failure = of_only_words(&ExitCause::Code(code), output);
            assert_eq!(failure.map(|failure| failure.reason), reason, "{code} {output}");
        }
        let said = |status| of_answer(&EngineError::Said { status, message: "what".into() });
        assert!(said(400).is_some_and(|failure| failure.refused));
        assert!(said(500).is_some_and(|failure| !failure.refused));
        assert_eq!(of_answer(&EngineError::Silent(String::new())), None);
    }
}
