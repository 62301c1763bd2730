//! Generated from the synchronous component's world.

pub use crate::glue::bindings::Descriptor;

pub use super::files::Listing;

mod generated {
    #![allow(missing_docs, reason = "generated; the WIT is the documentation")]
    #![allow(clippy::all, clippy::pedantic, reason = "generated")]

    wasmtime::component::bindgen!({
        path: "wit/sync",
        world: "tandem-sync",
        imports: { default: trappable },
        with: {
            "wasi:clocks": wasmtime_wasi::p2::bindings::clocks,
            "wasi:io": wasmtime_wasi::p2::bindings::sync::io,
            "wasi:random": wasmtime_wasi::p2::bindings::random,
            "wasi:filesystem/types.descriptor": super::Descriptor,
            "wasi:filesystem/types.directory-entry-stream": super::Listing,
        },
        require_store_data_send: true,
    });
}

pub use generated::exports::tandem::persistence_sync::{
    coordinator, persister, types as tandem_types,
};
pub(crate) use generated::wasi::filesystem::{preopens, types};
pub(crate) use generated::{TandemSync, TandemSyncPre};
