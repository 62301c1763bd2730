//! The thread on which a driver lives, with a runtime of its own.
//!
//! The embedder's runtime, if there is one, never waits for a disk, and ends without taking a run
//! along. Cheap disk calls are made on this thread, the others on the disk's workers.

use std::io;
use std::thread::{Builder, JoinHandle};

use tokio::runtime;

use super::Driving;

/// Runs what `prepare` returns, on a thread of its own and to its end. `prepare` runs there too, in
/// the context of the runtime, and gets why there is none; it returns nothing if it failed, and has
/// told so itself.
///
/// # Errors
/// The system's: there are no more threads.
pub(crate) fn spawn(
    prepare: impl FnOnce(io::Result<()>) -> Option<Driving> + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    // What cannot be started is dropped by the caller, where no runtime may end.
    Builder::new().name("tandem".to_owned()).spawn(move || {
        // Without sockets, which it has no use for, its file descriptors are those of the disk.
        let runtime = match runtime::Builder::new_current_thread().enable_time().build() {
            Ok(runtime) => runtime,
            Err(error) => return drop(prepare(Err(error))),
        };
        let prepared = {
            let _context = runtime.enter();
            prepare(Ok(()))
        };
        let files = prepared.map(|driving| runtime.block_on(driving));
        drop(runtime);
        // A disk may have a runtime of its own, which cannot end inside of another; it may wait for
        // workers that still close files.
        drop(files);
    })
}
