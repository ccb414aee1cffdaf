//! Simulated instances: they start slowly, fail, hang and vanish, by what their image is called.

use std::time::Duration;

use hourglass_core::Timestamp;
use hourglass_core::lifecycle::{ExitCause, Health, Instance, InstanceState, Owner};

use crate::world::READY_DEADLINE;

/// What becomes of instances of an image, by the last letter of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nature {
    Healthy,
    /// Healthy, after two thirds of the ready deadline.
    Slow,
    NeverReady,
    CrashesAtStart,
    /// Ready for a second, then gone, for ever.
    CrashesWhenReady,
    Refused,
    Unschedulable,
    PullsForEver,
}

pub(crate) const IMAGES: [(&str, Nature); 8] = [
    ("avs:a", Nature::Healthy),
    ("avs:b", Nature::Healthy),
    ("avs:slow", Nature::Slow),
    ("avs:never", Nature::NeverReady),
    ("avs:crash", Nature::CrashesAtStart),
    ("avs:refused", Nature::Refused),
    ("avs:nowhere", Nature::Unschedulable),
    ("avs:pull", Nature::PullsForEver),
];

/// What becomes of instances of it.
pub(crate) fn nature(image: &str) -> Nature {
    if image == "avs:loop" {
        return Nature::CrashesWhenReady;
    }
    IMAGES.iter().find(|(name, _)| *name == image).map_or(Nature::Healthy, |(_, nature)| *nature)
}

/// One instance as the platform has it.
#[derive(Debug, Clone)]
pub(crate) struct Sim {
    pub(crate) instance: Instance,
    pub(crate) nature: Nature,
    /// Time it has been running, by a clock that does not jump.
    pub(crate) age: Duration,
    pub(crate) hung: bool,
    /// Tasks that never end.
    pub(crate) stuck_tasks: bool,
    /// When it was told to stop.
    pub(crate) stopping: Option<Duration>,
}

impl Sim {
    pub(crate) fn new(instance: Instance, nature: Nature) -> Self {
        Self { nature, age: Duration::ZERO, hung: false, stuck_tasks: false, stopping: None, instance }
    }

    fn ready_after(&self) -> Duration {
        match self.nature {
            Nature::Slow => READY_DEADLINE * 2 / 3,
            _ => Duration::from_secs(2),
        }
    }

    /// Whether it changes by itself soon.
    pub(crate) fn due(&self) -> bool {
        self.age <= self.ready_after() + Duration::from_secs(2)
    }

    /// It is a moment older; `now` is what the wall clock says.
    pub(crate) fn grow(&mut self, now: Timestamp) {
        if self.instance.owner == Owner::Foreign {
            return;
        }
        match &self.instance.state {
            InstanceState::Starting { waiting_for: None } if self.age >= Duration::from_secs(1) => {
                self.instance.state = match self.nature {
                    Nature::CrashesAtStart => {
                        InstanceState::Exited { cause: ExitCause::Code(1), at: now, output: None }
                    }
                    _ => InstanceState::Running,
                };
            }
            InstanceState::Running => {
                let ready = !self.hung && self.nature != Nature::NeverReady && self.age >= self.ready_after();
                let was_ready = matches!(self.instance.health, Health::Ready { .. });
                match (&self.instance.health, ready) {
                    (Health::Ready { .. }, true) | (Health::NotReady { .. }, false) => {}
                    (_, true) => self.instance.health = Health::Ready { since: now },
                    (_, false) => {
                        self.instance.health = Health::NotReady { since: now, reason: "NOT_SERVING".into() };
                    }
                }
                if was_ready && self.nature == Nature::CrashesWhenReady {
                    self.instance.state = InstanceState::Exited { cause: ExitCause::Code(1), at: now, output: None };
                }
            }
            _ => {}
        }
        let busy = self.stuck_tasks || (self.instance.routed && self.instance.is_ready());
        self.instance.in_flight = Some(if busy { 1 } else { 0 });
    }
}
