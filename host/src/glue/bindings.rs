//! Generated from the component's world.

/// Stands for a file or directory in the generated signatures. The entries of the resource table
/// are of a type that the macro cannot name, because it depends on the disk.
#[derive(Debug)]
pub enum Descriptor {}

mod generated {
    #![allow(missing_docs, reason = "generated; the WIT is the documentation")]
    #![allow(clippy::all, clippy::pedantic, reason = "generated")]

    wasmtime::component::bindgen!({
        path: "wit",
        world: "tandem",
        imports: {
            "wasi:filesystem/types.[method]descriptor.read-via-stream": store | trappable,
            "wasi:filesystem/types.[method]descriptor.write-via-stream": store | trappable,
            "wasi:filesystem/types.[method]descriptor.append-via-stream": store | trappable,
            "wasi:filesystem/types.[method]descriptor.read-directory": store | trappable,
            default: trappable,
        },
        exports: { default: async | store },
        with: {
            "wasi:clocks": wasmtime_wasi::p3::bindings::clocks,
            "wasi:random": wasmtime_wasi::p3::bindings::random,
            "wasi:filesystem/types.descriptor": super::Descriptor,
        },
    });
}

pub use generated::exports::tandem::records::types as records;
pub(crate) use generated::wasi::filesystem::{preopens, types};
pub use generated::{Tandem, TandemPre};
