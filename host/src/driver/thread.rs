//! The thread on which a driver lives, with a runtime of its own.
//!
//! The embedder's runtime, if there is one, never waits for a disk, and ends without taking a run
//! along. Cheap disk calls are made on this thread, the others on its runtime's workers.

use std::io;
use std::thread::{Builder, JoinHandle};

use tokio::runtime;

use super::Driving;

/// Runs what `prepare` returns, on a thread of its own and to its end. `prepare` runs there too, in
/// the context of the runtime; it returns nothing if it failed, and has told so itself.
///
/// # Errors
/// The system's: there are no more threads.
pub(crate) fn spawn(
    prepare: impl FnOnce() -> Option<Driving> + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    // Without sockets, which it has no use for, its file descriptors are those of the disk.
    let runtime = runtime::Builder::new_current_thread()
        .enable_time()
        .thread_name("tandem-worker")
        .build()?;
    Builder::new().name("tandem".to_owned()).spawn(move || {
        let prepared = {
            let _context = runtime.enter();
            prepare()
        };
        let files = prepared.map(|driving| runtime.block_on(driving));
        // Waits for workers that still close files.
        drop(runtime);
        // A disk may have a runtime of its own, which cannot end inside of another.
        drop(files);
    })
}
