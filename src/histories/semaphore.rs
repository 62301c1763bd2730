//! How many bytes of histories are in memory at once: many tasks may record runs together, and
//! running out of memory would lose every open run.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use futures::channel::oneshot;

/// The files in memory together, unless a single one is larger. The new file comes on top.
const BYTES_MAX: u64 = 64 << 20;

/// Hands out the memory for histories.
#[derive(Default)]
pub struct ByteSemaphore {
    used: Cell<u64>,
    /// Who comes first is served first.
    waiting: RefCell<VecDeque<oneshot::Sender<()>>>,
}

/// Memory for one file, until it is dropped.
pub struct Permit<'a> {
    semaphore: &'a ByteSemaphore,
    bytes: u64,
}

/// A place in the queue. One that was called and goes away before it goes on passes the call on.
struct Turn<'a> {
    semaphore: &'a ByteSemaphore,
    called: oneshot::Receiver<()>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if let Ok(Some(())) = self.called.try_recv() {
            self.semaphore.call_next();
        }
    }
}

impl ByteSemaphore {
    /// Waits until a file fits.
    pub async fn acquire(&self, bytes: u64) -> Permit<'_> {
        let mut is_first = self.waiting.borrow().is_empty();
        while !(is_first && self.fits(bytes)) {
            let mut turn = Turn { semaphore: self, called: self.queue(is_first) };
            let _ = (&mut turn.called).await;
            is_first = true;
        }
        self.used.set(self.used.get().saturating_add(bytes));
        self.call_next();
        Permit { semaphore: self, bytes }
    }

    fn queue(&self, is_first: bool) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        let mut waiting = self.waiting.borrow_mut();
        if is_first {
            waiting.push_front(sender);
        } else {
            waiting.push_back(sender);
        }
        receiver
    }

    fn fits(&self, bytes: u64) -> bool {
        let used = self.used.get();
        used == 0 || used.saturating_add(bytes) <= BYTES_MAX
    }

    fn call_next(&self) {
        while let Some(sender) = self.waiting.borrow_mut().pop_front() {
            // One that went away does not keep the one behind it waiting.
            if sender.send(()).is_ok() {
                return;
            }
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.semaphore.used.set(self.semaphore.used.get().saturating_sub(self.bytes));
        self.semaphore.call_next();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    const LARGE: u64 = BYTES_MAX - 10;

    #[test]
    fn who_comes_first_is_served_first() {
        let semaphore = ByteSemaphore::default();
        let first = semaphore.acquire(LARGE).now_or_never().expect("it fits");
        let mut second = Box::pin(semaphore.acquire(LARGE));
        assert!(second.as_mut().now_or_never().is_none());
        let mut small = Box::pin(semaphore.acquire(1));
        assert!(small.as_mut().now_or_never().is_none(), "it would fit, but it came later");
        drop(first);
        assert!(small.as_mut().now_or_never().is_none(), "it is not its turn");
        let second = second.now_or_never().expect("its turn");
        let small = small.now_or_never().expect("it fits beside the other");
        drop((second, small));
        assert_eq!(semaphore.used.get(), 0);
    }

    #[test]
    fn one_that_went_away_keeps_nobody_waiting() {
        let semaphore = ByteSemaphore::default();
        let first = semaphore.acquire(LARGE).now_or_never().expect("it fits");
        let mut gone = Box::pin(semaphore.acquire(LARGE));
        assert!(gone.as_mut().now_or_never().is_none());
        let mut next = Box::pin(semaphore.acquire(LARGE));
        assert!(next.as_mut().now_or_never().is_none());
        drop(gone);
        drop(first);
        assert!(next.now_or_never().is_some());
    }

    #[test]
    fn one_that_is_called_and_goes_away_calls_the_next() {
        let semaphore = ByteSemaphore::default();
        let first = semaphore.acquire(LARGE).now_or_never().expect("it fits");
        let mut gone = Box::pin(semaphore.acquire(LARGE));
        assert!(gone.as_mut().now_or_never().is_none());
        let mut next = Box::pin(semaphore.acquire(LARGE));
        assert!(next.as_mut().now_or_never().is_none());
        drop(first);
        drop(gone);
        assert!(next.now_or_never().is_some());
    }

    #[test]
    fn one_that_is_larger_than_all_of_it_has_it_alone() {
        let semaphore = ByteSemaphore::default();
        let large = semaphore.acquire(2 * BYTES_MAX).now_or_never().expect("nobody else is there");
        assert!(semaphore.acquire(0).now_or_never().is_none());
        drop(large);
    }
}
