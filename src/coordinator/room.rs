//! How many bytes of histories are in memory at once: many tasks may record runs together, and
//! running out of memory would lose every open run.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use futures::channel::oneshot;

/// The files in memory together, unless a single one is larger. The new file comes on top.
const BYTES_MAX: u64 = 64 << 20;

/// Room for histories.
#[derive(Default)]
pub struct Room {
    used: Cell<u64>,
    /// Who comes first is served first.
    waiting: RefCell<VecDeque<oneshot::Sender<()>>>,
}

/// A part of the room, until it is dropped.
pub struct Part<'a> {
    room: &'a Room,
    bytes: u64,
}

impl Room {
    /// Waits until there is room for a file.
    pub async fn take(&self, bytes: u64) -> Part<'_> {
        let mut is_first = self.waiting.borrow().is_empty();
        while !(is_first && self.fits(bytes)) {
            // Answered when it is this one's turn.
            let _ = self.queue(is_first).await;
            is_first = true;
        }
        self.used.set(self.used.get().saturating_add(bytes));
        self.call_next();
        Part { room: self, bytes }
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

impl Drop for Part<'_> {
    fn drop(&mut self) {
        self.room.used.set(self.room.used.get().saturating_sub(self.bytes));
        self.room.call_next();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    const LARGE: u64 = BYTES_MAX - 10;

    #[test]
    fn who_comes_first_is_served_first() {
        let room = Room::default();
        let first = room.take(LARGE).now_or_never().expect("there is room");
        let mut second = Box::pin(room.take(LARGE));
        assert!(second.as_mut().now_or_never().is_none());
        let mut small = Box::pin(room.take(1));
        assert!(small.as_mut().now_or_never().is_none(), "it would fit, but it came later");
        drop(first);
        assert!(small.as_mut().now_or_never().is_none(), "it is not its turn");
        let second = second.now_or_never().expect("its turn");
        let small = small.now_or_never().expect("it fits beside the other");
        drop((second, small));
        assert_eq!(room.used.get(), 0);
    }

    #[test]
    fn one_that_went_away_keeps_nobody_waiting() {
        let room = Room::default();
        let first = room.take(LARGE).now_or_never().expect("there is room");
        let mut gone = Box::pin(room.take(LARGE));
        assert!(gone.as_mut().now_or_never().is_none());
        let mut next = Box::pin(room.take(LARGE));
        assert!(next.as_mut().now_or_never().is_none());
        drop(gone);
        drop(first);
        assert!(next.now_or_never().is_some());
    }

    #[test]
    fn one_that_is_larger_than_the_room_has_it_alone() {
        let room = Room::default();
        let large = room.take(2 * BYTES_MAX).now_or_never().expect("nobody else is there");
        assert!(room.take(0).now_or_never().is_none());
        drop(large);
    }
}
