//! [`Storage`](crate::storage::Storage) on the WASI of each world. The bindings of 0.2 are in
//! `bindings.rs`, those of 0.3 in the crate `wasi`.

#[cfg(feature = "blocking")]
mod blocking;
#[cfg(not(feature = "blocking"))]
mod concurrent;
#[cfg(feature = "blocking")]
mod executor;

#[cfg(feature = "blocking")]
pub use blocking::Wasi;
#[cfg(not(feature = "blocking"))]
pub use concurrent::Wasi;
#[cfg(feature = "blocking")]
pub use executor::block_on;
