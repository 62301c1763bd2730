//! The records of `wit/records`: what the calls of both worlds take and answer. The core uses the
//! types that the bindings make of them, so that a record has one declaration, in WIT.

#[cfg(target_family = "wasm")]
pub use crate::face::records::*;
#[cfg(not(target_family = "wasm"))]
pub use native::exports::tandem::records::types::*;

/// The same types where there is no component.
#[cfg(not(target_family = "wasm"))]
mod native {
    #![allow(
        missing_docs,
        clippy::all,
        clippy::pedantic,
        reason = "generated; the WIT documents it"
    )]

    wit_bindgen::generate!({
        path: "wit/records",
        inline: "package tandem:native; world native { export tandem:records/types@0.1.0; }",
        additional_derives: [PartialEq, Eq],
        generate_unused_types: true,
    });
}
