//! A disk that crashes on purpose: in memory, under virtual time, repeatable by its seed.

pub(crate) mod crash;
mod disk;
pub(crate) mod effect;
mod model;
#[cfg(test)]
mod tests;
pub(crate) mod tree;
mod wasi;
pub(crate) mod world;

pub use disk::{SimDisk, SimNode};
pub use model::Model;

pub(crate) use wasi::SimState;
