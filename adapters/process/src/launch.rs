//! From a specification to what is executed, refusing what a plain process cannot give.

use std::collections::BTreeMap;

use hourglass_core::hardware::HardwareRequirements;
use hourglass_core::performer::PerformerSpec;
use hourglass_core::ports::RuntimeError;

use crate::image::{executable, refused};

/// What is executed.
#[derive(Debug)]
pub(crate) struct Launch {
    pub(crate) program: String,
    pub(crate) args: Vec<String>,
    pub(crate) env: BTreeMap<String, String>,
}

/// Resolves a specification. The image is checked also where `command` replaces it: a pinned digest is never ignored.
///
/// `command` is the program (an absolute path, or a name that the supervisor looks up in the executor's `PATH`) and its
/// first arguments, `args` follow.
pub(crate) fn prepare(spec: &PerformerSpec, executor: impl Fn(&str) -> Option<String>) -> Result<Launch, RuntimeError> {
    check_demands(spec)?;
    let image = executable(spec)?;
    let env =
        spec.environment("a local process", executor).map_err(|error| refused(error.reason(), error.to_string()))?;
    let (program, command_args) = match spec.command.split_first() {
        Some((program, args)) => (program.clone(), args),
        None => (image.to_string_lossy().into_owned(), [].as_slice()),
    };
    let args: Vec<String> = command_args.iter().chain(&spec.args).cloned().collect();
    if program.is_empty() || program.contains('\0') || args.iter().any(|arg| arg.contains('\0')) {
        let message = "command and args cannot hold a zero byte, and the program cannot be empty: correct them".into();
        return Err(refused("CommandMalformed", message));
    }
    Ok(Launch { program, args, env })
}

/// Fails closed: a demand that is not met is never dropped (`contract.md` §5). Limits, of CPU and memory too, are no demand;
/// the runtime's capabilities say that nobody enforces them.
fn check_demands(spec: &PerformerSpec) -> Result<(), RuntimeError> {
    let elsewhere = "remove it, or choose deployment_mode docker or kubernetes";
    let refuse =
        |reason, what: String| Err(refused(reason, format!("a local process cannot give {what}: {elsewhere}")));
    if spec.hardware != HardwareRequirements::default() {
        return refuse("HardwareUnsupported", "the required hardware any guarantee".into());
    }
    let device = spec.resources.requests.keys().chain(spec.resources.limits.keys()).find(|name| name.contains('/'));
    if let Some(device) = device {
        return refuse("HardwareUnsupported", format!("the resource {device}"));
    }
    if let Some(class) = &spec.scheduling.runtime_class {
        return refuse("RuntimeClassUnsupported", format!("the isolation of the runtime class '{class}'"));
    }
    if spec.security.read_only_root == Some(true) || !spec.security.add_capabilities.is_empty() {
        return refuse("SecurityUnsupported", "a read-only root file system or added capabilities".into());
    }
    if spec.security.allow_privilege_escalation == Some(false) {
        return refuse("SecurityUnsupported", "the promise that no process gains privileges".into());
    }
    let user = rustix::process::geteuid().as_raw();
    match spec.security.run_as_user {
        Some(wanted) if wanted != user => {
            refuse("SecurityUnsupported", format!("the user {wanted}, since it runs as the executor's user {user}"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use hourglass_core::Address;
    use hourglass_core::performer::{EnvSource, EnvVar};

    use super::*;

    fn spec() -> PerformerSpec {
        let avs: Address = "0x1111111111111111111111111111111111111111".parse().unwrap();
        PerformerSpec::new(avs, "/bin/sh".parse().unwrap())
    }

    fn prepared(spec: &PerformerSpec) -> Result<Launch, RuntimeError> {
        prepare(spec, |_| None)
    }

    #[test]
    fn arguments() {
        let mut spec = spec();
        spec.args = vec!["-c".into(), "true".into()];
        let launch = prepared(&spec).unwrap();
        assert_eq!((launch.program.as_str(), launch.args.join(" ")), ("/bin/sh", "-c true".into()));
        spec.command = vec!["env".into(), "-i".into()];
        let launch = prepared(&spec).unwrap();
        assert_eq!((launch.program.as_str(), launch.args.join(" ")), ("env", "-i -c true".into()));
        spec.args = vec!["\0".into()];
        assert_eq!(prepared(&spec).unwrap_err().reason(), "CommandMalformed");
    }

    #[test]
    fn variables() {
        let mut spec = spec();
        let source = EnvSource::FromExecutor("MISSING".into());
        spec.env = vec![EnvVar { name: "A".into(), source }];
        let error = prepared(&spec).unwrap_err();
        assert_eq!((error.reason(), error.retryable()), ("EnvNotSet", false));
    }

    #[test]
    fn demands() {
        let refused = |change: &dyn Fn(&mut PerformerSpec)| {
            let mut spec = spec();
            change(&mut spec);
            prepared(&spec).unwrap_err().reason()
        };
        assert_eq!(refused(&|s| s.hardware.gpu_count = 1), "HardwareUnsupported");
        assert_eq!(refused(&|s| s.hardware.tee_required = true), "HardwareUnsupported");
        let gpu =
            |s: &mut PerformerSpec| drop(s.resources.limits.insert("nvidia.com/gpu".into(), "1".parse().unwrap()));
        assert_eq!(refused(&gpu), "HardwareUnsupported");
        assert_eq!(refused(&|s| s.scheduling.runtime_class = Some("kata".into())), "RuntimeClassUnsupported");
        assert_eq!(refused(&|s| s.security.run_as_user = Some(4_000_000)), "SecurityUnsupported");
        assert_eq!(refused(&|s| s.security.allow_privilege_escalation = Some(false)), "SecurityUnsupported");
        let mut limited = spec();
        limited.security.allow_privilege_escalation = Some(true);
        limited.security.pids_limit = Some(7);
        limited.resources.limits.insert("memory".into(), "1Gi".parse().unwrap());
        assert!(prepared(&limited).is_ok());
    }
}
