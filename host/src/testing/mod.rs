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
pub use wrap::{DiskExt, Layer, Layered, LayeredNode};

pub use crate::disk::temporary::{is_temporary, temporary_target};

use crate::component::World;
use crate::engine::Compiled;

/// The exports of the component for WASI 0.3, whose shapes convert into those of this library.
pub mod bindings {
    pub use crate::glue::bindings::{Tandem, TandemPre, coordinator, persister, tandem_types};
}

/// The same of the component for WASI 0.2.
pub mod blocking_bindings {
    pub use crate::glue::sync::bindings::{coordinator, persister, tandem_types};
}

/// What an error of wasmtime is to callers: `component-failed`.
pub fn component_failed(error: wasmtime::Error) -> crate::Error {
    crate::Error::component_unusable(error)
}

/// Compiles or loads both components that are built in, unless this process has them. Unoptimised,
/// that takes seconds, which belong to no limit against hangs.
///
/// # Errors
/// `component-failed`: this machine cannot run them.
pub fn load_components() -> Result<(), crate::Error> {
    for world in [World::Tandem, World::TandemSync] {
        Compiled::embedded(world, None).map_err(crate::Error::component_unusable)?;
    }
    Ok(())
}

/// Has what an engine compiles be kept for the next start, as the library has it.
pub fn keep_compiled(config: &mut wasmtime::Config) {
    crate::engine::keep_compiled(config);
}
