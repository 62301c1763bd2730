//! What answers the imports of the synchronous component.

pub(crate) mod bindings;
mod files;
pub(crate) mod linker;
mod write;

#[allow(clippy::duplicate_mod, reason = "the same shapes, as this package's bindings have them")]
#[path = "../convert.rs"]
pub(crate) mod convert;
#[allow(clippy::duplicate_mod, reason = "as above")]
#[path = "../shapes.rs"]
mod shapes;
