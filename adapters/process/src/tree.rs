//! The processes of one instance, whatever they did to hide.

use std::collections::HashSet;

use rustix::process::Signal;

use crate::process::{ProcessIdentity, ProcessStat};

/// The variable that every process of an instance inherits: `<state directory>/<instance name>`.
pub(crate) const MARKER: &str = "HOURGLASS_INSTANCE";

/// What is known of an instance's processes.
#[derive(Debug, Clone)]
pub(crate) struct Tree {
    /// `HOURGLASS_INSTANCE=…`
    pub(crate) marker: String,
    pub(crate) supervisor: Option<ProcessIdentity>,
    pub(crate) leader: Option<ProcessIdentity>,
}

impl Tree {
    /// Every process of the instance that runs, the supervisor excepted.
    ///
    /// Ours are those that carry the marker, those in the group or session of a leader that lives, and every descendant
    /// of one of these or of the supervisor, to which all orphans fall as long as it lives. A group or session whose
    /// leader is dead proves nothing, since its number may have been used again.
    pub(crate) fn members(&self) -> Vec<ProcessStat> {
        let all = ProcessStat::all();
        let supervisor = self.supervisor.as_ref().filter(|each| each.is_alive()).map(|each| each.pid);
        let leader = self.leader.as_ref().filter(|each| each.is_alive()).map(|each| each.pid);
        let mut ours: HashSet<i32> = supervisor.into_iter().chain(leader).collect();
        for each in &all {
            let grouped = leader.is_some_and(|leader| each.group == leader || each.session == leader);
            if grouped || each.has_variable(&self.marker) {
                ours.insert(each.pid);
            }
        }
        loop {
            let before = ours.len();
            ours.extend(all.iter().filter(|each| ours.contains(&each.parent)).map(|each| each.pid).collect::<Vec<_>>());
            if ours.len() == before {
                break;
            }
        }
        let myself = i32::try_from(std::process::id()).ok();
        all.into_iter()
            .filter(|each| ours.contains(&each.pid) && !each.zombie)
            .filter(|each| Some(each.pid) != supervisor && Some(each.pid) != myself)
            .collect()
    }

    /// Asks the leader's group to end. What left the group is killed when the leader has ended.
    pub(crate) fn terminate(&self) {
        let leader = self.leader.as_ref().map(|each| each.pid);
        for each in self.members() {
            if leader.is_none_or(|leader| each.group == leader) {
                each.signal(Signal::TERM);
            }
        }
    }

    /// Kills every process of the instance that runs at this moment and returns how many there were. They may have
    /// started others meanwhile: call it until it returns 0.
    pub(crate) fn kill(&self) -> usize {
        let members = self.members();
        for each in &members {
            each.signal(Signal::KILL);
        }
        members.len()
    }
}
