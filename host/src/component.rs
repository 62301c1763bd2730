//! The component that the build script built.

/// The Tandem component. It links with every host of WASI 0.3.
pub const COMPONENT: &[u8] = include_bytes!(env!("TANDEM_COMPONENT"));
