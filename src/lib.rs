//! Tandem: crash-safe run manifests and heartbeats, as one WASI 0.3 component.
//!
//! The core ([`persister`], [`storage`], [`ident`], [`error`]) is plain Rust over the
//! [`storage::Storage`] trait, so that its rules are tested natively with virtual time. The WIT
//! face and the WASI bindings exist on WebAssembly only.

pub mod error;
pub mod ident;
pub mod persister;
pub mod storage;

#[cfg(target_family = "wasm")]
mod face;
#[cfg(target_family = "wasm")]
mod wasi;
