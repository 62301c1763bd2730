//! A disk that crashes on purpose: in memory, under virtual time, repeatable by its seed.

mod blocking;
pub(crate) mod clock;
mod concurrent;
pub(crate) mod crash;
mod disk;
pub(crate) mod effect;
mod model;
mod state;
#[cfg(test)]
mod tests;
pub(crate) mod tree;
pub(crate) mod world;

pub use disk::{SimDisk, SimNode};
pub use model::Model;

pub use state::SimState;
