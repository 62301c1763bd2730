//! How many bytes of histories are in memory at once: many tasks may record runs together, and
//! running out of memory would lose every open run.

use std::cell::{Cell, RefCell};

use futures::channel::oneshot;

/// The files in memory together, unless a single one is larger. The new file comes on top.
const BYTES_MAX: u64 = 64 << 20;

/// Room for histories.
#[derive(Default)]
pub struct Room {
    used: Cell<u64>,
    waiting: RefCell<Vec<oneshot::Sender<()>>>,
}

/// A part of the room, until it is dropped.
pub struct Part<'a> {
    room: &'a Room,
    bytes: u64,
}

impl Room {
    /// Waits until there is room for a file.
    pub async fn take(&self, bytes: u64) -> Part<'_> {
        while self.used.get() > 0 && self.used.get().saturating_add(bytes) > BYTES_MAX {
            let (sender, receiver) = oneshot::channel();
            self.waiting.borrow_mut().push(sender);
            // Dropped or sent, either says that a part was given back.
            let _ = receiver.await;
        }
        self.used.set(self.used.get().saturating_add(bytes));
        Part { room: self, bytes }
    }
}

impl Drop for Part<'_> {
    fn drop(&mut self) {
        self.room.used.set(self.room.used.get().saturating_sub(self.bytes));
        // Those for whom it is still too little wait again, in their order.
        self.room.waiting.take();
    }
}
