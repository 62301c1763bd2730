//! What answers the component's imports, and the shapes of its exports.

pub(crate) mod bindings;
pub(crate) mod convert;
mod files;
mod flight;
pub(crate) mod linker;
mod list;
mod read;
mod shapes;
pub(crate) mod sync;
mod write;

pub(crate) use files::Shared;
