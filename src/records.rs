//! The records of `wit/records`: what the calls of both worlds take and answer. The core uses the
//! types that the bindings make of them, so that a record has one declaration, in WIT.

pub use crate::bindings::exports::tandem::records::types::*;
