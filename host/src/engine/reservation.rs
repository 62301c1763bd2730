//! How much address space an engine takes for a component's memory.

use std::hint::black_box;

use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};
use wasmtime::Config;

use crate::limits::failed_call;

/// An engine's way with memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reservation {
    /// wasmtime's own: all that a memory can ever have is reserved, more than 4 GiB, so that nearly
    /// no access needs a check. What a memory begins with is mapped from a file in memory.
    Whole,
    /// Little more than what a memory has, which is moved when it grows. Each access is checked, which
    /// makes it compute half as long again. No file is made.
    Little,
}

/// A guard this large saves checks of accesses that are near to each other.
const GUARD_BYTES: u64 = 64 * 1024;
/// What a memory may grow before it is moved.
const GROWTH_BYTES: u64 = 8 * 1024 * 1024;
/// The file in memory is smaller.
const FILE_BYTES_MAX: u64 = 1024 * 1024;
/// What the engine and its threads need besides, for a few runs of a few kilobytes.
const NEEDED_BYTES: usize = 64 * 1024 * 1024;

impl Reservation {
    /// Each way.
    pub(crate) const ALL: [Reservation; 2] = [Reservation::Whole, Reservation::Little];

    /// The way that the limits of this process leave.
    pub(crate) fn of_process() -> Reservation {
        let limit = |resource| getrlimit(resource).current;
        let is_small = |bytes| bytes < FILE_BYTES_MAX;
        if limit(Resource::As).is_some() || limit(Resource::Fsize).is_some_and(is_small) {
            Reservation::Little
        } else {
            Reservation::Whole
        }
    }

    pub(super) fn configure(self, config: &mut Config) {
        if self == Reservation::Little {
            config.memory_reservation(0);
            config.memory_reservation_for_growth(GROWTH_BYTES);
            config.memory_guard_size(GUARD_BYTES);
            config.memory_init_cow(false);
        }
    }

    /// Tries whether there is enough for an engine: one that gets too little on its way would abort the
    /// process.
    ///
    /// # Errors
    /// A limit leaves too little.
    pub(super) fn check() -> wasmtime::Result<()> {
        let mut tried = Vec::<u8>::new();
        let has_room = tried.try_reserve_exact(NEEDED_BYTES).is_ok();
        black_box(&tried);
        if has_room {
            return Ok(());
        }
        let said = failed_call("mmap", &Errno::NOMEM.into());
        Err(wasmtime::Error::msg(format!("it needs {NEEDED_BYTES} bytes of memory: {said}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::engine;

    #[test]
    fn an_engine_with_little_room_is_another_engine() {
        let [whole, little] = Reservation::ALL.map(|reservation| engine(reservation).unwrap());
        let bytes = tandem_components::TANDEM;
        let compiled = little.precompile_component(bytes).unwrap();
        // SAFETY: wasmtime made these bytes.
        #[allow(unsafe_code, reason = "as above")]
        let [by_whole, by_little] = [&whole, &little].map(|engine| unsafe {
            wasmtime::component::Component::deserialize(engine, &compiled)
        });
        assert!(by_whole.is_err() && by_little.is_ok());
    }
}
