use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

/// Wakes the one keeper of a performer, and says what for. Rings are merged and never lost.
#[derive(Debug, Default)]
pub(super) struct Bell {
    state: Mutex<(Rings, Option<Waker>)>,
}

/// What a keeper was woken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Rings {
    /// Something else is wanted: an intent, a shutdown.
    pub(super) asked: bool,
    /// The instances may have changed.
    pub(super) runtime: bool,
    /// Health or load may have changed.
    pub(super) client: bool,
}

impl Rings {
    pub(super) const ASKED: Self = Self { asked: true, runtime: false, client: false };
    pub(super) const RUNTIME: Self = Self { asked: false, runtime: true, client: false };
    pub(super) const CLIENT: Self = Self { asked: false, runtime: false, client: true };

    pub(super) fn merge(&mut self, other: Self) {
        self.asked |= other.asked;
        self.runtime |= other.runtime;
        self.client |= other.client;
    }
}

impl Bell {
    fn lock(&self) -> MutexGuard<'_, (Rings, Option<Waker>)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn ring(&self, rings: Rings) {
        let waker = {
            let mut state = self.lock();
            state.0.merge(rings);
            state.1.take()
        };
        waker.into_iter().for_each(Waker::wake);
    }

    /// What was rung since it was last asked; waits where nothing was.
    pub(super) async fn wait(&self) -> Rings {
        poll_fn(|context| {
            let mut state = self.lock();
            if state.0 == Rings::default() {
                state.1 = Some(context.waker().clone());
                return Poll::Pending;
            }
            Poll::Ready(std::mem::take(&mut state.0))
        })
        .await
    }
}
