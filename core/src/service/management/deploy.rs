use std::pin::pin;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::{Either, select};

use crate::address::Address;
use crate::lifecycle::{Intent, Withdrawn};
use crate::performer::{EnvSource, EnvVar, PerformerName, PerformerSpec, Revision, UpgradeStrategy};
use crate::ports::{Changes, PerformerView};
use crate::service::management::api::{DeployRequest, Deployment, ManagementError, ManagementErrorKind};
use crate::service::management::artifact;
use crate::service::management::service::{ManagedAvs, ManagementService};

/// What is said to a caller whose wish another one has overtaken.
pub(super) const REPLACED: &str = "something else is wanted of this performer since";

pub(super) fn avs_address(text: &str) -> Result<Address, ManagementError> {
    text.parse().map_err(|error| ManagementError::invalid(format!("AVS address '{text}': {error}")))
}

/// Deploys beside what serves, and waits until it serves itself.
///
/// The wish is durable before the wait begins: a caller that goes away, or whose deadline passes, finds it again in the
/// list, and deploying the same once more waits for the same.
pub(super) async fn deploy(service: &ManagementService, request: DeployRequest) -> Result<Deployment, ManagementError> {
    let (managed, spec) = wanted(service, request)?;
    let name = managed.name;
    let Some(_deploying) = service.begin(&name) else {
        return Err(ManagementError::new(ManagementErrorKind::AlreadyExists, "deployment already in progress"));
    };
    let revision = spec.revision();
    let deployment = Deployment { id: format!("{name}-{revision}") };
    let before = view(service, &name).await?;
    let unchanged = before.as_ref().is_some_and(|view| view.intent.spec == spec && !view.intent.deleted);
    if unchanged && before.as_ref().is_some_and(|view| serves(view, &revision)) {
        return Ok(deployment);
    }
    // A revision that was given up before is tried again: somebody asks for it.
    let given_up = before.as_ref().and_then(|view| view.status.withdrawn.clone());
    let again = given_up.as_ref().is_some_and(|withdrawn| withdrawn.revision == revision);
    let retry = before.as_ref().map_or(0, |view| view.intent.retry).saturating_add(u32::from(again));
    // Deploying *is* the promotion: it switches as soon as the revision is ready.
    let promoted = (spec.upgrade.strategy == UpgradeStrategy::BlueGreen).then(|| revision.clone());
    let intent = Intent { name: name.clone(), spec, deleted: false, promoted, retry };

    let changes = service.manager.watch();
    service.manager.apply(intent.clone()).await?;
    let wait = Wait { service, what: "deployment", intent: &intent, revision: &revision, given_up };
    wait.until_it_serves(changes).await?;
    Ok(deployment)
}

/// The wait of a caller for a revision to serve.
pub(super) struct Wait<'a> {
    pub(super) service: &'a ManagementService,
    /// What the caller asked for, in a word.
    pub(super) what: &'static str,
    /// What is wanted from now on.
    pub(super) intent: &'a Intent,
    /// Its revision.
    pub(super) revision: &'a Revision,
    /// What was given up before, which says nothing about this time.
    pub(super) given_up: Option<Withdrawn>,
}

impl Wait<'_> {
    /// `changes` were watched before anything was asked for, so that nothing is missed.
    pub(super) async fn until_it_serves(self, mut changes: Changes<PerformerName>) -> Result<(), ManagementError> {
        let (service, name) = (self.service, &self.intent.name);
        let limit = service.options.deploy_timeout;
        let mut deadline = service.clock.sleep(limit);
        loop {
            let view = view(service, name).await?;
            if let Some(outcome) = outcome(view.as_ref(), self.intent, self.revision, self.given_up.as_ref()) {
                return outcome;
            }
            // A notice may be missed by a manager whose watch breaks: it is looked at now and then whatever happens.
            let notice = pin!(about(&mut changes, name));
            let look_again = select(notice, service.clock.sleep(Duration::from_secs(1)));
            if let Either::Right(_) = select(look_again, &mut deadline).await {
                return Err(unfinished(self.what, view.as_ref(), limit));
            }
        }
    }
}

async fn about(changes: &mut Changes<PerformerName>, name: &PerformerName) {
    while let Some(changed) = changes.next().await {
        if changed == *name {
            return;
        }
    }
    // Its source is gone: the caller's other waits end this one.
    std::future::pending::<()>().await;
}

async fn view(service: &ManagementService, name: &PerformerName) -> Result<Option<PerformerView>, ManagementError> {
    Ok(service.manager.list().await?.into_iter().find(|view| view.intent.name == *name))
}

/// What is asked for: the configured performer with another artifact.
fn wanted(service: &ManagementService, request: DeployRequest) -> Result<(ManagedAvs, PerformerSpec), ManagementError> {
    if request.avs_address.is_empty() {
        return Err(ManagementError::invalid("AVS address is required"));
    }
    let options = &service.options;
    let image = artifact::image(&request.registry_url, &request.digest, options.local_executables)?;
    let avs = avs_address(&request.avs_address)?;
    for variable in &request.env {
        check_variable(service, variable)?;
    }
    let Some(managed) = service.avs(&avs) else {
        let message = format!("AVS {avs} is not configured: add it to avs_config.supported_avs");
        return Err(ManagementError::precondition(message));
    };
    let template = managed.template.clone().unwrap_or_else(|| PerformerSpec::new(avs, image.clone()));
    let mut env = template.env.clone();
    env.extend(request.env);
    let service_account = request.service_account.filter(|_| options.kubernetes).or(template.service_account.clone());
    // A version stood beside the configured image; the artifact carries its own.
    let spec = PerformerSpec { avs, image, version: None, env, service_account, ..template };
    Ok((managed, spec))
}

fn check_variable(service: &ManagementService, variable: &EnvVar) -> Result<(), ManagementError> {
    let name = &variable.name;
    if name.is_empty() || name.contains(['=', '\0']) {
        return Err(ManagementError::invalid(format!("env: '{}' cannot name a variable", name.escape_debug())));
    }
    match &variable.source {
        EnvSource::Value(value) if value.0.contains('\0') => {
            Err(ManagementError::invalid(format!("env: the value of {name} has a NUL character")))
        }
        EnvSource::Value(_) => Ok(()),
        EnvSource::FromExecutor(of) if of.is_empty() => {
            Err(ManagementError::invalid(format!("env: {name} names no variable of the executor")))
        }
        EnvSource::FromExecutor(of) if is_protected(service, of) => Err(ManagementError::invalid(format!(
            "env: {of} is a secret of the executor and is never passed to a performer"
        ))),
        EnvSource::FromExecutor(_) => Ok(()),
        EnvSource::SecretKey { .. } | EnvSource::ConfigMapKey { .. } if !service.options.kubernetes => {
            Err(ManagementError::precondition(format!(
                "env: {name} comes from a Secret or ConfigMap, which only Kubernetes has: use value or value_from_env"
            )))
        }
        EnvSource::SecretKey { secret: from, key } | EnvSource::ConfigMapKey { config_map: from, key } => {
            let named = !from.is_empty() && !key.is_empty();
            let message = format!("env: {name} names no Secret or ConfigMap, or no key of it");
            if named { Ok(()) } else { Err(ManagementError::invalid(message)) }
        }
    }
}

fn is_protected(service: &ManagementService, variable: &str) -> bool {
    let upper = variable.to_ascii_uppercase();
    upper.starts_with("HOURGLASS_")
        || ["PRIVATE_KEY", "PASSWORD", "MNEMONIC", "KEYSTORE"].iter().any(|secret| upper.contains(secret))
        || service.options.protected_env.iter().any(|protected| protected.eq_ignore_ascii_case(variable))
}

/// Whether tasks are sent to a healthy instance of the revision.
///
/// The instances are asked, not the status: that says what is so once the last plan is carried out.
fn serves(view: &PerformerView, revision: &Revision) -> bool {
    let of_revision = view.instances.iter().filter(|instance| instance.name.revision == *revision);
    of_revision.into_iter().any(|instance| instance.routed && instance.is_ready())
}

/// How a deployment has ended, if it has.
fn outcome(
    view: Option<&PerformerView>,
    intent: &Intent,
    revision: &Revision,
    given_up: Option<&Withdrawn>,
) -> Option<Result<(), ManagementError>> {
    let replaced = || Some(Err(ManagementError::precondition(REPLACED)));
    let Some(view) = view else { return replaced() };
    if view.intent.deleted || view.intent.spec.revision() != *revision {
        return replaced();
    }
    if serves(view, revision) {
        return Some(Ok(()));
    }
    let withdrawn = view.status.withdrawn.as_ref()?;
    // What was given up before this deployment says nothing about it.
    let news = Some(withdrawn) != given_up && withdrawn.revision == *revision && view.intent.retry == intent.retry;
    news.then(|| {
        let message =
            format!("revision {revision} was given up, and what served before still does: {}", withdrawn.cause);
        Err(ManagementError::precondition(message))
    })
}

fn unfinished(what: &str, view: Option<&PerformerView>, after: Duration) -> ManagementError {
    let waiting =
        view.and_then(|view| view.waiting.as_ref()).map_or_else(String::new, |waiting| format!(": {waiting}"));
    let message = format!("the {what} has not finished within {after:?} and goes on, see ListPerformers{waiting}");
    ManagementError::new(ManagementErrorKind::DeadlineExceeded, message)
}
