//! Simulated disks that crash by the rules of file systems, and what tortures Tandem on them.
//!
//! [`sim`] is for any component that imports what Tandem imports. [`torture`] plays workloads of
//! Tandem's on it and judges what is left. [`guest`] calls Tandem's component for WASI 0.2, on
//! whatever its store has.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod guest;
pub mod sim;
pub mod torture;
