use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::sync::watch;
use tokio::time::Instant;

/// Whether this process leads, for whoever is to act only then. Clones share it.
#[derive(Debug, Clone)]
pub struct Leadership {
    state: Arc<watch::Sender<State>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct State {
    /// Counts the times that this process came to lead.
    term: u64,
    /// Until when it leads, unless that is extended; `None` where it does not.
    until: Option<Until>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Until {
    At(Instant),
    /// Nobody else is there.
    TheEnd,
}

/// This process does not lead, or not any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("this operator does not lead: another one does, or will")]
pub struct NotLeading;

impl NotLeading {
    /// Stable, in CamelCase.
    pub const fn reason(&self) -> &'static str {
        "NotLeading"
    }
}

impl Leadership {
    /// Nobody leads yet.
    pub(super) fn new() -> Self {
        Self { state: Arc::new(watch::Sender::new(State { term: 0, until: None })) }
    }

    /// For a process that is the only one, as whoever starts it promises.
    pub fn always() -> Self {
        Self { state: Arc::new(watch::Sender::new(State { term: 1, until: Some(Until::TheEnd) })) }
    }

    /// The present term.
    ///
    /// # Errors
    /// [`NotLeading`].
    pub fn term(&self) -> Result<Term, NotLeading> {
        let term = Term { state: self.state.clone(), term: self.state.borrow().term };
        term.check().map(|()| term)
    }

    /// Whether this process leads now.
    pub fn is_leading(&self) -> bool {
        self.term().is_ok()
    }

    /// Waits for a term.
    pub async fn leads(&self) -> Term {
        let mut states = self.state.subscribe();
        loop {
            if let Ok(term) = self.term() {
                return term;
            }
            // The sender lives as long as this does.
            let _ = states.changed().await;
        }
    }

    /// Waits until a term is over.
    pub async fn ended(&self, term: &Term) {
        let mut states = self.state.subscribe();
        loop {
            let state = *states.borrow_and_update();
            if state.term != term.term {
                return;
            }
            match state.until {
                None => return,
                Some(Until::TheEnd) => drop(states.changed().await),
                Some(Until::At(at)) if at <= Instant::now() => return,
                Some(Until::At(at)) => {
                    tokio::select! {
                        _ = states.changed() => {}
                        () = tokio::time::sleep_until(at) => {}
                    }
                }
            }
        }
    }

    pub(super) fn lead_until(&self, at: Instant) {
        self.state.send_modify(|state| {
            // A term that ran out before it was extended is over, whoever held the lease meanwhile.
            let runs = matches!(state.until, Some(Until::At(until)) if until > Instant::now());
            if !runs {
                state.term += 1;
            }
            state.until = Some(Until::At(at));
        });
    }

    pub(super) fn resign(&self) {
        self.state.send_modify(|state| state.until = None);
    }
}

/// One time of leading. What was planned in it may be written in it, and never in another.
#[derive(Debug, Clone)]
pub struct Term {
    state: Arc<watch::Sender<State>>,
    term: u64,
}

impl Term {
    /// Whether it still runs, by the monotonic clock: to be asked right before each write.
    ///
    /// # Errors
    /// [`NotLeading`].
    pub fn check(&self) -> Result<(), NotLeading> {
        self.remaining().map(|_| ())
    }

    /// For how long it runs at least, unless it is given up.
    ///
    /// # Errors
    /// [`NotLeading`].
    pub fn remaining(&self) -> Result<Duration, NotLeading> {
        let state = *self.state.borrow();
        match state.until {
            Some(Until::TheEnd) if state.term == self.term => Ok(Duration::MAX),
            Some(Until::At(at)) if state.term == self.term => {
                at.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()).ok_or(NotLeading)
            }
            _ => Err(NotLeading),
        }
    }

    /// Which of this process's terms it is.
    pub const fn number(&self) -> u64 {
        self.term
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_term_ends_by_itself_and_is_never_another() {
        let leadership = Leadership::new();
        assert_eq!(leadership.term().unwrap_err(), NotLeading);
        leadership.lead_until(Instant::now() + Duration::from_secs(10));
        let first = leadership.leads().await;
        tokio::time::advance(Duration::from_secs(5)).await;
        leadership.lead_until(Instant::now() + Duration::from_secs(10));
        first.check().unwrap();
        assert_eq!(leadership.term().unwrap().number(), first.number(), "extended in time");
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(first.check(), Err(NotLeading));
        leadership.ended(&first).await;
        leadership.lead_until(Instant::now() + Duration::from_secs(10));
        assert_eq!(first.check(), Err(NotLeading), "somebody else may have led in between");
        let second = leadership.term().unwrap();
        leadership.resign();
        assert_eq!(second.check(), Err(NotLeading));
        leadership.ended(&second).await;
        Leadership::always().term().unwrap().check().unwrap();
    }
}
