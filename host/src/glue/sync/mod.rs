//! What answers the imports of the synchronous component.

pub(crate) mod bindings;
mod files;
pub(crate) mod linker;
mod polls;
mod write;

// The same shapes, as the other package's bindings have them.
#[path = "../convert.rs"]
pub(crate) mod convert;
#[path = "../shapes.rs"]
mod shapes;
