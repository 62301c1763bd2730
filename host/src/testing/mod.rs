//! What tests of this library, of disks and of the components need: layers around a [`Disk`], which
//! record, hold back and fail its calls, and the shapes that the components' exports have.
//!
//! Versions promise nothing about this module: it changes with the tests.
//!
//! [`Disk`]: crate::disk::Disk

mod call;
mod fail;
mod hold;
mod record;
mod wrap;

pub use call::{Call, DiskOperation};
pub use fail::{Fail, Fault};
pub use hold::{Gate, Hold};
pub use record::{Event, Moment, Record};
pub use wrap::{DiskExt, Layer, Layered, Located};

pub use crate::glue::names::{is_temporary, mode_of, purpose_of, temporary_target};

use crate::engine::{Compiled, Precompiled, Reservation, engine};

/// The exports of the component for WASI 0.3, whose shapes convert into those of this library.
pub mod bindings {
    pub use crate::glue::bindings::{Tandem, TandemPre, records};
}

/// A [`Tandem`](crate::Tandem) stands still while this lives: calls that are made meanwhile reach
/// the component together, as calls of one turn of an event loop do.
#[derive(Debug)]
pub struct Pause {
    _resumed_by_drop: Vec<std::sync::mpsc::Sender<()>>,
}

impl Pause {
    /// Have it stand still.
    pub fn new(tandem: &crate::Tandem) -> Self {
        Pause { _resumed_by_drop: tandem.callers.pause() }
    }
}

/// What an error of wasmtime is to callers: `component-failed`.
pub fn component_failed(error: wasmtime::Error) -> crate::Error {
    crate::Error::component_unusable(error)
}

/// Compiles or loads the component that is built in, unless this process has it. Unoptimised, that
/// takes seconds, which belong to no limit against hangs.
///
/// # Errors
/// `component-failed`: this machine cannot run it.
pub fn load_component() -> Result<(), crate::Error> {
    Compiled::embedded(None).map(drop).map_err(crate::Error::component_unusable)
}

/// Whether this library loads what [`precompile`](crate::precompile) returned, instead of compiling
/// the component after all.
///
/// # Safety
/// As for [`Builder::precompiled`](crate::Builder::precompiled).
#[allow(unsafe_code, reason = "who calls it vouches for the bytes")]
pub unsafe fn is_loaded(bytes: &'static [u8]) -> bool {
    // SAFETY: the caller promises just that.
    let precompiled = unsafe { Precompiled::new(bytes) };
    let is_loaded = |reservation| {
        let loaded = engine(reservation).and_then(|engine| precompiled.load(&engine, reservation));
        loaded.is_ok_and(|component| component.is_some())
    };
    Reservation::ALL.into_iter().all(is_loaded)
}

/// Has what an engine compiles be kept for the next start, as the library has it.
pub fn keep_compiled(config: &mut wasmtime::Config) {
    crate::engine::keep_compiled(config);
}
