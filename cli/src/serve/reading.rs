//! Calls that wait for a disk, while other requests go on.

use std::thread;

use tandem_host::limits::in_words;
use tokio::sync::oneshot;

/// Makes a call on a thread of its own. The end of this program does not wait for it.
///
/// # Errors
/// Why it could not be made.
pub async fn elsewhere<T: Send + 'static>(
    call: impl FnOnce() -> T + Send + 'static,
) -> Result<T, String> {
    let (answer, answered) = oneshot::channel();
    thread::Builder::new()
        .name("reading".to_owned())
        .spawn(move || {
            // Whoever asked may be gone.
            let _ = answer.send(call());
        })
        .map_err(|error| format!("cannot start a thread: {}", in_words(&error)))?;
    answered.await.map_err(|_| "what was asked for was not read to its end".to_owned())
}
