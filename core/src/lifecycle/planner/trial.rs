//! The wanted revision on its way into service.

use sha2::{Digest as _, Sha256};

use super::Planner;
use super::timing::{MAX_EXTENSIONS, UNWATCHED_AFTER};
use crate::lifecycle::{Failure, Health, History, Instance, InstanceState, Intent, StartDelay, Trial, Withdrawn};
use crate::performer::{PullPolicy, Revision, UpgradeStrategy};
use crate::ports::Severity;

impl Planner<'_> {
    /// Whether the wanted revision is on its way: neither in service nor given up.
    pub(super) fn on_trial(&self) -> bool {
        self.history.trial.as_ref().is_some_and(|trial| trial.withdrawn.is_none())
    }

    /// The revision that keeps serving while another is on trial or was given up: the last good one; where no history
    /// tells it, the one that does most of the serving.
    pub(super) fn holder(&self) -> Option<Revision> {
        match &self.history.good {
            Some(good) => (good.revision != self.desired).then(|| good.revision.clone()),
            None => {
                let others = self.mine.iter().filter(|instance| instance.name.revision != self.desired);
                let best = others.filter(|instance| may_serve(instance)).max_by_key(|instance| {
                    let revision = &instance.name.revision;
                    let routed = self.mine.iter().any(|other| other.name.revision == *revision && other.routed);
                    (routed, self.ready(revision), instance.name.suffix, revision)
                });
                best.map(|instance| instance.name.revision.clone())
            }
        }
    }

    /// Whether enough of the wanted revision is ready to take over: all of it, or anything where nothing else serves.
    pub(super) fn can_take_over(&self) -> bool {
        let ready = self.ready(&self.desired);
        let may_serve =
            |i: &Instance| i.is_ready() || (i.state == InstanceState::Running && i.health == Health::Unknown);
        let others = self.holder().is_some_and(|holder| self.live(&holder).into_iter().any(may_serve));
        let alone = !others || self.intent.spec.upgrade.strategy == UpgradeStrategy::Recreate;
        ready > 0 && (alone || ready >= self.wanted())
    }

    /// Begins a trial where the intent asks for something that is neither good nor tried yet, ends one where it does
    /// not ask for it any more.
    pub(super) fn begin_trial(&mut self) {
        if let Some(good) = self.history.good.as_mut().filter(|good| good.revision == self.desired) {
            // What is not part of the revision may have changed, and counts when it is started again.
            if good.spec != self.intent.spec {
                good.spec = self.intent.spec.clone();
            }
            if let Some(trial) = self.history.trial.take().filter(|trial| trial.withdrawn.is_none()) {
                let message = format!("revision {} is wanted again instead of {}", self.desired, trial.revision);
                self.tell(Severity::Normal, "UpgradeAborted", message);
            }
            return;
        }
        let id = trial_id(self.intent, &self.desired);
        if self.history.trial.as_ref().is_some_and(|trial| trial.id == id) {
            return;
        }
        self.history.failures.remove(&self.desired);
        match &self.history.good {
            Some(good) => {
                let message = format!("revision {} is to replace {}", self.desired, good.revision);
                self.tell(Severity::Normal, "UpgradeStarted", message);
            }
            None => self.tell(Severity::Normal, "DeploymentStarted", format!("revision {} is wanted", self.desired)),
        }
        self.history.trial = Some(Trial {
            id,
            revision: self.desired.clone(),
            started: None,
            extensions: 0,
            overdue: false,
            was_ready: false,
            withdrawn: None,
        });
    }

    /// Gives the wanted revision up where it was refused or had its time.
    pub(super) fn judge_trial(&mut self, refused: Option<Failure>) {
        let all_ready = self.wanted() > 0 && self.ready(&self.desired) >= self.wanted();
        let can_take_over = self.can_take_over();
        // Instances of an earlier trial of the same revision, or found without a history, are as good as started now.
        let found = self.wanted() > 0 && !self.live(&self.desired).is_empty();
        let (now, allowed) = (self.now, self.intent.spec.upgrade.ready_deadline);
        let awaits_platform = self.holder().is_none() && self.awaits_platform();
        let Some(trial) = self.history.trial.as_mut().filter(|trial| trial.withdrawn.is_none()) else { return };
        trial.was_ready |= all_ready;
        trial.started = trial.started.or(found.then_some(now));
        if trial.was_ready || can_take_over {
            return;
        }
        if let Some(cause) = refused {
            return self.withdraw(cause);
        }
        if trial.overdue {
            if !awaits_platform {
                (trial.overdue, trial.started) = (false, Some(now));
                self.wake(now + allowed);
            }
            return;
        }
        let Some(started) = trial.started else { return };
        let deadline = started + allowed;
        if now < deadline {
            self.wake(deadline);
        } else if awaits_platform {
            // To give it up would leave nothing to wait for, and nobody served when the registry or the node is back.
            trial.overdue = true;
            let message = format!(
                "revision {} is not ready within {} s, and is waited for, since nothing else can serve: {}",
                self.desired,
                allowed.as_secs(),
                self.why_not_ready().message
            );
            self.tell(Severity::Warning, "DeadlineExtended", message);
        } else if now > deadline + UNWATCHED_AFTER && trial.extensions < MAX_EXTENSIONS {
            trial.extensions += 1;
            trial.started = Some(now);
            let message =
                format!("nobody watched when revision {} should have been ready: it gets its time again", self.desired);
            self.tell(Severity::Warning, "DeadlineExtended", message);
            self.wake(now + allowed);
        } else {
            let cause = self.why_not_ready();
            self.withdraw(cause);
        }
    }

    /// Whether nothing of the wanted revision came to run, and what hinders it is the platform's and may pass: an image that
    /// is being pulled, a registry that is down, a node that is not there yet.
    fn awaits_platform(&self) -> bool {
        let mut wanted = self.mine.iter().copied().filter(|instance| instance.name.revision == self.desired);
        let waits = |instance: &Instance| matches!(instance.state, InstanceState::Starting { waiting_for: Some(_) });
        let runs = |instance: &Instance| instance.state == InstanceState::Running;
        !wanted.clone().any(runs)
            && (wanted.any(waits) || self.history.failures.get(&self.desired).is_some_and(|failures| failures.platform))
    }

    fn withdraw(&mut self, cause: Failure) {
        let withdrawn = Withdrawn { revision: self.desired.clone(), at: self.now, cause };
        self.tell(
            Severity::Warning,
            "RevisionWithdrawn",
            format!("revision {} is given up: {}", withdrawn.revision, withdrawn.cause),
        );
        self.history.withdrawn.push(withdrawn.clone());
        let surplus = self.history.withdrawn.len().saturating_sub(History::MAX_WITHDRAWN);
        self.history.withdrawn.drain(..surplus);
        if let Some(trial) = &mut self.history.trial {
            trial.withdrawn = Some(withdrawn);
        }
    }

    /// The most telling of what is known about a revision that had its time.
    fn why_not_ready(&self) -> Failure {
        let within = format!("not ready within {} s", self.intent.spec.upgrade.ready_deadline.as_secs());
        let failure = |reason: &str, detail: &str| Failure::new(reason, &format!("{within}: {detail}"), self.now);
        if let Some(failures) = self.history.failures.get(&self.desired) {
            return failure(&failures.last.reason, &failures.last.message);
        }
        for instance in self.mine.iter().filter(|instance| instance.name.revision == self.desired) {
            match (&instance.state, &instance.health) {
                (InstanceState::Starting { waiting_for: Some(StartDelay::Pulling { detail }) }, _) => {
                    return failure("ImagePull", detail);
                }
                (InstanceState::Starting { waiting_for: Some(StartDelay::Unschedulable { detail }) }, _) => {
                    return failure("Unschedulable", detail);
                }
                (InstanceState::Running, Health::NotReady { reason, .. }) => return failure("NotReadyInTime", reason),
                _ => {}
            }
        }
        Failure::new("NotReadyInTime", &within, self.now)
    }
}

/// What runs and was not checked yet may well serve: after a restart of the executor nothing was checked.
fn may_serve(instance: &Instance) -> bool {
    instance.is_ready() || (instance.state == InstanceState::Running && instance.health == Health::Unknown)
}

/// What another try would have to differ in to end differently.
fn trial_id(intent: &Intent, revision: &Revision) -> String {
    let spec = &intent.spec;
    let pull_policy = match spec.pull_policy {
        PullPolicy::Always => "Always",
        PullPolicy::Never => "Never",
        PullPolicy::IfNotPresent => "IfNotPresent",
    };
    let mut hash = Sha256::new();
    let secrets = spec.image_pull_secrets.join("\0");
    let deadline = spec.upgrade.ready_deadline.as_millis().to_string();
    for part in [revision.as_str(), pull_policy, &secrets, &deadline, &intent.retry.to_string()] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    const_hex::encode(hash.finalize().get(..8).unwrap_or_default())
}
