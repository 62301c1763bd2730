//! What answers the component's imports, and the shapes of its exports.

pub(crate) mod bindings;
pub(crate) mod convert;
mod files;
mod flight;
pub(crate) mod grant;
pub(crate) mod linker;
mod list;
pub(crate) mod names;
mod notes;
mod open;
mod read;
mod shapes;
mod shared;
mod write;
