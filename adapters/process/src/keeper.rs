//! One task per instance: sees it end, carries out its stop, removes what is left.

use std::sync::Arc;
use std::time::Duration;

use hourglass_core::lifecycle::{ExitCause, InstanceState};
use hourglass_core::performer::InstanceName;
use tokio::process::Child;
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

use crate::output;
use crate::process::{ProcessIdentity, ProcessStat};
use crate::records::{Exit, now};
use crate::state::InstanceDir;
use crate::table::Shared;
use crate::tree::Tree;

/// Between two looks at what must be killed or has not begun yet.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// How long the last of an ended performer's output may take to be read and written.
const LAST_WORDS: Duration = Duration::from_secs(2);

pub(crate) struct Keeper {
    pub(crate) shared: Arc<Shared>,
    pub(crate) name: InstanceName,
    pub(crate) dir: InstanceDir,
    /// When it is killed, once it is told to stop.
    pub(crate) deadline: watch::Receiver<Option<Instant>>,
    /// The supervisor, where it is our own child.
    pub(crate) supervisor: Option<Child>,
}

impl Keeper {
    pub(crate) async fn run(mut self) {
        let (finish, finished) = oneshot::channel();
        let (capturing, captured) = oneshot::channel::<()>();
        let name = self.name.clone();
        let capture = output::capture(
            self.name.to_string(),
            self.dir.output_pipe(),
            self.dir.output_log(),
            self.shared.options.log_bytes,
            finished,
        );
        let capture = async {
            if let Err(error) = capture.await {
                tracing::warn!(instance = %name, %error, "a performer's output is not read any more");
            }
            drop(capturing);
        };
        let life = async {
            let (exit, asked) = self.until_ended().await;
            drop(finish);
            // What it said last is part of how it ended; a disk that hangs must not hide that it did.
            let _late = tokio::time::timeout(LAST_WORDS, captured).await;
            self.told(exit, asked).await;
        };
        tokio::join!(life, capture);
        self.bury().await;
    }

    /// Runs until no process of the instance is left, and its exit is recorded. Whether it had been told to stop.
    async fn until_ended(&mut self) -> (Exit, bool) {
        let ended = ended(self.dir.clone(), self.shared.marker(&self.name), self.supervisor.take());
        tokio::pin!(ended);
        let mut asked = false;
        loop {
            let deadline = *self.deadline.borrow_and_update();
            if deadline.is_some() && !asked {
                asked = true;
                self.on_tree(Tree::terminate).await;
            }
            let starting = self.shared.is_starting(&self.name);
            tokio::select! {
                () = &mut ended => break,
                told = self.deadline.changed() => if told.is_err() { std::future::pending().await },
                () = tokio::time::sleep(LOOK_AGAIN), if starting => self.look_whether_it_runs(),
                () = kill_time(deadline) => {
                    self.on_tree(Tree::kill).await;
                    tokio::time::sleep(LOOK_AGAIN).await;
                }
            }
        }
        // The supervisor has killed the rest, unless it was killed itself.
        while self.on_tree(Tree::kill).await > 0 {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        let exit = self.dir.exit().unwrap_or_else(|| {
            let exit = Exit { cause: ExitCause::Unknown, at: now() };
            if let Err(error) = self.dir.write("exit", &exit) {
                tracing::debug!(instance = %self.name, %error, "an exit is not recorded");
            }
            exit
        });
        (exit, asked)
    }

    async fn told(&self, exit: Exit, asked: bool) {
        let output = if asked {
            tracing::debug!(instance = %self.name, cause = %exit.cause, "stopped");
            None
        } else {
            let log = self.dir.output_log();
            let output = tokio::task::spawn_blocking(move || output::words(&log)).await.unwrap_or_default();
            tracing::warn!(instance = %self.name, cause = %exit.cause, output, "a performer ended by itself");
            output
        };
        self.shared.set_state(&self.name, InstanceState::Exited { cause: exit.cause, at: exit.at, output });
    }

    /// Waits until it is told to stop, then removes everything.
    async fn bury(&mut self) {
        if self.deadline.wait_for(Option::is_some).await.is_err() {
            return;
        }
        let mut pause = LOOK_AGAIN;
        loop {
            let dir = self.dir.clone();
            match tokio::task::spawn_blocking(move || dir.remove()).await {
                Ok(Ok(())) => break,
                Ok(Err(error)) => {
                    tracing::warn!(instance = %self.name, %error, "the remains of a performer cannot be removed");
                }
                // The runtime shuts down: the next one removes it.
                Err(_) => return,
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(10));
        }
        self.shared.forget(&self.name);
    }

    fn look_whether_it_runs(&self) {
        if let Some(leader) = self.dir.leader() {
            self.shared.set_running(&self.name, leader.pid);
        }
    }

    /// Reading all of `/proc` takes milliseconds: not on the threads that serve.
    async fn on_tree<T: Send + Default + 'static>(&self, act: impl FnOnce(&Tree) -> T + Send + 'static) -> T {
        let (dir, marker) = (self.dir.clone(), self.shared.marker(&self.name));
        tokio::task::spawn_blocking(move || act(&dir.tree(&marker))).await.unwrap_or_default()
    }
}

async fn kill_time(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// Waits for the supervisor; where that died before its performer, for the performer itself.
async fn ended(dir: InstanceDir, marker: String, supervisor: Option<Child>) {
    match supervisor {
        Some(mut child) => drop(child.wait().await),
        None => {
            if let Some(supervisor) = dir.supervisor() {
                supervisor.ended().await;
            }
        }
    }
    if dir.exit().is_some() {
        return;
    }
    let leader = match dir.leader() {
        Some(leader) => Some(leader),
        None => tokio::task::spawn_blocking(move || marked_leader(&dir, &marker)).await.unwrap_or_default(),
    };
    if let Some(leader) = leader {
        leader.ended().await;
    }
}

/// The performer of a supervisor that was killed before it could write down which one it is.
pub(crate) fn marked_leader(dir: &InstanceDir, marker: &str) -> Option<ProcessIdentity> {
    let members = dir.tree(marker).members();
    let leader = members.iter().filter(|each| each.group == each.pid).min_by_key(|each: &&ProcessStat| each.start)?;
    let leader = ProcessIdentity::of(leader.pid).ok()?;
    if let Err(error) = dir.write("leader", &leader) {
        tracing::debug!(%error, "a performer that was found again is not recorded");
    }
    Some(leader)
}
