//! [`Storage`](crate::storage::Storage) on the WASI of each world. The bindings of 0.2 are generated
//! with the face.

#[cfg(not(feature = "sync"))]
mod concurrent;
#[cfg(feature = "sync")]
mod executor;
#[cfg(feature = "sync")]
mod sync;

#[cfg(not(feature = "sync"))]
pub use concurrent::Wasi;
#[cfg(feature = "sync")]
pub use executor::block_on;
#[cfg(feature = "sync")]
pub use sync::Wasi;
