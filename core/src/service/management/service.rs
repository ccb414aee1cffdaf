use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use crate::address::Address;
use crate::performer::{PerformerName, PerformerSpec, Revision};
use crate::ports::{Clock, PerformerManager, PerformerView};
use crate::service::management::api::{
    AuthProof, Challenge, DeployRequest, Deployment, ManagementError, ManagementErrorKind, PerformerListing,
    PerformerManagement,
};
use crate::service::management::authentication::ManagementAuth;
use crate::service::management::{deploy, listing, upgrade};

/// An AVS that this executor serves, and the performer that answers its tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagedAvs {
    /// Which AVS.
    pub avs: Address,
    /// The name of its performer.
    pub name: PerformerName,
    /// What the configuration asks for; a deployment replaces its artifact and keeps the rest: resources, scheduling,
    /// environment, upgrade policy. `None` where the configuration names no image.
    pub template: Option<PerformerSpec>,
}

/// How management works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagementOptions {
    /// Who we are: whom challenges are for.
    pub operator: Address,
    /// How long a deployment may take until its caller is told that it has not finished.
    pub deploy_timeout: Duration,
    /// Whether `file://` names a local executable: development mode, with processes as instances.
    pub local_executables: bool,
    /// Whether instances are pods: only then can variables come from Secrets and ConfigMaps.
    pub kubernetes: bool,
    /// Variables of the executor that are never passed to a performer, besides every one whose name says that it is a
    /// secret of the executor (`HOURGLASS_…`, `…PRIVATE_KEY…`, `…PASSWORD…`).
    pub protected_env: Vec<String>,
}

impl ManagementOptions {
    /// For this operator, with every default.
    pub const fn new(operator: Address) -> Self {
        Self {
            operator,
            deploy_timeout: Duration::from_secs(300),
            local_executables: false,
            kubernetes: false,
            protected_env: Vec::new(),
        }
    }
}

/// [`PerformerManagement`] over any [`PerformerManager`].
///
/// Every call but [`challenge`](PerformerManagement::challenge) checks its proof first, before anything that it carries
/// is looked at.
pub struct ManagementService {
    pub(super) manager: Arc<dyn PerformerManager>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) options: ManagementOptions,
    auth: Option<ManagementAuth>,
    avss: Mutex<Arc<[ManagedAvs]>>,
    deploying: Mutex<BTreeSet<PerformerName>>,
}

impl std::fmt::Debug for ManagementService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ManagementService").field("options", &self.options).finish_non_exhaustive()
    }
}

/// Holds a performer's place among those being deployed.
pub(super) struct Deploying<'a> {
    service: &'a ManagementService,
    name: PerformerName,
}

impl Drop for Deploying<'_> {
    fn drop(&mut self) {
        lock(&self.service.deploying).remove(&self.name);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ManagementService {
    /// Manages the performers of these AVSs. Without `auth` every caller is believed: the server must then listen on
    /// loopback only.
    pub fn new(
        manager: Arc<dyn PerformerManager>,
        clock: Arc<dyn Clock>,
        auth: Option<ManagementAuth>,
        avss: Vec<ManagedAvs>,
        options: ManagementOptions,
    ) -> Self {
        Self { manager, clock, options, auth, avss: Mutex::new(avss.into()), deploying: Mutex::default() }
    }

    /// From now on these are the AVSs: the configuration was read again.
    pub fn set_avss(&self, avss: Vec<ManagedAvs>) {
        *lock(&self.avss) = avss.into();
    }

    pub(super) fn avs(&self, avs: &Address) -> Option<ManagedAvs> {
        let avss = Arc::clone(&lock(&self.avss));
        avss.iter().find(|managed| managed.avs == *avs).cloned()
    }

    pub(super) fn begin(&self, name: &PerformerName) -> Option<Deploying<'_>> {
        let begun = lock(&self.deploying).insert(name.clone());
        begun.then(|| Deploying { service: self, name: name.clone() })
    }

    fn check(&self, proof: Option<&AuthProof>) -> Result<(), ManagementError> {
        self.auth.as_ref().map_or(Ok(()), |auth| auth.check(proof, self.clock.now()))
    }

    /// Performers that somebody asked for: instances whose owner nobody knows are being removed, and are no business of
    /// the caller.
    async fn views(&self) -> Result<Vec<PerformerView>, ManagementError> {
        let mut views = self.manager.list().await?;
        views.retain(|view| !view.intent.spec.avs.is_zero());
        Ok(views)
    }

    /// The performer that an id means, and its revision where the id is not the plain name.
    pub(super) async fn named(&self, id: &str) -> Result<(PerformerView, Option<Revision>), ManagementError> {
        if id.is_empty() {
            return Err(ManagementError::invalid("performer ID is required"));
        }
        let views = self.views().await?;
        if let Some(view) = views.iter().find(|view| view.intent.name.as_str() == id) {
            return Ok((view.clone(), None));
        }
        for view in views {
            let revisions = listing::revisions(&view);
            if let Some(revision) = revisions.into_iter().find(|revision| listing::id(&view, revision) == id) {
                return Ok((view, Some(revision)));
            }
        }
        let message = format!("performer {id} not found: ListPerformers names those that are there");
        Err(ManagementError::new(ManagementErrorKind::NotFound, message))
    }
}

#[async_trait]
impl PerformerManagement for ManagementService {
    async fn deploy(&self, request: DeployRequest, proof: Option<AuthProof>) -> Result<Deployment, ManagementError> {
        self.check(proof.as_ref())?;
        deploy::deploy(self, request).await
    }

    async fn list(
        &self,
        avs_address: &str,
        proof: Option<AuthProof>,
    ) -> Result<Vec<PerformerListing>, ManagementError> {
        self.check(proof.as_ref())?;
        let only = match avs_address {
            "" => None,
            text => Some(deploy::avs_address(text)?),
        };
        let mut views = self.views().await?;
        views.retain(|view| only.is_none_or(|avs| view.intent.spec.avs == avs));
        Ok(views.iter().flat_map(listing::listings).collect())
    }

    /// Takes what [`PerformerManagement::list`] calls a performer, or its plain name. Removing a revision that waits to
    /// take over calls the upgrade off; removing the one that serves, or the name, removes the performer. One that is
    /// on its way out anyway is no error. Durable when it returns; what runs is drained first.
    async fn remove(&self, performer_id: &str, proof: Option<AuthProof>) -> Result<(), ManagementError> {
        self.check(proof.as_ref())?;
        let (view, named) = self.named(performer_id).await?;
        let Some(revision) = named else { return Ok(self.manager.remove(&view.intent.name).await?) };
        let serves = view.status.routed.as_ref();
        let wanted = view.intent.spec.revision() == revision;
        if view.intent.deleted || (!wanted && serves != Some(&revision)) {
            return Ok(());
        }
        match upgrade::called_off(&view).filter(|_| wanted && serves.is_some_and(|serves| *serves != revision)) {
            Some(intent) => upgrade::back_to(self, &view, intent).await,
            None => Ok(self.manager.remove(&view.intent.name).await?),
        }
    }

    async fn promote(&self, performer_id: &str, proof: Option<AuthProof>) -> Result<(), ManagementError> {
        self.check(proof.as_ref())?;
        upgrade::promote(self, performer_id).await
    }

    async fn abort(&self, performer_id: &str, proof: Option<AuthProof>) -> Result<(), ManagementError> {
        self.check(proof.as_ref())?;
        upgrade::abort(self, performer_id).await
    }

    async fn challenge(&self, operator_address: &str, peer: Option<IpAddr>) -> Result<Challenge, ManagementError> {
        if operator_address.is_empty() {
            return Err(ManagementError::invalid("operator address is required"));
        }
        let address: Address = operator_address
            .parse()
            .map_err(|error| ManagementError::invalid(format!("operator address '{operator_address}': {error}")))?;
        if address != self.options.operator {
            let message = format!("this executor belongs to {}, not to {operator_address}", self.options.operator);
            return Err(ManagementError::new(ManagementErrorKind::PermissionDenied, message));
        }
        let Some(auth) = &self.auth else {
            let message = "management authentication is off: call without auth, or set authentication.enabled to true";
            return Err(ManagementError::new(ManagementErrorKind::Unimplemented, message));
        };
        auth.challenges.issue(peer, self.clock.now())
    }
}
