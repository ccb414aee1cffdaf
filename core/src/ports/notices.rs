use std::collections::{BTreeSet, VecDeque};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use futures_core::Stream;
use futures_util::StreamExt;

use super::Changes;

/// Tells any number of watchers that something may have changed.
///
/// Notices to a watcher that is slow are merged: what it has not taken yet has each thing once, so that memory is bounded
/// by the number of things to tell about and nothing is lost. It takes them in the order in which they were told first:
/// one that changes all the time keeps no other waiting.
#[derive(Debug)]
pub struct Notices<T> {
    watchers: Mutex<Vec<Weak<Mutex<Mailbox<T>>>>>,
}

#[derive(Debug)]
struct Mailbox<T> {
    /// In the order in which it takes them, and the same to look up.
    waiting: VecDeque<T>,
    pending: BTreeSet<T>,
    waker: Option<Waker>,
    closed: bool,
}

struct Watcher<T>(Arc<Mutex<Mailbox<T>>>);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T> Default for Mailbox<T> {
    fn default() -> Self {
        Self { waiting: VecDeque::new(), pending: BTreeSet::new(), waker: None, closed: false }
    }
}

impl<T> Default for Notices<T> {
    fn default() -> Self {
        Self { watchers: Mutex::default() }
    }
}

impl<T: Ord + Clone + Send + Unpin + 'static> Notices<T> {
    /// Nobody watches yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Tells everybody who watches now. Never blocks.
    pub fn tell(&self, about: &T) {
        let mut wakers = Vec::new();
        lock(&self.watchers).retain(|watcher| {
            let Some(mailbox) = watcher.upgrade() else { return false };
            let mut mailbox = lock(&mailbox);
            if mailbox.pending.insert(about.clone()) {
                mailbox.waiting.push_back(about.clone());
            }
            wakers.extend(mailbox.waker.take());
            true
        });
        // Woken without a lock held: a waker may run anything.
        wakers.into_iter().for_each(Waker::wake);
    }

    /// From now on. The stream ends when this is dropped.
    pub fn watch(&self) -> Changes<T> {
        let mailbox = Arc::new(Mutex::new(Mailbox::default()));
        let mut watchers = lock(&self.watchers);
        // Watchers that went away are forgotten here too, so that watching without any news does not grow.
        watchers.retain(|watcher| watcher.strong_count() > 0);
        watchers.push(Arc::downgrade(&mailbox));
        Watcher(mailbox).boxed()
    }
}

impl<T> Drop for Notices<T> {
    fn drop(&mut self) {
        for watcher in lock(&self.watchers).drain(..) {
            let Some(mailbox) = watcher.upgrade() else { continue };
            let waker = {
                let mut mailbox = lock(&mailbox);
                mailbox.closed = true;
                mailbox.waker.take()
            };
            waker.into_iter().for_each(Waker::wake);
        }
    }
}

impl<T: Ord> Stream for Watcher<T> {
    type Item = T;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        let mut mailbox = lock(&self.0);
        if let Some(notice) = mailbox.waiting.pop_front() {
            mailbox.pending.remove(&notice);
            return Poll::Ready(Some(notice));
        }
        if mailbox.closed {
            return Poll::Ready(None);
        }
        mailbox.waker = Some(context.waker().clone());
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn notices_are_merged_and_none_is_lost() {
        let notices = Notices::new();
        let mut watcher = notices.watch();
        for about in [2, 1, 2, 2, 1] {
            notices.tell(&about);
        }
        assert_eq!(watcher.next().now_or_never(), Some(Some(2)));
        // One that changes again and again comes behind what was told meanwhile.
        notices.tell(&2);
        assert_eq!(watcher.next().now_or_never(), Some(Some(1)));
        assert_eq!(watcher.next().now_or_never(), Some(Some(2)));
        assert_eq!(watcher.next().now_or_never(), None);
        notices.tell(&1);
        drop(notices);
        assert_eq!(watcher.next().now_or_never(), Some(Some(1)));
        assert_eq!(watcher.next().now_or_never(), Some(None));
    }
}
