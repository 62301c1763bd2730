//! Tandem: crash-safe run manifests, heartbeats and run history, as one WASI 0.3 component, or, with
//! the feature `sync`, as one of WASI 0.2.
//!
//! The core ([`persister`], [`coordinator`], [`storage`], [`json`], [`ident`], [`error`]) is plain Rust over the
//! [`storage::Storage`] trait, so that its rules are tested natively with virtual time. The WIT
//! face and the WASI bindings exist on WebAssembly only.

pub mod coordinator;
pub mod error;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
pub mod ident;
pub mod json;
pub mod persister;
pub mod storage;
pub mod time;

#[cfg(target_family = "wasm")]
mod allocator;
#[cfg(target_family = "wasm")]
mod face;
#[cfg(target_family = "wasm")]
mod wasi;
