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
            let (sender, receiver) = oneshot::channel();
            let mut waiting = self.waiting.borrow_mut();
            if is_first {
                waiting.push_front(sender);
            } else {
                waiting.push_back(sender);
            }
            drop(waiting);
            // The sender is dropped when it is this one's turn.
            let _ = receiver.await;
            is_first = true;
        }
        self.used.set(self.used.get().saturating_add(bytes));
        self.call_next();
        Part { room: self, bytes }
    }

    fn fits(&self, bytes: u64) -> bool {
        self.used.get() == 0 || self.used.get().saturating_add(bytes) <= BYTES_MAX
    }

    fn call_next(&self) {
        self.waiting.borrow_mut().pop_front();
    }
}

impl Drop for Part<'_> {
    fn drop(&mut self) {
        self.room.used.set(self.room.used.get().saturating_sub(self.bytes));
        self.room.call_next();
    }
}
