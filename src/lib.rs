//! Tandem: crash-safe run manifests, heartbeats and run history, as one WASI 0.3 component, or, with
//! the feature `blocking`, as one of WASI 0.2.
//!
//! The core ([`runs`], [`histories`], [`storage`], [`json`], [`ident`], [`error`]) is plain Rust over the
//! [`storage::Storage`] trait, so that its rules are tested natively with virtual time. The WIT
//! face and the WASI bindings exist on WebAssembly only.

#[allow(
    warnings,
    missing_docs,
    clippy::all,
    clippy::pedantic,
    reason = "generated; the WIT documents it"
)]
mod bindings;
pub mod error;
#[cfg(any(test, fuzzing, feature = "fuzz"))]
pub mod fuzz;
pub mod histories;
pub mod ident;
pub mod json;
pub mod limits;
pub mod records;
pub mod registry;
pub mod runs;
pub mod storage;
pub mod time;

#[cfg(target_family = "wasm")]
mod allocator;
#[cfg(target_family = "wasm")]
mod face;
#[cfg(target_family = "wasm")]
mod wasi;
