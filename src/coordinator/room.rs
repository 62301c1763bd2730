//! How many bytes of histories are in memory at once: many tasks may record runs together, and
//! running out of memory would lose every open run.

use alloc::collections::VecDeque;

use atomic_refcell::AtomicRefCell;
use futures::channel::oneshot;

/// The files in memory together, unless a single one is larger. The new file comes on top.
const BYTES_MAX: u64 = 64 << 20;

/// Room for histories.
#[derive(Default)]
pub struct Room {
    used: AtomicRefCell<u64>,
    /// Who comes first is served first.
    waiting: AtomicRefCell<VecDeque<oneshot::Sender<()>>>,
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
        self.update(|used| used.saturating_add(bytes));
        self.call_next();
        Part { room: self, bytes }
    }

    fn fits(&self, bytes: u64) -> bool {
        let used = *self.used.borrow();
        used == 0 || used.saturating_add(bytes) <= BYTES_MAX
    }

    fn update(&self, change: impl FnOnce(u64) -> u64) {
        let mut used = self.used.borrow_mut();
        *used = change(*used);
    }

    fn call_next(&self) {
        self.waiting.borrow_mut().pop_front();
    }
}

impl Drop for Part<'_> {
    fn drop(&mut self) {
        self.room.update(|used| used.saturating_sub(self.bytes));
        self.room.call_next();
    }
}
