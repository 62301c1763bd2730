//! The thread of a store, with a runtime that can wait for sockets.

use std::thread;

use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::task::LocalSet;

use crate::OpenError;

/// What hands the first answer of a thread to whoever started it.
pub(crate) type Answer = oneshot::Sender<Result<(), OpenError>>;

/// Runs something on a thread of its own until it ends, and waits for its first answer. Whatever it
/// has spawned ends with it.
pub(crate) async fn run<F>(main: impl FnOnce(Answer) -> F + Send + 'static) -> Result<(), OpenError>
where
    F: Future<Output = ()>,
{
    let (answer, answered) = oneshot::channel();
    let body = move || match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => {
            runtime.block_on(LocalSet::new().run_until(main(answer)));
            // A name that is being looked up is not waited for.
            runtime.shutdown_background();
        }
        Err(error) => drop(answer.send(Err(OpenError::Thread { source: error.into() }))),
    };
    thread::Builder::new()
        .name("tandem-etcd".into())
        .spawn(body)
        .map_err(|error| OpenError::Thread { source: error.into() })?;
    let ended = |_| OpenError::Thread { source: "it ended before it answered".into() };
    answered.await.map_err(ended)?
}
