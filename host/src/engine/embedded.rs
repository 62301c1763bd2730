//! The component that is built in, from machine code if that may be trusted.
//!
//! What is trusted as machine code stands in `docs/compiled-code.md`.

use rustix::io::Errno;
use wasmtime::Engine;
use wasmtime::component::Component;

use super::reservation::Reservation;

/// Machine code whose origin somebody vouched for.
#[derive(Clone, Copy)]
pub(crate) struct Precompiled(&'static [u8]);

/// How many bytes come first, before the code itself: the length of the code for
/// [`Reservation::Whole`].
const LENGTH_BYTES: usize = size_of::<u64>();

impl Precompiled {
    /// # Safety
    /// The bytes are what [`precompile`](crate::precompile) returned, unchanged.
    #[allow(unsafe_code, reason = "who makes one vouches for the bytes")]
    pub(crate) unsafe fn new(bytes: &'static [u8]) -> Self {
        Precompiled(bytes)
    }

    /// The bytes for [`new`](Precompiled::new), of what was compiled for each reservation.
    pub(crate) fn join(whole: &[u8], little: &[u8]) -> Vec<u8> {
        [&(whole.len() as u64).to_le_bytes(), whole, little].concat()
    }

    /// The code for one reservation.
    fn of(self, reservation: Reservation) -> Option<&'static [u8]> {
        let (length, code) = self.0.split_at_checked(LENGTH_BYTES)?;
        let length = usize::try_from(u64::from_le_bytes(length.try_into().ok()?)).ok()?;
        let (whole, little) = code.split_at_checked(length)?;
        Some(match reservation {
            Reservation::Whole => whole,
            Reservation::Little => little,
        })
    }

    /// The component, if the code was made for such an engine by the same wasmtime.
    ///
    /// # Errors
    /// The system's, which any other code would meet too.
    pub(crate) fn load(
        self,
        engine: &Engine,
        reservation: Reservation,
    ) -> wasmtime::Result<Option<Component>> {
        let Some(code) = self.of(reservation) else { return Ok(None) };
        // SAFETY: `new` was promised that wasmtime made these bytes. Those of another version or
        // configuration are refused.
        #[allow(unsafe_code, reason = "the one call that loads compiled code")]
        let loaded = unsafe { Component::deserialize(engine, code) };
        match loaded {
            Ok(component) => Ok(Some(component)),
            Err(error) if error.downcast_ref::<Errno>().is_some() => Err(error),
            Err(_) => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::component::precompile;
    use crate::engine::engine;

    /// Linux or macOS on the processors that wasmtime compiles for.
    fn host_target() -> String {
        let system = if cfg!(target_os = "macos") { "apple-darwin" } else { "unknown-linux-gnu" };
        format!("{}-{system}", std::env::consts::ARCH)
    }

    #[test]
    fn what_was_precompiled_is_loaded_as_it_is_and_anything_else_is_refused() {
        let compiled = precompile(&host_target()).unwrap().leak();
        // SAFETY: it is what `precompile` returned, or nothing.
        #[allow(unsafe_code, reason = "as above")]
        let [precompiled, nothing] =
            [&*compiled, &[]].map(|bytes| unsafe { Precompiled::new(bytes) });
        let [whole, little] = Reservation::ALL;
        for (reservation, other) in [(whole, little), (little, whole)] {
            let engine = engine(reservation).unwrap();
            assert!(precompiled.load(&engine, reservation).unwrap().is_some());
            assert!(precompiled.load(&engine, other).unwrap().is_none());
            assert!(nothing.load(&engine, reservation).unwrap().is_none());
        }
    }
}
