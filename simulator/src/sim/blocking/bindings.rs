//! Generated from the imports of the blocking component. What waits for the disk or the clock is
//! asynchronous: the guest's call then stands still until somebody lets it go on.

/// Stands for a file or directory in the generated signatures. The entries of the table are of a
/// type that the macro cannot name, because it depends on the disk.
#[derive(Debug)]
pub enum Descriptor {}

wasmtime::component::bindgen!({
    path: "wit/blocking",
    inline: "
        package tandem:simulator;

        world blocking {
            import wasi:io/error@0.2.0;
            import wasi:io/poll@0.2.0;
            import wasi:io/streams@0.2.0;
            import wasi:clocks/monotonic-clock@0.2.0;
            import wasi:clocks/wall-clock@0.2.0;
            import wasi:filesystem/types@0.2.0;
            import wasi:filesystem/preopens@0.2.0;
            import wasi:random/random@0.2.0;
        }
    ",
    world: "tandem:simulator/blocking",
    imports: {
        "wasi:io/poll.[method]pollable.block": async | trappable,
        "wasi:io/poll.poll": async | trappable,
        "wasi:io/streams.[method]output-stream.blocking-write-and-flush": async | trappable,
        "wasi:io/streams.[method]output-stream.blocking-flush": async | trappable,
        "wasi:io/streams.[method]output-stream.blocking-write-zeroes-and-flush": async | trappable,
        "wasi:io/streams.[drop]output-stream": async | trappable,
        "wasi:filesystem/types.[method]descriptor.create-directory-at": async | trappable,
        "wasi:filesystem/types.[method]descriptor.open-at": async | trappable,
        "wasi:filesystem/types.[method]descriptor.read": async | trappable,
        "wasi:filesystem/types.[method]descriptor.read-directory": async | trappable,
        "wasi:filesystem/types.[method]descriptor.remove-directory-at": async | trappable,
        "wasi:filesystem/types.[method]descriptor.rename-at": async | trappable,
        "wasi:filesystem/types.[method]descriptor.stat-at": async | trappable,
        "wasi:filesystem/types.[method]descriptor.sync": async | trappable,
        "wasi:filesystem/types.[method]descriptor.sync-data": async | trappable,
        "wasi:filesystem/types.[method]descriptor.unlink-file-at": async | trappable,
        default: trappable,
    },
    with: {
        "wasi:io/error.error": super::stream::Failed,
        "wasi:io/poll.pollable": super::poll::Pollable,
        "wasi:io/streams.input-stream": super::stream::NoInput,
        "wasi:io/streams.output-stream": super::stream::Writing,
        "wasi:filesystem/types.descriptor": Descriptor,
        "wasi:filesystem/types.directory-entry-stream": super::files::Listing,
    },
    require_store_data_send: true,
});
