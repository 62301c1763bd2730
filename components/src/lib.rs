//! The Tandem components, as bytes.
//!
//! Each is a WebAssembly component that keeps the state of running jobs in one directory, which its
//! host grants it. They have the same rules and keep the same files. Their WIT is in this package's
//! directory `wit`, and inside the components.
//!
//! A Rust program embeds them with `tandem-host`; this crate is for other hosts and for tools.

#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![no_std]

/// The world `tandem` of `tandem:persistence`, with asynchronous exports. It links with every host
/// of WASI 0.3 that has component-model async.
#[cfg(built_here)]
pub const TANDEM: &[u8] = include_bytes!(env!("TANDEM_COMPONENT"));
/// The world `tandem` of `tandem:persistence`, with asynchronous exports. It links with every host
/// of WASI 0.3 that has component-model async.
#[cfg(not(built_here))]
pub const TANDEM: &[u8] = include_bytes!("../tandem.wasm");

/// The world `tandem-blocking` of `tandem:persistence-blocking`, whose exports block. It links with every
/// host of WASI 0.2.
#[cfg(built_here)]
pub const TANDEM_BLOCKING: &[u8] = include_bytes!(env!("TANDEM_BLOCKING_COMPONENT"));
/// The world `tandem-blocking` of `tandem:persistence-blocking`, whose exports block. It links with every
/// host of WASI 0.2.
#[cfg(not(built_here))]
pub const TANDEM_BLOCKING: &[u8] = include_bytes!("../tandem-blocking.wasm");
