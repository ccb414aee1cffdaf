//! What is known of every instance, shared by the runtime and the keepers of its instances.

use std::collections::hash_map::{DefaultHasher, Entry as Slot};
use std::collections::{HashMap, HashSet};
use std::hash::{Hash, Hasher};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hourglass_core::lifecycle::{ExitCause, InstanceState, Owner, StartInstance};
use hourglass_core::performer::{InstanceName, PerformerName};
use hourglass_core::ports::{Notices, RuntimeError};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::Instant;

use crate::entry::Entry;
use crate::environment::complete;
use crate::keeper::{Keeper, marked_leader};
use crate::launch::{Launch, prepare};
use crate::options::Options;
use crate::output;
use crate::ports::free_port;
use crate::records::{Exit, Intent, Order, Stop, now};
use crate::state::{InstanceDir, StateDir};
use crate::supervisor::{LAUNCHED, Supervisor};
use crate::tree::MARKER;

/// How long a supervisor may take to start a performer before `start` returns with an unknown outcome.
const LAUNCH_LIMIT: Duration = Duration::from_secs(20);

/// What the runtime and its keepers share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) supervisor: Supervisor,
    pub(crate) owner: String,
    /// Taken out when the runtime is dropped, so that the directory is free at once.
    pub(crate) state: Mutex<Option<Arc<StateDir>>>,
    pub(crate) table: Mutex<HashMap<InstanceName, Entry>>,
    pub(crate) changes: Notices<PerformerName>,
}

impl Shared {
    pub(crate) fn table(&self) -> MutexGuard<'_, HashMap<InstanceName, Entry>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn state(&self) -> Option<Arc<StateDir>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What marks the processes of an instance.
    pub(crate) fn marker(&self, name: &InstanceName) -> String {
        format!("{}/{name}", self.owner)
    }

    pub(crate) fn performers(&self) -> Vec<PerformerName> {
        let table = self.table();
        let ours = table.iter().filter(|(_, entry)| entry.owner == Owner::Ours);
        let mut names: Vec<_> = ours.map(|(name, _)| name.performer.clone()).collect();
        names.sort();
        names.dedup();
        names
    }

    pub(crate) fn notify(&self, name: &InstanceName) {
        self.changes.tell(&name.performer);
    }

    pub(crate) fn is_starting(&self, name: &InstanceName) -> bool {
        self.table().get(name).is_some_and(|entry| matches!(entry.state, InstanceState::Starting { .. }))
    }

    /// It runs under this process id. One that was told to stop, or has ended, stays what it is.
    pub(crate) fn set_running(&self, name: &InstanceName, pid: i32) {
        if let Some(entry) = self.table().get_mut(name) {
            entry.pid = Some(pid);
            if matches!(entry.state, InstanceState::Starting { .. }) {
                entry.state = InstanceState::Running;
            }
        }
        self.notify(name);
    }

    pub(crate) fn set_state(&self, name: &InstanceName, state: InstanceState) {
        if let Some(entry) = self.table().get_mut(name) {
            entry.state = state;
        }
        self.notify(name);
    }

    pub(crate) fn forget(&self, name: &InstanceName) {
        self.table().remove(name);
        self.notify(name);
    }

    /// Takes over what an earlier runtime left under this name.
    pub(crate) async fn adopt(self: &Arc<Self>, name: &InstanceName, dir: InstanceDir) -> io::Result<()> {
        let Some(intent) = dir.intent().filter(|intent| intent.owner == self.owner) else {
            tracing::warn!(path = %dir.path().display(), "not made here, so it is left alone: remove it if nobody needs it");
            self.table().insert(name.clone(), Entry::foreign());
            return Ok(());
        };
        // A supervisor that has just begun writes down who it is in a moment.
        let patience = Instant::now() + Duration::from_secs(5);
        let lock = loop {
            let lock = dir.supervisor_lock()?;
            let settled = lock.is_some() || dir.supervisor().is_some() || dir.exit().is_some();
            if settled || Instant::now() > patience {
                break lock;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        let marker = self.marker(name);
        let leader = dir.leader().or_else(|| marked_leader(&dir, &marker));
        if lock.is_some() && dir.supervisor().is_none() && dir.exit().is_none() {
            // Under the lock: a supervisor that comes late finds nothing, and starts nothing.
            tracing::info!(instance = %name, "its start was interrupted before anything ran");
            return dir.remove();
        }
        drop(lock);
        let state = match (dir.exit(), &leader) {
            (Some(Exit { cause, at }), _) => {
                InstanceState::Exited { cause, at, output: output::words(&dir.output_log()) }
            }
            (None, Some(_)) => InstanceState::Running,
            (None, None) => InstanceState::Starting { waiting_for: None },
        };
        tracing::info!(instance = %name, ?state, "adopted");
        let entry = Entry::new(&intent, state, leader.map(|leader| leader.pid));
        if let Some(Stop { deadline }) = dir.stop() {
            entry.stop_at(Instant::now() + deadline.since(now()));
        }
        let stopping = entry.deadline.borrow().is_some();
        self.table().insert(name.clone(), entry);
        if stopping && !matches!(self.table().get(name).map(|each| &each.state), Some(InstanceState::Exited { .. })) {
            self.set_state(name, InstanceState::Stopping);
        }
        self.keep(name, dir, None);
        Ok(())
    }

    /// Puts an instance in the care of its keeper.
    pub(crate) fn keep(self: &Arc<Self>, name: &InstanceName, dir: InstanceDir, supervisor: Option<Child>) {
        let mut table = self.table();
        let Some(entry) = table.get_mut(name) else { return };
        let deadline = entry.deadline.subscribe();
        let keeper = Keeper { shared: Arc::clone(self), name: name.clone(), dir, deadline, supervisor };
        entry.keeper = Some(tokio::spawn(keeper.run()).abort_handle());
    }

    pub(crate) async fn launch(self: Arc<Self>, request: StartInstance) -> Result<(), RuntimeError> {
        let StartInstance { name, spec } = request;
        let Some(state) = self.state() else { return Err(unavailable("it was closed")) };
        if self.table().contains_key(&name) {
            return Ok(());
        }
        let executor = |name: &str| std::env::var(name).ok();
        let (spec, launch) = tokio::task::spawn_blocking(move || {
            let launch = prepare(&spec, executor);
            (spec, launch)
        })
        .await
        .map_err(unavailable)?;
        let Launch { program, args, env } = launch?;
        let Some(intent) = self.reserve(&name, spec.port.map(Into::into), spec.image.as_str())? else {
            return Ok(());
        };
        let dir = state.instance(&name);
        let env = complete(env, executor, &spec, &dir, intent.port, &self.marker(&name));
        let marker = format!("{MARKER}={}", self.marker(&name));
        let order = Order { launch: intent.launch.clone(), marker, program, args, env };
        let begun = self.begin(&state, &name, intent, &order).await;
        if begun.is_err() {
            // Nothing runs: a supervisor that did not get its whole order starts nothing.
            let removed = tokio::task::spawn_blocking(move || dir.remove()).await;
            if let Ok(Err(error)) = removed {
                tracing::warn!(instance = %name, %error, "the remains of a start that failed are there until a restart");
            }
            self.forget(&name);
        }
        begun
    }

    /// Enters an instance and its port into the table. `None` where it is there already.
    pub(crate) fn reserve(
        &self,
        name: &InstanceName,
        wanted: Option<u16>,
        image: &str,
    ) -> Result<Option<Intent>, RuntimeError> {
        let launch = std::fs::read_to_string("/proc/sys/kernel/random/uuid").map_err(failed("ProcUnreadable"))?;
        let mut table = self.table();
        let taken: HashSet<u16> = table.values().map(|entry| entry.port).collect();
        let Slot::Vacant(slot) = table.entry(name.clone()) else { return Ok(None) };
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        let port = free_port(wanted, &taken, hasher.finish()).ok_or_else(|| RuntimeError::Failed {
            reason: "NoFreePort",
            message: "every port below the ephemeral ones is in use: stop what uses them".into(),
        })?;
        if wanted.is_some_and(|wanted| wanted != port) {
            tracing::warn!(instance = %name, wanted, port, "the wanted port is in use: GRPC_PORT names another one");
        }
        let launch = launch.trim().to_owned();
        let intent = Intent { launch, owner: self.owner.clone(), port, image: image.into(), started_at: now() };
        slot.insert(Entry::new(&intent, InstanceState::Starting { waiting_for: None }, None));
        Ok(Some(intent))
    }

    /// Writes the intent, starts the supervisor and waits until it has tried to start the performer.
    ///
    /// An error means that nothing runs.
    pub(crate) async fn begin(
        self: &Arc<Self>,
        state: &Arc<StateDir>,
        name: &InstanceName,
        intent: Intent,
        order: &Order,
    ) -> Result<(), RuntimeError> {
        let dir = state.instance(name);
        let (place, owned) = (Arc::clone(state), name.clone());
        let created = tokio::task::spawn_blocking(move || place.create(&owned, &intent)).await.map_err(unavailable)?;
        if !created.map_err(failed("StateNotWritten"))? {
            let message = format!("{} is there and was not made by this executor: remove it", dir.path().display());
            return Err(RuntimeError::Failed { reason: "NameTaken", message });
        }
        let mut child = Command::from(self.supervisor.command(&dir)).spawn().map_err(failed("SupervisorNotStarted"))?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let text = serde_json::to_vec(order).map_err(|error| failed("SupervisorNotStarted")(error.into()))?;
        self.keep(name, dir.clone(), Some(child));
        let said = async {
            if let Some(mut stdin) = stdin {
                stdin.write_all(&text).await?;
            }
            let mut line = String::new();
            if let Some(stdout) = stdout {
                BufReader::new(stdout).read_line(&mut line).await?;
            }
            io::Result::Ok(line)
        };
        match tokio::time::timeout(LAUNCH_LIMIT, said).await {
            Ok(Ok(line)) if line.trim_end() == LAUNCHED => {
                if let Some(leader) = dir.leader() {
                    self.set_running(name, leader.pid);
                }
            }
            // Whatever it did or did not do, the keeper sees it.
            Ok(said) => {
                let error = said.map_or_else(|error| error.to_string(), |line| line.trim_end().to_owned());
                tracing::warn!(instance = %name, error, "the supervisor did not start the performer");
                if dir.exit().is_none() {
                    let cause = ExitCause::StartFailed { reason: "SupervisorFailed".into(), message: error };
                    dir.write("exit", &Exit { cause, at: now() }).map_err(unavailable).unwrap_or_default();
                }
            }
            Err(_) => tracing::warn!(instance = %name, "the supervisor takes long to start the performer"),
        }
        Ok(())
    }

    pub(crate) fn stop(&self, name: &InstanceName, grace: Duration) {
        let deadline = Stop { deadline: now() + grace };
        let Some(state) = self.state() else { return };
        {
            let table = self.table();
            if table.get(name).is_none_or(|entry| entry.owner == Owner::Foreign) {
                return;
            }
        }
        // First the record: what was told to stop is stopped, whoever is killed now.
        if let Err(error) = state.instance(name).write("stop", &deadline) {
            tracing::warn!(instance = %name, %error, "a stop is not recorded, and is lost if this process dies now");
        }
        if let Some(entry) = self.table().get_mut(name) {
            entry.stop_at(Instant::now() + grace);
            if !matches!(entry.state, InstanceState::Exited { .. }) {
                entry.state = InstanceState::Stopping;
            }
        }
        self.notify(name);
    }
}

pub(crate) fn unavailable(error: impl std::fmt::Display) -> RuntimeError {
    RuntimeError::Unavailable { platform: "the process runtime", message: error.to_string() }
}

fn failed(reason: &'static str) -> impl Fn(io::Error) -> RuntimeError {
    move |error| RuntimeError::Failed { reason, message: format!("cannot start a local process: {error}") }
}
